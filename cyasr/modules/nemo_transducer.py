"""A transducer's lattice for its loss, and greedy search over token-and-duration outputs, on any device.

NeMo builds the whole lattice, utterances by frames by tokens by vocabulary; here one utterance's at a time, of which only
what the loss needs is kept, and again in the backward pass. Beams are NeMo's own (malsd_batch), which runs on CPUs too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from cyasr.losses.transducer import RNNT, Lattice

MOST_SYMBOLS = 10  # tokens at one frame, after which the search goes on; NeMo's own limit


@dataclass
class Path:
    """What greedy search found: tokens, the frame that each was written at, and all choices' natural logs, blanks' too."""

    tokens: list[int]
    frames: list[int]
    total: float


def durations(model: Any) -> tuple[int, ...] | None:
    """Frames that an output may take; None for a plain transducer."""
    found = (model.cfg.get("model_defaults") or {}).get("tdt_durations") if model.joint.num_extra_outputs else None
    return None if found is None else tuple(int(one) for one in found)


def lattice(model: Any, encoded: Tensor, lengths: Tensor, tokens: Tensor, token_lengths: Tensor) -> Lattice:
    """encoded: (N, T, D); tokens: (N, U), negative where padded."""
    steps = durations(model)
    targets = tokens.clamp(min=0)
    predicted, _ = model.decoder.predict(targets, add_sos=True)
    heard, said = model.joint.project_encoder(encoded), model.joint.project_prednet(predicted)
    rows = [
        checkpoint(_arcs, model.joint, heard[n], said[n], targets[n], 0 if steps is None else len(steps), use_reentrant=False)
        for n in range(len(encoded))
    ]
    blank, token, spent = (torch.stack(parts) for parts in zip(*rows, strict=True))
    return Lattice(blank, token, None if steps is None else spent, steps or RNNT, lengths, token_lengths, tokens)


def _arcs(joint: Any, heard: Tensor, said: Tensor, targets: Tensor, extra: int) -> tuple[Tensor, Tensor, Tensor]:
    """Of one utterance: (T, U + 1) blanks, (T, U) tokens, (T, U + 1, extra) durations, natural logs in float32.

    The last weights of the joint network, on every frame and token, are the largest matrix of a transducer's training.
    """
    outputs = _outputs(joint, heard[None], said[None])[0]
    symbols, spent = outputs[..., : outputs.shape[-1] - extra], outputs[..., outputs.shape[-1] - extra :]
    total = symbols.logsumexp(-1)
    chosen = symbols[:, :-1].gather(-1, targets[None, :, None].expand(len(symbols), -1, 1))[..., 0]
    return symbols[..., -1] - total, chosen - total[:, :-1], spent.log_softmax(-1)


def _outputs(joint: Any, heard: Tensor, said: Tensor) -> Tensor:
    """(N, T, U, outputs), not normalised. NeMo's joint_after_projection would normalise symbols and durations as one."""
    made: Tensor = joint.joint_net(heard[:, :, None] + said[:, None])
    return made.float()


@torch.inference_mode()
def greedy(model: Any, encoded: Tensor, lengths: Tensor) -> list[Path]:
    """The best output of each utterance at each step, all utterances stepped together; encoded: (N, T, D)."""
    steps = durations(model)
    blank = model.decoder.blank_idx
    count, device = len(encoded), encoded.device
    heard = model.joint.project_encoder(encoded)
    paths = [Path([], [], 0.0) for _ in range(count)]
    output, state = model.decoder.predict(None, add_sos=False, batch_size=count)
    said = model.joint.project_prednet(output)
    frame, here = torch.zeros(count, dtype=torch.long), torch.zeros(count, dtype=torch.long)
    ends = lengths.cpu()
    while bool((running := frame < ends).any()):
        rows = torch.arange(count, device=device)
        outputs = _outputs(model.joint, heard[rows, frame.clamp(max=heard.shape[1] - 1).to(device)][:, None], said)[:, 0, 0]
        symbols = outputs[:, : blank + 1].log_softmax(-1)
        score, symbol = (one.cpu() for one in symbols.max(-1))
        moved = (symbol == blank).long()
        if steps is not None:
            spent_score, chosen = (one.cpu() for one in outputs[:, blank + 1 :].log_softmax(-1).max(-1))
            moved, score = torch.tensor(steps)[chosen], score + spent_score
            moved = torch.where((symbol == blank) & (moved == 0), 1, moved)
        written = running & (symbol != blank)
        for n in torch.nonzero(running)[:, 0].tolist():
            paths[n].total += float(score[n])
            if written[n]:
                paths[n].tokens.append(int(symbol[n]))
                paths[n].frames.append(int(frame[n]))
        here = torch.where(written & (moved == 0), here + 1, 0)
        moved = torch.where(here >= MOST_SYMBOLS, 1, moved)
        here = torch.where(moved > 0, 0, here)
        frame = torch.where(running, frame + moved, frame)
        if bool(written.any()):
            given = torch.where(written, symbol, 0).to(device)[:, None]
            output, after = model.decoder.predict(given, state=state, add_sos=False)
            keep = written.to(device)
            said = torch.where(keep[:, None, None], model.joint.project_prednet(output), said)
            if state is None:
                state = tuple(torch.zeros_like(one) for one in after)
            state = tuple(torch.where(keep[None, :, None], new, old) for new, old in zip(after, state, strict=True))
    return paths


@torch.inference_mode()
def beams(model: Any, encoded: Tensor, lengths: Tensor, beam: int) -> list[list[Path]]:
    """NeMo's beam search: each utterance's hypotheses, best first by the sum of natural logs."""
    steps = durations(model)
    common: dict[str, Any] = {
        "decoder_model": model.decoder, "joint_model": model.joint, "blank_index": model.decoder.blank_idx, "beam_size": beam,
        "search_type": "malsd_batch", "score_norm": False, "max_symbols_per_step": MOST_SYMBOLS,
        "allow_cuda_graphs": False, "return_best_hypothesis": False,
    }  # fmt: skip
    if steps is None:
        from nemo.collections.asr.parts.submodules.rnnt_beam_decoding import BeamBatchedRNNTInfer

        search = BeamBatchedRNNTInfer(**common)
    else:
        from nemo.collections.asr.parts.submodules.tdt_beam_decoding import BeamBatchedTDTInfer

        search = BeamBatchedTDTInfer(durations=list(steps), **common)
    (lists,) = search(encoder_output=encoded.transpose(1, 2), encoded_lengths=lengths)
    return [[_path(one) for one in sorted(some.n_best_hypotheses, key=lambda one: -one.score)] for some in lists]


def _path(hypothesis: Any) -> Path:
    frames = hypothesis.timestamp.tolist() if hasattr(hypothesis.timestamp, "tolist") else list(hypothesis.timestamp)
    return Path([int(one) for one in hypothesis.y_sequence], [int(one) for one in frames], float(hypothesis.score))

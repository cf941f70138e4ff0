"""A small CTC/attention model of ESPnet's own modules, trained for seconds to read noisy token features."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import nn

VOCABULARY, FEATURES, SIZE = 30, 20, 48  # 0 blank, 1 unk, last sos/eos
EOS = VOCABULARY - 1


class Bigram:
    """A bigram over token ids with the calls of cyasr.lm.ngram.NgramLM; its states are the last tokens."""

    def __init__(self, sentences: list[list[int]]) -> None:
        self.vocab = ["<unk>", *(f"t{token}" for token in range(2, EOS)), "</s>"]
        counts = np.full((len(self.vocab) + 1, len(self.vocab)), 0.05)  # the last row: after <s>
        for tokens in sentences:
            ids = [token - 1 for token in tokens]
            for before, after in zip([len(self.vocab), *ids], [*ids, len(self.vocab) - 1], strict=True):
                counts[before, after] += 1
        self.log_probs = np.log(counts / counts.sum(axis=1, keepdims=True)).astype(np.float32)

    def start(self) -> int:
        return len(self.vocab)

    def scores(self, states: ArrayLike) -> NDArray[np.float32]:
        return self.log_probs[np.asarray(states)]

    def advance(self, states: ArrayLike, tokens: ArrayLike) -> NDArray[np.int64]:
        return np.asarray(tokens, np.int64)


@dataclass
class Toy:
    encoder: nn.Module
    decoder: nn.Module
    ctc: nn.Module
    tokens: list[str]
    lm: Bigram
    codes: torch.Tensor  # (V, FEATURES), what each token sounds like
    chain: np.ndarray  # (V, V) transition probabilities of the language
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(7))

    def utterance(self, noise: float) -> tuple[torch.Tensor, list[int]]:
        """Features (T, FEATURES) and tokens; repeats of a token occur."""
        tokens = sentence(self.chain, self.rng)
        frames = np.repeat(tokens, self.rng.integers(6, 15, len(tokens)))
        frames = np.pad(frames, (self.rng.integers(4, 16), self.rng.integers(4, 16)))  # silence
        x = self.codes[torch.from_numpy(frames)]
        return x + noise * torch.from_numpy(self.rng.standard_normal(x.shape).astype(np.float32)), tokens

    @torch.inference_mode()
    def encode(self, features: list[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """Each alone, then padded: (N, T, D), lens."""
        encoded = [self.encoder(x[None], torch.tensor([len(x)]))[0][0] for x in features]
        return nn.utils.rnn.pad_sequence(encoded, batch_first=True), torch.tensor([len(x) for x in encoded])


def sentence(chain: np.ndarray, rng: np.random.Generator) -> list[int]:
    tokens = [int(rng.integers(2, EOS))]
    for _ in range(int(rng.integers(0, 10))):
        tokens.append(int(rng.choice(VOCABULARY, p=chain[tokens[-1]])))
    return tokens


def train_toy(steps: int = 400) -> Toy:
    from espnet2.asr.ctc import CTC
    from espnet2.asr.decoder.transformer_decoder import TransformerDecoder
    from espnet2.asr.encoder.e_branchformer_encoder import EBranchformerEncoder

    from cyasr.modules.espnet_cpu import accelerate

    torch.manual_seed(1)
    rng = np.random.default_rng(1)
    chain = np.zeros((VOCABULARY, VOCABULARY))
    chain[:, 2:EOS] = rng.dirichlet(np.full(EOS - 2, 0.2), VOCABULARY)
    encoder = EBranchformerEncoder(
        FEATURES, SIZE, attention_heads=2, cgmlp_linear_units=96, cgmlp_conv_kernel=7, num_blocks=2, dropout_rate=0.0
    )
    decoder = TransformerDecoder(VOCABULARY, SIZE, attention_heads=2, linear_units=96, num_blocks=2, dropout_rate=0.0)
    ctc = CTC(VOCABULARY, SIZE)
    lm = Bigram([sentence(chain, rng) for _ in range(300)])
    names = ["<blank>", "<unk>", *(f"t{token}" for token in range(2, EOS)), "<sos/eos>"]
    codes = torch.randn(VOCABULARY, FEATURES) * 0.7
    plain = nn.ModuleList([encoder, decoder, ctc])
    model = copy.deepcopy(plain).train()
    accelerate(model)
    encoder, decoder, ctc = model
    toy = Toy(*plain, names, lm, codes, chain)
    optimiser = torch.optim.AdamW(model.parameters(), lr=4e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=steps)
    for _ in range(steps):
        batch = [toy.utterance(noise=0.8) for _ in range(12)]
        x = nn.utils.rnn.pad_sequence([x for x, _ in batch], batch_first=True)
        lens = torch.tensor([len(x) for x, _ in batch])
        targets = [torch.tensor(tokens) for _, tokens in batch]
        padded = nn.utils.rnn.pad_sequence(targets, batch_first=True)
        target_lens = torch.tensor([len(tokens) for tokens in targets])
        encoded, encoded_lens, _ = encoder(x, lens)
        entry = nn.utils.rnn.pad_sequence([nn.functional.pad(t, (1, 0), value=EOS) for t in targets], True, EOS)
        output = nn.utils.rnn.pad_sequence([nn.functional.pad(t, (0, 1), value=EOS) for t in targets], True, -1)
        logits, _ = decoder(encoded, encoded_lens, entry, target_lens + 1)
        attention = nn.functional.cross_entropy(logits.flatten(0, 1), output.flatten(), ignore_index=-1, label_smoothing=0.1)
        loss = 0.7 * attention + 0.3 * ctc(encoded, encoded_lens, padded, target_lens) / target_lens.float().mean()
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimiser.step()
        schedule.step()
    plain.load_state_dict(model.state_dict())
    plain.eval().requires_grad_(False)
    return toy

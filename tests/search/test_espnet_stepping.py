"""ESPnet's modules run incrementally and in padded batches give what they give by themselves."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from toy_model import EOS, VOCABULARY, Toy

from cyasr.modules.espnet_decoder import IncrementalDecoder
from cyasr.modules.espnet_padding import ignore_padding


def test_steps_give_the_log_probabilities_of_the_whole_sequence(toy: Toy) -> None:
    encoded, lens = toy.encode([toy.utterance(1.0)[0] for _ in range(3)])
    tokens = torch.randint(2, EOS, (3, 9), generator=torch.Generator().manual_seed(0))
    tokens[:, 0] = EOS
    whole = toy.decoder(encoded, lens, tokens, torch.full((3,), 9))[0].log_softmax(dim=-1)
    decoder = IncrementalDecoder(toy.decoder)
    decoder.start(encoded, lens)
    for i in range(9):
        assert torch.allclose(decoder.step(tokens[:, i]), whole[:, i], atol=1e-4)


def test_rows_go_on_from_the_rows_they_extend(toy: Toy) -> None:
    encoded, lens = toy.encode([toy.utterance(1.0)[0] for _ in range(3)])
    decoder = IncrementalDecoder(toy.decoder)
    decoder.start(encoded, lens)
    decoder.step(torch.full((3,), EOS))
    decoder.select(torch.tensor([0, 0, 2, 2]), torch.tensor([0, 2]))  # two hypotheses each; the second utterance is done
    decoder.step(torch.tensor([4, 5, 6, 7]))
    decoder.select(torch.tensor([1, 0, 3, 3]), None)
    last = decoder.step(torch.tensor([8, 9, 10, 11]))
    histories = torch.tensor([[EOS, 5, 8], [EOS, 4, 9], [EOS, 7, 10], [EOS, 7, 11]])
    utterances = torch.tensor([0, 0, 2, 2])
    whole = toy.decoder(encoded[utterances], lens[utterances], histories, torch.full((4,), 3))[0].log_softmax(dim=-1)
    assert torch.allclose(last, whole[:, -1], atol=1e-4)


@pytest.mark.parametrize("changed", [{"concat_after": True}, {"normalize_before": False}, {"qk_norm": True}])
def test_a_decoder_with_other_options_is_refused(changed: dict[str, Any]) -> None:
    from espnet2.asr.decoder.transformer_decoder import TransformerDecoder

    with pytest.raises(ValueError, match="normalize_before"):
        IncrementalDecoder(TransformerDecoder(VOCABULARY, 16, attention_heads=2, linear_units=16, num_blocks=1, **changed))


@pytest.mark.parametrize("family", ["e_branchformer", "conformer", "transformer"])
@pytest.mark.parametrize("fast", [False, True])
def test_padding_changes_nothing(family: str, fast: bool) -> None:
    from espnet2.asr.encoder.conformer_encoder import ConformerEncoder
    from espnet2.asr.encoder.e_branchformer_encoder import EBranchformerEncoder
    from espnet2.asr.encoder.transformer_encoder import TransformerEncoder

    from cyasr.modules.espnet_cpu import accelerate

    torch.manual_seed(0)
    common: dict[str, Any] = {"output_size": 16, "attention_heads": 2, "linear_units": 16, "num_blocks": 2}
    encoder = {
        "e_branchformer": lambda: EBranchformerEncoder(20, cgmlp_linear_units=32, cgmlp_conv_kernel=7, use_ffn=True, **common),
        "conformer": lambda: ConformerEncoder(20, cnn_module_kernel=7, rel_pos_type="latest", **common),
        "transformer": lambda: TransformerEncoder(20, **common),
    }[family]()
    encoder.eval()
    alone = copy.deepcopy(encoder)
    if fast:
        accelerate(encoder)
    lengths = torch.tensor([50, 49, 48, 47, 46, 31])
    features = torch.randn(6, 50, 20)
    ignore_padding(encoder)
    with torch.inference_mode():
        encoded, frames, _ = encoder(features, lengths)
    for n, length in enumerate(lengths):
        one, one_frames, _ = alone(features[n : n + 1, :length], lengths[n : n + 1])
        assert frames[n] == one_frames[0] == one.shape[1]
        assert torch.allclose(encoded[n, : frames[n]], one[0], atol=1e-4)

"""Models of either sign in the joint search: their sum decides, each keeps its own score."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from toy_model import EOS, Bigram, Toy

from cyasr import conf as confs
from cyasr.cli import UsageError
from cyasr.modules.espnet_decoder import IncrementalDecoder
from cyasr.search.bias import PhraseMatcher
from cyasr.search.conf import DecodeConf
from cyasr.search.interfaces import SearchHypothesis
from cyasr.search.internal_lm import InternalLm
from cyasr.search.joint import joint_search
from cyasr.search.mixed_lm import MixedLm, Term, scores_of
from cyasr.search.shallow_fusion import NgramFusion


@pytest.fixture(scope="module")
def encoded(toy: Toy) -> tuple[torch.Tensor, torch.Tensor]:
    toy.rng = np.random.default_rng(5)
    return toy.encode([toy.utterance(noise=1.5)[0] for _ in range(12)])


def search(toy: Toy, encoded: tuple[torch.Tensor, torch.Tensor], conf: DecodeConf, lm: object) -> list[list[SearchHypothesis]]:
    x, lens = encoded
    decoder = IncrementalDecoder(toy.decoder)
    return joint_search(conf, toy.ctc.log_softmax(x), lens, EOS, decoder=decoder, encoded=x, lm=lm)  # type: ignore[arg-type]


def source(toy: Toy) -> NgramFusion:
    return NgramFusion(Bigram([[2, 3, 4], [5, 6]]), toy.tokens)


def test_a_model_in_two_halves_searches_as_the_whole(toy: Toy, encoded: tuple[torch.Tensor, torch.Tensor]) -> None:
    whole = search(toy, encoded, DecodeConf(lm="lm", lm_weight=0.4, beam=5), NgramFusion(toy.lm, toy.tokens))
    halves = MixedLm([Term(name, NgramFusion(toy.lm, toy.tokens), 0.2) for name in ("one", "two")])
    for one, other in zip(whole, search(toy, encoded, DecodeConf(beam=5), halves), strict=True):
        assert one[0].tokens == other[0].tokens and one[0].total == pytest.approx(other[0].total, abs=1e-4)
        assert other[0].scores["one"] == other[0].scores["two"] == pytest.approx(one[0].scores["lm"], abs=1e-4)


@pytest.mark.parametrize("ctc_weight", [0.3, 1.0])
def test_lodr_and_bias_totals_are_the_sums_of_their_parts(
    toy: Toy, encoded: tuple[torch.Tensor, torch.Tensor], ctc_weight: float
) -> None:
    phrases = PhraseMatcher([[2, 3], [7]], toy.tokens)
    lms = {"lm_ngram": 0.5, "lm_source": -0.2}
    terms = MixedLm(
        [Term("lm_ngram", NgramFusion(toy.lm, toy.tokens), 0.5), Term("lm_source", source(toy), -0.2), Term("bias", phrases, 1.5)]
    )
    conf = DecodeConf(beam=5, ctc_weight=ctc_weight, lms=lms, nbest=3)
    for hyps in search(toy, encoded, conf, terms):
        for hyp in hyps:
            assert hyp.scores.keys() == {"ctc", "lm_ngram", "lm_source", "bias", "length"} | (
                {"att"} if ctc_weight < 1 else set()
            )
            weights = conf.weights() | {"bias": 1.5}
            assert hyp.total == pytest.approx(sum(weights[name] * value for name, value in hyp.scores.items()), abs=1e-3)
            assert hyp.scores["lm_source"] == pytest.approx(scores_of(source(toy), [[*hyp.tokens, EOS]], EOS)[0], abs=1e-3)


def test_the_decoders_own_language_model_is_what_it_says_when_it_hears_nothing(
    toy: Toy, encoded: tuple[torch.Tensor, torch.Tensor]
) -> None:
    size = encoded[0].shape[2]
    for context in (torch.zeros(size), encoded[0][0].mean(0)):
        own = InternalLm(IncrementalDecoder(toy.decoder), context, EOS)
        sequences = [[5, 6, 7], [8, 8], [3, 9, 4]]
        found = scores_of(own, [[*one, EOS] for one in sequences], EOS)
        for score, one in zip(found, sequences, strict=True):
            history = torch.tensor([[EOS, *one]])
            with torch.inference_mode():
                said, _ = toy.decoder(context[None, None], torch.tensor([1]), history, torch.tensor([len(one) + 1]))
            direct = said.log_softmax(-1)[0, torch.arange(len(one) + 1), torch.tensor([*one, EOS])].sum()
            assert score == pytest.approx(float(direct), abs=1e-3)
        terms = MixedLm([Term("ilm", own, -0.2)])
        conf = DecodeConf(beam=5, ilm_weight=0.2)
        for hyps in search(toy, encoded, conf, terms):
            total = sum(conf.weights()[name] * value for name, value in hyps[0].scores.items())
            assert hyps[0].total == pytest.approx(total, abs=1e-3) and hyps[0].scores["ilm"] < 0


def test_a_phrase_is_written_more_readily_where_it_is_listed(toy: Toy, encoded: tuple[torch.Tensor, torch.Tensor]) -> None:
    plain = search(toy, encoded, DecodeConf(beam=5), None)
    n, other = next((n, hyp) for n, hyps in enumerate(plain) for hyp in hyps[1:] if hyp.tokens)
    listed = MixedLm([Term("bias", PhraseMatcher([other.tokens], toy.tokens), 5.0)])
    assert search(toy, encoded, DecodeConf(beam=5), listed)[n][0].tokens == other.tokens


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"search": "greedy", "lms": {"lm_a": 0.1}}, "greedy search takes none"),
        ({"lm": "lm_a", "lms": {"lm_a": 0.1}}, "lm_a is named by `lm` already"),
        ({"ctc_weight": 1.0, "ilm_weight": 0.1}, "there is no decoder"),
        ({"ilm_weight": -0.1}, "0 or more, not -0.1"),
        ({"bias": {"words": "conf/bias.txt", "weight": 0}}, "weight: 0 would favour nothing"),
        ({"bias": {"wrods": "conf/bias.txt"}}, "did you mean 'words'"),
        ({"lms": {"lm_a": "much"}}, "expected float, got 'much'"),
    ],
)
def test_wrong_keys_are_refused(tmp_path: object, keys: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        confs.build(keys, DecodeConf, confs.Path("conf/decode_x.yaml"))

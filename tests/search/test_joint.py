"""Same best path and scores as ESPnet's own search, with the same models."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from toy_model import EOS, Bigram, Toy

from cyasr.modules.espnet_decoder import IncrementalDecoder
from cyasr.search.conf import SearchConf
from cyasr.search.interfaces import SearchHypothesis
from cyasr.search.joint import joint_search
from cyasr.search.shallow_fusion import NgramFusion

TOLERANCE = 1e-3


def espnet_search(toy: Toy, conf: SearchConf, encoded: torch.Tensor) -> list[Any]:
    """ESPnet's n-best of one utterance (T, D), as its inference program sets the search up."""
    from espnet.nets.batch_beam_search import BatchBeamSearch
    from espnet.nets.scorer_interface import BatchScorerInterface
    from espnet.nets.scorers.ctc import CTCPrefixScorer
    from espnet.nets.scorers.length_bonus import LengthBonus

    class Ngram(BatchScorerInterface):  # type: ignore[misc]
        """The toy's bigram, scored as ESPnet's full scorers are: blank and unk as <unk>, the end as </s>."""

        def __init__(self, lm: Bigram) -> None:
            log_probs = torch.from_numpy(lm.log_probs)
            self.log_probs = torch.cat([log_probs[:, :1], log_probs], dim=1)

        def batch_init_state(self, x: torch.Tensor) -> None:
            return None

        def batch_score(self, ys: torch.Tensor, states: list[Any], xs: torch.Tensor) -> tuple[torch.Tensor, list[Any]]:
            last = ys[:, -1] - 1 if ys.shape[1] > 1 else torch.full((len(ys),), -1)
            return self.log_probs[last], [None] * len(ys)

    scorers = {
        "decoder": toy.decoder,
        "ctc": CTCPrefixScorer(toy.ctc, EOS),
        "length_bonus": LengthBonus(len(toy.tokens)),
        "ngram": Ngram(toy.lm),
    }
    weights = {
        "decoder": 1.0 - conf.ctc_weight,
        "ctc": conf.ctc_weight,
        "length_bonus": conf.penalty,
        "ngram": conf.lm_weight,
    }
    search = BatchBeamSearch(
        scorers,
        weights,
        beam_size=conf.beam,
        vocab_size=len(toy.tokens),
        sos=EOS,
        eos=EOS,
        pre_beam_ratio=conf.pre_beam_ratio,
        pre_beam_score_key=None if conf.ctc_weight == 1.0 else "full",
    )
    with torch.inference_mode():
        return list(search(encoded, maxlenratio=conf.maxlenratio, minlenratio=conf.minlenratio))


def our_search(
    toy: Toy, conf: SearchConf, encoded: torch.Tensor, lens: torch.Tensor, batch: int = 10
) -> list[list[SearchHypothesis]]:
    decoder = IncrementalDecoder(toy.decoder) if conf.ctc_weight < 1.0 else None
    lm = NgramFusion(toy.lm, toy.tokens)
    results = []
    for first in range(0, len(lens), batch):
        some = slice(first, first + batch)
        frames = int(lens[some].max())
        x = encoded[some, :frames]
        results += joint_search(conf, toy.ctc.log_softmax(x), lens[some], EOS, decoder=decoder, encoded=x, lm=lm)
    return results


NAMES = {"decoder": "att", "ctc": "ctc", "length_bonus": "length", "ngram": "lm"}


def assert_same(ours: list[SearchHypothesis], theirs: list[Any], whole_list: bool = False) -> None:
    assert bool(ours) == bool(theirs)
    depth = min(len(ours), len(theirs)) if whole_list else 1
    for mine, other in zip(ours[:depth], theirs[:depth], strict=True):
        tokens = [token for token in other.yseq.tolist() if token != EOS]
        assert mine.total == pytest.approx(float(other.score), abs=TOLERANCE)
        if mine.tokens != tokens:  # only where two hypotheses are equally good
            assert any(
                abs(float(hyp.score) - mine.total) < TOLERANCE and mine.tokens == hyp.yseq.tolist()[1:-1] for hyp in theirs
            )
            continue
        for name, value in other.scores.items():
            assert mine.scores[NAMES[name]] == pytest.approx(float(value), abs=TOLERANCE)


@pytest.fixture(scope="module")
def utterances(toy: Toy) -> tuple[torch.Tensor, torch.Tensor]:
    """210 utterances of many lengths, from clean to hardly readable: (N, T, D), lens."""
    toy.rng = np.random.default_rng(11)
    return toy.encode([toy.utterance(noise=0.5 + 2.0 * i / 210)[0] for i in range(210)])


def test_same_best_path_and_scores_on_210_utterances(toy: Toy, utterances: tuple[torch.Tensor, torch.Tensor]) -> None:
    encoded, lens = utterances
    conf = SearchConf(beam=10, ctc_weight=0.3, lm_weight=0.4, penalty=0.5, guards=False)
    ours = our_search(toy, conf, encoded, lens)
    assert len({tuple(hyps[0].tokens) for hyps in ours}) > 100
    for hyps, x, n in zip(ours, encoded, lens, strict=True):
        assert_same(hyps, espnet_search(toy, conf, x[:n]))


@pytest.mark.parametrize(
    "conf",
    [
        SearchConf(beam=4, ctc_weight=0.5, guards=False),
        SearchConf(beam=24, ctc_weight=0.3, lm_weight=0.2, guards=False),  # more candidates than tokens: no pre-beam
        SearchConf(beam=3, ctc_weight=1.0, lm_weight=0.5, guards=False),  # no attention
        SearchConf(beam=5, ctc_weight=0.0, penalty=0.2, guards=False),  # no CTC
        SearchConf(beam=5, maxlenratio=0.2, guards=False),  # cut in the middle
        SearchConf(beam=5, maxlenratio=-6, guards=False),
        SearchConf(beam=5, minlenratio=0.4, guards=False),  # longer than fits: goes back
        SearchConf(beam=1, penalty=-0.5, guards=False),
    ],
    ids=lambda conf: f"beam{conf.beam}-ctc{conf.ctc_weight}-lm{conf.lm_weight}-len{conf.minlenratio}-{conf.maxlenratio}",
)
def test_same_lists_with_other_settings(toy: Toy, utterances: tuple[torch.Tensor, torch.Tensor], conf: SearchConf) -> None:
    long = torch.nonzero(utterances[1] >= 8).flatten()[::12]  # ESPnet fails where a fixed maxlenratio exceeds the frames
    encoded, lens = utterances[0][long], utterances[1][long]
    for hyps, x, n in zip(our_search(toy, conf, encoded, lens), encoded, lens, strict=True):
        assert_same(hyps, espnet_search(toy, conf, x[:n]), whole_list=conf.minlenratio == 0.0)


def test_company_in_the_batch_changes_nothing(toy: Toy, utterances: tuple[torch.Tensor, torch.Tensor]) -> None:
    encoded, lens = utterances[0][:12], utterances[1][:12]
    conf = SearchConf(beam=6, lm_weight=0.3)
    for alone, together in zip(our_search(toy, conf, encoded, lens, 1), our_search(toy, conf, encoded, lens, 12), strict=True):
        assert alone[0].tokens == together[0].tokens
        assert alone[0].total == pytest.approx(together[0].total, abs=1e-4)


def test_the_total_is_the_weighted_sum_of_the_parts(toy: Toy, utterances: tuple[torch.Tensor, torch.Tensor]) -> None:
    conf = SearchConf(beam=5, lm_weight=0.3, penalty=0.1, nbest=3)
    for hyps in our_search(toy, conf, utterances[0][:5], utterances[1][:5]):
        assert 1 <= len(hyps) <= 3
        assert [hyp.total for hyp in hyps] == sorted((hyp.total for hyp in hyps), reverse=True)
        for hyp in hyps:
            assert hyp.total == pytest.approx(sum(conf.weights()[name] * value for name, value in hyp.scores.items()))


def test_ctc_alone_needs_no_decoder_and_attention_does(toy: Toy, utterances: tuple[torch.Tensor, torch.Tensor]) -> None:
    log_probs = toy.ctc.log_softmax(utterances[0][:2])
    assert all(joint_search(SearchConf(ctc_weight=1.0), log_probs, utterances[1][:2], EOS))
    with pytest.raises(ValueError, match="ctc_weight has to be 1"):
        joint_search(SearchConf(), log_probs, utterances[1][:2], EOS)

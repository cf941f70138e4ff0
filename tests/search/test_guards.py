"""Decoders that fail in the known ways, on posteriors that let them."""

from __future__ import annotations

import numpy as np
import torch

from cyasr.search.conf import SearchConf
from cyasr.search.guards import limits, looping, repeated
from cyasr.search.interfaces import SearchHypothesis
from cyasr.search.joint import joint_search

VOCABULARY, EOS = 6, 5
A, B, C = 2, 3, 4


class Stubborn:
    """An attention decoder that is nearly sure of what `next_token` says of the last token, whatever was heard."""

    def __init__(self, next_token: dict[int, int], doubt: float = 0.02) -> None:
        self.table = torch.full((VOCABULARY, VOCABULARY), np.log(doubt / (VOCABULARY - 1)))
        for last, token in next_token.items():
            self.table[last, token] = np.log1p(-doubt)

    def start(self, encoded: torch.Tensor, lens: torch.Tensor) -> None:
        pass

    def step(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.table[tokens]

    def select(self, rows: torch.Tensor, utterances: torch.Tensor | None) -> None:
        pass


LOOPS = Stubborn({EOS: A, A: B, B: A, C: A})  # a b a b …, never the end
ENDS = Stubborn(dict.fromkeys(range(VOCABULARY), EOS))  # at once


def heard(*labels: int, certainty: float = 1.0, hold: int = 4) -> torch.Tensor:
    """CTC log probabilities (1, T, V): each label for `hold` frames, a blank between; low certainty is nearly flat."""
    frames = [label for token in labels for label in (*[token] * hold, 0)] or [0] * 40
    return (torch.nn.functional.one_hot(torch.tensor([frames]), VOCABULARY) * 8.0 * certainty).log_softmax(dim=-1)


def best(decoder: Stubborn, log_probs: torch.Tensor, **conf: object) -> SearchHypothesis:
    settings = SearchConf(**{"beam": 5, "ctc_weight": 0.1, **conf})  # type: ignore[arg-type]
    lens = torch.tensor([log_probs.shape[1]])
    return joint_search(settings, log_probs, lens, EOS, decoder=decoder, encoded=log_probs)[0][0]


def test_guards_are_on_by_default() -> None:
    assert SearchConf().guards


def test_a_looping_decoder_is_stopped() -> None:
    said = [A, B, C, A, C, B, C]
    unsure = heard(*said, certainty=0.3)
    unguarded = best(LOOPS, unsure, guards=False)
    assert repeated(np.array(unguarded.tokens))[1] > 5
    guarded = best(LOOPS, unsure)
    assert repeated(np.array(guarded.tokens))[1] <= 3
    assert len(guarded.tokens) <= 20


def test_where_every_hypothesis_loops_the_best_ctc_path_is_the_output() -> None:
    said = [A, C, B, A, B]
    assert best(Stubborn(dict.fromkeys(range(VOCABULARY), A), 1e-60), heard(*said), beam=1).tokens == said


def test_what_was_said_many_times_may_be_written_many_times() -> None:
    said = [A, B] * 9
    assert best(Stubborn({EOS: A, A: B, B: A}), heard(*said)).tokens == said


def test_an_output_is_not_empty_where_ctc_hears_something() -> None:
    unsure = heard(A, B, C, B, certainty=0.3)
    assert best(ENDS, unsure, guards=False).tokens == []
    assert best(ENDS, unsure).tokens != []


def test_an_output_is_empty_where_ctc_hears_nothing() -> None:
    assert best(ENDS, heard()).tokens == []
    assert best(LOOPS, heard()).tokens == []


def test_the_fallback_carries_every_score() -> None:
    stuck = Stubborn(dict.fromkeys(range(VOCABULARY), A), 1e-60)
    hyp = best(stuck, heard(A, B, C), beam=1)
    conf = SearchConf(ctc_weight=0.1)
    assert hyp.scores.keys() == {"ctc", "att", "length"}
    assert np.isclose(hyp.total, sum(conf.weights()[name] * value for name, value in hyp.scores.items()))
    att = [stuck.table[last, token] for last, token in zip([EOS, A, B, C], [A, B, C, EOS], strict=True)]
    assert np.isclose(hyp.scores["att"], float(sum(att)))


def test_repeats_are_counted_in_units() -> None:
    assert repeated(np.array([A, B, A, B, A, B, C, C]))[:3].tolist() == [1, 2, 0]
    assert repeated(np.array([A, B, C, B, A] * 3)).tolist() == [2, 0, 0, 0, 2, 0, 0, 0]


def test_an_output_may_repeat_a_little_more_than_the_best_path() -> None:
    allowed = limits([[A, B] * 6, []])
    assert allowed is not None
    assert allowed.repeats[:, :2].tolist() == [[4, 9], [3, 3]]
    assert allowed.shortest.tolist() == [3, 0]
    assert allowed.longest.tolist() == [28, 10]
    pairs = [[A, B] * 10, [A, B] * 11], [[A, B, C, A] * 4, [A, B, C, A] * 5]
    for n, pair in enumerate(pairs):
        for tokens, looped in zip(pair, [False, True], strict=True):
            assert looping(np.array([[tokens]]), allowed.repeats[n : n + 1])[0, 0] == looped

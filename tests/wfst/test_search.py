"""What the search finds is what trying every sentence finds, with either backend."""

from __future__ import annotations

import numpy as np
import pytest

from cyasr.wfst.backends import Backend, lattices
from cyasr.wfst.lattice import best_paths, determinised
from cyasr.wfst.search import Search
from tests.wfst.conftest import Toy, need

WIDE = {"beam": 1000.0, "lattice_beam": 1000.0, "max_active": 100_000}
FRAMES = (1, 5, 7, 9)


@pytest.mark.parametrize("backend", ["kaldi", "k2"])
@pytest.mark.parametrize("lm_weight", [0.5, 1.0])
def test_the_best_sentences_are_those_of_trying_all(letters: Toy, backend: Backend, lm_weight: float) -> None:
    need(backend)
    utterances = [(str(frames), letters.posteriors(frames, frames)) for frames in FRAMES]
    found = dict(lattices(backend, letters.graph, iter(utterances), Search(lm_weight, **WIDE)))
    assert list(found) == [name for name, _ in utterances]
    for name, log_probs in utterances:
        expected = sorted(letters.every_sentence(log_probs, lm_weight).items(), key=lambda one: -one[1])
        paths = best_paths(determinised(found[name]), 5)
        assert [tuple(letters.words[i] for i in path.words) for path in paths] == [words for words, _ in expected[:5]]
        np.testing.assert_allclose([path.score for path in paths], [score for _, score in expected[:5]], atol=2e-3)


def test_both_backends_find_the_same_best_path_with_the_same_score(letters: Toy) -> None:
    need("k2")
    utterances = [(str(seed), letters.posteriors(20 + seed, seed)) for seed in range(30)]
    best = [
        [best_paths(determinised(lattice), 1)[0] for _, lattice in lattices(backend, letters.graph, utterances, SEARCH)]
        for backend in ("kaldi", "k2")
    ]
    assert [path.words for path in best[0]] == [path.words for path in best[1]]
    np.testing.assert_allclose([path.score for path in best[0]], [path.score for path in best[1]], atol=1e-3)


SEARCH = Search(0.6, beam=30.0, lattice_beam=8.0, max_active=10_000)


@pytest.mark.parametrize("backend", ["kaldi", "k2"])
def test_an_utterance_without_a_frame_gives_an_empty_lattice_and_the_others_theirs(letters: Toy, backend: Backend) -> None:
    need(backend)
    utterances = [("none", letters.posteriors(0, 0)), ("some", letters.posteriors(6, 1))]
    found = dict(lattices(backend, letters.graph, utterances, SEARCH))
    assert best_paths(determinised(found["none"]), 3) == []
    assert best_paths(determinised(found["some"]), 3)

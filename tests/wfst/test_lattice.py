"""Rescoring a lattice gives every path the score that the larger model gives its sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cyasr.wfst.backends import lattices
from cyasr.wfst.lattice import Lattice, best_paths, determinised, pruned, rescored
from cyasr.wfst.search import Search
from tests.wfst.conftest import Toy, make_lm


def test_rescored_paths_have_the_larger_models_exact_scores(letters: Toy, tmp_path: Path) -> None:
    larger = make_lm(tmp_path / "lm_four", 4)
    utterances = [(str(seed), letters.posteriors(9, seed)) for seed in range(4)]
    for _, raw in lattices("kaldi", letters.graph, utterances, Search(0.7, 1000.0, 3.0, 1)):
        before = determinised(raw)
        after = {tuple(path.words): path.score for path in best_paths(rescored(before, letters.lm, larger, letters.words), 1000)}
        paths = best_paths(before, 50)
        assert len(paths) > 1
        for path in paths:
            sentence = [[letters.words[i] for i in path.words]]
            change = larger.score_sentences(sentence)[0] - letters.lm.score_sentences(sentence)[0]
            assert after[tuple(path.words)] == pytest.approx(path.score + change, abs=1e-3)


def test_the_same_model_changes_no_score(letters: Toy) -> None:
    ((_, raw),) = lattices("kaldi", letters.graph, [("a", letters.posteriors(9, 3))], Search(1.0, 1000.0, 10.0, 1))
    before, after = (
        best_paths(one, 20) for one in (determinised(raw), rescored(determinised(raw), letters.lm, letters.lm, letters.words))
    )
    assert [path.words for path in before] == [path.words for path in after]
    np.testing.assert_allclose([path.score for path in before], [path.score for path in after], atol=1e-4)


def test_each_word_sequence_stands_once_with_its_best_alignment() -> None:
    arcs = np.array([[0, 1, 7], [0, 1, 7], [1, 2, 0], [0, 2, 5]])
    lattice = Lattice(arcs, np.array([-3.0, -1.0, -0.5, -9.0]), np.array([2]), np.array([-0.25]))
    assert [(path.words, path.score) for path in best_paths(determinised(lattice), 10)] == [([7], -1.75), ([5], -9.25)]


def test_pruning_keeps_the_paths_near_the_best_and_no_others(letters: Toy) -> None:
    ((_, raw),) = lattices("kaldi", letters.graph, [("a", letters.posteriors(9, 5))], Search(0.7, 1000.0, 20.0, 1))
    paths = best_paths(determinised(raw), 1000)
    near = best_paths(determinised(pruned(raw, 3.0)), 1000)
    expected = [path for path in paths if path.score >= paths[0].score - 3.0]
    assert 1 < len(expected) < len(paths)
    assert [path.words for path in near[: len(expected)]] == [path.words for path in expected]
    np.testing.assert_allclose([path.score for path in near[: len(expected)]], [path.score for path in expected], atol=1e-3)
    assert [path.words for path in best_paths(determinised(pruned(raw, 0.0)), 10)] == [paths[0].words]


def test_of_too_many_word_sequences_the_near_ones_stay(letters: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    ((_, raw),) = lattices("kaldi", letters.graph, [("a", letters.posteriors(14, 2))], Search(0.7, 1000.0, 20.0, 1))
    whole = determinised(raw)
    states = len(set(whole.arcs[:, :2].flatten().tolist()))
    for most in (states // 4, states // 40, 1):
        monkeypatch.setattr("cyasr.wfst.lattice.MOST_STATES", most)
        fewer = determinised(raw)
        assert 0 < len(fewer.arcs) < len(whole.arcs)
        assert best_paths(fewer, 1)[0].words == best_paths(whole, 1)[0].words
        assert best_paths(fewer, 1)[0].score == pytest.approx(best_paths(whole, 1)[0].score, abs=1e-3)


def test_an_empty_lattice_has_no_path(letters: Toy) -> None:
    empty = Lattice(np.zeros((0, 3), np.int64), np.zeros(0), np.zeros(0, np.int64), np.zeros(0))
    assert best_paths(determinised(empty), 3) == []
    assert best_paths(rescored(determinised(empty), letters.lm, letters.lm, letters.words), 3) == []

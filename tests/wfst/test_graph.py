"""Graphs are made of what can meet, once, and what cannot meet is refused in a line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cyasr.cli import UsageError
from cyasr.text.tokenizer import Tokenizer
from cyasr.wfst import graph as graphs
from cyasr.wfst.backends import lattices
from cyasr.wfst.lattice import best_paths, determinised
from cyasr.wfst.search import Search
from tests.wfst.conftest import Toy, make_lm, toy


class Pieces(Tokenizer):
    """Pieces as sentencepiece writes them: a word's first one says that it begins."""

    def pieces(self, text: str) -> list[str]:
        return [piece for word in text.split() for piece in (f"▁{word[0]}", *word[1:])]


def test_words_whose_pieces_say_that_they_begin_need_no_space(tmp_path: Path) -> None:
    lm = make_lm(tmp_path / "lm_two", 2)
    tokenizer = Pieces(["<blank>", "<unk>", "▁α", "▁β", "α", "β", "<sos/eos>"])
    graph = graphs.Graph(tmp_path / "graph")
    graphs.build(tokenizer, tmp_path / "lm_two" / "lm.arpa.gz", graph.directory)
    made = Toy(graph, tokenizer, lm, graph.words())
    log_probs = made.posteriors(6, 0)
    (_, lattice), *_ = lattices("kaldi", graph, [("a", log_probs)], Search(1.0, 1000.0, 1000.0, 1))
    best = best_paths(determinised(lattice), 3)
    expected = sorted(made.every_sentence(log_probs, 1.0).items(), key=lambda one: -one[1])[:3]
    assert [tuple(made.words[i] for i in path.words) for path in best] == [words for words, _ in expected]
    np.testing.assert_allclose([path.score for path in best], [score for _, score in expected], atol=2e-3)


def test_sizes_are_recorded_and_words_that_cannot_be_spelt_counted(tmp_path: Path) -> None:
    made = toy(tmp_path, ["α", "▁"])  # no β
    assert made.words == ["<eps>", "α", "αα"]
    sizes = made.graph.sizes()
    assert (sizes["words"], sizes["unspelt"]) == (2, 2)
    assert sizes["HLG"]["arcs"] > sizes["LG"]["arcs"] > 0


def test_a_graph_is_made_once_and_anew_for_another_model(tmp_path: Path) -> None:
    made = toy(tmp_path, ["α", "β", "▁"])
    before = made.graph.fst.stat().st_mtime_ns
    assert graphs.make(tmp_path / "train", tmp_path / "lm_two") == made.graph
    assert made.graph.fst.stat().st_mtime_ns == before
    make_lm(tmp_path / "lm_two", 3)
    graphs.make(tmp_path / "train", tmp_path / "lm_two")
    assert made.graph.fst.stat().st_mtime_ns > before


def test_the_same_model_gives_the_same_graph_byte_for_byte(tmp_path: Path, letters: Toy) -> None:
    made = toy(tmp_path, ["α", "β", "▁"])
    assert made.graph.fst.read_bytes() == letters.graph.fst.read_bytes()


def refused(root: Path, match: str) -> None:
    with pytest.raises(UsageError, match=match):
        graphs.make(root / "train", root / "lm_two")


def test_models_that_cannot_meet_a_tokenizer_are_refused(tmp_path: Path) -> None:
    toy(tmp_path, ["α", "β", "▁"])
    make_lm(tmp_path / "lm_two", 2, text=["x y z", "α"])
    refused(tmp_path, r"spells 1 of the 4 words of .*lm.arpa.gz, not 'x' for one")
    make_lm(tmp_path / "lm_two", 2, tokens="char")
    refused(tmp_path, r"lm_two is over 'char'; a graph takes an n-gram over words")
    (tmp_path / "lm_two" / "lm.arpa.gz").unlink()
    refused(tmp_path, r"lm.arpa.gz does not exist")


def test_a_damaged_model_is_refused_by_name(tmp_path: Path) -> None:
    toy(tmp_path, ["α", "β", "▁"])
    path = tmp_path / "lm_two" / "lm.arpa.gz"
    path.write_bytes(path.read_bytes()[:-20])
    refused(tmp_path, r"lm.arpa.gz: damaged gzip")

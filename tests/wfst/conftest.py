"""Small graphs, random posteriors, and what is found by trying every sentence."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from cyasr.cli import UsageError
from cyasr.lm.arpa import write_arpa
from cyasr.lm.counts import count_ngrams
from cyasr.lm.kneser_ney import estimate
from cyasr.lm.ngram import NgramLM
from cyasr.text.tokenizer import BLANK, SOS_EOS, UNK, Tokenizer
from cyasr.wfst import graph as graphs
from cyasr.wfst.graph import Graph
from cyasr.wfst.k2_files import interpreter

TEXT = ["α αα", "αα β α", "αβ α", "β αβ αα", "α β", "αα αα", "β β α", "αβ"]  # words begin other words and double letters


def need(backend: str) -> None:
    if backend == "k2":
        try:
            interpreter()
        except UsageError as missing:
            pytest.skip(str(missing))


@dataclass
class Toy:
    """A graph and what it is made of; words by number."""

    graph: Graph
    tokenizer: Tokenizer
    lm: NgramLM
    words: list[str]

    def posteriors(self, frames: int, seed: int) -> NDArray[np.float32]:
        logits = 2 * np.random.default_rng(seed).standard_normal((frames, len(self.tokenizer.tokens)))
        return (logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))).astype(np.float32)

    def every_sentence(self, log_probs: NDArray[np.float32], lm_weight: float, longest: int = 4) -> dict[tuple[str, ...], float]:
        """Score of each sentence of up to `longest` words: of its best alignment, with or without a space behind it, over
        lm_weight, and the language model's."""
        found = {}
        for length in range(longest + 1):
            for sentence in itertools.product(self.words[1:], repeat=length):
                ids = self.tokenizer.encode(" ".join(sentence))
                behind = self.tokenizer.encode(" ") if sentence and "▁" in self.tokenizer.tokens else []
                aligned = max(viterbi(log_probs.astype(np.float64), spelt) for spelt in (ids, ids + behind))
                if np.isfinite(aligned):
                    found[sentence] = aligned / lm_weight + float(self.lm.score_sentences([list(sentence)])[0])
        return found


def viterbi(log_probs: NDArray[np.float64], ids: list[int]) -> float:
    """Score of the best CTC alignment (T, V) of `ids`; blank is 0."""
    labels = [0]
    for i in ids:
        labels += [i, 0]
    best = np.full(len(labels), -np.inf)
    best[:2] = log_probs[0, labels[:2]]
    for frame in log_probs[1:]:
        before, best = best, np.full(len(labels), -np.inf)
        for s, label in enumerate(labels):
            ways = [before[s], *before[max(0, s - 1) : s]]
            if s > 1 and label and label != labels[s - 2]:
                ways.append(before[s - 2])
            best[s] = max(ways) + frame[label]
    return float(best[-2:].max())


def make_lm(directory: Path, order: int, tokens: str = "word", text: list[str] = TEXT) -> NgramLM:
    """A model of `text` as stage 4 leaves it in exp/<set>/lm_<name>."""
    lm, _ = estimate(count_ngrams([line.split() for line in text], order))
    directory.mkdir(parents=True, exist_ok=True)
    lm.save(directory / "lm.npz")
    write_arpa(lm, directory / "lm.arpa.gz")
    (directory / "conf.yaml").write_text(f"tokens: {tokens}\norder: {order}\n", encoding="utf-8")
    return lm


def toy(root: Path, tokens: list[str]) -> Toy:
    """tokens: besides the special ones."""
    tokenizer = root / "train" / "tokenizer"
    tokenizer.mkdir(parents=True)
    (tokenizer / "tokens.txt").write_text("\n".join([BLANK, UNK, *tokens, SOS_EOS]) + "\n", encoding="utf-8")
    lm = make_lm(root / "lm_two", 2)
    graph = graphs.make(root / "train", root / "lm_two")
    return Toy(graph, Tokenizer.load(tokenizer), lm, graph.words())


@pytest.fixture(scope="session")
def letters(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    return toy(tmp_path_factory.mktemp("letters"), ["α", "β", "▁"])

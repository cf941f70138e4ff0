"""Stage 7: CTC posteriors that a decode kept, searched over a graph of lexicon and word n-gram; weights from dev.

Every system whose decode keeps posteriors gets it. Only words of the language model can be found. A hypothesis's `ctc`
is its best alignment's score, the language model's is exact.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cyasr.files import write_json
from cyasr.fusion.checked import WORDS
from cyasr.fusion.sources import carry_out, dev_references, normaliser_for, open_source, percent, stage_of
from cyasr.nbest import Hypothesis, Nbest, read_nbest, write_nbest
from cyasr.score.lists import DecodedList
from cyasr.search.posteriors import Posteriors, find_shards
from cyasr.stage import Stage
from cyasr.text.tokenizer import Tokenizer
from cyasr.wfst import graph as graphs
from cyasr.wfst.backends import Backend
from cyasr.wfst.search import Search

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from cyasr.lm.ngram import NgramLM
    from cyasr.wfst.graph import Graph
    from cyasr.wfst.lattice import Lattice

BLOCK = 500  # utterances whose hypotheses the language model scores together


@dataclass
class Conf:
    """conf/fuse_<name>.yaml. All combinations of lm_weights and word_weights are tried on dev."""

    kind: str
    lm: str  # stem of the word n-gram's conf in the graph, on the same data set
    lm_weights: list[float]  # of the language model's score, CTC's weighing 1
    posteriors: str = "decode_greedy"  # stem of the decode conf whose posteriors are searched
    rescore_lm: str | None = None  # stem of a larger word n-gram's conf, whose scores replace the graph's in the lattice
    word_weights: list[float] = field(default_factory=lambda: [0.0])  # a reward for each word
    backend: Backend = "kaldi"
    beam: float = 16.0
    lattice_beam: float = 8.0
    max_active: int = 10000
    nbest: int = 100

    def __post_init__(self) -> None:
        if not self.posteriors.startswith("decode_"):
            raise ValueError(f"posteriors: the stem of a decode conf (decode_…), not {self.posteriors!r}")
        if not self.lm_weights or min(self.lm_weights) <= 0:
            raise ValueError(f"lm_weights: at least one, all above 0, not {self.lm_weights}")
        if not self.word_weights:
            raise ValueError("word_weights: at least one; [0] for no reward")
        if min(self.beam, self.lattice_beam) <= 0 or min(self.max_active, self.nbest) < 1:
            raise ValueError("beam and lattice_beam: above 0; max_active and nbest: at least 1")


class Fusion:
    """One fuse conf on one trained system; opening it checks that everything it reads is there."""

    def __init__(self, experiment: Path, conf: Conf, name: str) -> None:
        """experiment: exp/<set>/<train stem>; name: the fuse conf's stem. Raises UsageError."""
        self.conf, self.experiment, self.directory = conf, experiment, experiment / name
        self.source = open_source(experiment, conf.posteriors)
        self.shards = {one.label: find_shards(self.source.directory, one.label) for one in self.source.lists}
        self.lms = [experiment.parent / lm for lm in (conf.lm, conf.rescore_lm) if lm]
        self.models = [path for lm in self.lms for path in [*graphs.inputs(experiment / "tokenizer", lm), lm / "lm.npz"]]
        self.tokenizer = Tokenizer.load(experiment / "tokenizer")
        self.normaliser = normaliser_for(self.source.lists, self.source.dev)
        if conf.backend == "k2":
            from cyasr.wfst.k2_files import interpreter

            interpreter()

    def stage(self) -> Stage:
        files = [path for shards in self.shards.values() for path in shards]
        return stage_of(self.directory, [self.source], [*files, *self.models], self.conf, self.normaliser)

    def run(self) -> str:
        """Make everything anew, with run.json telling how it stands; return a line that says what it gave."""
        weights: dict[str, Any] = {}

        def work() -> tuple[list[Path], dict[str, float]]:
            decoder = _Decoder(self, graphs.make(self.experiment, self.lms[0]))
            weights.update(self._tune(decoder))
            write_json(self.directory / "weights.json", weights)
            lm_weight, reward = weights["weights"][decoder.lm_name], weights["weights"][WORDS]
            seconds = {one.label: self._write(one, decoder, lm_weight, reward) for one in self.source.lists}
            outputs = [self.directory / one.path.name for one in self.source.lists]
            return [*outputs, self.directory / "weights.json"], seconds

        carry_out(self.stage(), self.directory, self.conf, [self.source], work)
        wer, sizes = weights["dev_wer"], weights["graph"]
        chosen = ", ".join(f"{name} {value:g}" for name, value in weights["weights"].items())
        return (
            f"{self.directory}: dev WER {wer['tuned']:.2f} % ({chosen}), oracle {wer['oracle']:.2f} %; graph of {sizes['words']} "
            f"words, {sizes['HLG']['states']} states, {sizes['HLG']['arcs']} arcs, {sizes['megabytes']} MB"
        )

    def _tune(self, decoder: _Decoder) -> dict[str, Any]:
        """The row of weights.json: fewest errors on dev, then the first lm_weight and the smallest reward."""
        from cyasr.fusion.features import collect
        from cyasr.fusion.tuning import tune

        dev = self.source.dev
        best: dict[str, Any] = {}
        fewest = -1
        for lm_weight in self.conf.lm_weights:
            lists = list(decoder.lists(dev, lm_weight, 0.0))
            references = dev_references(dev, [nbest.id for nbest in lists], self.normaliser)
            texts = [self.normaliser.apply(hyp.text) for nbest in lists for hyp in nbest.hyps]
            features = collect(lists, references, texts)
            changes, errors = tune(features, {WORDS: self.conf.word_weights}, [WORDS], 0)
            print(f"{self.directory}: lm weight {lm_weight:g}: dev WER {percent(errors, features.words):.2f} %", flush=True)
            if not best or errors < fewest:
                fewest = errors
                best = {
                    "tuned_on": str(dev.path.parent),
                    "text": self.normaliser.signature,
                    "weights": decoder.weights(lm_weight, changes[WORDS]),
                    "dev_wer": {
                        "tuned": percent(errors, features.words),
                        "oracle": percent(int(features.errors.min(axis=1).sum()), features.words),
                    },
                    "density": features.density(),
                    "graph": decoder.graph.sizes(),
                }
        return best

    def _write(self, one: DecodedList, decoder: _Decoder, lm_weight: float, reward: float) -> float:
        """Write the lists of `one`; return the seconds it took."""
        start = time.perf_counter()
        decoder.empty = 0
        count = write_nbest(self.directory / one.path.name, decoder.lists(one, lm_weight, reward))
        if decoder.empty:
            print(
                f"{self.directory}: {one.label}: no path through the graph for {decoder.empty} of {count}; a wider beam may help"
            )
        return round(time.perf_counter() - start, 3)


class _Decoder:
    """The graph and the models over it, opened once. empty: utterances, so far, that no path was found for."""

    def __init__(self, fusion: Fusion, graph: Graph) -> None:
        from cyasr.lm.ngram import NgramLM

        self._fusion, self._conf, self.graph = fusion, fusion.conf, graph
        self._words = graph.words()
        self._lms: list[NgramLM] = [NgramLM.load(lm / "lm.npz") for lm in fusion.lms]  # the graph's, and the larger one
        self.lm_name = fusion.lms[-1].name
        self.empty = 0

    def weights(self, lm_weight: float, reward: float) -> dict[str, float]:
        return {"ctc": 1.0, self.lm_name: lm_weight, WORDS: reward}

    def lists(self, one: DecodedList, lm_weight: float, reward: float) -> Iterator[Nbest]:
        """N-best lists of `one`, in its order."""
        waiting = self._found(one, lm_weight)
        while block := list(islice(waiting, BLOCK)):
            sentences = [[self._words[i] for i in words] for _, found in block for words, _ in found]
            lm_scores = iter(self._lms[-1].score_sentences(sentences).tolist())
            for first, found in block:
                hyps = [self._hypothesis(*path, next(lm_scores), lm_weight, reward) for path in found]
                hyps.sort(key=lambda hyp: -hyp.total)
                weights = self.weights(lm_weight, reward)
                yield Nbest(first.id, hyps, first.system, weights, first.decode_seconds, first.audio_seconds)

    def _found(self, one: DecodedList, lm_weight: float) -> Iterator[tuple[Nbest, list[tuple[list[int], float]]]]:
        """(the first pass's list, word sequences with their scores, CTC's weighing 1) of each utterance."""
        from cyasr.wfst.backends import lattices
        from cyasr.wfst.lattice import best_paths, determinised, rescored

        conf = self._conf
        search = Search(lm_weight, conf.beam, conf.lattice_beam, conf.max_active)
        passed: list[tuple[Nbest, float]] = []  # utterances on their way through the backend, and what blanks alone score
        with closing(Posteriors(self._fusion.shards[one.label], len(self._fusion.tokenizer.tokens))) as posteriors:

            def utterances() -> Iterator[tuple[str, NDArray[np.float32]]]:
                for first in read_nbest(one.path):
                    log_probs = posteriors[first.id]
                    passed.append((first, float(log_probs[:, self._fusion.tokenizer.blank_id].sum())))
                    yield first.id, log_probs

            for _, raw in lattices(conf.backend, self.graph, utterances(), search):
                first, silence = passed.pop(0)
                lattice: Lattice = determinised(raw)
                if conf.rescore_lm:
                    lattice = rescored(lattice, self._lms[0], self._lms[-1], self._words)
                found = [(path.words, lm_weight * path.score) for path in best_paths(lattice, conf.nbest)]
                if not found:
                    self.empty += 1
                    nothing = float(self._lms[-1].score_sentences([[]])[0])
                    found = [([], silence + lm_weight * nothing)]
                yield first, found

    def _hypothesis(self, words: list[int], score: float, lm_score: float, lm_weight: float, reward: float) -> Hypothesis:
        """score: of the search, weighed as `lm_weight` says; what the language model's share leaves of it is CTC's."""
        text = " ".join(self._words[i] for i in words)
        scores = {"ctc": score - lm_weight * lm_score, self.lm_name: lm_score, WORDS: float(len(words))}
        return Hypothesis(text, self._fusion.tokenizer.pieces(text), scores, score + reward * len(words))

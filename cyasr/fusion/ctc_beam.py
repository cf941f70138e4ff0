"""Stage 7: CTC posteriors that a decode kept, searched again with n-grams over words and tokens and phrases to favour.

Every system whose decode keeps posteriors gets it, without its network: a set of weights costs a search, so dev is searched
with each that is tried.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cyasr import conf as confs
from cyasr.cli import RunError, UsageError
from cyasr.files import write_json
from cyasr.fusion.sources import carry_out, dev_references, normaliser_for, open_source, percent, stage_of
from cyasr.nbest import Hypothesis, Nbest, distinct, read_nbest, write_nbest
from cyasr.process import ahead, cores
from cyasr.score.lists import DecodedList
from cyasr.search.bias import BiasConf
from cyasr.search.posteriors import Posteriors, find_shards
from cyasr.stage import Stage
from cyasr.text.tokenizer import Tokenizer

if TYPE_CHECKING:
    from cyasr.search.beam_kernel import Frames
    from cyasr.search.ctc_beam import BeamHypothesis, CtcBeam

BLOCK = 16  # utterances a thread takes together
PARTS = ("ctc", "lm", "token_lm", "bias", "words", "unknown", "spelling")  # cyasr.search.ctc_beam.NAMES
TOGETHER = (("lm", "words"), ("unknown", "spelling"), ("token_lm",))  # weights that make up for each other


@dataclass
class Conf:
    """conf/fuse_<name>.yaml. All values of a weight are tried on dev, those of TOGETHER in pairs, from the first of each."""

    kind: str
    posteriors: str = "decode_greedy"  # stem of the decode conf whose posteriors are searched
    lm: str | None = None  # stem of a word n-gram's conf; null: none
    lm_weights: list[float] = field(default_factory=list)
    word_weights: list[float] = field(default_factory=lambda: [0.0])  # a reward for each word
    unknown_weights: list[float] = field(default_factory=lambda: [0.0])  # for each word outside `lm`, besides its <unk>
    spelling_weights: list[float] = field(default_factory=lambda: [0.0])  # of the natural log of the letters of such a word
    token_lm: str | None = None  # stem of the conf of an n-gram over the system's own tokens; null: none
    token_lm_weights: list[float] = field(default_factory=list)
    bias: BiasConf = field(default_factory=BiasConf)  # phrases to favour
    sweeps: int = 2  # rounds over all weights, or fewer where nothing changes any more
    beam: int = 50  # prefixes kept
    distance: float = 10.0  # natural log below the best at which a prefix is dropped
    floor: float = -6.0  # natural log below which a token of a frame is not looked at
    nbest: int = 10

    def __post_init__(self) -> None:
        if not self.posteriors.startswith("decode_"):
            raise ValueError(f"posteriors: the stem of a decode conf (decode_…), not {self.posteriors!r}")
        for key in ("lm", "token_lm"):
            if bool(getattr(self, key)) != bool(getattr(self, f"{key}_weights")):
                raise ValueError(f"{key} and {key}_weights come together: a model and the weights to try for it")
        if not (self.word_weights and self.unknown_weights and self.spelling_weights):
            raise ValueError("word_weights, unknown_weights and spelling_weights: at least one value each")
        if min(self.beam, self.nbest) < 1 or self.sweeps < 0:
            raise ValueError("beam and nbest: at least 1; sweeps: 0 or more")
        if self.distance <= 0 or self.floor >= 0:
            raise ValueError("distance: above 0; floor: below 0")

    def candidates(self) -> dict[str, list[float]]:
        """The values to try, by the search's name of the weight."""
        tried = {"lm": self.lm_weights, "token_lm": self.token_lm_weights, "words": self.word_weights}
        tried |= {"unknown": self.unknown_weights, "spelling": self.spelling_weights}
        return {name: values for name, values in tried.items() if values}


class Fusion:
    """One fuse conf on one trained system; opening it checks that everything it reads is there."""

    def __init__(self, experiment: Path, conf: Conf, name: str) -> None:
        """experiment: exp/<set>/<train stem>; name: the fuse conf's stem. Raises UsageError."""
        self.conf, self.experiment, self.directory = conf, experiment, experiment / name
        self.source = open_source(experiment, conf.posteriors)
        self.shards = {one.label: find_shards(self.source.directory, one.label) for one in self.source.lists}
        self.tokenizer = Tokenizer.load(experiment / "tokenizer")
        self.normaliser = normaliser_for(self.source.lists, self.source.dev)
        units = str(confs.read(experiment / "conf.yaml")["tokenizer"])
        self.models = [experiment.parent / lm for lm in (conf.lm, conf.token_lm) if lm]
        for lm, wanted in ((conf.lm, "word"), (conf.token_lm, units)):
            if lm:
                _check_units(experiment.parent / lm, wanted)

    def stage(self) -> Stage:
        files = [path for shards in self.shards.values() for path in shards]
        files += [self.experiment / "tokenizer" / "tokens.txt", *self.conf.bias.files()]
        files += [directory / "lm.npz" for directory in self.models]
        return stage_of(self.directory, [self.source], files, self.conf, self.normaliser)

    def run(self) -> str:
        """Make everything anew, with run.json telling how it stands; return a line that says what it gave."""
        weights: dict[str, Any] = {}

        def work() -> tuple[list[Path], dict[str, float]]:
            search = self._search()
            weights.update(self._tune(search))
            write_json(self.directory / "weights.json", weights)
            seconds = {one.label: self._write(one, search) for one in self.source.lists}
            outputs = [self.directory / one.path.name for one in self.source.lists]
            return [*outputs, self.directory / "weights.json"], seconds

        carry_out(self.stage(), self.directory, self.conf, [self.source], work)
        return f"{self.directory}: dev WER {weights['dev_wer']['tuned']:.2f} % ({_written(weights['weights'])})"

    def _search(self) -> CtcBeam:
        from cyasr.lm.ngram import NgramLM
        from cyasr.search.ctc_beam import CtcBeam

        conf, tokens = self.conf, self.tokenizer.tokens
        lm, token_lm = (
            NgramLM.load(self.experiment.parent / name / "lm.npz") if name else None for name in (conf.lm, conf.token_lm)
        )
        matcher = conf.bias.matcher(self.tokenizer, self.normaliser.apply)
        bias = None if matcher is None else matcher.tables()
        search = CtcBeam(tokens, lm, token_lm, bias, beam=conf.beam, distance=conf.distance, floor=conf.floor)
        if search.unspelled:
            print(f"{self.directory}: {search.unspelled} words of {conf.lm} cannot be spelled by the system's tokens")
        return search

    def _tune(self, search: CtcBeam) -> dict[str, Any]:
        """Set the weights that make the fewest errors on dev; the row of weights.json."""
        import numpy as np

        from cyasr.fusion.tuning import descend
        from cyasr.score.wer import distances

        dev = self.source.dev
        packed = {name: search.pack(log_probs) for name, log_probs in self._posteriors(dev)}
        references = dev_references(dev, list(packed), self.normaliser)
        words = sum(map(len, references))
        tried: dict[tuple[float, ...], int] = {}

        def errors(weights: dict[str, float]) -> int:
            key = tuple(weights.values())
            if key not in tried:
                search.set_weights(weights | self._bias_weight())
                texts = [self._text(hyps).split() for hyps in _in_threads(packed.values(), lambda some: search.decode(some, 1))]
                tried[key] = int(distances(references, texts, np.arange(len(texts))).sum())
                print(f"{self.directory}: {_written(weights)}: dev WER {percent(tried[key], words):.2f} %", flush=True)
            return tried[key]

        candidates = self.conf.candidates()
        first = {name: values[0] for name, values in candidates.items()}
        groups = [names for group in TOGETHER if (names := [name for name in group if name in candidates])]
        best, fewest = descend(errors, candidates, first, self.conf.sweeps, groups)
        search.set_weights(best | self._bias_weight())
        return {
            "tuned_on": str(dev.path.parent),
            "text": self.normaliser.signature,
            "weights": {self._name(name): value for name, value in search.weights.items() if name in self._parts()},
            "dev_wer": {"tuned": percent(fewest, words), "tried": len(tried)},
        }

    def _bias_weight(self) -> dict[str, float]:
        return {"bias": self.conf.bias.weight} if self.conf.bias.words else {}

    def _parts(self) -> list[str]:
        """The search's scores that this conf asks for."""
        conf = self.conf
        asked = {"lm": conf.lm, "token_lm": conf.token_lm, "bias": conf.bias.words, "unknown": conf.lm, "spelling": conf.lm}
        return [name for name in PARTS if asked.get(name, True)]

    def _name(self, part: str) -> str:
        """What n-best lists call a score: models go by their own names."""
        return {"lm": self.conf.lm, "token_lm": self.conf.token_lm}.get(part) or part

    def _posteriors(self, one: DecodedList) -> Iterator[tuple[str, Any]]:
        with closing(Posteriors(self.shards[one.label], len(self.tokenizer.tokens))) as posteriors:
            yield from posteriors.items()

    def _text(self, hyps: list[BeamHypothesis]) -> str:
        return self.normaliser.apply(self.tokenizer.decode(hyps[0].tokens)) if hyps else ""

    def _write(self, one: DecodedList, search: CtcBeam) -> float:
        """Write the lists of `one`, in their order; return the seconds of searching."""
        start = time.perf_counter()
        found: dict[str, list[BeamHypothesis]] = {}
        names: list[str] = []

        def packed() -> Iterator[Frames]:
            for name, log_probs in self._posteriors(one):
                names.append(name)
                yield search.pack(log_probs)

        # Twice as many as are asked for: prefixes that differ in a space write the same text
        for hyps in _in_threads(packed(), lambda some: search.decode(some, 2 * self.conf.nbest)):
            found[names[len(found)]] = hyps
        seconds = round(time.perf_counter() - start, 3)
        weights = {self._name(name): search.weights[name] for name in self._parts()}

        def lists() -> Iterator[Nbest]:
            for first in read_nbest(one.path):
                if first.id not in found:
                    raise RunError(f"{one.path}: no posteriors of {first.id}; decode again (stage 6)")
                hyps = self._hypotheses(found[first.id])
                yield Nbest(first.id, hyps, first.system, weights, first.decode_seconds, first.audio_seconds)

        write_nbest(self.directory / one.path.name, lists())
        return seconds

    def _hypotheses(self, found: list[BeamHypothesis]) -> list[Hypothesis]:
        def hypothesis(one: BeamHypothesis) -> Hypothesis:
            tokens = [self.tokenizer.tokens[i] for i in one.tokens]
            scores = {self._name(part): one.scores[part] for part in self._parts()}
            return Hypothesis(self.tokenizer.join(tokens), tokens, scores, one.total)

        return distinct(map(hypothesis, found))[: self.conf.nbest]


def _in_threads(
    utterances: Iterable[Frames], decode: Callable[[list[Frames]], list[list[BeamHypothesis]]]
) -> Iterator[list[BeamHypothesis]]:
    """What `decode` gives for each, in order, from as many threads as there are cores."""
    source = iter(utterances)
    blocks = iter(lambda: list(islice(source, BLOCK)), [])
    with ThreadPoolExecutor(cores()) as pool:
        for block in ahead(pool, decode, blocks, 2 * cores()):
            yield from block


def _check_units(directory: Path, wanted: str) -> None:
    """Raise UsageError where the n-gram of `directory` is missing or not over `wanted` units."""
    path = directory / "conf.yaml"
    if not path.is_file() or not (directory / "lm.npz").is_file():
        hint = confs.nearest(directory.name, [other.name for other in directory.parent.glob("lm_*")])
        raise UsageError(f"{directory} holds no n-gram{hint}; run stage 4 with conf/{directory.name}.yaml")
    units = confs.read(path).get("tokens")
    if units != wanted:
        raise UsageError(f"{directory} is over {units!r} tokens, where ctc_beam needs {wanted!r}")


def _written(weights: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in weights.items())

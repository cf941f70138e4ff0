"""How sure each word of the best hypothesis is, and when it is said: lists as they were, with `words`.

What speaks for a word is the share of its list's weight that says it in its place (cyasr.fusion.words.word_posteriors) and,
where `posteriors:` names a decode that kept CTC's, how well its tokens fit the audio where they fit best. Dev tells how much
each is worth. Times are those of the tokens, from a forced alignment.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, nullcontext
from dataclasses import asdict, dataclass, field
from itertools import tee
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cyasr.cli import UsageError
from cyasr.files import write_json
from cyasr.fusion import calibration
from cyasr.fusion.checked import read_checked
from cyasr.fusion.combination import calibrated_line
from cyasr.fusion.sources import FIRST_PASSES, carry_out, dev_lists, dev_references, normaliser_for, open_source, stage_of
from cyasr.fusion.times import Fit, Fitter
from cyasr.fusion.words import Speller, word_posteriors
from cyasr.nbest import Nbest, Word, write_nbest
from cyasr.score import confidence
from cyasr.score.lists import DecodedList
from cyasr.stage import Stage

Floats = NDArray[np.float64]


@dataclass
class Conf:
    """conf/fuse_<name>.yaml."""

    nbest: str  # stem of the decode or fuse conf whose best hypotheses get confidences
    kind: str = "confidence"
    scales: list[float] = field(default_factory=lambda: [0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5])  # of totals; dev chooses one
    posteriors: str | None = None  # stem of a decode conf with `posteriors: true`, of the same system: times, and a feature
    calibration: calibration.Kind = "platt"
    fold: bool = False  # spelling variants of a word speak for each other

    def __post_init__(self) -> None:
        if not self.nbest.startswith(FIRST_PASSES):
            raise ValueError(f"nbest: the stem of a decode conf (decode_…) or of a fuse conf (fuse_…), not {self.nbest!r}")
        if not self.scales or min(self.scales) <= 0:
            raise ValueError(f"scales: one or more above 0, not {self.scales}")


@dataclass(frozen=True)
class Heard:
    """The best hypothesis of one list. words: as compared, which `spellings` are one for one; fits: of each, where known."""

    words: list[str]
    spellings: list[str]
    fits: list[Fit] | None


class Fusion:
    """One fuse conf on one trained system; opening it checks that everything it reads is there."""

    def __init__(self, experiment: Path, conf: Conf, name: str) -> None:
        """experiment: exp/<set>/<train stem>; name: the fuse conf's stem. Raises UsageError."""
        self.conf = conf
        self.directory = experiment / name
        self.source = open_source(experiment, conf.nbest)
        self.normaliser = normaliser_for(self.source.lists, self.source.dev)
        self.speller = Speller(self.normaliser, conf.fold)
        self.shards = {one.label: self._shards(experiment, one.label) for one in self.source.lists}
        self.tokenizer = experiment / "tokenizer" / "tokens.txt"
        if conf.posteriors and not self.tokenizer.is_file():
            raise UsageError(f"{self.tokenizer} does not exist: posteriors need the tokens that they are of")

    def _shards(self, experiment: Path, label: str) -> list[Path]:
        """Raises UsageError where the conf asks for posteriors that were not kept."""
        if self.conf.posteriors is None:
            return []
        found = sorted((experiment / self.conf.posteriors).glob(f"{label}.log_probs*.npz"))
        if not found:
            where = experiment / self.conf.posteriors
            raise UsageError(f"{where} keeps no posteriors of {label}: decode it (stage 6) with `posteriors: true`")
        return found

    def stage(self) -> Stage:
        files = [path for shards in self.shards.values() for path in shards]
        files += [self.tokenizer] if self.conf.posteriors else []
        return stage_of(self.directory, [self.source], files, self.conf, self.normaliser)

    def run(self) -> str:
        """Make everything anew, with run.json telling how it stands; return a line that says what it gave."""
        weights: dict[str, Any] = {}

        def work() -> tuple[list[Path], dict[str, float]]:
            weights.update(self._tune())
            write_json(self.directory / "weights.json", weights)
            seconds = {one.label: self._write(one, weights) for one in self.source.lists}
            outputs = [self.directory / one.path.name for one in self.source.lists]
            return [*outputs, self.directory / "weights.json"], seconds

        carry_out(self.stage(), self.directory, self.conf, [self.source], work)
        words = weights["confidence"]["after"]["words"]
        return f"{self.directory}: {words} words of dev, {calibrated_line(weights['confidence'])}"

    def _tune(self) -> dict[str, Any]:
        """The row of weights.json. Figures after calibration are of utterances that it was not fitted on."""
        lists = dev_lists(self.source)
        references = dev_references(self.source.dev, [nbest.id for nbest in lists], self.normaliser)
        heard = list(self._heard(lists, self.source.dev.label))
        right = calibration.right_words(references, [one.words for one in heard])
        owner = np.repeat(np.arange(len(heard)), [len(one.words) for one in heard])
        trials = []
        for scale in self.conf.scales:
            features = self._features(lists, heard, scale)
            trials.append((confidence.nce(calibration.cross_fitted(self.conf.calibration, features, right, owner), right), scale))
        scale = max(((nce, scale) for nce, scale in trials if nce is not None), default=(0.0, max(self.conf.scales)))[1]
        features = self._features(lists, heard, scale)
        kind = self.conf.calibration
        first = 1 / (1 + np.exp(-self._features(lists, heard, 1.0)[:, 0]))
        return {
            "tuned_on": str(self.source.dev.path),
            "text": self.normaliser.signature,
            "scale": scale,
            "calibration": asdict(calibration.fit(kind, features, right)),
            "confidence": {
                "before": confidence.figures(first, right),
                "after": confidence.figures(calibration.cross_fitted(kind, features, right, owner), right),
            },
        }

    def _heard(self, lists: Iterable[Nbest], label: str) -> Iterator[Heard]:
        fitter = Fitter(self.shards[label], self.tokenizer.parent) if self.conf.posteriors else None
        with closing(fitter) if fitter else nullcontext():
            for nbest in lists:
                best = nbest.hyps[0]
                words = self.speller.words(best.text)
                fits = fitter.fit(nbest.id, words, nbest.audio_seconds) if fitter else None
                yield Heard(words, self.speller.spelled(best.text).spellings, fits)

    def _features(self, lists: Sequence[Nbest], heard: Sequence[Heard], scale: float) -> Floats:
        """(W, 1 or 2) of all words: log odds of the posterior; mean natural log of its tokens' CTC probabilities."""
        shares = [word_posteriors(nbest, self.speller, scale) for nbest in lists]
        columns = [calibration.log_odds(np.concatenate([np.zeros(0), *shares]))]
        if self.conf.posteriors:
            fits = [[fit.log_prob for fit in one.fits] if one.fits else [0.0] * len(one.words) for one in heard]
            columns.append(np.array([value for one in fits for value in one]))
        return np.stack(columns, axis=1)

    def _write(self, one: DecodedList, weights: dict[str, Any]) -> float:
        """Write `one` with its words; return the seconds it took."""
        start = time.perf_counter()
        sigmoid = calibration.Sigmoid(tuple(weights["calibration"]["slopes"]), weights["calibration"]["offset"])
        write_nbest(self.directory / one.path.name, self._with_words(one, weights["scale"], sigmoid))
        return round(time.perf_counter() - start, 3)

    def _with_words(self, one: DecodedList, scale: float, sigmoid: calibration.Sigmoid) -> Iterator[Nbest]:
        first, second = tee(read_checked(one.path))
        for nbest, heard in zip(first, self._heard(second, one.label), strict=True):
            sure = sigmoid(self._features([nbest], [heard], scale)).round(4).tolist()
            times = [(fit.start, fit.end) for fit in heard.fits] if heard.fits else [(None, None)] * len(heard.words)
            nbest.hyps[0].words = [Word(word, *when, conf) for word, when, conf in zip(heard.spellings, times, sure, strict=True)]
            yield nbest

"""Lists of several systems or decodes in one: consensus words first, then all that any of them said.

The result lies with the system that --exp names, exp/<set>/<train stem>/fuse_<name>/, whose conf's `lists:` names what is
combined, of it (`decode_joint`) or of systems beside it (`train_b/fuse_word3`). All settings are tuned on dev, one at a
time, and the confidences of the consensus words are calibrated there.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cyasr.cli import UsageError
from cyasr.files import write_json
from cyasr.fusion import calibration
from cyasr.fusion.rescore import density_line
from cyasr.fusion.sources import (
    FIRST_PASSES,
    carry_out,
    dev_lists,
    dev_references,
    normaliser_for,
    open_source,
    percent,
    stage_of,
    together,
)
from cyasr.fusion.words import Speller, posteriors
from cyasr.nbest import Hypothesis, Nbest, Word, write_nbest
from cyasr.score import confidence, wer
from cyasr.score.lists import SUFFIX
from cyasr.stage import Stage

BLOCK = 1000  # utterances combined at once
POSTERIOR = "posterior"  # the one score of a combined list's hypotheses: natural log of their share

Row = list[Nbest]  # one list of each source
Settings = dict[str, float]


@dataclass(frozen=True)
class Consensus:
    """W words of one utterance: as written, and how sure each is (W,). times: seconds, where a source has them."""

    words: list[str]
    confidences: NDArray[np.float64]
    times: list[tuple[float | None, float | None]]


class Method(Protocol):
    """How words are chosen. names: of the sources; settings: one value each of `candidates`."""

    def candidates(self, names: Sequence[str]) -> dict[str, list[float]]:
        """Values to try by setting; the first is where the search begins."""

    def prepare(self, rows: Sequence[Row]) -> Any:
        """What does not depend on settings, of many utterances."""

    def decide(self, prepared: Any, settings: Settings) -> list[Consensus]:
        """One for each utterance."""


def check_lists(lists: Sequence[str]) -> None:
    """Raises ValueError where a conf's `lists` cannot be combined."""
    if len(lists) < 2:
        raise ValueError("lists: two or more, as in [decode_joint, train_b/fuse_word3]")
    if twice := sorted({name for name in lists if lists.count(name) > 1}):
        raise ValueError(f"lists: {twice[0]} stands twice")
    for name in lists:
        train, _, stem = name.rpartition("/")
        if not stem.startswith(FIRST_PASSES) or (train and not train.startswith("train_")) or "/" in train:
            raise ValueError(f"lists: decode_…, fuse_… or train_…/decode_…, not {name!r}")


class Combination(ABC):
    """What the kinds `rover` and `confusion` share."""

    def __init__(self, experiment: Path, conf: Any, name: str) -> None:
        """experiment: exp/<set>/<train stem>; name: the fuse conf's stem. Raises UsageError."""
        self.conf = conf
        self.directory = experiment / name
        if name in conf.lists or f"{experiment.name}/{name}" in conf.lists:
            raise UsageError(f"conf/{name}.yaml: lists: names itself")
        self.sources = [open_source(experiment, one) for one in conf.lists]
        labels = [{one.label for one in source.lists} for source in self.sources]
        self.labels = sorted(set.intersection(*labels))
        everywhere = [one for source in self.sources for one in source.lists if one.label in self.labels]
        self.normaliser = normaliser_for(everywhere, self.sources[0].dev)
        self.speller = Speller(self.normaliser, conf.fold)
        self.method = self._method()

    @abstractmethod
    def _method(self) -> Method:
        """How this kind chooses words."""

    def stage(self) -> Stage:
        return stage_of(self.directory, self.sources, [], self.conf, self.normaliser)

    def run(self) -> str:
        """Make everything anew, with run.json telling how it stands; return a line that says what it gave."""
        weights: dict[str, Any] = {}

        def work() -> tuple[list[Path], dict[str, float]]:
            weights.update(self._tune())
            write_json(self.directory / "weights.json", weights)
            seconds = {label: self._combine(label, weights) for label in self.labels}
            outputs = [self.directory / f"{label}{SUFFIX}" for label in self.labels]
            return [*outputs, self.directory / "weights.json"], seconds

        carry_out(self.stage(), self.directory, self.conf, self.sources, work)
        wer_of = weights["dev_wer"]
        sources = ", ".join(f"{name} {wer_of['sources'][name]:.2f} %" for name in self.conf.lists)
        return (
            f"{self.directory}: dev WER {wer_of['tuned']:.2f} % from {sources}; "
            f"{density_line(weights['density'], wer_of['oracle'])}; {calibrated_line(weights['confidence'])}"
        )

    def _tune(self) -> dict[str, Any]:
        """The row of weights.json: settings, dev WER of each source and of the consensus, its calibration."""
        from cyasr.fusion.features import collect
        from cyasr.fusion.tuning import descend

        dev = self.sources[0].dev
        rows = list(together([source.dev.path for source in self.sources]))
        firsts = [row[0] for row in rows] or dev_lists(self.sources[0])
        references = dev_references(dev, [nbest.id for nbest in firsts], self.normaliser)
        prepared = self.method.prepare(rows)
        owner = np.arange(len(rows))

        def heard(settings: Settings) -> list[list[str]]:
            return [self.speller.words(" ".join(one.words)) for one in self.method.decide(prepared, settings)]

        def errors(settings: Settings) -> int:
            return int(wer.distances(references, heard(settings), owner).sum())

        candidates = self.method.candidates(self.conf.lists)
        start = {name: values[0] for name, values in candidates.items()}
        settings, fewest = descend(errors, candidates, start, self.conf.sweeps)
        pooled = [Nbest(row[0].id, [hyp for one in row for hyp in one.hyps], row[0].system) for row in rows]
        for hyp in (hyp for one in pooled for hyp in one.hyps):
            hyp.scores = {}  # of several systems: nothing that all have
        features = collect(pooled, references, [self.normaliser.apply(hyp.text) for one in pooled for hyp in one.hyps])
        ends = np.cumsum([[0, *(len(one.hyps) for one in row[:-1])] for row in rows], axis=1)
        first_pass = {
            name: int(np.take_along_axis(features.errors, ends[:, [s]], axis=1).sum()) for s, name in enumerate(self.conf.lists)
        }
        found = self.method.decide(prepared, settings)
        sigmoid, figures = self._calibrate(found, references)
        return {
            "tuned_on": str(dev.path),
            "text": self.normaliser.signature,
            "settings": settings,
            "dev_wer": {
                "sources": {name: percent(count, features.words) for name, count in first_pass.items()},
                "tuned": percent(fewest, features.words),
                "oracle": percent(int(features.errors.min(axis=1).sum()), features.words),
            },
            "density": features.density(),
            "calibration": asdict(sigmoid),
            "confidence": figures,
        }

    def _calibrate(self, found: Sequence[Consensus], references: list[list[str]]) -> tuple[calibration.Sigmoid, dict[str, Any]]:
        """On dev, and what it gives there for utterances that it was not fitted on."""
        kept = [self._one_for_one(one) for one in found]
        raw = np.concatenate([np.zeros(0), *(one.confidences for one, words in zip(found, kept, strict=True) if words)])
        heard = [words or [] for words in kept]
        owner = np.repeat(np.arange(len(heard)), [len(words) for words in heard])
        return calibrated(self.conf.calibration, raw, calibration.right_words(references, heard), owner)

    def _one_for_one(self, one: Consensus) -> list[str] | None:
        """The words as they are scored; None where the normaliser makes more or fewer of them."""
        words = self.speller.words(" ".join(one.words))
        return words if len(words) == len(one.words) else None

    def _combine(self, label: str, weights: dict[str, Any]) -> float:
        """Write the combined list `label`; return the seconds it took."""
        start = time.perf_counter()
        by_label = [next(one.path for one in source.lists if one.label == label) for source in self.sources]
        sigmoid = calibration.Sigmoid(tuple(weights["calibration"]["slopes"]), weights["calibration"]["offset"])
        write_nbest(self.directory / f"{label}{SUFFIX}", self._combined(by_label, weights["settings"], sigmoid))
        return round(time.perf_counter() - start, 3)

    def _combined(self, paths: Sequence[Path], settings: Settings, sigmoid: calibration.Sigmoid) -> Iterator[Nbest]:
        rows = together(paths)
        while block := list(islice(rows, BLOCK)):
            for row, one in zip(block, self.method.decide(self.method.prepare(block), settings), strict=True):
                yield _joined(row, one, [settings.get(f"weight {name}", 1.0) for name in self.conf.lists], sigmoid)


def calibrated(
    kind: calibration.Kind, raw: NDArray[np.float64], right: NDArray[np.bool_], owner: NDArray[np.int64]
) -> tuple[calibration.Sigmoid, dict[str, Any]]:
    """The sigmoid for raw probabilities, and figures before and after, the latter on words it was not fitted on."""
    features = calibration.log_odds(raw)[:, None]
    after = calibration.cross_fitted(kind, features, right, owner)
    figures = {"before": confidence.figures(raw, right), "after": confidence.figures(after, right)}
    return calibration.fit(kind, features, right), figures


def calibrated_line(figures: dict[str, Any]) -> str:
    """`confidence ECE 0.08 -> 0.01, NCE -0.30 -> 0.41, AUC 0.91 -> 0.91`."""
    parts = [
        f"{key.upper()} {_shown(figures['before'][key])} -> {_shown(figures['after'][key])}" for key in ("ece", "nce", "auc")
    ]
    return f"confidence {', '.join(parts)}"


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _joined(row: Row, one: Consensus, weights: Sequence[float], sigmoid: calibration.Sigmoid) -> Nbest:
    """The consensus and, below it, every different text of `row` by its share."""
    shares: dict[str, float] = {}
    tokens: dict[str, list[str]] = {}
    for weight, nbest in zip(weights, row, strict=True):
        for hyp, share in zip(nbest.hyps, posteriors(nbest, 1.0).tolist(), strict=True):
            shares[hyp.text] = shares.get(hyp.text, 0.0) + weight * share
            tokens.setdefault(hyp.text, hyp.tokens)
    whole = sum(shares.values())
    sure = sigmoid(calibration.log_odds(one.confidences)[:, None]).round(4).tolist()
    words = [Word(word, *times, conf) for word, times, conf in zip(one.words, one.times, sure, strict=True)]
    text = " ".join(one.words)
    hyps = [Hypothesis(text, list(one.words), {POSTERIOR: 0.0}, 0.0, words)]
    for other, share in sorted(shares.items(), key=lambda item: -item[1]):
        if other != text:
            log_share = float(np.log(max(share / whole, 1e-300)))
            hyps.append(Hypothesis(other, tokens[other], {POSTERIOR: log_share}, log_share))
    systems = " + ".join(dict.fromkeys(nbest.system for nbest in row))
    seconds = sum(nbest.decode_seconds for nbest in row)
    return Nbest(row[0].id, hyps, systems, {POSTERIOR: 1.0}, seconds, row[0].audio_seconds)

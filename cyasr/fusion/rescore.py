"""Stage 7: other models score a decode's n-best lists, dev chooses the weights, and every list is ranked anew."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cyasr.cli import UsageError
from cyasr.files import write_json
from cyasr.fusion.blocks import rewrite
from cyasr.fusion.checked import LOWEST, WORDS
from cyasr.fusion.lm_scores import LmUnavailable, SentenceLm, open_lm
from cyasr.fusion.sources import (
    FIRST_PASSES,
    carry_out,
    dev_lists,
    dev_references,
    normaliser_for,
    open_source,
    percent,
    stage_of,
)
from cyasr.nbest import Nbest
from cyasr.score.lists import DecodedList
from cyasr.score.references import Normaliser
from cyasr.stage import Stage

if TYPE_CHECKING:
    from cyasr.fusion.features import Features


@dataclass
class Conf:
    """conf/fuse_<name>.yaml. All weights are tried on dev; a component's change is added to its first-pass weight."""

    nbest: str  # stem of the decode or fuse conf whose lists are ranked anew
    kind: str = "rescore"
    lm: str | None = None  # stem of the language model's conf, on the same data set; null: only reweight
    lm_weights: list[float] = field(default_factory=list)
    lms: dict[str, list[float]] = field(default_factory=dict)  # further models, each with the weights to try
    word_weights: list[float] = field(default_factory=list)
    changes: dict[str, list[float]] = field(default_factory=dict)
    search: Literal["coordinate", "optuna"] = "coordinate"  # optuna: anywhere between the least and the greatest
    sweeps: int = 3  # of the coordinate search
    trials: int = 300  # of optuna's

    def __post_init__(self) -> None:
        if not self.nbest.startswith(FIRST_PASSES):
            raise ValueError(f"nbest: the stem of a decode conf (decode_…) or of a fuse conf (fuse_…), not {self.nbest!r}")
        if bool(self.lm) != bool(self.lm_weights):
            raise ValueError("lm and lm_weights come together: a model and the weights to try for it")
        if self.lm in self.lms:
            raise ValueError(f"lms: {self.lm} is there already as lm; name it once")
        for name, weights in self.lms.items():
            if not weights:
                raise ValueError(f"lms: {name}: no weights to try")
        if not (self.models or self.word_weights or self.changes):
            raise ValueError("nothing to tune: give lm_weights, lms, word_weights or changes")
        if self.sweeps < 0:
            raise ValueError(f"sweeps: 0 or more, not {self.sweeps}")
        if self.trials < 1:
            raise ValueError(f"trials: 1 or more, not {self.trials}")

    @property
    def models(self) -> dict[str, list[float]]:
        """Weights to try by language model."""
        return ({self.lm: self.lm_weights} if self.lm else {}) | self.lms


class Fusion:
    """One fuse conf on one trained system; opening it checks that everything it reads is there."""

    def __init__(self, experiment: Path, conf: Conf, name: str) -> None:
        """experiment: exp/<set>/<train stem>; name: the fuse conf's stem. Raises UsageError."""
        self.conf = conf
        self.directory = experiment / name
        self.source = open_source(experiment, conf.nbest)
        self.dev = self.source.dev
        self.lms = {lm: open_lm(experiment.parent / lm, self.dev.data) for lm in conf.models}
        self.normaliser = normaliser_for(self.source.lists, self.dev)
        if conf.search == "optuna":
            from cyasr.fusion.tuning import require_optuna

            require_optuna()

    def stage(self) -> Stage:
        files = [path for lm in self.lms.values() for path in lm.files]
        return stage_of(self.directory, [self.source], files, self.conf, self.normaliser)

    def run(self) -> str:
        """Make everything anew, with run.json telling how it stands; return a line that says what it gave."""
        weights: dict[str, Any] = {}
        without: dict[str, str] = {}  # models that could not be reached, and why

        def tuned_and_ranked() -> dict[str, float]:
            weights.update(self._tune(), **({"without": without} if without else {}))
            write_json(self.directory / "weights.json", weights)
            return {one.label: self._rank(one, weights["changes"]) for one in self.source.lists}

        def work() -> tuple[list[Path], dict[str, float]]:
            while True:
                try:
                    seconds = tuned_and_ranked()
                    break
                except LmUnavailable as error:
                    del self.lms[error.name]
                    without[error.name] = str(error)
                    print(f"{self.directory}: {error}; everything is done without it", flush=True)
            outputs = [self.directory / one.path.name for one in self.source.lists]
            return [*outputs, self.directory / "weights.json"], seconds

        carry_out(self.stage(), self.directory, self.conf, [self.source], work, without)
        wer = weights["dev_wer"]
        return (
            f"{self.directory}: dev WER {wer['first_pass']:.2f} % -> {wer['tuned']:.2f} % ({_written(weights['changes'])}); "
            f"{density_line(weights['density'], wer['oracle'])}" + "".join(f"; without {name}" for name in without)
        )

    def _tune(self) -> dict[str, Any]:
        """The row of weights.json: changes and resulting weights by component, dev WER before and after, in percent."""
        from cyasr.fusion import tuning

        lists = dev_lists(self.source)
        references = dev_references(self.dev, [nbest.id for nbest in lists], self.normaliser)
        for lm in self.lms.values():
            lm.load()
            lm.check((" ".join(words) for words in references), self.dev.references)
        features = self._features(scored(lists, self.lms, self.normaliser, self.dev.path), references)
        candidates = self._candidates(features.names)
        if self.conf.search == "optuna":
            changes, errors = tuning.tune_optuna(features, candidates, self.conf.trials)
        else:
            changes, errors = tuning.tune(features, candidates, [self.conf.lm or "", WORDS], self.conf.sweeps)
        return {
            "tuned_on": str(self.dev.path),
            "text": self.normaliser.signature,
            "changes": changes,
            "weights": _weights(lists[0], changes),
            "dev_wer": {
                "first_pass": percent(int(features.errors[:, 0].sum()), features.words),
                "tuned": percent(errors, features.words),
                "oracle": percent(int(features.errors.min(axis=1).sum()), features.words),
            },
            "density": features.density(),
        }

    def _features(self, lists: list[Nbest], references: list[list[str]]) -> Features:
        from cyasr.fusion.features import collect

        return collect(lists, references, [self.normaliser.apply(hyp.text) for nbest in lists for hyp in nbest.hyps])

    def _candidates(self, names: list[str]) -> dict[str, list[float]]:
        """Changes to try by component of `names`. Raises UsageError for a component that the lists do not have."""
        found = {name: values for name, values in self.conf.changes.items() if values}
        unknown = sorted(found.keys() - set(names))
        if unknown:
            listed = ", ".join(names)
            raise UsageError(f"conf/{self.directory.name}.yaml: changes: no {unknown[0]!r} in {self.dev.path}, only {listed}")
        models = {name: values for name, values in self.conf.models.items() if name in self.lms}
        return found | models | ({WORDS: self.conf.word_weights} if self.conf.word_weights else {})

    def _rank(self, one: DecodedList, changes: dict[str, float]) -> float:
        """Write `one` ranked anew; return the seconds it took."""
        start = time.perf_counter()
        parallel = all(lm.parallel for lm in self.lms.values())
        rewrite(one.path, self.directory / one.path.name, Ranking(self.lms, self.normaliser, changes, one.path), parallel)
        return round(time.perf_counter() - start, 3)


@dataclass(frozen=True)
class Ranking:
    """Lists of `source`, each hypothesis with the language models' scores among its own, ranked with the changes added."""

    lms: Mapping[str, SentenceLm]
    normaliser: Normaliser
    changes: Mapping[str, float]
    source: Path

    def __call__(self, lists: list[Nbest]) -> list[Nbest]:
        return [ranked(nbest, self.changes) for nbest in scored(lists, self.lms, self.normaliser, self.source)]


def scored(lists: list[Nbest], lms: Mapping[str, SentenceLm], normaliser: Normaliser, source: Path) -> list[Nbest]:
    """`lists`, of `source`, each hypothesis with the language models' scores among its own."""
    if lms:
        hyps = [hyp for nbest in lists for hyp in nbest.hyps]
        texts = [normaliser.apply(hyp.text) for hyp in hyps]
        for name, lm in lms.items():
            for hyp, score in zip(hyps, lm.scores(texts, source), strict=True):
                hyp.scores[name] = score
    return lists


def density_line(density: dict[str, float], oracle: float) -> str:
    """What is left for another second pass to choose from, in words."""
    return (
        f"oracle {oracle:.2f} % among {density['mean']:g} different hypotheses a list "
        f"(median {density['median']:g}; {density['per_word']:g} a reference word)"
    )


def ranked(nbest: Nbest, changes: Mapping[str, float]) -> Nbest:
    """`nbest` with the changes added to its totals, best first."""
    for hyp in nbest.hyps:
        hyp.scores[WORDS] = float(len(hyp.text.split()))
    for name, change in changes.items():
        for hyp in nbest.hyps if change else ():
            hyp.total += change * max(hyp.scores[name], LOWEST)
    nbest.hyps.sort(key=lambda hyp: -hyp.total)
    nbest.weights = _weights(nbest, changes)
    return nbest


def _weights(nbest: Nbest, changes: Mapping[str, float]) -> dict[str, float]:
    names = nbest.weights.keys() | changes.keys()
    return {name: round(nbest.weights.get(name, 0.0) + changes.get(name, 0.0), 9) for name in sorted(names)}


def _written(changes: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:+g}" for name, value in changes.items() if value) or "nothing changed"

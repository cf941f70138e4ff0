"""Stage 7: another model scores a decode's n-best lists, dev chooses the weights, and every list is ranked anew."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cyasr.cli import RunError, UsageError
from cyasr.conf import freeze
from cyasr.files import write_json
from cyasr.fusion.checked import WORDS, components, read_checked
from cyasr.fusion.lm_scores import open_lm
from cyasr.lock import Lock
from cyasr.nbest import Nbest, write_nbest
from cyasr.score.lists import SUFFIX, DecodedList, describe, set_of
from cyasr.score.references import Normaliser, data_conf, normaliser_of, read_references
from cyasr.stage import Stage

if TYPE_CHECKING:
    from cyasr.fusion.features import Features

BLOCK = 500  # lists whose hypotheses the language model scores in one call
DEV = "dev"


@dataclass
class Conf:
    """conf/fuse_<name>.yaml. All weights are tried on dev; a component's change is added to its first-pass weight."""

    nbest: str  # stem of the decode conf whose lists are ranked anew
    kind: str = "rescore"
    lm: str | None = None  # stem of the language model's conf, on the same data set; null: only reweight
    lm_weights: list[float] = field(default_factory=list)
    word_weights: list[float] = field(default_factory=list)
    changes: dict[str, list[float]] = field(default_factory=dict)
    sweeps: int = 3

    def __post_init__(self) -> None:
        if not self.nbest.startswith("decode_"):
            raise ValueError(f"nbest: the stem of a decode conf (decode_…), not {self.nbest!r}")
        if bool(self.lm) != bool(self.lm_weights):
            raise ValueError("lm and lm_weights come together: a model and the weights to try for it")
        if not (self.lm_weights or self.word_weights or self.changes):
            raise ValueError("nothing to tune: give lm_weights, word_weights or changes")
        if self.sweeps < 0:
            raise ValueError(f"sweeps: 0 or more, not {self.sweeps}")


class Fusion:
    """One fuse conf on one trained system; opening it checks that everything it reads is there."""

    def __init__(self, experiment: Path, conf: Conf, name: str) -> None:
        """experiment: exp/<set>/<train stem>; name: the fuse conf's stem. Raises UsageError."""
        self.conf = conf
        self.directory = experiment / name
        data_set = set_of(experiment)
        source = experiment / conf.nbest
        self.lists = [describe(path, data_set, experiment.name, conf.nbest) for path in sorted(source.glob(f"[!.]*{SUFFIX}"))]
        if not self.lists:
            raise UsageError(f"{source} holds no n-best list; run stage 6 with conf/{conf.nbest}.yaml")
        dev = [one for one in self.lists if one.label == DEV]
        if not dev:
            raise UsageError(f"{source}/{DEV}{SUFFIX} does not exist: weights are tuned on dev; decode it too (stage 6)")
        self.dev: DecodedList = dev[0]
        self.lm = None if conf.lm is None else open_lm(experiment.parent / conf.lm, self.dev.data)
        self.normaliser: Normaliser = normaliser_of(self.dev.data)

    def stage(self) -> Stage:
        inputs = [one.path for one in self.lists] + [self.dev.references, data_conf(self.dev.data)]
        inputs += self.lm.files if self.lm else []
        return Stage(self.directory / ".stamp.json", inputs, asdict(self.conf) | {"text": self.normaliser.signature})

    def run(self) -> str:
        """Make everything anew, with run.json telling how it stands; return a line that says what it gave."""
        stage, record = self.stage(), self.directory / "run.json"
        with Lock(self.directory):
            stage.stamp.unlink(missing_ok=True)
            freeze(self.conf, self.directory / "conf.yaml")
            write_json(record, {"status": "running"})
            try:
                weights = self._tune()
                write_json(self.directory / "weights.json", weights)
                seconds = {one.label: self._rank(one, weights["changes"]) for one in self.lists}
            except BaseException as error:
                write_json(record, {"status": "failed", "message": f"{type(error).__name__}: {error}".splitlines()[0]})
                raise
            outputs = [self.directory / one.path.name for one in self.lists]
            for old in set(self.directory.glob(f"[!.]*{SUFFIX}")) - set(outputs):
                old.unlink()  # its list is gone from the decode directory
            write_json(record, {"status": "finished", "rescoring_seconds": seconds})
            stage.done([*outputs, self.directory / "weights.json", self.directory / "conf.yaml"])
        before, after = weights["dev_wer"]["first_pass"], weights["dev_wer"]["tuned"]
        return f"{self.directory}: dev WER {before:.2f} % -> {after:.2f} % ({_written(weights['changes'])})"

    def _tune(self) -> dict[str, Any]:
        """The row of weights.json: changes and resulting weights by component, dev WER before and after, in percent."""
        from cyasr.fusion.tuning import tune

        references = {name: self.normaliser.apply(one.text) for name, one in read_references(self.dev.references).items()}
        if self.lm:
            self.lm.load()
            self.lm.check(references.values(), self.dev.references)
        lists = list(self._scored(self.dev.path))
        if not lists:
            raise RunError(f"{self.dev.path} is empty; decode again (stage 6)")
        features = self._features(lists, references)
        names = features.names
        conf = self.conf
        candidates = {name: values for name, values in conf.changes.items() if values}
        unknown = sorted(candidates.keys() - set(names))
        if unknown:
            listed = ", ".join(names)
            raise UsageError(f"conf/{self.directory.name}.yaml: changes: no {unknown[0]!r} in {self.dev.path}, only {listed}")
        if conf.lm:
            candidates[conf.lm] = conf.lm_weights
        if conf.word_weights:
            candidates[WORDS] = conf.word_weights
        changes, errors = tune(features, candidates, [conf.lm or "", WORDS], conf.sweeps)
        first_pass = int(features.errors[:, 0].sum())
        return {
            "tuned_on": str(self.dev.path),
            "text": self.normaliser.signature,
            "changes": changes,
            "weights": _weights(lists[0], changes),
            "dev_wer": {
                "first_pass": _percent(first_pass, features.words),
                "tuned": _percent(errors, features.words),
                "oracle": _percent(int(features.errors.min(axis=1).sum()), features.words),
            },
        }

    def _features(self, lists: list[Nbest], references: dict[str, str]) -> Features:
        """`lists` of dev as arrays; references: normalised text by utterance."""
        from cyasr.fusion.features import collect

        ids = [nbest.id for nbest in lists]
        if sorted(ids) != sorted(references):
            odd = min(set(ids) ^ references.keys(), default="one stands twice")
            raise RunError(
                f"{self.dev.path} and {self.dev.references} are not of the same utterances"
                f" ({len(ids)} and {len(references)}; {odd}); decode again (stage 6)"
            )
        words = [references[nbest.id].split() for nbest in lists]
        if not any(words):
            raise RunError(f"{self.dev.references} has no reference words to tune on")
        return collect(lists, words, [self.normaliser.apply(hyp.text).split() for nbest in lists for hyp in nbest.hyps])

    def _scored(self, path: Path) -> Iterator[Nbest]:
        """The lists of `path`, each hypothesis with the language model's score among its own."""
        lists = read_checked(path)
        while block := list(islice(lists, BLOCK)):
            if self.lm and self.conf.lm:
                texts = [self.normaliser.apply(hyp.text) for nbest in block for hyp in nbest.hyps]
                scores = iter(self.lm.scores(texts, path))
                for nbest in block:
                    for hyp in nbest.hyps:
                        hyp.scores[self.conf.lm] = next(scores)
            yield from block

    def _rank(self, one: DecodedList, changes: dict[str, float]) -> float:
        """Write `one` ranked anew; return the seconds it took."""
        start = time.perf_counter()
        write_nbest(self.directory / one.path.name, (_ranked(nbest, changes) for nbest in self._scored(one.path)))
        return round(time.perf_counter() - start, 3)


def _ranked(nbest: Nbest, changes: dict[str, float]) -> Nbest:
    for hyp in nbest.hyps:
        parts = components(hyp)
        hyp.total += sum(change * parts[name] for name, change in changes.items())
        hyp.scores[WORDS] = parts[WORDS]
    nbest.hyps.sort(key=lambda hyp: -hyp.total)
    nbest.weights = _weights(nbest, changes)
    return nbest


def _weights(nbest: Nbest, changes: dict[str, float]) -> dict[str, float]:
    names = nbest.weights.keys() | changes.keys()
    return {name: round(nbest.weights.get(name, 0.0) + changes.get(name, 0.0), 9) for name in sorted(names)}


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 4)


def _written(changes: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:+g}" for name, value in changes.items() if value) or "nothing changed"

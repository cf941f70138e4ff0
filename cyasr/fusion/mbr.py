"""Minimum Bayes risk: each list led by the hypothesis that is expected to make the fewest word errors.

The risk of a hypothesis is its word edit distance to every hypothesis of the list, each counted by its posterior (Stolcke,
Konig & Weintraub, Eurospeech 1997; Goel & Byrne, Computer Speech & Language 14(2), 2000). How sharp posteriors are is tuned
on dev: at a large scale the likeliest hypothesis leads, as before; where no scale makes fewer errors, lists stay as they are.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cyasr.files import write_json
from cyasr.fusion.checked import read_checked
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
)
from cyasr.fusion.words import Speller, numbered, posteriors
from cyasr.nbest import Nbest, write_nbest
from cyasr.score.lists import DecodedList
from cyasr.stage import Stage

RISK = "risk"  # expected word errors: the score that ranks

Floats = NDArray[np.float64]


@dataclass
class Conf:
    """conf/fuse_<name>.yaml."""

    nbest: str  # stem of the decode or fuse conf whose lists are ranked anew
    kind: str = "mbr"
    scales: list[float] = field(default_factory=lambda: [0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0])  # of totals
    fold: bool = False  # spelling variants of a word are no errors

    def __post_init__(self) -> None:
        if not self.nbest.startswith(FIRST_PASSES):
            raise ValueError(f"nbest: the stem of a decode conf (decode_…) or of a fuse conf (fuse_…), not {self.nbest!r}")
        if not self.scales or min(self.scales) <= 0:
            raise ValueError(f"scales: one or more above 0, not {self.scales}")


class Fusion:
    """One fuse conf on one trained system; opening it checks that everything it reads is there."""

    def __init__(self, experiment: Path, conf: Conf, name: str) -> None:
        """experiment: exp/<set>/<train stem>; name: the fuse conf's stem. Raises UsageError."""
        self.conf = conf
        self.directory = experiment / name
        self.source = open_source(experiment, conf.nbest)
        self.normaliser = normaliser_for(self.source.lists, self.source.dev)
        self.speller = Speller(self.normaliser, conf.fold)

    def stage(self) -> Stage:
        return stage_of(self.directory, [self.source], [], self.conf, self.normaliser)

    def run(self) -> str:
        """Make everything anew, with run.json telling how it stands; return a line that says what it gave."""
        weights: dict[str, Any] = {}

        def work() -> tuple[list[Path], dict[str, float]]:
            weights.update(self._tune())
            write_json(self.directory / "weights.json", weights)
            seconds = {one.label: self._rank(one, weights["scale"]) for one in self.source.lists}
            outputs = [self.directory / one.path.name for one in self.source.lists]
            return [*outputs, self.directory / "weights.json"], seconds

        carry_out(self.stage(), self.directory, self.conf, [self.source], work)
        wer, scale = weights["dev_wer"], weights["scale"]
        how = "nothing changed" if scale is None else f"posterior scale {scale:g}"
        return (
            f"{self.directory}: dev WER {wer['first_pass']:.2f} % -> {wer['tuned']:.2f} % ({how}); "
            f"{density_line(weights['density'], wer['oracle'])}"
        )

    def _tune(self) -> dict[str, Any]:
        """The row of weights.json; `scale` is None where the first pass makes the fewest errors on dev."""
        from cyasr.fusion.features import collect

        lists = dev_lists(self.source)
        references = dev_references(self.source.dev, [nbest.id for nbest in lists], self.normaliser)
        texts = [" ".join(self.speller.words(hyp.text)) for nbest in lists for hyp in nbest.hyps]
        features = collect(lists, references, texts)
        errors = np.zeros(len(self.conf.scales), np.int64)
        for u, nbest in enumerate(lists):
            risks = self._risks(nbest, self.conf.scales)
            errors += features.errors[u][risks.argmin(axis=1)]
        first_pass = int(features.errors[:, 0].sum())
        # among equals the sharpest: the closest to what the system itself thinks likeliest
        fewest, scale = min((int(count), -scale) for count, scale in zip(errors, self.conf.scales, strict=True))
        better = fewest < first_pass
        return {
            "tuned_on": str(self.source.dev.path),
            "text": self.normaliser.signature,
            "scale": -scale if better else None,
            "dev_wer": {
                "first_pass": percent(first_pass, features.words),
                "tuned": percent(min(fewest, first_pass), features.words),
                "oracle": percent(int(features.errors.min(axis=1).sum()), features.words),
            },
            "density": features.density(),
        }

    def _risks(self, nbest: Nbest, scales: list[float]) -> Floats:
        """(len(scales), H) expected word errors of each hypothesis."""
        from cyasr.fusion.network import pair_distances

        words, starts, _ = numbered([self.speller.keys(self.speller.words(hyp.text)) for hyp in nbest.hyps])
        distances = pair_distances(words, starts)
        shares = np.stack([posteriors(nbest, scale) for scale in scales])
        # rounded, so that hypotheses that differ in nothing that counts stay in the first pass's order
        risks: Floats = (shares @ distances).round(9)
        return risks

    def _rank(self, one: DecodedList, scale: float | None) -> float:
        """Write `one` ranked anew; return the seconds it took."""
        start = time.perf_counter()
        lists = read_checked(one.path)
        write_nbest(self.directory / one.path.name, lists if scale is None else self._ranked(lists, scale))
        return round(time.perf_counter() - start, 3)

    def _ranked(self, lists: Iterator[Nbest], scale: float) -> Iterator[Nbest]:
        for nbest in lists:
            for hyp, risk in zip(nbest.hyps, self._risks(nbest, [scale])[0].tolist(), strict=True):
                hyp.scores[RISK] = risk
                hyp.total = -risk
            nbest.hyps.sort(key=lambda hyp: -hyp.total)
            nbest.weights = {RISK: -1.0}
            yield nbest

"""Which results are compared, and what comes of it: systems tested on one set, and runs that differ in their seed only."""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cyasr.conf import read_frozen
from cyasr.files import read_json, write_json
from cyasr.report import cells
from cyasr.report.collect import Result
from cyasr.stage import Stage

if TYPE_CHECKING:
    from cyasr.score.statistics.comparisons import Comparisons

VERSION = 1  # of what is kept in comparisons.json; counts up where the same scores give other figures
NO_RESULT_KEYS = {"seed", "workers", "save_minutes", "log_seconds"}  # may differ between runs that differ by chance only
HEAD = ["System", "WER %", "Difference [95 %]", "p (Holm)", "MAPSSWE p (Holm)", "Verdict"]
SEEDS_HEAD = ["Confs", "Decode", "Seeds", "WER % mean ± sd", "CER % mean ± sd"]


@dataclass(frozen=True)
class Seeds:
    """One system trained from several seeds, decoded in one way. wer, cer: percent, by seed."""

    confs: list[str]
    decode: str
    seeds: list[int]
    wer: list[float]
    cer: list[float]


def label(one: Result) -> str:
    """`train_a/decode_joint`, with the set it was trained on before it where that is another than the test's."""
    own = one.trained_on == one.tested_on or one.pooled
    return f"{'' if own else f'{one.trained_on}/'}{one.conf}/{one.decode}"


def comparable(found: Sequence[Result], name: str, split: str = "test") -> dict[str, Path]:
    """Utterances files by label of the finished scores on all of the set `name`: folds pooled, and none missing.

    Decodes with noise added are another test, and left out.
    """
    return {label(one): _rows(one) for one in _finished(found, name, split) if one.noise is None and _rows(one).exists()}


def against_no_lm(found: Sequence[Result], name: str) -> dict[str, tuple[tuple[str, Path], dict[str, Path]]]:
    """What language models and second passes are compared with, by training conf and noise added.

    (label, utterances file) of the test decode without either, of several the one with the lowest dev WER, the last by name
    among equals; and files by label of all results with one. Systems without such a decode, or nothing else, are left out.
    Second passes that searched the CTC posteriors of another decode are compared with that one besides: the decoder that
    made the best of several had no part in them.
    """
    dev = {label(one): one.score["wer"] for one in _finished(found, name, "dev")}
    systems: dict[str, list[Result]] = {}
    for one in _finished(found, name, "test"):
        if _rows(one).exists():
            systems.setdefault(f"{one.trained_on}/{one.conf}" if one.trained_on != name else one.conf, []).append(one)
    made: dict[str, tuple[tuple[str, Path], dict[str, Path]]] = {}
    for system, results in systems.items():
        for noise in sorted({one.noise for one in results}, key=str):
            here = [one for one in results if one.noise == noise]
            files = {label(one): _rows(one) for one in here}
            plain = [label(one) for one in here if not one.lm and str(one.decode).startswith("decode_")]
            others = {name: path for name, path in files.items() if name not in plain}
            if plain and others:
                base = min(sorted(plain, reverse=True), key=lambda one: dev.get(one, float("inf")))
                key = system if noise is None else f"{system}, {noise:g} dB"
                made[key] = (base, files[base]), others
                labels = {one.decode: label(one) for one in here}
                for one in here:
                    source = labels.get(one.searched) if one.searched else None
                    if source in plain and source != base:
                        _, searched = made.setdefault(f"{key}, {one.searched}", ((source, files[source]), {}))
                        searched[label(one)] = _rows(one)
    return made


def against(systems: Mapping[str, Path], kept: Path, base: str | None = None) -> Comparisons:
    """The table over `systems` against `base`, or the best of them: read from `kept` where no score changed since, else
    made and written there.

    Raises UsageError where they cannot be compared.
    """
    from cyasr.score.statistics.comparisons import BEST, Comparisons, compare_files

    params = {"version": VERSION, "systems": {name: str(path) for name, path in systems.items()}, "against": base}
    stage = Stage(kept.with_name(f".{kept.stem}.stamp.json"), systems.values(), params)
    if stage.fresh(quiet=True):
        return Comparisons.from_json(read_json(kept))
    table = compare_files(systems, base or BEST)
    write_json(kept, table.to_json())
    stage.done([kept])
    return table


def seeds(found: Sequence[Result], name: str, split: str = "test") -> list[Seeds]:
    """Systems that were trained on one set from two seeds or more, everything else in their frozen confs being equal."""
    groups: dict[tuple[str, str, str], dict[int, Result]] = {}
    for one in _finished(found, name, split):
        conf = read_frozen(one.runs[0].directory / "conf.yaml") if one.runs else {}
        if "seed" in conf:
            rest = json.dumps(
                {key: value for key, value in conf.items() if key not in NO_RESULT_KEYS}, sort_keys=True, default=str
            )
            groups.setdefault((one.trained_on, rest, str(one.decode)), {}).setdefault(conf["seed"], one)
    several = [dict(sorted(group.items())) for group in groups.values() if len(group) > 1]
    return [
        Seeds(
            [label(one).rpartition("/")[0] for one in group.values()],
            str(next(iter(group.values())).decode),
            list(group),
            [one.score["wer"] for one in group.values()],
            [one.score["cer"] for one in group.values() if one.score.get("cer") is not None],
        )
        for group in several
    ]


def title(table: Comparisons) -> str:
    """What the table's rows are compared with, and on what."""
    bases = {pair.a for pair in table.pairs}
    base = next(iter(bases)) if len(bases) == 1 else None
    best = next(iter(table.wer))
    what = ", each pair of systems" if base is None else f" against {'the best, ' if base == best else ''}{base}"
    drawn = f"{table.utterances} utterances of {table.speakers or 'unknown'} speakers, drawn by {table.unit}"
    return f"{'WER' if table.rung == 'strict' else f'{table.rung.capitalize()} WER'}{what} ({drawn}):"


def rows(table: Comparisons) -> list[list[str]]:
    """Cells under HEAD. A pair of two others than the base stands as `b - a`."""
    bases = {pair.a for pair in table.pairs}
    made = []
    if len(bases) == 1:
        base = next(iter(bases))
        made.append([base, cells.percent(table.wer[base]), *[cells.NONE] * (len(HEAD) - 2)])
    for pair in table.pairs:
        made.append(
            [
                pair.b if len(bases) == 1 else f"{pair.b} − {pair.a}",
                cells.percent(table.wer[pair.b]) + ("" if len(bases) == 1 else f" − {cells.percent(table.wer[pair.a])}"),
                f"{pair.difference:+.2f} [{pair.low:+.2f}, {pair.high:+.2f}]",
                cells.p_values(pair.p, pair.p_holm),
                cells.p_values(pair.mapsswe_p, pair.mapsswe_holm),
                pair.verdict,
            ]
        )
    return made


def seed_rows(groups: Sequence[Seeds]) -> list[list[str]]:
    return [
        [
            ", ".join(one.confs),
            one.decode,
            ", ".join(map(str, one.seeds)),
            mean_and_deviation(one.wer),
            mean_and_deviation(one.cer),
        ]
        for one in groups
    ]


def mean_and_deviation(values: Sequence[float]) -> str:
    """`12.34 ± 0.56`; the deviation is over n - 1, so one value has none."""
    if len(values) < 2:
        return cells.percent(values[0] if values else None)
    return f"{statistics.mean(values):.2f} ± {statistics.stdev(values):.2f}"


def gains_file(exp: Path, name: str, system: str) -> Path:
    """Where the table of a key of `against_no_lm` is kept."""
    return exp / name / f"gains.{re.sub('[^0-9A-Za-z_.-]+', '.', system)}.json"


def _rows(one: Result) -> Path:
    assert one.utterances is not None, "a score has rows by utterance"
    return one.utterances


def _finished(found: Sequence[Result], name: str, split: str) -> list[Result]:
    return [
        one
        for one in found
        if (one.tested_on, one.split, one.status) == (name, split, "finished")
        and one.score.get("wer") is not None
        and ".old-" not in one.conf
    ]

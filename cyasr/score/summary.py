"""What the counts of a Tally add up to: the figures of score.json."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cyasr.files import write_text
from cyasr.score import confidence, confusions, metrics
from cyasr.score.dialect import features
from cyasr.score.statistics import bootstrap
from cyasr.score.tally import GROUPS, Grouping, Tally

UNKNOWN = "unknown"
VARIANTS = ("reference", "hypothesis", "rules", "times")
LISTED = 50  # variants in score.json; all of them are in variants.tsv
DRAWS = 2_000_000_000  # utterances drawn for one interval, beyond which fewer resamples are taken
SPREAD = 200  # a field of more values than this gets no intervals by value
SUMS: tuple[str, ...] = (
    "words",
    "correct",
    "substitutions",
    "deletions",
    "insertions",
    "errors",
    "fold_errors",
    "lenient_errors",
)
SUMS += ("characters", "character_errors", "wrong_utterances", "utterances")


def summary(one: Tally, signatures: dict[str, str]) -> dict[str, Any]:
    """The figures of score.json; rates in percent, None where there is nothing to divide by.

    signatures: of the ladder's rungs, strict, fold and lenient.
    """
    columns, speakers = _columns(one), one.groups["speaker"].names()
    return totals(one, signatures) | {
        "variants_used": {
            "distinct": len(one.used),
            "times": sum(one.used.values()),
            "top": [_variant(key, count) for key, count in _ranked(one)[:LISTED]],
        },
        "features": features.top(one.features),
        "confusions": confusions.top(one.confusions),
        "by": {group: _breakdown(one.groups[group], columns, speakers, group) for group in GROUPS},
    }


def totals(one: Tally, signatures: dict[str, str]) -> dict[str, Any]:
    """The same without lists and breakdowns: what is shown of a fold."""
    columns = _columns(one)
    figures = _figures(_sums(columns, np.zeros(len(columns), np.int32), 1)[0])
    speakers = one.groups["speaker"]
    intervals = _intervals(one, columns, speakers.names())
    return figures | {
        "interval": intervals["wer"],
        "metrics": {name: {"value": figures[name], "interval": intervals[name]} for name in metrics.RATES}
        | (one.translation.result() if one.translation else {}),
        "ladder": {
            rung: {
                "errors": figures[count],
                "wer": figures[rate],
                "interval": intervals[rate],
                "signature": signatures[rung],
            }
            for rung, count, rate in (
                ("strict", "errors", "wer"),
                ("fold", "fold_errors", "fold_wer"),
                ("lenient", "lenient_errors", "lenient_wer"),
            )
        },
        "oracle_wer": metrics.percent(int(one.oracle_errors.sum()), figures["words"]),
        "nbest": _density(one, figures["words"]),
        "confidence": confidence.figures(one.confidences, one.right) if len(one.confidences) else None,
        "nbest_mean": round(float(one.hypotheses.mean()), 2) if len(one.hypotheses) else None,
        "speakers": len([name for name in speakers.values if name is not None]),
        "empty_references": int((one.words == 0).sum()),
        "without_hypothesis": int((one.hypotheses == 0).sum()),
        "optional_words_left_out": int(one.left_out.sum()),
        "decode_seconds": round(one.decode_seconds, 3),
        "audio_seconds": round(one.audio_seconds, 3),
        "rtf": round(one.decode_seconds / one.audio_seconds, 5) if one.audio_seconds and one.decode_seconds else None,
    }


def _density(one: Tally, words: int) -> dict[str, float] | None:
    """Different hypotheses: mean and median of a list, and how many for each reference word. None without words."""
    if not words:
        return None
    return {
        "mean": round(float(one.distinct.mean()), 2),
        "median": float(np.median(one.distinct)),
        "per_word": round(float(one.distinct.sum() / words), 2),
    }


def write_variants(path: Path, one: Tally) -> None:
    """Every variant that the ladder took for its reference, most frequent first, as a table."""
    rows = [VARIANTS, *((said, heard, rules, str(count)) for (said, heard, rules), count in _ranked(one))]
    write_text(path, "".join("\t".join(cells) + "\n" for cells in rows))


def _columns(one: Tally) -> NDArray[np.int64]:
    """(N, len(SUMS))."""
    correct, substitutions, deletions, insertions = one.counts.T
    errors = one.errors
    columns = [one.words, correct, substitutions, deletions, insertions, errors, one.fold_errors, one.lenient_errors]
    columns += [one.characters, one.character_errors, (errors > 0).astype(np.int64), np.ones(len(errors), np.int64)]
    return np.stack(columns, axis=1)


def _sums(columns: NDArray[np.int64], codes: NDArray[np.int32], groups: int) -> NDArray[np.int64]:
    """(groups, len(SUMS)) sums of the rows of each group."""
    return np.stack([np.bincount(codes, column, groups) for column in columns.T], axis=1).astype(np.int64)


def _figures(sums: NDArray[np.int64]) -> dict[str, Any]:
    total = dict(zip(SUMS, sums.tolist(), strict=True))
    rates = metrics.rates(
        total["correct"],
        total["substitutions"],
        total["deletions"],
        total["insertions"],
        total["characters"],
        total["character_errors"],
        total["wrong_utterances"],
        total["utterances"],
    )
    rates["fold_wer"] = metrics.percent(total["fold_errors"], total["words"])
    rates["lenient_wer"] = metrics.percent(total["lenient_errors"], total["words"])
    return total | rates


def _intervals(one: Tally, columns: NDArray[np.int64], speakers: list[str | None]) -> dict[str, Any]:
    column = dict(zip(SUMS, columns.T, strict=True))
    words, correct, insertions = column["words"], column["correct"], column["insertions"]
    parts = {
        "wer": (column["errors"], words),
        "fold_wer": (column["fold_errors"], words),
        "lenient_wer": (column["lenient_errors"], words),
        "cer": (column["character_errors"], column["characters"]),
        "mer": (column["errors"], words + insertions),
        "ser": (column["wrong_utterances"], column["utterances"]),
    }
    draws = resamples(len(columns))
    intervals = {name: asdict(bootstrap.interval(over, under, speakers, draws)) for name, (over, under) in parts.items()}
    preserved = bootstrap.product_interval(correct, words, correct + column["substitutions"] + insertions, speakers, draws)
    lost = asdict(preserved)
    if preserved.low is not None and preserved.high is not None:
        lost |= {"low": round(100 - preserved.high, 4), "high": round(100 - preserved.low, 4)}
    return intervals | {"wip": asdict(preserved), "wil": lost}


def resamples(utterances: int) -> int:
    """Fewer where there are so many utterances that each resample takes long and says nearly the same."""
    return max(1000, min(bootstrap.RESAMPLES, DRAWS // max(1, utterances)))


def _breakdown(group: Grouping, columns: NDArray[np.int64], speakers: list[str | None], name: str) -> dict[str, Any]:
    """Figures by the values of a field; utterances without one under "unknown". {} where all lack it."""
    if all(value is None for value in group.values):
        return {}
    sums = _sums(columns, group.codes, len(group.values))
    figures = {value or UNKNOWN: _figures(row) for value, row in zip(group.values, sums, strict=True)}
    if len(group.values) <= SPREAD:
        spoken = np.array(speakers, dtype=object)
        for code, value in enumerate(group.values):
            chosen = group.codes == code
            errors, words = columns[chosen, SUMS.index("errors")], columns[chosen, SUMS.index("words")]
            figures[value or UNKNOWN]["interval"] = asdict(
                bootstrap.interval(errors, words, spoken[chosen].tolist(), resamples(len(words)))
            )
    return {value: figures[value] for value in sorted(figures, key=lambda value: _place(value, name))}


def _place(value: str, name: str) -> tuple[Any, ...]:
    """Durations by their length, all else by name, what is not known last."""
    return (value == UNKNOWN, float(value.split("-")[0].split("+")[0]) if name == "duration" and value != UNKNOWN else 0, value)


def _ranked(one: Tally) -> list[tuple[Any, int]]:
    return sorted(one.used.items(), key=lambda item: (-item[1], item[0]))


def _variant(key: tuple[Any, ...], count: int) -> dict[str, Any]:
    return {"ref": key[0], "hyp": key[1], "rules": key[2], "times": count}

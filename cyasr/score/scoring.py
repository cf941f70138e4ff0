"""Which scores are due below a directory of exp/, and the files they are written to.

<split>.score.json: system, set, split, text (profile and signature), the figures of tally.summary, and for scores
pooled over folds `folds` (figures by fold) and `folds_missing`. <split>.utterances.jsonl.gz: counts by utterance.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cyasr.cli import RunError, UsageError
from cyasr.files import write_json, write_jsonl_gz
from cyasr.score.lists import DecodedList, exp_root, find_lists, folds_of, pools
from cyasr.score.references import Normaliser, data_conf, normaliser_of
from cyasr.stage import Stage

if TYPE_CHECKING:
    from cyasr.score.tally import Tally

LEVELS = {"wer": "words", "cer": "NFC graphemes, spaces counted", "rates": "percent"}


@dataclass(frozen=True)
class Due:
    """One score.json to be made: from one list, or from those of several folds."""

    score: Path
    lists: list[DecodedList]
    folds: list[str] | None  # all folds that the set has; None: not pooled
    normaliser: Normaliser

    @property
    def utterances(self) -> Path:
        return self.score.with_name(self.score.name.replace(".score.json", ".utterances.jsonl.gz"))

    def stage(self) -> Stage:
        inputs = [path for one in self.lists for path in (one.path, one.references, data_conf(one.data))]
        inputs += [record for one in self.lists if (record := one.path.with_name("run.json")).exists()]
        stamp = self.score.with_name(f".{self.score.name.removesuffix('.json')}.stamp.json")
        return Stage(stamp, inputs, {"text": self.normaliser.signature, "folds": self.folds} | LEVELS)


def due_scores(directory: Path) -> Iterator[Due]:
    """Every score that belongs below `directory`, pooled ones last. Raises UsageError where there is nothing to score."""
    lists = list(find_lists(directory))
    if not lists:
        raise UsageError(f"no n-best list below {directory}; run stage 6")
    normalisers: dict[Path, Normaliser] = {}
    for one in lists:
        if one.data not in normalisers:
            normalisers[one.data] = normaliser_of(one.data)
        yield Due(one.score, [one], None, normalisers[one.data])
    root = exp_root(directory)
    named = directory.relative_to(root).parts
    for name in sorted({one.trained_on.split("/")[0] for one in lists if "/" in one.trained_on and len(named) < 2}):
        folds = folds_of(root.with_name("data") / name)
        for score, members in pools(lists, name).items():
            yield Due(score, members, folds, normalisers[members[0].data])


def score_all(directory: Path) -> tuple[list[Due], int]:
    """Make what is due below `directory`. Returns the scores made anew, and how many stood.

    A list that cannot be scored does not keep others from it: RunError at the end names all of them.
    """
    tallies: dict[Path, Tally] = {}
    made: list[Due] = []
    faults: list[str] = []
    standing = 0
    for due in due_scores(directory):
        stage = due.stage()
        if stage.fresh(quiet=True):
            standing += 1
            continue
        stage.stamp.unlink(missing_ok=True)
        try:
            _make(due, tallies)
        except RunError as error:
            if str(error) not in faults:
                faults.append(str(error))
            continue
        stage.done([due.score, due.utterances])
        made.append(due)
        print(_line(due))
    if faults:
        raise RunError(" | ".join(faults))
    return made, standing


def _make(due: Due, tallies: dict[Path, Tally]) -> None:
    from cyasr.score import tally

    for one in due.lists:
        if one.path not in tallies:
            tallies[one.path] = tally.tally(one, due.normaliser)
    parts = [tallies[one.path] for one in due.lists]
    whole = parts[0] if due.folds is None else tally.pooled(parts)
    first = due.lists[0]
    row: dict[str, Any] = {
        "system": whole.system,
        "set": first.tested_on if due.folds is None else first.tested_on.split("/")[0],
        "split": first.split,
        "text": {"profile": due.normaliser.profile, "signature": due.normaliser.signature},
        "levels": LEVELS,
    }
    if due.folds is not None:
        by_fold = {one.trained_on.split("/")[1]: tally.summary(part) for one, part in zip(due.lists, parts, strict=True)}
        row["folds"] = {fold: {key: value for key, value in one.items() if key != "by"} for fold, one in by_fold.items()}
        row["folds_missing"] = [fold for fold in due.folds if fold not in by_fold]
    row |= tally.summary(whole)
    write_jsonl_gz(due.utterances, tally.rows(whole))
    write_json(due.score, row)


def _line(due: Due) -> str:
    from cyasr.files import read_json

    score = read_json(due.score)
    low, high, note = (score["interval"][key] for key in ("low", "high", "note"))
    if score["wer"] is None:
        return f"{due.score}: no reference words in {score['utterances']} utterances"
    spread = f"[{low:.2f}, {high:.2f}]{f' {note}' if note else ''}"
    return f"{due.score}: WER {score['wer']:.2f} % {spread}, CER {score['cer']:.2f} %, {score['utterances']} utterances"

"""Cuts whose transcripts are a system's own words, where it is sure enough of all of them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cyasr.cli import RunError, UsageError
from cyasr.files import read_jsonl_gz, write_json, write_jsonl_gz
from cyasr.nbest import Nbest, read_nbest
from cyasr.score.lists import SUFFIX, describe, exp_root

SILVER = "silver"


@dataclass(frozen=True)
class Thresholds:
    """utterance: least mean confidence of its words; word: least confidence of each."""

    utterance: float
    word: float


def label(nbest: Path, out: Path, thresholds: Thresholds) -> str:
    """Write the cuts of `nbest`'s set that pass to `out`, and <out>.pseudo.json with what became of the others; a line.

    Raises UsageError where `nbest` is no list of exp/ or lies where it would be overwritten, RunError where its words have no
    confidences or it is of other utterances than its set.
    """
    root = exp_root(nbest)
    if not nbest.name.endswith(SUFFIX) or not nbest.is_file():
        raise UsageError(f"{nbest} is no n-best list; those of exp/<set>/<system>/fuse_<name>/ end in {SUFFIX}")
    *sets, train, fuse, _ = nbest.relative_to(root).parts
    source = describe(nbest, "/".join(sets), train, fuse)
    if out.resolve() == source.references.resolve():
        raise UsageError(f"--out {out} is the set that was decoded; name another")
    counts: Counter[str] = Counter()
    hours: Counter[str] = Counter()

    def kept() -> Iterator[dict[str, Any]]:
        lists = read_nbest(nbest)
        for cut in read_jsonl_gz(source.references):
            one = next(lists, None)
            if one is None or one.id != cut["id"]:
                raise RunError(f"{nbest} and {source.references} are not of the same utterances at {cut['id']}; decode again")
            problem = _problem(one, nbest, thresholds)
            counts[problem or "kept"] += 1
            hours["kept" if problem is None else "left out"] += cut["duration"] / 3600
            if problem is None:
                yield _silver(cut, one, nbest)
        if next(lists, None) is not None:
            raise RunError(f"{nbest} goes on where {source.references} ends; decode again")

    write_jsonl_gz(out, kept())
    left = {reason: count for reason, count in sorted(counts.items()) if reason != "kept"}
    report = {"nbest": str(nbest), "thresholds": asdict(thresholds), "kept": counts["kept"], "left_out": left}
    write_json(out.with_name(f"{out.name.removesuffix('.jsonl.gz')}.pseudo.json"), report)
    reasons = ", ".join(f"{count} {reason}" for reason, count in left.items()) or "none"
    return f"{out}: {counts['kept']} of {counts.total()} utterances, {hours['kept']:.2f} h; left out: {reasons}"


def _problem(one: Nbest, path: Path, thresholds: Thresholds) -> str | None:
    """Why an utterance is left out, or None."""
    if not one.hyps or not one.hyps[0].text.strip():
        return "without words"
    words = one.hyps[0].words
    if not words:
        raise RunError(f"{path}: utterance {one.id} has no confidences; make lists with a fuse conf of `kind: confidence`")
    sure = [word.conf for word in words]
    if any(math.isnan(conf) for conf in sure):
        raise RunError(f"{path}: utterance {one.id}: a confidence is no number (NaN); make the lists again")
    if min(sure) < thresholds.word:
        return "with an unsure word"
    return "unsure as a whole" if sum(sure) / len(sure) < thresholds.utterance else None


def _silver(cut: dict[str, Any], one: Nbest, path: Path) -> dict[str, Any]:
    """The cut with the hypothesis for its one transcript. Its licence and all else that it says of itself stay."""
    made = deepcopy(cut)
    words = one.hyps[0].words or []
    first: dict[str, Any] = next(iter(made.get("supervisions") or []), {})
    custom = dict(first.get("custom") or {}) | {
        "label": SILVER,
        "confidence": round(sum(word.conf for word in words) / len(words), 4),
        "labelled_by": str(path),
        "text_raw": one.hyps[0].text,
    }
    plain = {"id": cut["id"], "recording_id": (cut.get("recording") or {}).get("id", cut["id"]), "channel": cut.get("channel", 0)}
    said = {"start": 0.0, "duration": cut["duration"], "text": one.hyps[0].text, "custom": custom}
    made["supervisions"] = [plain | first | said]
    made["custom"] = dict(cut.get("custom") or {}) | {"label": SILVER}
    return made

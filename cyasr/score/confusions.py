"""Confusion lists: which words and which letters stand for which others, most frequent first.

Letters (graphemes: σ̆ is one) are aligned inside substituted words only; what a deleted or inserted word is made of says
nothing about letters. Rows are [reference, hypothesis, times], [word, times] for deletions and insertions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from cyasr.score import wer
from cyasr.score.aligned import AlignedWords, flatten
from cyasr.score.wer import Alignments

VERSION = 1
LEVELS = ("words", "graphemes")
KINDS = ("substitutions", "deletions", "insertions")
Counts = dict[str, Any]
Pairs = Counter[tuple[str | None, str | None]]


def count(references: Sequence[Sequence[str]], hypotheses: Sequence[Sequence[str]], alignments: Alignments) -> Counts:
    """All confusions of N utterances, lists of words, under wer.align of them: {"words": {kind: rows}, "graphemes": …}."""
    aligned = flatten(references, hypotheses, alignments)
    words: Pairs = Counter()
    for ref, hyp, times in aligned.errors():
        words[ref, hyp] = times
    return {"version": VERSION, "words": _rows(words), "graphemes": _rows(_graphemes(words))}


def merge(parts: Iterable[Counts]) -> Counts:
    """The counts of `parts` added up; exact for counts of `count`. Raises ValueError for none, or other versions."""
    totals: dict[str, Pairs] = {level: Counter() for level in LEVELS}
    left_out: dict[str, Counter[str]] = {level: Counter() for level in LEVELS}
    some = False
    for part in parts:
        some = True
        if part.get("version") != VERSION:
            raise ValueError(f"confusions of version {part.get('version')}, not {VERSION}: score again")
        for level in LEVELS:
            left_out[level].update(part[level].get("left_out", {}))
            for kind in KINDS:
                for row in part[level][kind]:
                    pair = (
                        (row[0], row[1]) if kind == "substitutions" else (row[0], None) if kind == "deletions" else (None, row[0])
                    )
                    totals[level][pair] += row[-1]
    if not some:
        raise ValueError("no confusions to merge")
    levels = {level: _rows(totals[level]) for level in LEVELS}
    return {"version": VERSION} | {
        level: rows | ({"left_out": dict(left_out[level])} if left_out[level] else {}) for level, rows in levels.items()
    }


def top(counts: Counts, rows: int = 50) -> Counts:
    """`counts` for a file: the first `rows` of each list, and under "left_out" how many errors the others are."""
    shown: Counts = {"version": counts["version"]}
    for level in LEVELS:
        lists = counts[level]
        before = lists.get("left_out", {})
        left_out = {kind: sum(row[-1] for row in lists[kind][rows:]) + before.get(kind, 0) for kind in KINDS}
        shown[level] = {kind: lists[kind][:rows] for kind in KINDS} | {"left_out": left_out}
    return shown


def _graphemes(words: Pairs) -> Pairs:
    """Letters confused in substituted words, each pair of words aligned once."""
    substituted = [(ref, hyp, times) for (ref, hyp), times in words.items() if ref is not None and hyp is not None]
    letters = {word: wer.graphemes(word) for pair in substituted for word in pair[:2]}
    refs, hyps = [letters[ref] for ref, _, _ in substituted], [letters[hyp] for _, hyp, _ in substituted]
    aligned = flatten(refs, hyps, wer.align(refs, hyps))
    return _weighted(aligned, [times for _, _, times in substituted])


def _weighted(aligned: AlignedWords, times: list[int]) -> Pairs:
    """Errors of `aligned`, those of utterance i counted times[i] times."""
    found: Pairs = Counter()
    names: list[str | None] = [*aligned.words, None]  # index -1: no letter on that side
    wrong = aligned.ref != aligned.hyp
    rows = zip(aligned.ref[wrong].tolist(), aligned.hyp[wrong].tolist(), aligned.utterance[wrong].tolist(), strict=True)
    for ref, hyp, utterance in rows:
        found[names[ref], names[hyp]] += times[utterance]
    return found


def _rows(pairs: Pairs) -> dict[str, list[list[Any]]]:
    rows: dict[str, list[list[Any]]] = {kind: [] for kind in KINDS}
    for (ref, hyp), times in pairs.items():
        if ref is None:
            rows["insertions"].append([hyp, times])
        elif hyp is None:
            rows["deletions"].append([ref, times])
        else:
            rows["substitutions"].append([ref, hyp, times])
    return {kind: sorted(lines, key=lambda row: (-row[-1], row[:-1])) for kind, lines in rows.items()}

"""What was found in the utterances of a data set: how often, in which split, with examples and what was done.

Audio is judged by the file that an utterance lies in. Nothing here rejects anything; what was rejected is read back from
the lists of rejects, so that checks.json tells it all.
"""

from __future__ import annotations

import csv
import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cyasr.data.checks.rates import SpeakingRates
from cyasr.data.checks.text import text_findings
from cyasr.data.seen import hash64
from cyasr.text.hallucinations import loop, phrase

if TYPE_CHECKING:
    from cyasr.data.checks.audio import AudioMeasures

EXAMPLES = 5
CLIPPED = 0.002  # share of samples: more is heard
SILENT = 0.7  # share of steps
QUIET = -45.0  # dBFS
NOISY = 10.0  # dB SNR
NARROW = 0.65  # of what the sampling rate, up to 16 kHz, could hold: 8 kHz audio in a 16 kHz file holds about half

KEPT = {  # kind -> what it means
    "clipped audio": f"more than {100 * CLIPPED:g} % of the samples cut off",
    "mostly silence": f"more than {100 * SILENT:g} % of the file silent",
    "quiet audio": f"mean level below {QUIET:g} dBFS",
    "noisy audio": f"estimated SNR below {NOISY:g} dB",
    "sampling rate above its content": f"content ends below {100 * NARROW:g} % of what the rate could hold",
    "near-duplicate audio": "sounds like another file of its split: volume, codec or ends differ",
    "near-duplicate audio across splits": "sounds like a file of another split",
    "near-duplicate text across splits": "nine tenths of its words, in order, are those of a sentence in another split",
    "machine-made text": "credits of subtitles, farewells of videos, or words again and again",
    "wrong encoding": "letters of a text that was read in a wrong encoding",
    "replacement characters": "U+FFFD: letters were lost before",
    "control characters": "control, private or half characters in the text",
    "unassigned characters": "code points that no character has",
    "other alphabets": "letters neither Greek nor Latin",
    "unusual letters": "letters that no Greek or English text needs",
    "mixed alphabets": "Greek and Latin or Cyrillic letters in one word",
    "digits left": "digits that normalisation did not read out",
    "signs left": "signs that normalisation left",
    "slow speech": "far fewer letters a second than the language's other utterances",
    "fast speech": "far more letters a second than the language's other utterances",
    "unlike speakers": "speakers far slower or faster than the others",
}


@dataclass
class Finding:
    """The examples kept are the worst, or where none is worse than another, drawn by the hash of their id."""

    count: int = 0
    splits: Counter[str] = field(default_factory=Counter)
    _examples: list[tuple[float, str, str]] = field(default_factory=list)

    def add(self, split: str, name: str, detail: str, worse: float | None = None, count: int = 1) -> None:
        self.count += count
        self.splits[split] += count
        if not name:  # counted only
            return
        rank = hash64(name) / 2**64 if worse is None else worse
        if len(self._examples) < EXAMPLES:
            heapq.heappush(self._examples, (rank, name, detail))
        else:
            heapq.heappushpop(self._examples, (rank, name, detail))

    def examples(self) -> list[dict[str, str]]:
        return [{"id": name, "detail": detail} for _, name, detail in sorted(self._examples, reverse=True)]


class Checks:
    """Of one data set."""

    def __init__(self) -> None:
        self.found: dict[str, Finding] = defaultdict(Finding)
        self.utterances = self.measured = 0
        self._rates = SpeakingRates()
        self._measures: dict[str, Counter[int]] = defaultdict(Counter)

    def see(self, split: str, cut: dict[str, Any], rate: int, measures: AudioMeasures | None) -> None:
        """Count an utterance that was taken. rate: of its file in Hz."""
        supervision = cut["supervisions"][0]
        name, text = cut["id"], supervision["text"]
        self.utterances += 1
        if measures:
            self.measured += 1
            for kind, detail, worse in audio_findings(measures, rate):
                self.found[kind].add(split, name, detail, worse)
            for key, value in (("snr", measures.snr), ("level", measures.level), ("bandwidth", measures.bandwidth / 100)):
                self._measures[key][round(value)] += 1
        if not text:
            return
        raw = supervision["custom"].get("text_raw", text)
        for kind, detail in text_findings(text, raw):
            self.found[kind].add(split, name, detail)
        if made_up := phrase(raw) or loop(text):
            self.found["machine-made text"].add(split, name, made_up)
        self._rates.add(split, cut)

    def report(self, name: str, rejects: Iterable[Path]) -> dict[str, Any]:
        """checks.json. rejects: the lists of what was left out, of both stages."""
        for kind, split, example, detail, worse, count in self._rates.outliers():
            self.found[kind].add(split, example, detail, worse, count)
        findings = [
            {
                "kind": kind,
                "what": what,
                "count": self.found[kind].count,
                "share": round(self.found[kind].count / max(1, self.utterances), 6),
                "splits": dict(sorted(self.found[kind].splits.items())),
                "examples": self.found[kind].examples(),
                "done": "kept",
            }
            for kind, what in KEPT.items()
            if kind in self.found
        ]
        return {
            "name": name,
            "utterances": self.utterances,
            "measured": self.measured,
            "findings": findings + [finding for path in rejects for finding in rejected(path)],
            "clean": [kind for kind in KEPT if kind not in self.found and (self.measured or "audio" not in kind)],
            "measures": {
                **{key: _spread(counts, 100 if key == "bandwidth" else 1) for key, counts in self._measures.items()},
                **self._rates.report(),
            },
        }


def audio_findings(measures: AudioMeasures, rate: int) -> Iterator[tuple[str, str, float]]:
    """(kind, what was measured, the higher the worse)."""
    if measures.clipped > CLIPPED:
        yield "clipped audio", f"{100 * measures.clipped:.1f} % of samples", measures.clipped
    if measures.silent > SILENT:
        yield "mostly silence", f"{100 * measures.silent:.0f} %", measures.silent
    if measures.level < QUIET:
        yield "quiet audio", f"{measures.level:.0f} dBFS", -measures.level
    if measures.snr < NOISY:
        yield "noisy audio", f"SNR {measures.snr:.0f} dB", -measures.snr
    if measures.bandwidth < NARROW * min(rate, 16_000) / 2:
        detail = f"content up to {measures.bandwidth / 1000:.1f} kHz, sampled at {rate / 1000:g} kHz"
        yield "sampling rate above its content", detail, -measures.bandwidth


def rejected(path: Path) -> list[dict[str, Any]]:
    """Findings made of a rejects.tsv; stage 1's and stage 2's are told apart by their folder."""
    found: dict[str, Finding] = defaultdict(Finding)
    if not path.exists():
        return []
    with open(path, encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            kind, _, detail = row["reason"].partition(": ")
            found[kind].add("rejected", row["id"] or row["where"], detail or row["where"])
    stage = 1 if path.parent.name == "raw" else 2
    return [
        {"kind": kind, "count": one.count, "examples": one.examples(), "done": "rejected", "stage": stage}
        for kind, one in sorted(found.items(), key=lambda item: -item[1].count)
    ]


def lines(report: dict[str, Any]) -> list[str]:
    """One line a finding, for the terminal."""
    made = []
    for one in report["findings"]:
        examples = ", ".join(f"{each['id']} ({each['detail']})" for each in one["examples"][:2])
        share = f" ({_percent(one['share'])})" if "share" in one else ""
        made.append(f"data/{report['name']}: {one['kind']}: {one['count']}{share}, {one['done']}; as {examples}")
    return made


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.095 else f"{100 * share:.2g} %"


def _spread(counts: Counter[int], unit: float = 1) -> dict[str, float]:
    """Values below which 5, 50 and 95 % lie."""
    total, passed = counts.total(), 0
    wanted = [("5%", 0.05 * total), ("50%", 0.5 * total), ("95%", 0.95 * total)]
    spread = {}
    for value in sorted(counts):
        passed += counts[value]
        while wanted and passed >= wanted[0][1]:
            spread[wanted.pop(0)[0]] = value * unit
    return spread

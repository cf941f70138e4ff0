"""A data set being written: cuts into train, dev and test, what is rejected, and a report on all of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from cyasr.cli import RunError, UsageError
from cyasr.data.checks.findings import Checks, lines
from cyasr.data.checks.sentences import NearSentences
from cyasr.data.conf import SPLITS, DataConf
from cyasr.data.leaks import SENTENCE_WORDS, Overlaps
from cyasr.data.rejects import RejectList, writing_rejects
from cyasr.data.split import Plan
from cyasr.data.validate import reject
from cyasr.files import read_json, write_json, writing_gz
from cyasr.segment.segmenter import low_confidence
from cyasr.text.hallucinations import hallucination

if TYPE_CHECKING:
    from cyasr.data.checks.audio import AudioMeasures
    from cyasr.data.checks.duplicates import Heard, NearDuplicates


@dataclass
class SplitTotals:
    """Sums over the cuts of one split."""

    utterances: int = 0
    seconds: float = 0.0
    longest: float = 0.0  # seconds
    words: int = 0
    characters: int = 0
    dialects: Counter[str] = field(default_factory=Counter)
    labels: Counter[str] = field(default_factory=Counter)
    licences: Counter[str] = field(default_factory=Counter)
    domains: Counter[str] = field(default_factory=Counter)


class CutSet:
    """One data set of a Plan, fed cut by cut."""

    def __init__(
        self,
        plan: Plan,
        conf: DataConf,
        outputs: dict[str, IO[str]],
        rejects: RejectList,
        sentences: NearSentences,
        duplicates: NearDuplicates,
    ) -> None:
        self.plan = plan
        self.conf = conf
        self.rejects = rejects
        self.checked: dict[str, Any] = {}  # checks.json, once the set is published
        self._outputs = outputs
        self._overlaps = Overlaps()
        self._totals = {split: SplitTotals() for split in SPLITS}
        self._unused = 0
        self._rates: Counter[int] = Counter()
        self._checks = Checks()
        self._sentences = sentences
        self._duplicates = duplicates
        self._raw = Path("data", conf.raw_from or plan.name.partition("/")[0], "raw")
        self._splits_of = bytearray()  # number of a file in `duplicates` -> a bit for each of its splits

    def add(self, cut: dict[str, Any], line: str, rate: int, measures: AudioMeasures | None = None) -> None:
        """Write `line`, the JSON of `cut`, to its split, or reject what must not be there.

        rate: of the audio as it lies on disk, in Hz. measures: of its whole file; None where that was not decoded.
        """
        supervision = cut["supervisions"][0]
        custom = supervision["custom"]
        split = self.plan.split_of(supervision.get("speaker"), custom.get("split"), cut["recording"]["id"])
        if split is None or any(custom.get(key) not in values for key, values in self.conf.only.items()):
            self.rejects.taken += 1
            self._unused += 1
            return
        heard = None
        if measures:
            heard = self._duplicates.hear(cut["recording"]["id"], cut["custom"]["audio"], measures.fingerprint)
        alike = self._alike(split, cut, heard) if heard and heard.alike else None
        problem = alike if self.conf.split != "official" else None
        problem = problem or low_confidence(supervision, self.conf, split)
        if split == "train" and custom["label"] == "silver" and (made_up := hallucination(custom["text_raw"])):
            problem = f"machine-made text: {made_up}"
        if problem:
            self.rejects.add(reject(supervision, str(cut["recording"]["sources"][0]["source"]), problem))
            return
        self.rejects.taken += 1
        if heard and heard.number >= 0:
            self._splits_of.extend(bytes(max(0, heard.number + 1 - len(self._splits_of))))
            self._splits_of[heard.number] |= 1 << SPLITS.index(split)
        self._outputs[split].write(line)
        self._rates[rate] += 1
        self._count(self._totals[split], cut, supervision["text"], custom)
        self._checks.see(split, cut, rate, measures)
        self._sentences.add(split, cut["id"], supervision["text"])
        if supervision.get("speaker"):
            self._overlaps.add("speakers", split, supervision["speaker"])
        self._overlaps.add("audio", split, cut["custom"]["audio"], cut["id"])
        for source in custom.get("sources", ()):
            self._overlaps.add("sources", split, source)
        if custom.get("prompt"):
            self._overlaps.add("prompts", split, custom["prompt"])
        if supervision["text"].count(" ") + 1 >= SENTENCE_WORDS:
            self._overlaps.add("sentences", split, supervision["text"])

    def check(self) -> None:
        """Raises UsageError for a split without utterances, RunError for a leak in a split of our own."""
        for split in self.plan.needed:
            if not self._totals[split].utterances:
                raise UsageError(
                    f"data/{self.plan.name}: {split} would be empty (split: {self.conf.split}, "
                    f"{self.rejects.taken} utterances, {self._unused} of them in no split, {self.rejects.count} rejected)"
                )
        if leak := self._overlaps.leak(self.conf.split, dev_speakers_train=self.plan.pools):
            raise RunError(f"data/{self.plan.name}: {leak}; a split of our own must not")

    def report(self) -> dict[str, Any]:
        """The set's report.json."""
        splits = {}
        for split, totals in self._totals.items():
            splits[split] = {
                "utterances": totals.utterances,
                "hours": round(totals.seconds / 3600, 4),
                "speakers": self._overlaps.count("speakers", split),
                "words": totals.words,
                "characters": totals.characters,
                "longest_seconds": round(totals.longest, 3),
            } | {kind: dict(sorted(getattr(totals, kind).items())) for kind in ("dialects", "labels", "licences", "domains")}
        return {
            "name": self.plan.name,
            "corpus": self.conf.corpus,
            "release": self.conf.release or self._found_release(),
            "split": self.conf.split,
            "dev_shares_train_speakers": self.plan.pools,
            "utterances_in": self.rejects.taken + self.rejects.count,
            "unused": self._unused,
            "rejected": dict(sorted(self.rejects.reasons.items())),
            "sampling_rates": {str(rate): count for rate, count in sorted(self._rates.items())},
            "splits": splits,
            "overlap": self._overlaps.report(),
        }

    def summary(self) -> str:
        """For the terminal: in = out + unused + rejects; what splits share; a line for each finding."""
        parts = [
            f"{split} {totals.utterances} ({totals.seconds / 3600:.2f} h, {self._overlaps.count('speakers', split)} speakers)"
            for split, totals in self._totals.items()
        ]
        total = self.rejects.taken + self.rejects.count
        first = f"data/{self.plan.name}: {total} in = {' + '.join(parts)} + {self._unused} unused + {self.rejects.count} rejects"
        overlaps = self._overlaps.summary()
        return "\n".join([first, *([f"data/{self.plan.name}: {overlaps}"] if overlaps else []), *lines(self.checked)])

    def publish_checks(self) -> None:
        """Write checks.json; the set's manifests and rejects.tsv have to be in place."""
        for split, name, later, other in self._sentences.pairs():
            self._checks.found["near-duplicate text across splits"].add(f"{split}-{later}", other, f"near {name} of {split}")
        folder = Path("data", self.plan.name)
        self.checked = self._checks.report(self.plan.name, [self._raw / "rejects.tsv", folder / "rejects.tsv"])
        write_json(folder / "checks.json", self.checked)

    def _found_release(self) -> str:
        """What the adapter found the corpus to be, where it says so."""
        identity = self._raw / "identity.json"
        return str(read_json(identity)["release"] or "") if identity.exists() else ""

    def _alike(self, split: str, cut: dict[str, Any], heard: Heard) -> str | None:
        """Count that a file before sounds like this one; why this one is in a wrong split then, or None."""
        own = 1 << SPLITS.index(split)
        within = None
        for number, name in heard.alike:
            splits = self._splits_of[number] if number < len(self._splits_of) else 0
            others = " and ".join(other for place, other in enumerate(SPLITS) if splits & ~own & 1 << place)
            if others:
                if self.conf.split == "official":
                    self._checks.found["near-duplicate audio across splits"].add(
                        split, cut["id"], f"sounds like {name} of {others}"
                    )
                return f"near-duplicate audio: sounds like {name}, which is in {others}"
            if splits:
                within = within or name
        if within:
            self._checks.found["near-duplicate audio"].add(split, cut["id"], f"sounds like {within}")
        return None

    def _count(self, totals: SplitTotals, cut: dict[str, Any], text: str, custom: dict[str, Any]) -> None:
        totals.utterances += 1
        totals.seconds += cut["duration"]
        totals.longest = max(totals.longest, cut["duration"])
        totals.words += text.count(" ") + 1 if text else 0
        totals.characters += len(text)
        totals.dialects[custom["dialect"]] += 1
        totals.labels[custom["label"]] += 1
        totals.licences[custom["licence"]] += 1
        if custom.get("domain"):
            totals.domains[custom["domain"]] += 1


@contextmanager
def writing_cut_sets(plans: list[Plan], conf: DataConf) -> Iterator[list[CutSet]]:
    """Open all sets at once, so that audio is read once whatever the number of folds; published together at the end."""
    from cyasr.data.checks.duplicates import NearDuplicates

    with ExitStack() as memory:
        data = Path("data")
        duplicates = memory.enter_context(closing(NearDuplicates(data)))
        with ExitStack() as stack:
            folders = [data / plan.name for plan in plans]
            outputs = [
                {split: stack.enter_context(writing_gz(folder / f"{split}.jsonl.gz")) for split in SPLITS} for folder in folders
            ]
            # Entered last, so left first: too many rejects must stop the manifests above from being published.
            rejects = [
                stack.enter_context(writing_rejects(folder / "rejects.tsv", conf.max_reject_rate, conf.expected))
                for folder in folders
            ]
            sets = [
                CutSet(plan, conf, files, listed, memory.enter_context(closing(NearSentences(data))), duplicates)
                for plan, files, listed in zip(plans, outputs, rejects, strict=True)
            ]
            yield sets
        for each in sets:
            each.publish_checks()

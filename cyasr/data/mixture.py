"""Several data sets in one: weighted, without what one part is tested on in what another teaches.

    mixture: {el_cy: 1, cv_el: 0.5}    # data sets that stage 2 made, and their weights
    temperature: 1                     # a part's share of an epoch is weight * hours ** (1 / temperature)
    options: {evaluate: [el_cy]}       # parts whose dev and test are taken (default: all)

Train cuts carry custom["repeat"], how often an epoch has each on average; the sampler repeats and thins (sampler.py), so
that no part is lost and none is copied. Dev and test are gold, where any part's are: silver and synthetic labels teach and
never judge, and their own dev and test stay unused. What belongs to dev or test of one part is taken out of all others'
train, and to test of one out of others' dev: speakers, audio, what audio was put together from, and sentences (train only).
"""

from __future__ import annotations

import heapq
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cyasr import conf as confs
from cyasr.cli import UsageError
from cyasr.conf import nearest
from cyasr.data.conf import SPLITS, DataConf
from cyasr.data.corpus import remaking
from cyasr.data.leaks import SENTENCE_WORDS
from cyasr.data.seen import Seen
from cyasr.data.split import Plan
from cyasr.data.utterance import Reject
from cyasr.files import read_json, read_jsonl_gz, write_json
from cyasr.stage import Stage

MANIFESTS = tuple(f"{split}.jsonl.gz" for split in SPLITS)
GUARDED = {"train": ("dev", "test"), "dev": ("test",), "test": ()}  # what a split must not share with other parts
WORLDWIDE = re.compile(r"[0-9a-f-]{32,}")  # speaker names that mean the same person in every corpus: hashes, UUIDs

Row = dict[str, Any]


@dataclass
class Options:
    """`options` of a mixture."""

    evaluate: list[str] = field(default_factory=list)  # parts whose dev and test are taken; empty: all


@dataclass
class Part:
    """One data set of a mixture, and what the first pass learns of it."""

    name: str
    weight: float
    conf: DataConf
    report: Row
    evaluated: bool
    held: dict[tuple[str, str], Seen] = field(default_factory=dict)  # (split, kind) -> values
    stretches: Seen = field(default_factory=Seen)  # of audio that were taken
    kept: bytearray = field(default_factory=bytearray)  # of train, a 1 for each cut that was taken
    seconds: float = 0.0  # of train cuts taken
    judged: dict[str, int] = field(default_factory=lambda: {"dev": 0, "test": 0})  # cuts taken
    repeat: float = 1.0

    @property
    def folder(self) -> Path:
        return Path("data", self.name)

    def cuts(self, split: str) -> Iterator[Row]:
        return (_marked(cut, self.name, split) for cut in read_jsonl_gz(self.folder / f"{split}.jsonl.gz"))

    def has_gold(self, split: str) -> bool:
        return self.evaluated and bool(self.report["splits"][split]["labels"].get("gold"))


def make(conf: DataConf, name: str) -> None:
    """Stage 2 of a mixture: data/<name>/ from its parts' folders. Raises UsageError naming what makes a missing part."""
    options = confs.build(conf.options, Options, Path(f"conf/data_{name}.yaml: options"))
    for part in options.evaluate:
        if part not in conf.mixture:
            raise UsageError(f"conf/data_{name}.yaml: options: evaluate: {part!r} is no part{nearest(part, conf.mixture)}")
    if conf.split == "folds":
        raise UsageError(f"conf/data_{name}.yaml: split: folds; a mixture takes its parts' splits as they are")
    parts = [_part(name, part, weight, options.evaluate) for part, weight in conf.mixture.items()]
    _agree(name, parts)
    for split in ("dev", "test"):
        if not any(part.evaluated and part.report["splits"][split]["utterances"] for part in parts):
            raise UsageError(f"conf/data_{name}.yaml: none of its parts has a {split} set; add one, or to options: evaluate")
    folder = Path("data", name)
    inputs = [part.folder / file for part in parts for file in (*MANIFESTS, "report.json", "conf.yaml")]
    params = {"mixture": conf.mixture, "temperature": conf.temperature, "options": conf.options}
    stage = Stage(folder / ".stamp.json", inputs, params)
    if stage.fresh():
        return
    with remaking(stage, [folder]):
        mix(parts, conf, name)
        stage.done(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))


def mix(parts: list[Part], conf: DataConf, name: str) -> None:
    """Stream `parts` into data/<name>: test, dev and train are judged first, then train is written in its mixed order."""
    from cyasr.data.cut_sets import writing_cut_sets
    from cyasr.data.progress import progress

    gold = {split: any(part.has_gold(split) for part in parts) for split in ("dev", "test")}
    for part in parts:
        _remember(part, gold)
    removed: dict[str, Counter[str]] = {part.name: Counter() for part in parts}
    # What is left out here was never a fault of the data.
    with writing_cut_sets([Plan(name)], replace(conf, max_reject_rate=1.0)) as (out,):
        for split in reversed(SPLITS):
            for number, part in enumerate(parts):
                for cut in progress(part.cuts(split), f"data/{name}: {split} of {part.name}"):
                    if split != "train" and not _judges(cut, part, gold[split]):
                        cut["supervisions"][0]["custom"]["split"] = None
                        _write(out, cut)  # counted as unused
                        continue
                    problem = _problem(cut, split, number, parts)
                    if problem:
                        removed[part.name][problem.partition(":")[0]] += 1
                        out.rejects.add(Reject(cut["id"], str(cut["recording"]["sources"][0]["source"]), problem))
                    else:
                        part.stretches.add(_stretch(cut))
                    if split == "train":
                        part.kept.append(not problem)
                        part.seconds += 0.0 if problem else cut["duration"]
                    elif not problem:
                        part.judged[split] += 1
                        _write(out, cut)
        _set_repeats(parts, conf.temperature)
        for cut in progress(_mixed(parts), f"data/{name}: train", sum(sum(part.kept) for part in parts)):
            _write(out, cut)
        out.check()
    folder = Path("data", name)
    corpora = {"corpus": " + ".join(part.name for part in parts)}
    corpora["release"] = " + ".join(part.report.get("release") or "not given" for part in parts)
    report = out.report() | corpora | {"mixture": _summary(parts, removed), "gold": gold}
    write_json(folder / "report.json", report)
    confs.freeze(conf, folder / "conf.yaml")
    print(out.summary())
    for part, row in report["mixture"].items():
        taken = f"{row['hours']:.2f} h of train, each {row['repeat']:.3g} times an epoch: {100 * row['share']:.0f} % of it"
        left = f"; left out: {', '.join(f'{n} {kind}' for kind, n in row['removed'].items())}" if row["removed"] else ""
        print(f"data/{name}: {part}: {taken}{left}")


def _part(mixture: str, name: str, weight: float, evaluate: list[str]) -> Part:
    """Raises UsageError where data/<name> cannot be part of a mixture."""
    folder, conf = Path("data", name), Path("conf", f"data_{name}.yaml")
    where = f"conf/data_{mixture}.yaml: mixture: {name}"
    if name == mixture:
        raise UsageError(f"{where}: a mixture cannot hold itself")
    if not (folder / "report.json").exists():
        if any(folder.glob("*/report.json")):
            raise UsageError(f"{where}: data/{name} is in folds, whose tests are each other's train; take a set with one split")
        if not conf.exists():
            known = [path.stem.removeprefix("data_") for path in conf.parent.glob("data_*.yaml")]
            raise UsageError(f"{where}: there is no {conf}{nearest(name, known)}")
        raise UsageError(f"{where}: data/{name} is not there; make it: ./run.sh --corpus {name} --stop-stage 2 --corpus-dir DIR")
    own = confs.load(folder / "conf.yaml", DataConf)
    if own.mixture:
        raise UsageError(f"{where}: is a mixture itself; name its parts: {', '.join(own.mixture)}")
    if own.label == "none":
        raise UsageError(f"{where}: has no transcripts to learn from (label: none)")
    if not (folder / "train.jsonl.gz").exists():
        raise UsageError(f"{where}: has no audio; name data/{name}/text.jsonl.gz in `text:` of an lm conf instead")
    return Part(name, weight, own, read_json(folder / "report.json"), not evaluate or name in evaluate)


def _agree(name: str, parts: list[Part]) -> None:
    """Raises UsageError where parts cannot be told apart, or their texts do not go together."""
    profiles = {part.conf.profile: part.name for part in parts}
    if len(profiles) > 1:
        found = ", ".join(f"{part}: {profile}" for profile, part in profiles.items())
        raise UsageError(f"conf/data_{name}.yaml: its parts' texts were normalised with different profiles ({found})")
    for part in parts:
        for other in parts:
            if other.name.startswith(f"{part.name}-"):
                raise UsageError(f"conf/data_{name}.yaml: ids of {part.name} and {other.name} could meet; rename one")


def _remember(part: Part, gold: dict[str, bool]) -> None:
    """What others must not teach: all of the part's dev and test that anybody may be scored on."""
    for split in ("dev", "test"):
        for cut in part.cuts(split):
            if _label(cut) == "gold" or not gold[split]:
                for kind, value in _traits(cut):
                    part.held.setdefault((split, kind), Seen()).add(value)


def _judges(cut: Row, part: Part, gold: bool) -> bool:
    return part.evaluated and (not gold or _label(cut) == "gold")


def _problem(cut: Row, split: str, number: int, parts: list[Part]) -> str | None:
    """Why `cut`, of `split` of parts[number], must not be taken over, or None."""
    traits = [(kind, value) for kind, value in _traits(cut) if split == "train" or kind != "sentence"]
    others = [part for place, part in enumerate(parts) if place != number]
    for held in GUARDED[split]:
        for kind, value in traits:
            for other in others:
                if (held, kind) in other.held and value in other.held[held, kind]:
                    return f"{kind} of another part's {held}: {other.name}, {value}"
    stretch = _stretch(cut) if number else ""
    for earlier in parts[:number]:
        if stretch in earlier.stretches:
            return f"duplicate audio: taken from {earlier.name} already"
    return None


def _set_repeats(parts: list[Part], temperature: float) -> None:
    """Shares of weight * hours ** (1 / temperature), at as many hours an epoch as the weights alone would give."""
    if not all(part.seconds for part in parts):
        empty = ", ".join(part.name for part in parts if not part.seconds)
        raise UsageError(f"mixture: nothing of {empty} is left to learn from; take it out")
    most = max(part.seconds for part in parts)
    wanted = [part.weight * (part.seconds / most) ** (1 / temperature) for part in parts]
    scale = sum(part.weight * part.seconds for part in parts) / sum(wanted)
    for part, share in zip(parts, wanted, strict=True):
        part.repeat = round(scale * share / part.seconds, 6)
        if not part.repeat:
            raise UsageError(f"mixture: weight {part.weight:g} at temperature {temperature:g} leaves nothing of {part.name}")


def _mixed(parts: list[Part]) -> Iterator[Row]:
    """All train cuts that were taken, every part spread evenly over the whole: a sampler's buffer sees them all."""

    def taken(part: Part) -> Iterator[Row]:
        for cut, kept in zip(part.cuts("train"), part.kept, strict=True):
            if kept:
                cut["custom"]["repeat"] = part.repeat
                yield cut

    streams = [taken(part) for part in parts]
    counts = [sum(part.kept) for part in parts]
    queue = [(0.5 / count, number, 0) for number, count in enumerate(counts) if count]
    heapq.heapify(queue)
    while queue:
        _, number, given = heapq.heappop(queue)
        yield next(streams[number])
        if given + 1 < counts[number]:
            heapq.heappush(queue, ((given + 1.5) / counts[number], number, given + 1))


def _summary(parts: list[Part], removed: dict[str, Counter[str]]) -> dict[str, Row]:
    """report.json's "mixture": part -> what an epoch has of it, and what was left out."""
    total = sum(part.repeat * part.seconds for part in parts)
    return {
        part.name: {
            "weight": part.weight,
            "utterances": sum(part.kept),
            "hours": round(part.seconds / 3600, 4),
            "repeat": part.repeat,
            "share": round(part.repeat * part.seconds / total, 4),
            "judges": part.judged,
            "removed": dict(sorted(removed[part.name].items())),
        }
        for part in parts
    }


def _marked(cut: Row, part: str, split: str) -> Row:
    """The cut under ids that no other part has; names of speakers, prompts and sources are their corpus's own."""
    supervision, recording = cut["supervisions"][0], cut["recording"]
    custom = supervision["custom"]
    corpus = custom["corpus"]
    cut["id"] = supervision["id"] = f"{part}-{cut['id']}"
    recording["id"] = supervision["recording_id"] = f"{part}-{recording['id']}"
    speaker = supervision.get("speaker")
    if speaker and not WORLDWIDE.fullmatch(speaker):
        supervision["speaker"] = f"{corpus}-{speaker}"
    if custom.get("prompt"):
        custom["prompt"] = f"{corpus}-{custom['prompt']}"
    if custom.get("sources"):
        custom["sources"] = [f"{corpus}-{source}" for source in custom["sources"]]
    custom["split"] = split
    cut["custom"] |= {"split": split, "part": part}
    return cut


def _traits(cut: Row) -> Iterator[tuple[str, str]]:
    """(kind, value) of all that two parts may not share across train, dev and test."""
    supervision = cut["supervisions"][0]
    if supervision.get("speaker"):
        yield "speaker", supervision["speaker"]
    yield "audio", cut["custom"]["audio"]
    for source in supervision["custom"].get("sources", ()):
        yield "source", source
    if supervision["text"].count(" ") + 1 >= SENTENCE_WORDS:
        yield "sentence", supervision["text"]


def _stretch(cut: Row) -> str:
    return f"{cut['custom']['audio']} {cut.get('channel')} {cut['start']:.2f} {cut['duration']:.2f}"


def _label(cut: Row) -> str:
    return str(cut["supervisions"][0]["custom"]["label"])


def _write(out: Any, cut: Row) -> None:
    recording = cut["recording"]
    transforms = recording.get("transforms") or [{}]
    rate = transforms[0].get("kwargs", {}).get("source_sampling_rate", recording["sampling_rate"])
    out.add(cut, json.dumps(cut, ensure_ascii=False) + "\n", rate)

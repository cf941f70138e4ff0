"""Who is in which split: planned from speakers and their seconds alone, before any audio is read."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cyasr.cli import UsageError
from cyasr.data.conf import SPLITS, DataConf

SAFE_NAME = re.compile(r"(?!raw$)[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
MAX_FOLDS = 50  # all folds are written in one pass, three open files each


@dataclass(frozen=True)
class Plan:
    """One data set: `<name>` or `<name>/<fold>`.

    by_speaker: speaker -> split. None: the corpus's (or adapter's) own split of each utterance counts.
    pools: an utterance is taken where its own split equals the one of its speaker's group: a held-out speaker gives
        its test pool, every other one its train and dev pools.
    train_only: every utterance is train, whatever its own split, but those of a share `dev` of the files, drawn with `seed`;
        nothing is tested.
    """

    name: str
    by_speaker: Mapping[str, str] | None = None
    pools: bool = False
    train_only: bool = False
    dev: float = 0.0
    seed: int = 0

    @property
    def needed(self) -> tuple[str, ...]:
        """Splits that must not be empty."""
        if self.train_only:
            return ("train", "dev") if self.dev else ("train",)
        return SPLITS

    def split_of(self, speaker: str | None, own: str | None, file: str) -> str | None:
        """train, dev or test; None where this set does not use the utterance. file: the recording's id."""
        if self.train_only:
            drawn = int.from_bytes(hashlib.sha256(f"{self.seed} {file}".encode()).digest()[:8])
            return "dev" if drawn < self.dev * 2**64 else "train"
        if self.by_speaker is None:
            return own
        group = self.by_speaker.get(speaker or "")
        if not self.pools or group is None:
            return group
        held_out = group == "test"
        return own if held_out == (own == "test") else None


def plan(conf: DataConf, name: str, summary: Mapping[str, Any]) -> list[Plan]:
    """The sets that `conf` makes of a corpus with this summary.json. Raises UsageError where it cannot be done."""
    if conf.split in {"official", "given", "files"}:
        return [Plan(name)]
    if conf.split == "train":
        return [Plan(name, train_only=True)]
    if conf.split == "train_dev":
        return [Plan(name, train_only=True, dev=conf.dev_share, seed=conf.seed)]
    seconds = {
        speaker: float(sum(total for _, total in splits.values()))
        for speaker, splits in summary["speakers"].items()
        if speaker != "-"
    }
    if len(seconds) < 3 and not (conf.split == "folds" and conf.dev_from == "pools" and len(seconds) == 2):
        raise UsageError(f"{name}: split: {conf.split} needs three speakers at least, this corpus names {len(seconds)}")
    if conf.split == "speakers":
        return [Plan(name, draw_speakers(seconds, conf.dev_share, conf.test_share, conf.seed))]
    groups = deal_folds(seconds, conf.folds)
    if len(groups) > MAX_FOLDS:
        raise UsageError(f"{name}: {len(groups)} folds are too many; set `folds:` to {MAX_FOLDS} or fewer")
    return [_fold(conf, f"{name}/{fold}", index, list(groups.values())) for index, fold in enumerate(groups)]


def draw_speakers(seconds: Mapping[str, float], dev_share: float, test_share: float, seed: int) -> dict[str, str]:
    """speaker -> split; every split gets a speaker, dev and test about their shares of the hours.

    The order in which speakers are asked depends on the seed and their names only, so that a new speaker moves few.
    """
    order = sorted(seconds, key=lambda speaker: hashlib.sha256(f"{seed} {speaker}".encode()).digest())
    total = sum(seconds.values())
    split = dict.fromkeys(order, "train")
    for part, share, kept in (("test", test_share, 2), ("dev", dev_share, 1)):  # kept: speakers that must be left
        free = [speaker for speaker in order if split[speaker] == "train"]
        room = share * total * 1.1
        chosen: list[str] = []
        for speaker in free:
            if len(free) - len(chosen) > kept and seconds[speaker] <= room:
                chosen.append(speaker)
                room -= seconds[speaker]
        split |= dict.fromkeys(chosen or [min(free, key=lambda speaker: seconds[speaker])], part)
    return split


def deal_folds(seconds: Mapping[str, float], folds: int | None) -> dict[str, list[str]]:
    """fold name -> its speakers: one each, or `folds` groups of about equal length (longest speaker first)."""
    speakers = sorted(seconds)
    if folds is None:
        if all(SAFE_NAME.fullmatch(speaker) for speaker in speakers):
            return {speaker: [speaker] for speaker in speakers}
        folds = len(speakers)
    if folds > len(speakers):
        raise UsageError(f"folds: {folds} are more than the {len(speakers)} speakers")
    groups: list[list[str]] = [[] for _ in range(folds)]
    for speaker in sorted(speakers, key=lambda speaker: (-seconds[speaker], speaker)):
        min(groups, key=lambda group: sum(seconds[member] for member in group)).append(speaker)
    width = len(str(folds))
    return {f"fold{number:0{width}}": sorted(group) for number, group in enumerate(groups, 1)}


def _fold(conf: DataConf, name: str, index: int, groups: list[list[str]]) -> Plan:
    by_speaker = {speaker: "train" for group in groups for speaker in group}
    if conf.dev_from == "speakers":
        by_speaker |= dict.fromkeys(groups[(index + 1) % len(groups)], "dev")
    by_speaker |= dict.fromkeys(groups[index], "test")
    if set(by_speaker.values()) != set(SPLITS) and conf.dev_from == "speakers":
        raise UsageError(f"{name}: leaves no speaker for {' or '.join(sorted(set(SPLITS) - set(by_speaker.values())))}")
    return Plan(name, by_speaker, pools=conf.dev_from == "pools")

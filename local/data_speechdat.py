"""SpeechDat and OrienTel: telephone speech, a SAM label file beside each recording of raw A-law samples.

<database>/BLOCK<nn>/SES<nnnn>/ holds <dd><nnnn><item>.<LL>O (labels) and .<LL>A (A-law; .<LL>U µ-law), TABLE/SPEAKER.TBL what
the labels leave out on speakers, INDEX/*TRN*.SES and *TST*.SES the sessions of the published split. Several volumes may lie
side by side; names are met in any case, as CDs are mounted. Of a label file are used

    SES session, SRC audio file, CCD item, SCD SEX AGE speaker, ASS assessment,
    SAM rate, SNB and SBF bytes of a sample, QNT coding, NCH channels, END last sample,
    LBR prompt (begin, end, gain, min, max, text), LBO what was said (begin, middle, end, text), EXT the text's next line.

Marks in what was said: [fil] filled pause, [spk] noise of the speaker, [sta] [int] of the line or room, *word mispronounced,
** not to be understood, ~ attached where the recording cuts a word.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cyasr import conf as confs
from cyasr.cli import UsageError, run
from cyasr.data.corpus import DataConf, Reject, Utterance, main
from cyasr.data.sam import MARKS, as_wav, decoded, digits, read_label, said_of, without_marks
from cyasr.data.walk import files, folders

GET = (
    "OrienTel and SpeechDat databases are sold by ELRA (catalogue.elra.info) or had from their makers: give the folder with "
    "BLOCK00/, or with all volumes"
)
LABEL = re.compile(r"(?i)(.+\.[a-z]{2})o")
AUDIO = re.compile(r"(?i)(.+\.[a-z]{2})[au]")
SESSIONS = re.compile(r"(?i)(tr(?:ai)?n|te?st).*\.(?:ses|lst)$")
GENDERS = {"M": "male", "F": "female"}
UNUSABLE = ("GARBAGE", "MISSING")  # of ASS


@dataclass
class Options:
    """conf.options. keep: marked words that stay, without their marks. encoding: of labels and tables."""

    keep: list[str] = field(default_factory=lambda: ["mispronounced"])
    encoding: str = "auto"  # UTF-8 where it is that, else ISO 8859-7

    def __post_init__(self) -> None:
        if unknown := set(self.keep) - set(MARKS.values()):
            raise ValueError(f"keep: {', '.join(sorted(unknown))} is none of {', '.join(MARKS.values())}")
        try:
            "".encode("iso-8859-7" if self.encoding == "auto" else self.encoding)
        except LookupError:
            raise ValueError(f"encoding: {self.encoding!r} is none that Python knows") from None


def prepare(corpus_dir: Path, raw: Path, conf: DataConf) -> Iterator[Utterance | Reject]:
    """One Utterance a label file; its audio is written to `raw`/audio, 16 bit."""
    options = confs.build(conf.options, Options, Path("options"))
    shutil.rmtree(raw / "audio", ignore_errors=True)
    tables = Tables(corpus_dir, options)
    if conf.split in {"official", "given"} and not {"train", "test"} <= set(tables.sessions.values()):
        raise UsageError(
            f"{corpus_dir}: split: {conf.split} needs INDEX/*TRN*.SES and INDEX/*TST*.SES with the published split; without them "
            "set split: speakers"
        )
    for folder, names in folders(corpus_dir):
        audio = {name.lower(): folder / name for name in names if AUDIO.fullmatch(name)}
        into = raw / "audio" / folder.relative_to(corpus_dir)
        labelled = set()
        for name in filter(LABEL.fullmatch, names):
            where, same = folder / name, (f"{name[:-1]}{end}".lower() for end in "au")
            recorded = next((audio[other] for other in same if other in audio), None)
            label = read_label(where, options.encoding) if where.is_file() else None
            if label is None and recorded is None:
                continue  # another kind of file
            if label and label.get("SRC"):
                recorded = audio.get(re.split(r"[\\/]", label["SRC"])[-1].lower(), recorded)
            labelled.add(recorded)
            if label is None:
                yield Reject(name, str(where), "no SAM label file: it does not begin with LHD")
            else:
                yield utterance(where, recorded or folder / f"{name[:-1]}A", into, label, tables, conf)
        for path in audio.values():
            if path not in labelled:
                yield Reject(path.stem, str(path), "audio without transcript")


def utterance(
    where: Path, recorded: Path, into: Path, label: Mapping[str, str], tables: Tables, conf: DataConf
) -> Utterance | Reject:
    """The Utterance of one label file, its audio written below `into`; or why it cannot be used."""
    name = where.stem.upper()
    said = said_of(label.get("LBO", ""))
    if said is None:
        got = label.get("LBO", "none")
        return Reject(name, str(where), f"no transcript: expected LBO: begin, middle, end, text, got {got!r}")
    text, tags = without_marks(said)
    assessment = label.get("ASS", "").strip().upper()
    if assessment in UNUSABLE:
        return Reject(name, str(where), f"assessed as unusable: {assessment}")
    if "**" in said:
        return Reject(name, str(where), f"not to be understood: {said}")
    if dropped := [tag for tag in tags if tag in MARKS.values() and tag not in tables.options.keep]:
        return Reject(name, str(where), f"{dropped[0]} word: {said}")
    if not text:
        return Reject(name, str(where), f"no speech: {said or 'empty'}")
    audio = recorded
    if recorded.is_file():
        try:
            audio = as_wav(recorded, into / f"{recorded.stem}.wav", label)
        except ValueError as error:
            return Reject(name, str(where), str(error))
    session = digits(label.get("SES", "")) or digits(where.parent.name)
    speaker = label.get("SCD", "").strip() or f"SES{session}"
    about = tables.speakers.get(speaker.lstrip("0"), {})
    sex = (label.get("SEX", "").strip() or about.get("SEX", "")).upper()
    prompt = said_of(label.get("LBR", ""), fields=5)
    return Utterance(
        id=name,
        audio=audio,
        text=text,
        speaker=speaker,
        where=str(where),
        split=tables.split_of(session, speaker, conf),
        domain=label.get("CCD", "").strip()[:1].upper() or None,  # items: S sentences, W words, C numbers, …
        prompt=prompt or None,
        gender=GENDERS.get(sex[:1]),
        age=digits(label.get("AGE", "")) or digits(about.get("AGE", "")) or None,
        tags=tuple([*tags, assessment.lower()] if assessment not in {"", "OK"} else tags),
    )


class Tables:
    """What INDEX/ and TABLE/ say: the split of sessions, and what is known of speakers."""

    def __init__(self, corpus_dir: Path, options: Options) -> None:
        self.options = options
        self.sessions: dict[str, str] = {}
        self.speakers: dict[str, dict[str, str]] = {}
        for path in files(corpus_dir):
            if path.parent.name.upper() == "INDEX" and (match := SESSIONS.search(path.name)):
                split = "train" if match[1].upper().startswith("TR") else "test"
                text = decoded(path.read_bytes(), options.encoding)
                numbers = re.findall(r"(?i)\bses(\d+)", text) or re.findall(r"(?m)^\s*(\d{3,})\b", text)
                self.sessions |= {str(int(number)): split for number in numbers}
            elif path.name.upper() == "SPEAKER.TBL":
                self.speakers |= read_speakers(decoded(path.read_bytes(), options.encoding))

    def split_of(self, session: str, speaker: str, conf: DataConf) -> str | None:
        """The published one; of its train sessions a share of speakers, drawn by name, is dev."""
        split = self.sessions.get(session)
        drawn = int.from_bytes(hashlib.sha256(f"{conf.seed} {speaker}".encode()).digest()[:8]) / 2**64
        return "dev" if split == "train" and drawn < conf.dev_share else split


def read_speakers(text: str) -> dict[str, dict[str, str]]:
    """SCD without leading zeros -> all columns, of a table whose first row names them."""
    rows = [re.split(r"\t|\s{2,}|;", line.strip()) for line in text.splitlines() if line.strip()]
    if rows and len(rows[0]) < 2:
        rows = [line.split() for line in text.splitlines() if line.strip()]
    if not rows or "SCD" not in rows[0]:
        return {}
    header, *others = rows
    tables = [dict(zip(header, (cell.strip() for cell in cells), strict=False)) for cells in others]
    return {row["SCD"].lstrip("0"): row for row in tables if row.get("SCD")}


if __name__ == "__main__":
    run(lambda: main(prepare, get=GET))

"""Multilingual TEDx, Greek (OpenSLR 100): TEDx talks cut into sentences; one speaker a talk, official split.

el-el/data/{train,valid,test}/ holds wav/<talk>.flac, vtt/ (the subtitles as they were, not needed) and txt/ with a line for
each sentence in <split>.el, <split>.yaml and segments. Sounds in brackets, (Χειροκρότημα), become tags. Where el-en/ lies
beside el-el/, its English goes into `translation`.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cyasr import conf as confs
from cyasr.cli import UsageError, run
from cyasr.data.archives import unpack
from cyasr.data.corpus import DataConf, Reject, Utterance, main
from cyasr.data.timed import Timed, by_recording, seconds

GET = (
    "Multilingual TEDx (CC BY-NC-ND 4.0): https://openslr.org/100, mtedx_el.tgz; give it, or the folder with it or with el-el/ "
    "(and, for English translations, el-en/ or mtedx_el-en.tgz)"
)
SPLITS = {"train": "train", "valid": "dev", "test": "test"}  # theirs -> ours
SOUND = re.compile(r"[(\[]\s*([^\W\d_]+(?:[ -][^\W\d_]+){0,2})\s*[)\]]")  # up to three words; longer asides are spoken
MARKUP = re.compile(r"</?[A-Za-z][^>]*>|[♪♫]|^\s*[-–—]+\s*")


@dataclass
class Options:
    """conf.options: none."""


def prepare(corpus_dir: Path, raw: Path, conf: DataConf) -> Iterator[Utterance | Reject]:
    """One Utterance a sentence, by talk."""
    confs.build(conf.options, Options, Path("options"))
    pair = find_pair(corpus_dir, raw, "el-el")
    if pair is None:
        raise UsageError(f"{corpus_dir} holds neither el-el/ nor data/train/txt/. {GET}")
    translated = find_pair(corpus_dir, raw, "el-en")
    for theirs, ours in SPLITS.items():
        folder = pair / "data" / theirs
        english = read_english(translated / "data" / theirs) if translated else {}
        audio = {path.stem: path for path in sorted((folder / "wav").glob("*"))}
        for group in by_recording(read_sentences(folder, "el")):
            if isinstance(group, Reject):
                yield group
                continue
            for row in group[1]:
                yield utterance(row, audio.get(row.audio), ours, english.get(place(row)))
        listed = {talk for _, talk, _, _ in read_times(folder / "txt")}
        yield from (Reject(talk, str(path), "audio without transcript") for talk, path in audio.items() if talk not in listed)


def utterance(row: Timed, audio: Path | None, split: str, english: str | None) -> Utterance | Reject:
    text, sounds = cleaned(row.text)
    if not text:
        return Reject(row.id, row.where, f"no speech: {row.text.strip() or 'an empty line'}")
    if audio is None:
        return Reject(row.id, row.where, f"audio is missing: wav/{row.audio}.flac")
    return Utterance(
        id=row.id,
        audio=audio,
        text=text,
        speaker=row.audio,
        where=row.where,
        start=row.start,
        end=row.end,
        split=split,
        tags=sounds,
        translation={"en": english} if english else None,
    )


def find_pair(corpus_dir: Path, raw: Path, pair: str) -> Path | None:
    """The folder that holds data/ of a language pair, unpacked if need be; None where there is none."""
    for folder in (corpus_dir / pair, corpus_dir / "mtedx_corpus" / pair, corpus_dir if pair == "el-el" else None):
        if folder and (folder / "data").is_dir():
            return folder
    for name in (f"mtedx_{pair}.tgz", f"mtedx_{pair[:2]}.tgz" if pair == "el-el" else "", f"{pair}.tgz"):
        if name and (corpus_dir / name).is_file():
            return find_pair(unpack(corpus_dir / name, raw / f"unpacked-{pair}"), raw, pair)
    return None


def read_sentences(folder: Path, language: str) -> Iterator[Timed | Reject]:
    """The sentences of one split, or why one cannot be. Raises UsageError for files that do not match."""
    texts = folder / "txt" / f"{folder.name}.{language}"
    times = list(read_times(folder / "txt"))
    lines = texts.read_bytes().splitlines() if texts.is_file() else None
    if lines is None:
        raise UsageError(f"{texts} does not exist; is --corpus-dir the right folder?")
    if len(lines) != len(times):
        raise UsageError(f"{texts} has {len(lines)} lines for {len(times)} segments in the same folder; unpack the archive again")
    for number, (line, (sentence, talk, start, end)) in enumerate(zip(lines, times, strict=True), 1):
        where = f"{texts}:{number}"
        begin, finish = seconds(start), seconds(end)
        if begin is None or finish is None or begin >= finish:
            yield Reject(sentence, where, f"no valid times: {start} to {end}")
            continue
        try:
            yield Timed(talk, begin, finish, line.decode("utf-8"), where, sentence)
        except UnicodeDecodeError as error:
            yield Reject(sentence, where, f"not UTF-8: byte {error.start} of the line is 0x{line[error.start]:02x}")


def read_times(txt: Path) -> Iterator[tuple[str, str, str, str]]:
    """(sentence id, talk, start, end) of each line of `segments`, or of <split>.yaml where that is missing."""
    if (txt / "segments").is_file():
        for number, line in enumerate((txt / "segments").read_bytes().splitlines(), 1):
            fields = line.decode(errors="replace").split()
            if len(fields) != 4:
                raise UsageError(f"{txt / 'segments'}:{number}: expected `sentence talk start end`, got {line!r}")
            yield fields[0], fields[1], fields[2], fields[3]
        return
    import yaml

    table = txt / f"{txt.parent.name}.yaml"
    if not table.is_file():
        raise UsageError(f"{txt} holds neither segments nor {table.name}; is --corpus-dir the right folder?")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times faster where it is there
    try:
        for number, row in enumerate(yaml.load(table.read_bytes(), Loader=loader) or []):
            talk = Path(str(row["wav"])).stem
            start, length = float(row["offset"]), float(row["duration"])
            yield f"{talk}_{number:05}", talk, f"{start:.6f}", f"{start + length:.6f}"
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise UsageError(f"{table}: no list of segments with wav, offset and duration ({' '.join(str(error).split())})") from None


def read_english(folder: Path) -> dict[tuple[str, int], str]:
    """Place -> English. A few thousand sentences."""
    if not folder.is_dir():
        return {}
    return {place(row): row.text.strip() for row in read_sentences(folder, "en") if isinstance(row, Timed)}


def place(row: Timed) -> tuple[str, int]:
    """Talk and start in tenths of a second: the pairs are cut alike, their times rounded differently."""
    return row.audio, round(row.start * 10)


def cleaned(text: str) -> tuple[str, tuple[str, ...]]:
    """(what is said, sounds that stood in brackets)."""
    text = html.unescape(text)
    sounds = tuple(dict.fromkeys(sound.lower() for sound in SOUND.findall(text)))
    return " ".join(MARKUP.sub(" ", SOUND.sub(" ", text)).split()), sounds


if __name__ == "__main__":
    run(lambda: main(prepare, get=GET))

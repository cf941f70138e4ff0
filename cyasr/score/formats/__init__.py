"""Transcripts as other toolkits keep them: told apart, read and written as utterances, one at a time.

| name  | a line is                                                   | utterances are called by            |
|-------|-------------------------------------------------------------|-------------------------------------|
| trn   | `words … (speaker-utterance)`                               | the id                              |
| stm   | `file channel speaker begin end [<labels>] words …`         | all but labels and words            |
| ctm   | `file channel begin duration word [confidence]`             | file, and channel where there is stm |
| kaldi | `utterance words …`                                         | the first column                    |
| nemo  | JSON with audio_filepath, text (hypotheses: pred_text)      | the audio file                      |
| jsonl | JSON with id and text; also n-best lists, our own rows, Lhotse's cuts and supervisions | id        |
| lines | words only                                                  | the line's number                   |
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from cyasr.cli import RunError, UsageError
from cyasr.files import replacing, writing_gz
from cyasr.score.formats import nist
from cyasr.score.utterances import Utterance, Word, text_lines

FORMATS = ("trn", "stm", "ctm", "kaldi", "nemo", "jsonl", "lines")
SUFFIXES = {"trn": "trn", "stm": "stm", "ctm": "ctm", "jsonl": "jsonl", "json": "jsonl", "ndjson": "jsonl"}
EXTENSIONS = {"kaldi": "txt", "nemo": "jsonl", "lines": "txt"}
IDS = ("id", "utt_id", "utterance_id", "utt", "key")
AUDIO = ("audio_filepath", "audio", "path", "wav")
TEXTS = {
    "reference": ("text", "ref", "reference", "transcript", "transcription", "sentence"),
    "hypothesis": ("pred_text", "hyp", "hypothesis", "prediction", "text", "transcript", "transcription", "sentence"),
}
GROUPS = ("speaker", "dialect", "domain", "corpus", "label")


def detect(path: Path) -> str:
    """The format by the file's name, or by its first lines. Raises UsageError where there is nothing to tell it by."""
    for part in reversed(path.name.lower().split(".")[1:]):
        if part in SUFFIXES:
            return _json_kind(path) if SUFFIXES[part] == "jsonl" else SUFFIXES[part]
    lines = list(islice((line for _, line in text_lines(path) if line.strip() and not line.startswith(nist.COMMENT)), 50))
    if not lines:
        raise UsageError(f"{path} is empty; name its format with --ref-format or --hyp-format")
    if all(line.lstrip().startswith("{") and line.rstrip().endswith("}") for line in lines):
        return _json_kind(path)
    if all(nist.TRN.fullmatch(line) for line in lines):
        return "trn"
    rows = [line.split() for line in lines]
    if _timed(rows, (3, 4), 1 << 30):
        return "stm"
    if _timed(rows, (2, 3), 9):
        return "ctm"
    return "kaldi"


def read(path: Path, form: str, side: str = "reference", partner: str | None = None) -> Iterator[Utterance]:
    """Utterances of a file in the format `form`; side: "reference" or "hypothesis"; partner: the other file's format.

    Raises RunError naming the file and line of what cannot be read.
    """
    if form == "trn":
        return nist.read_trn(path)
    if form == "stm":
        return nist.read_stm(path)
    if form == "ctm":
        return nist.read_ctm(path, by_channel=partner in ("stm", "ctm", None))
    if form == "kaldi":
        return _read_kaldi(path)
    if form == "lines":
        return (Utterance(str(number), line, f"{path}:{number}") for number, line in text_lines(path))
    if form in ("jsonl", "nemo"):
        return _read_json(path, side, by_path=partner == "nemo")
    raise UsageError(f"format {form!r}; there are {', '.join(FORMATS)}")


def write(path: Path, form: str, utterances: Iterable[Utterance]) -> int:
    """Write `utterances` to `path`, gzipped where it ends in .gz; return how many. Nothing is left there on an error."""
    count = 0

    def lines() -> Iterator[str]:
        nonlocal count
        for one in utterances:
            count += 1
            yield from lines_of(one, form)

    if path.suffix == ".gz":
        with writing_gz(path) as out:
            out.writelines(lines())
        return count
    with replacing(path) as temporary, open(temporary, "w", encoding="utf-8", newline="\n") as out:
        out.writelines(lines())
    return count


def row(one: Utterance) -> dict[str, Any]:
    """An utterance as our own JSON: id and text, and of the rest what is known."""
    known = {name: getattr(one, name) for name in (*GROUPS, "duration") if getattr(one, name) is not None}
    return {"id": one.id, "text": one.text} | known


def lines_of(one: Utterance, form: str) -> Iterator[str]:
    """The lines of one utterance, each with its end. Raises RunError where the format cannot hold it."""
    if form == "trn":
        yield nist.trn_line(one) + "\n"
    elif form == "stm":
        yield nist.stm_line(one) + "\n"
    elif form == "ctm":
        yield from (line + "\n" for line in nist.ctm_lines(one))
    elif form == "kaldi":
        if not one.id or one.id.split() != [one.id]:
            raise RunError(f"{one.where}: {one.id!r} cannot be an utterance id in Kaldi's text")
        yield f"{one.id} {' '.join(one.text.split())}".rstrip() + "\n"
    elif form == "nemo":
        audio = {"audio_filepath": one.id} | ({} if one.duration is None else {"duration": one.duration})
        yield json.dumps(audio | {"text": one.text}, ensure_ascii=False) + "\n"
    elif form == "jsonl":
        yield json.dumps(row(one), ensure_ascii=False) + "\n"
    elif form == "lines":
        yield " ".join(one.text.split()) + "\n"
    else:
        raise UsageError(f"format {form!r}; there are {', '.join(FORMATS)}")


def _read_kaldi(path: Path) -> Iterator[Utterance]:
    for number, line in text_lines(path):
        name, _, text = line.strip(" \t\r").replace("\t", " ").partition(" ")
        if name:
            yield Utterance(name, text.strip(), f"{path}:{number}")


def _read_json(path: Path, side: str, by_path: bool) -> Iterator[Utterance]:
    for number, line in text_lines(path):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            hint = "; the whole file is one JSON list, write a line for each of its items" if line.strip() == "[" else ""
            raise RunError(f"{where}: no JSON ({error}){hint}") from None
        if not isinstance(value, dict):
            raise RunError(f"{where}: a JSON {type(value).__name__}, not an object with an id and a text")
        yield _of_json(value, side, where, by_path)


def _of_json(value: dict[str, Any], side: str, where: str, by_path: bool) -> Utterance:
    """One utterance from a row of any JSON format; what is no text of ours is looked for in supervisions and custom."""
    supervisions = value.get("supervisions")
    inner = supervisions[0] if isinstance(supervisions, list) and supervisions and isinstance(supervisions[0], dict) else {}
    custom = {**_dict(value.get("custom")), **_dict(inner.get("custom"))}
    one = Utterance(_id(value, where, by_path), "", where)
    if isinstance(value.get("hyps"), list) and side == "hypothesis":
        one.hyps = [_text(_dict(hyp).get("text"), one) for hyp in value["hyps"]]
        one.text = one.hyps[0] if one.hyps else ""
        best = _dict(value["hyps"][0]) if one.hyps else {}
        if isinstance(best.get("words"), list):
            one.words = [Word(word["w"], word["start"], word["end"], word.get("conf")) for word in best["words"]]
        one.decode_seconds = _float(value.get("decode_seconds"), one, "decode_seconds") or 0.0
        one.audio_seconds = _float(value.get("audio_seconds"), one, "audio_seconds") or 0.0
    elif isinstance(supervisions, list):
        ranked = sorted(map(_dict, supervisions), key=lambda part: part.get("start") or 0.0)
        one.text = " ".join(_text(part.get("text"), one) for part in ranked)
    else:
        key = next((key for key in TEXTS[side] if key in value), None)
        if key is None:
            raise RunError(f"{where}: utterance {one.id} has no {' or '.join(TEXTS[side])}")
        one.text = _text(value[key], one)
    for name in GROUPS:
        found = value.get(name, inner.get(name, custom.get(name)))
        setattr(one, name, None if found is None else str(found))
    one.duration = _float(value.get("duration", inner.get("duration")), one, "duration")
    return one


def _id(value: dict[str, Any], where: str, by_path: bool) -> str:
    """An id if there is one; else the audio file, by its path as written (by_path) or its stem, and its offset."""
    for key in IDS:
        if isinstance(value.get(key), str | int):
            return str(value[key])
    for key in AUDIO:
        if isinstance(value.get(key), str):
            name = value[key] if by_path else Path(value[key]).stem
            return f"{name}@{value['offset']:g}" if isinstance(value.get("offset"), int | float) and value["offset"] else name
    raise RunError(f"{where}: neither {', '.join(IDS)} nor {', '.join(AUDIO)}: there is nothing to call the utterance by")


def _timed(rows: list[list[str]], columns: tuple[int, int], most: int) -> bool:
    """Have all rows times in these columns, some with a decimal point, and from 5 to `most` columns?"""
    if not all(5 <= len(row) <= most for row in rows):
        return False
    times = [row[at] for row in rows for at in columns if row[at] != "*"]
    return any("." in time for time in times) and all(re.fullmatch(r"\d*\.?\d+", time) for time in times)


def _json_kind(path: Path) -> str:
    for _, line in text_lines(path):
        if line.strip():
            return "nemo" if '"audio_filepath"' in line and not re.search(r'"(id|utt_id)"\s*:', line) else "jsonl"
    return "jsonl"


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any, one: Utterance) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise RunError(f"{one.where}: the text of utterance {one.id} is a {type(value).__name__}, not a string")
    return value


def _float(value: Any, one: Utterance, name: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RunError(f"{one.where}: {name} of utterance {one.id} is no number")
    return float(value)

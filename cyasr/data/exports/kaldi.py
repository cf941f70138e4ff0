"""A Kaldi data directory: wav.scp, segments, text, utt2spk, spk2utt, utt2dur, reco2dur, as validate_data_dir.sh asks.

An utterance id begins with its speaker, so that both sort alike; what sorts is bytes, as under LC_ALL=C.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path
from sqlite3 import Connection

from cyasr.data.exports.cut_rows import CutRow, copy_audio, safe
from cyasr.data.formats.spool import database
from cyasr.files import replacing

GENDERS = {"f": "f", "female": "f", "female_feminine": "f", "m": "m", "male": "m", "male_masculine": "m"}
BY_UTTERANCE = ("licence", "dialect", "label")  # utt2<these>: none of Kaldi's, read back by format: kaldi
READERS = {".flac": "flac -c -d -s {} |"}  # other than WAV; what is not here asks for ffmpeg
FFMPEG = "ffmpeg -nostdin -loglevel error -i {} -f wav -acodec pcm_s16le - |"


def write(split: str, cuts: Iterable[CutRow], folder: Path, copy: bool) -> int:
    """`folder`/`split`; returns how many utterances. copy: audio into its wav/, one file an utterance."""
    out = folder / split
    out.mkdir(parents=True, exist_ok=True)
    with database(out) as tables:
        tables.execute("CREATE TABLE utts (utt TEXT PRIMARY KEY, spk TEXT, rec TEXT, start REAL, end REAL, text TEXT, lang TEXT,"
                       " gender TEXT, licence TEXT, dialect TEXT, label TEXT)")  # fmt: skip
        tables.execute("CREATE TABLE recs (rec TEXT PRIMARY KEY, spec TEXT, length REAL, channel INTEGER, channels INTEGER)")
        for row in cuts:
            _add(row, tables, out, copy)
        _files(tables, out)
        count = tables.execute("SELECT COUNT(*) FROM utts").fetchone()[0]
    return int(count)


def _add(row: CutRow, tables: Connection, out: Path, copy: bool) -> None:
    name, speaker = safe(row.id, "-"), safe(row.speaker or row.id)  # "-" sorts before all that a speaker's name may hold
    utterance = speaker if not row.speaker else name if name.startswith(f"{speaker}-") else f"{speaker}-{name}"
    custom = row.custom
    gender = GENDERS.get(str(custom.get("gender", "")).lower())
    if copy:
        audio = copy_audio(row, out / "wav" / f"{utterance}.wav")
        recording, spec, length, start = utterance, str(audio.resolve()), row.duration, 0.0
    else:
        recording = safe(row.recording, "-") + (f"-{row.channel + 1}" if row.channels > 1 else "")
        spec, length, start = _spec(row), row.length, row.start
        recording = utterance if row.whole else recording
    tables.execute("INSERT OR IGNORE INTO recs VALUES (?, ?, ?, ?, ?)", (recording, spec, length, row.channel, row.channels))
    extra = [custom.get(key) for key in BY_UTTERANCE]
    values = (
        utterance,
        speaker,
        recording,
        start,
        min(start + row.duration, length),
        _text(row.text),
        row.language,
        gender,
        *extra,
    )
    tables.execute("INSERT INTO utts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)


def _spec(row: CutRow) -> str:
    """What wav.scp says: a path, or a command that gives WAV."""
    if row.channels > 1:
        return f"sox {shlex.quote(str(row.audio))} -t wav - remix {row.channel + 1} |"
    if row.audio.suffix.lower() == ".wav" and " " not in str(row.audio):
        return str(row.audio)
    return READERS.get(row.audio.suffix.lower(), "cat {} |" if row.audio.suffix.lower() == ".wav" else FFMPEG).format(
        shlex.quote(str(row.audio))
    )


def _text(text: str) -> str:
    """Kaldi's own symbols may not stand in a text, nor spaces of other kinds."""
    return " ".join(word for word in text.split() if word not in ("<s>", "</s>", "#0"))


def _files(tables: Connection, out: Path) -> None:
    cut = tables.execute("SELECT 1 FROM utts JOIN recs USING (rec) WHERE rec != utt LIMIT 1").fetchone()
    queries = {
        "text": "SELECT utt, text FROM utts ORDER BY utt",
        "utt2spk": "SELECT utt, spk FROM utts ORDER BY utt",
        "utt2dur": "SELECT utt, printf('%.4f', end - start) FROM utts ORDER BY utt",
        "wav.scp": "SELECT rec, spec FROM recs ORDER BY rec",
        "reco2dur": "SELECT rec, printf('%.4f', length) FROM recs ORDER BY rec",
        "segments": "SELECT utt, rec, printf('%.4f', start), printf('%.4f', end) FROM utts ORDER BY utt" if cut else "",
        "utt2lang": _if_all(tables, "lang"),
        **{f"utt2{key}": _if_all(tables, key) for key in BY_UTTERANCE},
        "spk2gender": _genders(tables),
    }
    for name, query in queries.items():
        if query:
            _write(out / name, tables.execute(query))
        else:
            (out / name).unlink(missing_ok=True)
    _write(out / "spk2utt", _by_speaker(tables))


def _if_all(tables: Connection, column: str) -> str:
    """Kaldi wants such a file to speak of every utterance, or not to be there."""
    empty = tables.execute(f"SELECT 1 FROM utts WHERE {column} IS NULL LIMIT 1").fetchone()
    return "" if empty else f"SELECT utt, {column} FROM utts ORDER BY utt"


def _genders(tables: Connection) -> str:
    query = "SELECT spk, MIN(gender) FROM utts GROUP BY spk HAVING COUNT(DISTINCT gender) = 1 AND COUNT(gender) = COUNT(*)"
    known = tables.execute(f"SELECT COUNT(*) FROM ({query})").fetchone()
    return f"{query} ORDER BY spk" if known == tables.execute("SELECT COUNT(DISTINCT spk) FROM utts").fetchone() else ""


def _by_speaker(tables: Connection) -> Iterator[tuple[str, ...]]:
    speaker, utterances = None, []
    for utterance, now in tables.execute("SELECT utt, spk FROM utts ORDER BY utt"):
        if now != speaker and speaker is not None:
            yield speaker, *utterances
            utterances = []
        speaker = now
        utterances.append(utterance)
    if speaker is not None:
        yield speaker, *utterances


def _write(path: Path, rows: Iterable[tuple[str, ...]]) -> None:
    with replacing(path) as temporary, open(temporary, "w", encoding="utf-8") as out:
        for row in rows:
            out.write(" ".join(row) + "\n")

"""Other people's layouts broken in every way we could think of, through the formats that read them."""

from __future__ import annotations

import gzip
import json
import struct
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local import data_own
from tests.data.broken import IDS, SPLITS, TEXT, Case, Rejected, check

Row = dict[str, Any]
DEEP = "[" * 100_000
HUGE = "9" * 5000


def split_of(number: int) -> str:
    return SPLITS[number % 4]


def lines(path: Path, rows: list[Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows) + "\n"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))


# --- JSON lines as a table


def json_rows() -> list[Any]:
    return [
        {"id": name, "audio": f"wav/{name}.wav", "text": TEXT, "speaker": f"s{number % 4}", "split": split_of(number)}
        for number, name in enumerate(IDS)
    ]


def json_case(expected: Rejected | str, **cells: Any) -> Case:
    """u03 has these cells."""

    def case(corpus: Path) -> Rejected | str:
        rows = json_rows()
        rows[3] |= cells
        lines(corpus / "table.jsonl", rows)
        return expected

    return case


def json_line(line: str, expected: Rejected) -> Case:
    def case(corpus: Path) -> Rejected:
        rows = json_rows()
        rows[3] = line
        lines(corpus / "table.jsonl", rows)
        return {"u03": "audio without transcript"} | expected

    return case


JSON: dict[str, Case] = {
    "no JSON": json_line("{oops", {"table.jsonl": "no valid JSON"}),
    "a row that is a list": json_line("[1, 2]", {"table.jsonl": "no valid row"}),
    "a row that is null": json_line("null", {"table.jsonl": "no valid row"}),
    "brackets 100,000 deep": json_line(DEEP, {"table.jsonl": "no valid JSON"}),
    "a number of 5,000 digits": json_line(f'{{"id": {HUGE}}}', {"table.jsonl": "no valid JSON"}),
    "half a surrogate pair in the text": json_case({"u03": "no Unicode"}, text="εν \ud800 να"),
    "half a surrogate pair in the id": json_case({"u03": None, "table.jsonl": "no Unicode"}, id="u03\udfff"),
    "half a surrogate pair in the path": json_case({"u03": ""}, audio="wav/\ud83d.wav"),
    "a line break in the id": json_case({"u03": None, "table.jsonl": "an id with control"}, id="u03\nu99"),
    "a NUL in the id": json_case({"u03": None, "table.jsonl": "an id with control"}, id="u03\0"),
    "an id of blanks": json_case({"u03": None, "table.jsonl": "no id"}, id="   "),
    "an id of 10,000 characters": json_case({"u03": None}, id="x" * 10_000),
    "an id that is a list": json_case({"u03": None}, id=["u03"]),
    "a duplicate id": json_case({"u03": None, "table.jsonl": "duplicate id"}, id="u02"),
    "a text that is a number": json_case({"u03": "no transcript"}, text=5),
    "a text that is an object": json_case({"u03": "no transcript"}, text={"el": TEXT}),
    "a text that is null": json_case({"u03": "empty transcript"}, text=None),
    "a path that is an object": json_case({"u03": ""}, audio={"bytes": "x"}),
    "a path that leads out": json_case({"u03": "audio is missing"}, audio="../../../../../../../etc/passwd"),
    "an absolute path": json_case({"u03": "audio is missing"}, audio="/etc/passwd"),
    "a start that is NaN": json_case({"u03": "no time"}, start=float("nan"), end=0.5),
    "an end that is infinite": json_case({"u03": "no time"}, start=0, end=float("inf")),
    "a start of 10^400": json_case({"u03": "no time"}, start=10**400, end=10**401),
    "a negative start": json_case({"u03": "outside its audio"}, start=-1, end=0.5),
    "an end before the start": json_case({"u03": "outside its audio"}, start=0.8, end=0.2),
    "an end behind the audio": json_case({"u03": "outside its audio"}, start=0, end=99),
    "a start that is a text": json_case({"u03": "no time"}, start="soon", end="later"),
    "a start that is a list": json_case({"u03": "no time"}, start=[0], end=1),
    "a duration that is NaN": json_case({"u03": "no time"}, duration=float("nan")),
    "a duration of 1e308": json_case({"u03": "wrong duration"}, duration=1e308),
    "a channel that there is not": json_case({"u03": "no such channel"}, channel=7),
    "a channel of -1": json_case({"u03": "no such channel"}, channel=-1),
    "a channel that is a text": json_case({"u03": ""}, channel="left"),
    "a speaker that is a list": json_case({}, speaker=["a", "b"]),
    "a split that is a number": json_case({"u03": None}, split=7),
}


@pytest.mark.parametrize("case", JSON.values(), ids=JSON.keys())
def test_bad_json_lines_are_listed(case: Case, corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    conf = "corpus: broken\nformat: table\noptions: {tables: [table.jsonl]}\n"
    check(data_own.prepare, case, monkeypatch, conf)


# --- Kaldi


def kaldi(corpus: Path, change: Callable[[dict[str, list[str]]], object] = lambda tables: None) -> None:
    """Data directories, test's tables changed; u03 is in test."""
    for split in ("train", "dev", "test"):
        names = [name for number, name in enumerate(IDS) if split_of(number) == split]
        tables = {
            "wav.scp": [f"{name} wav/{name}.wav" for name in names],
            "text": [f"{name} {TEXT}" for name in names],
            "utt2spk": [f"{name} s-{split}" for name in names],
        }
        if split == "test":
            change(tables)
        for name, rows in tables.items():
            lines(corpus / split / name, list(rows))


def kaldi_case(expected: Rejected | str, table: str, line: str | None) -> Case:
    """u03's line of a table is another; None: it has none."""

    def change(tables: dict[str, list[str]]) -> None:
        tables.setdefault(table, [])
        tables[table] = [row for row in tables[table] if not row.startswith("u03 ")] + ([line] if line is not None else [])

    def case(corpus: Path) -> Rejected | str:
        kaldi(corpus, change)
        return expected

    return case


def segments_case(expected: Rejected, line: str) -> Case:
    def change(tables: dict[str, list[str]]) -> None:
        tables["segments"] = [f"{row.split()[0]} {row.split()[0]} 0 0.9" for row in tables["text"] if "u03" not in row] + [line]

    def case(corpus: Path) -> Rejected:
        kaldi(corpus, change)
        return expected

    return case


KALDI: dict[str, Case] = {
    "a text without audio": kaldi_case({"u03": ""}, "wav.scp", None),
    "audio without text": kaldi_case({"u03": "audio without transcript"}, "text", None),
    "a text of nothing": kaldi_case({"u03": "empty transcript"}, "text", "u03"),
    "a text of blanks": kaldi_case({"u03": "empty transcript"}, "text", "u03    "),
    "a key of two": kaldi_case({"test/text": "duplicate id"}, "text", f"u03 {TEXT}\nu03 {TEXT} {TEXT}"),
    "a command that removes": kaldi_case({"u03": "pipe not understood"}, "wav.scp", "u03 touch evil |"),
    "a command behind a command": kaldi_case({"u03": "pipe not understood"}, "wav.scp", "u03 cat wav/u03.wav; touch evil |"),
    "a command in a command": kaldi_case({"u03": ""}, "wav.scp", "u03 cat $(touch evil) |"),
    "an open quote in a command": kaldi_case({"u03": "pipe not understood"}, "wav.scp", "u03 cat 'wav/u03.wav |"),
    "a path that leads out": kaldi_case({"u03": "audio is missing"}, "wav.scp", "u03 ../../../../../../../../etc/passwd"),
    "an ark": kaldi_case({"u03": "audio in an archive"}, "wav.scp", "u03 wav.ark:17"),
    "no path": kaldi_case({"u03": ""}, "wav.scp", "u03"),
    "a segment that is NaN": segments_case({"u03": "no time"}, "u03 u03 nan 1"),
    "a segment that is infinite": segments_case({"u03": "no time"}, "u03 u03 0 inf"),
    "a segment before its audio": segments_case({"u03": "outside its audio"}, "u03 u03 -5 0.9"),
    "a segment that ends first": segments_case({"u03": "outside its audio"}, "u03 u03 0.9 0.1"),
    "a segment behind its audio": segments_case({"u03": "outside its audio"}, "u03 u03 0.1 7"),
    "a segment of nothing known": segments_case({"u03": "audio is missing"}, "u03 other 0.1 0.9"),
    "a segment of three fields": segments_case({"u03": "no valid row"}, "u03 u03 0.1"),
    "a segment of one field": segments_case({"u03": "audio is missing"}, "u03"),
    "a segment of five fields": segments_case({"u03": "no valid row"}, "u03 u03 0.1 0.9 x"),
    "no data directory": lambda corpus: "wav.scp",
}


@pytest.mark.parametrize("case", KALDI.values(), ids=KALDI.keys())
def test_bad_kaldi_directories_are_listed_and_no_command_runs(case: Case, corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check(data_own.prepare, case, monkeypatch, "corpus: broken\nformat: kaldi\n")
    assert not list(Path(".").rglob("evil"))


# --- a folder of audio and transcripts


BOMB = '<!DOCTYPE d [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;">]>'
FILE = '<!DOCTYPE d [<!ENTITY c SYSTEM "file:///etc/passwd">]>'
EAF = (
    '<?xml version="1.0"?>{dtd}<ANNOTATION_DOCUMENT><TIME_ORDER><TIME_SLOT TIME_SLOT_ID="a" TIME_VALUE="{start}"/>'
    '<TIME_SLOT TIME_SLOT_ID="b" TIME_VALUE="{end}"/></TIME_ORDER><TIER TIER_ID="t"><ANNOTATION><ALIGNABLE_ANNOTATION '
    'ANNOTATION_ID="x" TIME_SLOT_REF1="{slot}" TIME_SLOT_REF2="b"><ANNOTATION_VALUE>{text}</ANNOTATION_VALUE>'
    "</ALIGNABLE_ANNOTATION></ANNOTATION></TIER></ANNOTATION_DOCUMENT>"
)
GRID = (
    'File type = "ooTextFile"\nObject class = "TextGrid"\n\n0 1 <exists> {tiers} "IntervalTier" "t" 0 1 {count} 0 {end} "εν να"\n'
)


def eaf(dtd: str = "", start: Any = 0, end: Any = 900, slot: str = "a", text: str = TEXT) -> str:
    return EAF.format(dtd=dtd, start=start, end=end, slot=slot, text=text)


def folder_case(reason: str, suffix: str, text: str | bytes | None, name: str | None = None) -> Case:
    """u03's transcript is u03`suffix` with this text; None: there is none."""

    def case(corpus: Path) -> Rejected:
        (corpus / "test/u03.txt").unlink()
        if text is not None:
            (corpus / f"test/u03{suffix}").write_bytes(text if isinstance(text, bytes) else text.encode())
        return {"test-u03": None, name: reason} if name else {"test-u03": reason}

    return case


FOLDER: dict[str, Case] = {
    "no transcript": folder_case("audio without transcript", ".txt", None),
    "an empty one": folder_case("empty transcript", ".txt", ""),
    "in a code page": folder_case("not UTF-8", ".txt", "καλημέρα".encode("cp1253")),
    "zeros": folder_case("", ".txt", bytes(5000)),
    "of half a UTF-16": folder_case("", ".txt", TEXT.encode("utf-16")[:-1]),
    "subtitles without times": folder_case("no subtitles", ".srt", "1\nεν να πάμεν\n"),
    "subtitles that end first": folder_case("no length", ".srt", f"1\n00:00:01,000 --> 00:00:00,100\n{TEXT}\n", "u03.srt"),
    "subtitles behind the audio": folder_case(
        "outside its audio", ".srt", f"1\n99:00:01,000 --> 99:00:02,000\n{TEXT}\n", "u03.srt"
    ),
    "subtitles of letters": folder_case("no subtitles", ".srt", f"1\n00:00:0x,000 --> 00:00:01,000\n{TEXT}\n"),
    "empty subtitles": folder_case("empty transcript", ".srt", ""),
    "subtitles of a page": folder_case("no subtitles", ".vtt", "<html>404</html>"),
    "an entity bomb": folder_case("no ELAN document", ".eaf", eaf(dtd=BOMB, text="&c;")),
    "an entity that reads a file": folder_case("no ELAN document", ".eaf", eaf(dtd=FILE, text="&c;")),
    "ELAN cut in two": folder_case("no valid XML", ".eaf", eaf()[:200]),
    "ELAN of another root": folder_case("no ELAN document", ".eaf", "<html/>"),
    "ELAN with times of letters": folder_case("no ELAN document", ".eaf", eaf(start="soon")),
    "ELAN with infinite times": folder_case("no length", ".eaf", eaf(end="inf"), "u03.eaf"),
    "ELAN with times that are no numbers": folder_case("no length", ".eaf", eaf(end="nan"), "u03.eaf"),
    "ELAN with slots that are not there": folder_case("no ELAN document", ".eaf", eaf(slot="nowhere")),
    "ELAN that ends first": folder_case("no length", ".eaf", eaf(start=900, end=100), "u03.eaf"),
    "ELAN 10,000 deep": folder_case("no", ".eaf", "<a>" * 10_000 + "</a>" * 10_000),
    "TextGrid cut in two": folder_case("truncated TextGrid", ".TextGrid", GRID.format(tiers=1, count=2, end=1)),
    "TextGrid of 10^12 intervals": folder_case("truncated TextGrid", ".TextGrid", GRID.format(tiers=1, count=10**12, end=1)),
    "TextGrid of 10^400 intervals": folder_case("no TextGrid", ".TextGrid", GRID.format(tiers=1, count="1e400", end=1)),
    "TextGrid of words": folder_case("no TextGrid", ".TextGrid", GRID.format(tiers=1, count='"many"', end=1)),
    "TextGrid that is binary": folder_case("no TextGrid", ".TextGrid", b"ooBinaryFile\x08TextGrid" + bytes(99)),
    "TextGrid that ends first": folder_case("no length", ".TextGrid", GRID.format(tiers=1, count=1, end=-4), "u03.TextGrid"),
}


@pytest.mark.parametrize("case", FOLDER.values(), ids=FOLDER.keys())
def test_a_bad_transcript_beside_audio_is_listed(case: Case, corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = []
    for number, name in enumerate(IDS):
        folder = corpus / split_of(number)
        folder.mkdir(exist_ok=True)
        (corpus / f"wav/{name}.wav").rename(folder / f"{name}.wav")
        (folder / f"{name}.txt").write_text(TEXT, encoding="utf-8")
        ids.append(f"{folder.name}-{name}")
    (corpus / "wav").rmdir()
    check(data_own.prepare, case, monkeypatch, "corpus: broken\nformat: folder\n", ids=ids)


# --- NeMo


def nemo_case(expected: Rejected | str, **cells: Any) -> Case:
    """u03's row has these cells."""

    def case(corpus: Path) -> Rejected | str:
        for split in ("train", "dev", "test"):
            rows: list[Any] = [
                {"audio_filepath": f"wav/{name}.wav", "text": TEXT, "duration": 1.0, "id": name}
                for number, name in enumerate(IDS)
                if split_of(number) == split
            ]
            if split == "test":
                rows[0] |= cells
            lines(corpus / f"{split}.json", rows)
        return expected

    return case


NEMO: dict[str, Case] = {
    "a path that is null": nemo_case({"u03": None, "test.json": "no audio"}, audio_filepath=None),
    "a path that is a list": nemo_case({"u03": ""}, audio_filepath=["wav/u03.wav"]),
    "an offset that is NaN": nemo_case({"u03": "no time"}, offset=float("nan")),
    "an offset before the audio": nemo_case({"u03": "outside its audio"}, offset=-3.0),
    "a duration of 10^400": nemo_case({"u03": "no time"}, duration=10**400),
    "a duration that is an object": nemo_case({"u03": "no time"}, duration={}),
    "an offset behind the audio": nemo_case({"u03": "outside its audio"}, offset=70.0),
    "a text that is a list": nemo_case({"u03": "no transcript"}, text=["εν"]),
    "a shard where there are none": nemo_case("no tars lie beside it", shard_id=0),
}


@pytest.mark.parametrize("case", NEMO.values(), ids=NEMO.keys())
def test_bad_nemo_rows_are_listed(case: Case, corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check(data_own.prepare, case, monkeypatch, "corpus: broken\nformat: nemo\n")


# --- Hugging Face


def parquet(corpus: Path, change: Callable[[Row], object] = lambda row: None, **types: Any) -> None:
    """A shard a split; u03's row changed."""
    import pyarrow as pa
    from pyarrow import parquet as files

    for split in ("train", "dev", "test"):
        rows = [
            {"id": name, "audio": {"bytes": (corpus / f"wav/{name}.wav").read_bytes(), "path": f"{name}.wav"}, "text": TEXT}
            for number, name in enumerate(IDS)
            if split_of(number) == split
        ]
        if split == "test":
            change(rows[0])
        files.write_table(pa.Table.from_pylist(rows), corpus / f"{split}-00000-of-00001.parquet")


def parquet_case(expected: Rejected | str, change: Callable[[Row], object]) -> Case:
    def case(corpus: Path) -> Rejected | str:
        parquet(corpus, change)
        return expected

    return case


def shard_case(expected: Rejected | str, damage: Callable[[Path], object]) -> Case:
    """The whole test shard is damaged."""

    def case(corpus: Path) -> Rejected | str:
        parquet(corpus)
        damage(corpus / "test-00000-of-00001.parquet")
        return expected

    return case


HF: dict[str, Case] = {
    "audio of no bytes": parquet_case({"u03": "empty file"}, lambda row: row.update(audio={"bytes": b"", "path": "x.wav"})),
    "audio that is null": parquet_case({"u03": "no audio"}, lambda row: row.update(audio=None)),
    "audio that is text": parquet_case({"u03": "unreadable audio"}, lambda row: row["audio"].update(bytes=b"no audio" * 99)),
    "a path that leads out": parquet_case({}, lambda row: row["audio"].update(path="../../../../evil.wav")),
    "an id that leads out": parquet_case({}, lambda row: row.update(id="../../../../u03")),
    "an id with a line break": parquet_case({}, lambda row: row.update(id="u03\nu99")),
    "a text that is null": parquet_case({"u03": "empty transcript"}, lambda row: row.update(text=None)),
    "a shard cut in two": shard_case(
        "test would be empty", lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    ),
    "a shard that is empty": shard_case("test would be empty", lambda path: path.write_bytes(b"")),
    "a shard whose footer lies": shard_case(
        "test would be empty", lambda path: path.write_bytes(path.read_bytes()[:-8] + struct.pack("<I4s", 2**31, b"PAR1"))
    ),
    "a shard that is a page": shard_case("test would be empty", lambda path: path.write_text("<html>404</html>")),
}


@pytest.mark.parametrize("case", HF.values(), ids=HF.keys())
def test_bad_parquet_is_listed(case: Case, corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = {"an id that leads out": "u03"}
    ids = [
        name
        for name in IDS
        if not (case in (HF["an id that leads out"], HF["an id with a line break"]) and name in names.values())
    ]
    check(data_own.prepare, case, monkeypatch, "corpus: broken\nformat: hf\n", ids=ids)
    assert not list(Path("..").glob("evil*")) and not list(Path("..").glob("u03*"))


# --- Lhotse


def manifests(corpus: Path, recording: Row | None = None, supervision: Row | None = None) -> None:
    """u03's rows changed."""
    for split in ("train", "dev", "test"):
        names = [name for number, name in enumerate(IDS) if split_of(number) == split]
        recordings: list[Row] = [
            {
                "id": name,
                "sources": [{"type": "file", "channels": [0], "source": f"wav/{name}.wav"}],
                "sampling_rate": 16000,
                "num_samples": 16000,
                "duration": 1.0,
            }
            for name in names
        ]
        supervisions: list[Row] = [
            {"id": name, "recording_id": name, "start": 0.0, "duration": 1.0, "channel": 0, "text": TEXT} for name in names
        ]
        if split == "test":
            recordings[0] |= recording or {}
            supervisions[0] |= supervision or {}
        for kind, rows in (("recordings", recordings), ("supervisions", supervisions)):
            path = corpus / f"toy_{kind}_{split}.jsonl.gz"
            path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))


def manifest_case(expected: Rejected | str, recording: Row | None = None, supervision: Row | None = None) -> Case:
    def case(corpus: Path) -> Rejected | str:
        manifests(corpus, recording, supervision)
        return expected

    return case


def gz_case(expected: Rejected | str, damage: Callable[[bytes], bytes]) -> Case:
    """The supervisions of test are damaged."""

    def case(corpus: Path) -> Rejected | str:
        manifests(corpus)
        path = corpus / "toy_supervisions_test.jsonl.gz"
        path.write_bytes(damage(path.read_bytes()))
        return expected

    return case


LHOTSE: dict[str, Case] = {
    "a source that is a command": manifest_case(
        {"u03": ""}, {"sources": [{"type": "command", "channels": [0], "source": "touch evil"}]}
    ),
    "a source that is a URL": manifest_case(
        {"u03": "audio is missing"}, {"sources": [{"type": "url", "channels": [0], "source": "http://x"}]}
    ),
    "no sources": manifest_case({"u03": "audio is missing"}, {"sources": []}),
    "sources that are a text": manifest_case({"u03": ""}, {"sources": "wav/u03.wav"}),
    "a path that leads out": manifest_case(
        {"u03": "audio is missing"}, {"sources": [{"type": "file", "channels": [0], "source": "../../../../../../etc/passwd"}]}
    ),
    "a duration that is null": manifest_case({"u03": ""}, None, {"duration": None}),
    "a duration that is NaN": manifest_case({"u03": "no time"}, None, {"duration": float("nan")}),
    "a channel that is a text": manifest_case({"u03": ""}, None, {"channel": "left"}),
    "a custom that is a list": manifest_case({}, None, {"custom": [1]}),
    "a recording that is not there": manifest_case({"u03": ""}, None, {"recording_id": "other"}),
    "changed audio": manifest_case({"u03": "changed audio"}, {"transforms": [{"name": "Speed", "kwargs": {"factor": 2}}]}),
    "transforms that are a number": manifest_case({"u03": ""}, {"transforms": 5}),
    "gzip cut in two": gz_case("", lambda data: data[: len(data) // 2]),
    "gzip of nothing": gz_case("test would be empty", lambda data: gzip.compress(b"")),
    "no gzip": gz_case("", lambda data: b"{}"),
    "rows that are lists": gz_case("test would be empty", lambda data: gzip.compress(b"[1]\n[2]\n")),
}


@pytest.mark.parametrize("case", LHOTSE.values(), ids=LHOTSE.keys())
def test_bad_lhotse_manifests_are_listed(case: Case, corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check(data_own.prepare, case, monkeypatch, "corpus: broken\nformat: lhotse\n")
    assert not list(Path(".").rglob("evil"))


def test_a_shard_whose_tar_is_cut_is_listed(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def case(corpus: Path) -> str:
        for split in ("train", "dev", "test"):
            folder = corpus / f"shar/{split}"
            folder.mkdir(parents=True)
            names = [name for number, name in enumerate(IDS) if split_of(number) == split]
            with tarfile.open(folder / "recording.000000.tar", "w") as tar:
                for name in names:
                    tar.add(corpus / f"wav/{name}.wav", f"{name}.wav")
            cuts = [
                {
                    "id": name,
                    "start": 0,
                    "duration": 1.0,
                    "type": "MonoCut",
                    "supervisions": [{"id": name, "start": 0, "duration": 1.0, "text": TEXT}],
                }
                for name in names
            ]
            (folder / "cuts.000000.jsonl.gz").write_bytes(gzip.compress("".join(json.dumps(cut) + "\n" for cut in cuts).encode()))
        tar_path = corpus / "shar/test/recording.000000.tar"
        tar_path.write_bytes(tar_path.read_bytes()[:700])
        return "test would be empty"

    check(data_own.prepare, case, monkeypatch, "corpus: broken\nformat: lhotse\n")

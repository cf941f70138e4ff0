"""Stage 1 loses nothing: whatever an adapter yields is in the manifests or in the list of rejects, with its reason."""

from __future__ import annotations

import csv
import struct
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from cyasr.cli import RunError, UsageError
from cyasr.data.corpus import DataConf, Reject, Utterance, link_corpus, main, write_raw
from cyasr.data.tables import read_table
from cyasr.files import read_json, read_jsonl_gz

CONF = DataConf(corpus="toy", licence="CC0-1.0", language="el-CY", max_reject_rate=1.0)
RAW = Path("data/toy/raw")


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def speech(path: str, seconds: float = 0.5, rate: int = 16000, seed: int = 0) -> Path:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).uniform(-0.3, 0.3, int(seconds * rate))
    soundfile.write(path, noise, rate)
    return Path(path)


def rejects() -> list[list[str]]:
    with open(RAW / "rejects.tsv", encoding="utf-8", newline="") as rows:
        return list(csv.reader(rows, delimiter="\t"))[1:]


def zero_length(path: Path) -> None:
    path.write_bytes(b"")


def text_as_audio(path: Path) -> None:
    path.write_text("this is no audio " * 100)


def header_only(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:44])
    data = bytearray(path.read_bytes())
    data[40:44] = struct.pack("<I", 0)
    path.write_bytes(data)


def half_a_header(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:20])


def missing(path: Path) -> None:
    path.unlink()


def a_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (zero_length, "empty file"),
        (text_as_audio, "unreadable audio"),
        (header_only, "no samples"),
        (half_a_header, "unreadable audio"),
        (missing, "audio is missing"),
        (a_directory, "unreadable audio"),
    ],
)
def test_audio_that_cannot_be_read_is_listed_and_the_rest_is_kept(spoil: Callable[[Path], None], reason: str) -> None:
    bad, good = speech("c/bad.wav"), speech("c/good.wav")
    spoil(bad)
    write_raw([Utterance("bad", bad, "ναι", where="c/table.tsv:2"), Utterance("good", good, "ναι")], RAW, CONF)
    [[identity, where, why]] = rejects()
    assert (identity, where) == ("bad", "c/bad.wav (c/table.tsv:2)") and why.startswith(reason)
    assert [row["id"] for row in read_jsonl_gz(RAW / "recordings.jsonl.gz")] == ["good"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"id": "first"}, "duplicate id"),
        ({"id": " "}, "no id"),
        ({"text": " \n"}, "empty transcript"),
        ({"split": "tset"}, "unknown split"),
        ({"audio": Path("c/first.wav")}, "audio listed twice"),
        ({"start": 0.2, "end": 0.9}, "outside its audio"),
        ({"start": 0.4, "end": 0.3}, "outside its audio"),
        ({"channel": 1}, "no such channel"),
    ],
)
def test_a_wrong_row_is_listed_with_its_line(changes: dict[str, object], reason: str) -> None:
    row: dict[str, object] = {"id": "second", "audio": speech("c/second.wav"), "text": "όι", "where": "table.tsv:3"} | changes
    write_raw([Utterance("first", speech("c/first.wav"), "ναι"), Utterance(**row)], RAW, CONF)  # type: ignore[arg-type]
    [[_, where, why]] = rejects()
    assert where == "table.tsv:3" and why.startswith(reason)
    assert read_json(RAW / "summary.json")["utterances"] == 1


def test_a_header_that_claims_more_than_the_file_holds_is_truncated_audio() -> None:
    path = speech("c/a.wav")
    path.write_bytes(path.read_bytes()[:8044])
    write_raw([Utterance("a", path, "ναι")], RAW, CONF)
    assert rejects() == [["a", "c/a.wav", "truncated: claims 8000 samples, has 4000"]]


def test_segments_of_one_file_share_its_recording() -> None:
    path = speech("c/long.wav", 3.0)
    segments = [Utterance(f"s{i}", path, "ναι", start=i, end=i + 1.0) for i in range(3)]
    write_raw([*segments, Utterance("other", speech("c/other.wav"), "ναι")], RAW, CONF)
    recordings = [row["id"] for row in read_jsonl_gz(RAW / "recordings.jsonl.gz")]
    supervisions = [(row["id"], row["recording_id"]) for row in read_jsonl_gz(RAW / "supervisions.jsonl.gz")]
    assert recordings == ["c.long", "other"]
    assert supervisions == [("s0", "c.long"), ("s1", "c.long"), ("s2", "c.long"), ("other", "other")]


def test_audio_without_transcript_is_listed() -> None:
    named, unnamed = speech("c/a.wav"), speech("c/b.wav")
    write_raw([Utterance("a", named, "ναι")], RAW, CONF, audio=[unnamed, named])
    assert rejects() == [["b", "c/b.wav", "audio without transcript"]]


def test_too_many_rejects_fail_naming_the_first_and_publish_nothing() -> None:
    conf = DataConf(corpus="toy", licence="CC0-1.0", language="el", max_reject_rate=0.2)
    items = [Utterance(f"u{i}", Path(f"c/{i}.wav"), "ναι") for i in range(9)]
    with pytest.raises(RunError, match=r"9 of 10 rejected.*u0 \(c/0.wav\): audio is missing.* and 6 more in"):
        write_raw([*items, Utterance("good", speech("c/good.wav"), "ναι")], RAW, conf)
    assert [path.name for path in RAW.iterdir()] == ["rejects.tsv"]


def test_a_corpus_without_utterances_is_refused() -> None:
    with pytest.raises(UsageError, match="holds no utterance"):
        write_raw([], RAW, CONF)


def test_a_text_file_that_is_not_utf8_is_one_clear_line() -> None:
    Path("t.txt").write_bytes("ναι".encode("iso8859-7"))

    def prepare() -> Iterator[Utterance]:
        yield Utterance("a", speech("c/a.wav"), Path("t.txt").read_text(encoding="utf-8"))

    with pytest.raises(UsageError, match="not UTF-8 at its byte 0"):
        write_raw(prepare(), RAW, CONF)


def test_a_table_with_damaged_lines_gives_its_good_rows_and_the_place_of_the_bad_ones() -> None:
    Path("t.tsv").write_bytes("\ufeffid\ttext\na\tναι\n".encode() + b"b\t\xed\xe1\xe9\n" + 'c\n\nd\tόι "\n'.encode())
    rows = list(read_table(Path("t.tsv"), ["text", "id"]))
    assert [row["id"] for row in rows if not isinstance(row, Reject)] == ["a", "d"]
    assert [(row.where, row.reason) for row in rows if isinstance(row, Reject)] == [
        ("t.tsv:3", "not UTF-8: byte 22 of the file is 0xed"),
        ("t.tsv:4", "wrong number of cells: 1 for 2 columns"),
    ]


@pytest.mark.parametrize(("name", "message"), [("none.tsv", "does not exist"), ("t.tsv", "t.tsv:1: no column speaker")])
def test_a_missing_table_or_column_is_one_clear_line(name: str, message: str) -> None:
    Path("t.tsv").write_text("id\ttext\n")
    with pytest.raises(UsageError, match=message):
        list(read_table(Path(name), ["id", "speaker"]))


def test_a_corpus_dir_that_is_absent_missing_empty_or_a_file_is_refused_saying_how_to_get_it() -> None:
    Path("empty").mkdir()
    Path("file").write_text("")
    for given, message in [
        (None, "needs --corpus-dir"),
        ("no", "does not exist"),
        ("empty", "is empty"),
        ("file", "no directory"),
    ]:
        with pytest.raises(UsageError, match=f"{message}.*Toy: from nowhere"):
            link_corpus(Path(given) if given else None, RAW, "Toy: from nowhere")
    assert not RAW.exists()


def prepare(corpus_dir: Path, raw: Path, conf: DataConf) -> Iterable[Utterance | Reject]:
    return [Utterance(path.stem, path, "ναι") for path in sorted(corpus_dir.glob("*.wav"))]


def run_main(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["data_toy", "--conf", "conf/data_toy.yaml", *arguments])
    main(prepare, get="Toy: from nowhere")


def test_the_corpus_dir_is_remembered_and_a_change_in_it_is_seen(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("conf").mkdir()
    Path("conf/data_toy.yaml").write_text("corpus: toy\nlicence: CC0-1.0\nlanguage: el\n")
    speech("elsewhere/a.wav")
    run_main(monkeypatch, "--corpus-dir", "elsewhere")
    [recording] = read_jsonl_gz(RAW / "recordings.jsonl.gz")
    assert recording["sources"][0]["source"] == "data/toy/raw/corpus/a.wav"
    run_main(monkeypatch)
    speech("elsewhere/b.wav")
    run_main(monkeypatch)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(": ", 1)[1] for line in (lines[1], lines[2])] == [
        "data/toy/raw is up to date",
        "data/toy/raw is rebuilt: changed: corpus_dir",
    ]
    assert len(list(read_jsonl_gz(RAW / "recordings.jsonl.gz"))) == 2


def test_lhotse_reads_and_accepts_the_manifests() -> None:
    from lhotse import RecordingSet, SupervisionSet
    from lhotse.qa import validate_recordings_and_supervisions

    write_raw([Utterance(f"u{i}", speech(f"c/{i}.flac", 0.5 + i / 7, 22050), "ναι", "s") for i in range(3)], RAW, CONF)
    recordings = RecordingSet.from_file(RAW / "recordings.jsonl.gz")
    supervisions = SupervisionSet.from_file(RAW / "supervisions.jsonl.gz")
    validate_recordings_and_supervisions(recordings, supervisions, read_data=True)
    assert [one.recording_id for one in supervisions] == [one.id for one in recordings]

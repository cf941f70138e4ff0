"""Tables and NeMo manifests: columns, splits, times and paths as people write them; damaged rows are listed."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from cyasr.cli import UsageError
from tests.data.own_corpora import CORPUS, found, read, speech, write


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def clips(*names: str, folder: str = "") -> None:
    for name in names:
        speech(Path(folder, f"{name}.wav"))


def reasons(rejects: list[Any]) -> list[tuple[str, str]]:
    return [(each.where.removeprefix("corpus/"), each.reason.partition(":")[0]) for each in rejects]


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("data.csv", 'path,sentence,client_id\na.wav,"έλα, δα",s1\nb.wav,"είπεν ""όι""",s2\n'),
        ("data.csv", '\ufeffPath;Sentence;Client ID\r\na.wav;έλα, δα;s1\r\nb.wav;"είπεν ""όι""";s2\r\n'),
        ("data.tsv", 'file_name\ttranscription\tspeaker\na.wav\tέλα, δα\ts1\nb.wav\tείπεν "όι"\ts2\n'),
        ("metadata.csv", 'a|έλα, δα\nb|είπεν "όι"\n'),  # LJ Speech: no header, no suffix
        ("lines.jsonl", '{"audio": "a.wav", "text": "έλα, δα", "speaker": "s1"}\n\n{"audio": "b", "text": "είπεν \\"όι\\""}\n'),
        ("trans.txt", 'a έλα, δα\nb είπεν "όι"\n'),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_table_is_read_without_being_told_how(name: str, table: str, encoding: str) -> None:
    clips("a", "b")
    write(name, table, encoding)
    utterances, rejects = read("table", found("table").keys["options"])
    assert [(each.id, str(each.audio), each.text) for each in utterances] == [
        ("a", "corpus/a.wav", "έλα, δα"),
        ("b", "corpus/b.wav", 'είπεν "όι"'),
    ]
    assert rejects == []


def test_prose_beside_audio_is_no_table() -> None:
    clips("a", "b")
    write("LICENCE.txt", "a list of\nnotes.md and other files\nthat lie here\n")
    write("notes.md", "a\n")
    for name in "ab":
        write(f"{name}.txt", "ναι")
    assert found().keys["format"] == "folder"


def test_columns_of_any_name_are_mapped_by_the_conf() -> None:
    clips("a", folder="snd")
    write("t.csv", "n,what,who,lang,kind\na.wav,έλα,Άννα,en,telephone\n")
    columns = {"audio": "n", "text": "what", "speaker": "who", "domain": "kind"}
    [utterance] = read("table", {"columns": columns, "audio_dir": "snd"})[0]
    assert (utterance.speaker, utterance.language, utterance.domain) == ("Άννα", "en", "telephone")
    for wrong, message in (
        ({"audio": "m"}, "no column 'm'; there are n, what, who, lang, kind"),
        ({"sound": "n"}, "'sound' is none of"),
        ({"text": "what"}, "t.csv: which column names the audio"),
    ):
        with pytest.raises(UsageError, match=message):
            read("table", {"columns": wrong})


def test_a_table_without_header_takes_numbers_for_columns() -> None:
    clips("a", folder="wavs")
    write("metadata.csv", "a|Το 1ον|το πρώτον\n")
    assert found("table").keys["options"] | {"draw": None} == {
        "tables": ["metadata.csv"], "columns": {"audio": 0, "text": 2}, "audio_dir": "wavs", "draw": None,
    }  # fmt: skip
    options = {"tables": ["metadata.csv"], "columns": {"audio": 0, "text": 1}, "audio_dir": "wavs", "header": False}
    assert [each.text for each in read("table", options)[0]] == ["Το 1ον"]


def test_splits_come_from_a_column_or_from_the_tables_names() -> None:
    clips("a", "b", "c", "d", folder="clips")
    write("all.csv", "path,text,split\na.wav,έ,train\nb.wav,έ,validation\nc.wav,έ,TEST\nd.wav,έ,other\n")
    utterances, _ = read("table", {"audio_dir": "clips"})
    assert [each.split for each in utterances] == ["train", "dev", "test", None]
    utterances, _ = read("table", {"audio_dir": "clips", "splits": {"other": "train", "train": "unused"}})
    assert [each.split for each in utterances] == [None, "dev", "test", "train"]
    (CORPUS / "all.csv").unlink()
    for name, clip in {"train": "a", "dev": "b", "test": "c"}.items():
        write(f"{name}.tsv", f"path\tsentence\n{clip}.wav\tένα\n")
    proposal = found("table")
    assert proposal.keys["split"] == "official" and proposal.keys["options"]["audio_dir"] == "clips"
    utterances, rejects = read("table", proposal.keys["options"])
    assert {each.id: each.split for each in utterances} == {"a": "train", "b": "dev", "c": "test"}
    assert reasons(rejects) == [("clips/d.wav", "audio without transcript")]


def test_the_hubs_audio_folder_has_a_table_in_each_split() -> None:
    for split in ("train", "validation", "test"):
        speech(f"{split}/{split}.wav")
        write(f"{split}/metadata.csv", f"file_name,transcription\n{split}.wav,εν {split}\n")
    proposal = found()
    assert proposal.keys["format"] == "table" and proposal.keys["split"] == "official"
    utterances, _ = read("table", proposal.keys["options"])
    assert [(each.text, each.split) for each in utterances] == [
        ("εν test", "test"),
        ("εν train", "train"),
        ("εν validation", "dev"),
    ]


def test_times_are_seconds_clocks_or_other_units() -> None:
    speech("a.wav", 100)
    write("t.csv", 'audio,text,start,end\na.wav,ένα,0.5,00:01.5\na.wav,δύο,"1:02,25",63\na.wav,τρία,soon,3\na.wav,δ,4,nan\n')
    utterances, rejects = read("table")
    assert [(each.start, each.end, each.id) for each in utterances] == [
        (0.5, 1.5, "a-0000050-0000150"),
        (62.25, 63.0, "a-0006225-0006300"),
    ]
    assert reasons(rejects) == [("t.csv:4", "no time"), ("t.csv:5", "no time")]
    write("t.csv", "audio,text,offset,duration\na.wav,ένα,500,1500\n")
    [utterance] = read("table", {"time_unit": 0.001})[0]
    assert (utterance.start, utterance.end) == (0.5, 2.0)
    write("t.csv", "audio,text,duration\na.wav,ένα,100\n")
    [utterance] = read("table")[0]
    assert (utterance.start, utterance.end, utterance.seconds) == (0.0, None, 100.0)


def test_damaged_rows_are_listed_with_their_lines_and_the_rest_is_read() -> None:
    clips("a", "b", "c", "d")
    rows = [
        "path,text",
        "a.wav,έλα",
        'b.wav,"δύο',
        'γραμμές"',
        "too,many,cells",
        "gone.wav,όι",
        ",κενόν",
        'c.wav,"ανοιχτόν',
        "d.wav,ναι",
    ]
    write("t.csv", "\n".join(rows) + "\n")
    utterances, rejects = read("table", {"rest": False})
    assert [(each.id, each.text) for each in utterances] == [("a", "έλα"), ("b", "δύο\nγραμμές"), ("gone", "όι"), ("d", "ναι")]
    assert reasons(rejects) == [("t.csv:5", "wrong number of cells"), ("t.csv:7", "no audio"), ("t.csv:8", "no valid row")]
    write(
        "t.jsonl",
        '{"audio": "a.wav", "text": "έλα"}\n{"audio": \n[1]\n{"audio": "b.wav", "text": 5}\n{"audio": "c.wav", "text": null}\n',
    )
    (CORPUS / "t.csv").unlink()
    utterances, rejects = read("table", {"rest": False})
    assert [(each.id, each.text) for each in utterances] == [("a", "έλα"), ("c", "")]
    assert reasons(rejects) == [("t.jsonl:2", "no valid JSON"), ("t.jsonl:3", "no valid row"), ("t.jsonl:4", "no transcript")]


def test_paths_of_another_machine_are_met_here_and_none_leaves_the_corpus(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for speaker in ("s1", "s2"):
        speech(f"wav/{speaker}/1.wav")
    speech("../secret.wav")
    names = [
        "/home/anna/corpora/x/wav/s1/1.wav", "/home/anna/corpora/x/wav/s2/1.wav", "/home/anna/corpora/x/wav/s3/1.wav",
        "C:\\x\\wav\\s1\\1.wav", "../secret.wav", str(tmp_path / "secret.wav"), "wav/s1/../s2/1.wav", "a\u0000b", "/etc/passwd",
        "x" * 5000, "~/1.wav",
    ]  # fmt: skip
    write("t.jsonl", "".join(json.dumps({"id": str(n), "audio": name, "text": "ναι"}) + "\n" for n, name in enumerate(names)))
    utterances, rejects = read("table", {"rest": False})
    assert {each.id: str(each.audio) for each in utterances if len(str(each.audio)) < 100} == {
        "0": "corpus/wav/s1/1.wav",
        "1": "corpus/wav/s2/1.wav",
        "2": "corpus/wav/s3/1.wav",  # is not there: a reject of stage 1
        "3": "corpus/wav/s1/1.wav",
        "6": "corpus/wav/s2/1.wav",
        "10": "corpus/~/1.wav",
    }
    assert [(each.id, each.reason.partition(":")[0]) for each in rejects] == [
        (n, "audio is missing") for n in ("4", "5", "7", "8")
    ]
    assert "/home/anna/corpora/x/… is taken from corpus/" in capsys.readouterr().err


def test_audio_that_lies_elsewhere_is_found_and_linked(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    for name in "ab":
        speech(f"{name}.wav").rename(tmp_path / "store" / f"{name}.wav")
    write("t.csv", f"path,text\n{tmp_path}/store/a.wav,έλα\n{tmp_path}/store/b.wav,δα\n")
    options = found("table").keys["options"]
    assert options["audio_dir"] == f"{tmp_path}/store"
    utterances, rejects = read("table", options)
    assert [str(each.audio) for each in utterances] == ["data/own/raw/audio_dir/a.wav", "data/own/raw/audio_dir/b.wav"]
    assert rejects == [] and all(each.audio and each.audio.is_file() for each in utterances)
    with pytest.raises(UsageError, match="audio_dir: /nowhere does not exist"):
        read("table", options | {"audio_dir": "/nowhere"})


def test_audio_that_no_row_names_is_listed_unless_told_otherwise() -> None:
    clips("a", "b")
    write("t.csv", "path,text\na.wav,έλα\n")
    assert reasons(read("table")[1]) == [("b.wav", "audio without transcript")]
    assert read("table", {"rest": False})[1] == []
    assert found("table").keys["expected"] == ["audio without transcript"]


MANIFEST = [
    {"audio_filepath": "wav/a.wav", "duration": 0.5, "text": "έλα", "lang": "el", "speaker": 7},
    {"audio_filepath": "/data/nemo/wav/long.wav", "offset": 1.0, "duration": 1.5, "text": "δα", "target_lang": "el-CY"},
    {"audio_filepath": "wav/long.wav", "offset": 2.5, "duration": 0.55, "text": "όι"},
    {"audio_filepath": "wav/a.wav", "duration": 0.5, "text": "come", "source_lang": "el", "target_lang": "en"},
    {"audio_filepath": "wav/b.wav", "duration": "long", "text": "ναι"},
    {"duration": 0.5, "text": "χωρίς"},
]


def manifest(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def test_a_nemo_manifest_with_offsets_from_another_machine() -> None:
    speech("wav/a.wav")
    speech("wav/long.wav", 3)
    write("train_manifest.json", manifest(MANIFEST))
    proposal = found()
    assert proposal.keys["format"] == "nemo" and proposal.keys["options"]["manifests"] == {"train_manifest.json": "train"}
    utterances, rejects = read("nemo", proposal.keys["options"])
    seen = [(each.text, str(each.audio), each.start, each.end, each.seconds, each.language, each.speaker) for each in utterances]
    assert seen == [
        ("έλα", "corpus/wav/a.wav", 0.0, None, 0.5, "el", "7"),
        ("δα", "corpus/wav/long.wav", 1.0, 2.5, None, "el-CY", None),
        ("όι", "corpus/wav/long.wav", 2.5, 3.0, None, None, None),  # rounded up by its writer
    ]
    assert reasons(rejects) == [
        ("train_manifest.json:4", "no transcript"),
        ("train_manifest.json:5", "no time"),
        ("train_manifest.json:6", "no audio"),
    ]


def test_a_tarred_nemo_manifest_is_read_from_its_tars() -> None:
    rows = []
    for shard in (0, 1):
        path = speech("x.wav", 0.5, seed=shard)
        with tarfile.open(CORPUS / f"audio_{shard}.tar", "w") as tar:
            tar.add(path, f"clips_{shard}.wav")
        rows += [{"audio_filepath": f"clips_{shard}.wav", "duration": 0.5, "text": f"εν {shard}", "shard_id": shard}]
    path.unlink()
    rows += [
        {"audio_filepath": "clips_1-sub1.wav", "duration": 0.2, "offset": 0.1, "text": "μέρος", "shard_id": 1},
        {"audio_filepath": "no.wav", "duration": 0.5, "text": "όι", "shard_id": 1},
        {"audio_filepath": "a.wav", "duration": 0.5, "text": "όι", "shard_id": 9},
        {"audio_filepath": "../../a.wav", "duration": 0.5, "text": "όι", "shard_id": 0},
    ]
    write("tarred_audio_manifest.json", manifest(rows))
    utterances, rejects = read("nemo")
    assert [(each.text, each.start) for each in utterances] == [("εν 0", 0.0), ("εν 1", 0.0), ("μέρος", 0.1)]
    assert all(each.audio and each.audio.is_file() for each in utterances)
    assert [each.reason.partition(":")[0] for each in rejects] == ["audio is missing"] * 3
    for tar in CORPUS.glob("*.tar"):
        tar.unlink()
    with pytest.raises(UsageError, match="is tarred, and no tars lie beside it"):
        read("nemo")


def test_manifests_are_named_with_their_splits() -> None:
    speech("a.wav")
    speech("b.wav")
    write("x.jsonl", manifest([{"audio_filepath": "a.wav", "text": "έλα"}]))
    write("y.jsonl", manifest([{"audio_filepath": "b.wav", "text": "δα"}]))
    utterances, _ = read("nemo", {"manifests": {"x.jsonl": "dev", "y*": ""}})
    assert [each.split for each in utterances] == ["dev", None]
    for options, message in (
        ({"manifests": {"z.jsonl": ""}}, "no z.jsonl in the corpus dir"),
        ({"manifests": {"x.jsonl": "eval"}}, "'eval' is none of train, dev, test"),
    ):
        with pytest.raises(UsageError, match=message):
            read("nemo", options)

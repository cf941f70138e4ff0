"""Kaldi's, Lhotse's and Hugging Face's own files: read as their tools write them; what cannot be read is listed."""

from __future__ import annotations

import gzip
import json
import re
import tarfile
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
import pytest
import soundfile
from lhotse import CutSet, MonoCut, Recording, RecordingSet, SupervisionSegment, SupervisionSet
from pyarrow import parquet

from cyasr.cli import UsageError
from cyasr.data.corpus import Utterance
from tests.data.own_corpora import CORPUS, RAW, found, read, speech, write


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def brief(utterances: list[Utterance]) -> dict[str, tuple[Any, ...]]:
    return {each.id: (str(each.audio), each.start, each.end, each.text, each.speaker, each.split) for each in utterances}


def kinds(rejects: list[Any]) -> dict[str, str]:
    return {each.id: each.reason.partition(":")[0] for each in rejects}


def kaldi(folder: str, **files: str) -> None:
    for name, content in files.items():
        write(f"{folder}/{name.replace('_scp', '.scp')}", content)


def test_kaldi_directories_with_and_without_segments() -> None:
    speech("wav/rec1.wav", 5)
    speech("wav/rec2.flac", 3)
    speech("wav/anna-1.wav")
    kaldi(
        "data/train",
        wav_scp="rec1 wav/rec1.wav\nrec2 flac -c -d -s wav/rec2.flac |\n",
        segments="anna-1 rec1 0.00 1.50\nanna-2 rec2 1 -1\nbob-1 rec1 1.5 5.01\n",
        text="anna-1 έλα  δα\nanna-2 <noise>\nbob-1 όι\n",
        utt2spk="anna-1 anna\nanna-2 anna\nbob-1 bob\n",
        spk2gender="anna f\nbob m\n",
        reco2file_and_channel="rec1 rec1 A\nrec2 rec2 A\n",
    )
    kaldi(
        "data/dev_clean",
        wav_scp="anna-1 wav/anna-1.wav\n",
        text="anna-1 ναι\n",
        utt2spk="anna-1 anna-1\n",
        utt2lang="anna-1 el-CY\n",
    )
    proposal = found()
    assert proposal.keys["options"]["dirs"] == {"data/dev_clean": "dev", "data/train": "train"}
    assert proposal.keys["options"]["draw"] == {"test": 0.1} and proposal.keys["split"] == "official"
    utterances, rejects = read("kaldi")
    assert [(each.id, *next(iter(brief([each]).values()))) for each in utterances] == [
        ("anna-1", "corpus/wav/anna-1.wav", 0.0, None, "ναι", None, "dev"),
        ("anna-1", "corpus/wav/rec1.wav", 0.0, 1.5, "έλα  δα", "anna", "train"),
        ("bob-1", "corpus/wav/rec1.wav", 1.5, 5.0, "όι", "bob", "train"),
        ("anna-2", "corpus/wav/rec2.flac", 1.0, None, "", "anna", "train"),
    ]
    assert rejects == [] and [each.gender for each in utterances] == [None, "f", "m", "f"]
    assert utterances[0].language == "el-CY"


@pytest.mark.parametrize(
    ("spec", "path", "channel"),
    [
        ("wav/a.wav", "corpus/wav/a.wav", 0),
        ("/mnt/old machine/wav/a.wav", "corpus/wav/a.wav", 0),
        ("cat wav/a.wav |", "corpus/wav/a.wav", 0),
        ("/usr/bin/flac -c -d --silent wav/a.flac |", "corpus/wav/a.flac", 0),
        ("sph2pipe -f wav -p -c 2 wav/a.wav |", "corpus/wav/a.wav", 1),
        ("sox wav/a.wav -t wav -r 16000 -b 16 - |", "corpus/wav/a.wav", 0),
        ("sox -t wav wav/a.wav -c 1 -t wav - remix 2 rate 16k |", "corpus/wav/a.wav", 1),
        ("ffmpeg -nostdin -i 'wav/a b.wav' -ac 1 -ar 16000 -f wav - |", "corpus/wav/a b.wav", 0),
    ],
)
def test_commands_that_only_read_a_file_are_seen_through(spec: str, path: str, channel: int) -> None:
    for name in ("a.wav", "a b.wav", "a.flac"):
        speech(f"wav/{name}", channels=2)
    kaldi("train", wav_scp=f"u {spec}\n", text="u ναι\n")
    utterances, rejects = read("kaldi")
    assert [(str(each.audio), each.channel) for each in utterances] == [(path, channel)] and rejects == []


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("sox wav/a.wav -t wav - speed 1.1 |", "pipe not understood: .* changes the audio"),
        ("sox -v 0.5 wav/a.wav -t wav - |", "pipe not understood: .* changes the audio"),
        ("sox wav/a.wav -t wav - remix 1,2 |", "pipe not understood: .* changes the audio"),
        ("ffmpeg -ss 3 -i wav/a.wav -f wav - |", "pipe not understood: .* changes the audio"),
        ("flac -c -d --skip=100 wav/a.flac |", "pipe not understood: .* changes the audio"),
        ("cat wav/a.wav | sox - -t wav - |", "pipe not understood: .* more than one command"),
        ("cat wav/a.wav wav/b.wav |", "pipe not understood: .* reads 2 files"),
        ("rm -rf / |", "pipe not understood: rm; expected a file, or one of cat"),
        ("gunzip -c wav/a.wav.gz |", "pipe not understood: unpack what gunzip reads first"),
        ("sox 'wav/a.wav -t wav - |", "pipe not understood: .* open quote"),
        ("/data/raw_wav.1.ark:1234", "audio in an archive"),
        ("../../outside.wav", "audio is missing: .* leads out of the corpus"),
        ("|", "pipe not understood"),
    ],
)
def test_commands_that_do_more_are_rejects_and_never_run(spec: str, reason: str) -> None:
    speech("wav/a.wav")
    kaldi("train", wav_scp=f"good wav/a.wav\nu {spec}\n", text="good ναι\nu όι\n")
    utterances, [reject] = read("kaldi")
    assert [each.id for each in utterances] == ["good"] and reject.id == "u"
    assert re.match(reason, reject.reason), reject.reason


def test_kaldi_lines_without_a_partner_are_all_listed() -> None:
    speech("a.wav", 3)
    kaldi(
        "d",
        wav_scp="r1 a.wav\nr2 a.wav\nr1 b.wav\n",
        segments="u1 r1 0 1\nu2 r9 0 1\nu3 r1 1\nu4 r1 1 two\nu5 r1 1 2\nu1 r1 2 3\n",
        text="u1 ναι\nu2 ναι\nu3 ναι\nu4 ναι\nu6 ναι\n\xff\n",
    )
    utterances, rejects = read("kaldi")
    assert [each.id for each in utterances] == ["u1"]
    assert kinds(rejects) == {
        "r1": "duplicate id",
        "u1": "duplicate id",
        "u6": "transcript without audio",
        "ÿ": "transcript without audio",
        "u2": "audio is missing",
        "u3": "no valid row",
        "u4": "no time",
        "u5": "audio without transcript",
        "r2": "audio without transcript",
    }


def recording(path: Path, identity: str | None = None) -> Recording:
    return Recording.from_file(path, recording_id=identity or path.stem)


def supervision(identity: str, of: str, start: float, duration: float, text: str | None, **more: Any) -> SupervisionSegment:
    return SupervisionSegment(identity, of, start, duration, text=text, language="el", **more)


@pytest.mark.parametrize("suffix", ["jsonl.gz", "jsonl"])
def test_lhotses_recordings_and_supervisions_in_any_order(suffix: str) -> None:
    paths = [speech(f"wav/{name}.wav", 2) for name in ("b", "a", "c")]
    RecordingSet.from_recordings(map(recording, paths)).to_file(CORPUS / f"my_recordings_test.{suffix}")
    segments = [
        supervision("a-2", "a", 1.0, 1.0, "δα", speaker="s1", gender="f"),
        supervision("b-1", "b", 0.0, 2.0, "όι", speaker="s2", custom={"dialect": "cypriot", "licence": "CC-BY-4.0"}),
        supervision("a-1", "a", 0.0, 1.0, "έλα", speaker="s1"),
        supervision("x-1", "x", 0.0, 1.0, "ναι"),
    ]
    SupervisionSet.from_segments(segments).to_file(CORPUS / f"my_supervisions_test.{suffix}")
    proposal = found()
    assert proposal.keys["options"]["manifests"] == {f"my_recordings_test.{suffix}": "test"}
    utterances, rejects = read("lhotse", proposal.keys["options"])
    assert brief(utterances) == {
        "b-1": ("corpus/wav/b.wav", 0.0, None, "όι", "s2", "test"),
        "a-1": ("corpus/wav/a.wav", 0.0, 1.0, "έλα", "s1", "test"),
        "a-2": ("corpus/wav/a.wav", 1.0, 2.0, "δα", "s1", "test"),
    }
    assert (utterances[0].dialect, utterances[0].licence) == ("cypriot", "CC-BY-4.0")
    assert kinds(rejects) == {"x-1": "transcript without audio", "c": "audio without transcript"}


def cuts() -> CutSet:
    audio = recording(speech("wav/a.wav", 4, seed=1))
    texts = {"c1": "έλα δα", "c2": "όι"}
    return CutSet.from_cuts(
        MonoCut(name, start=number * 2.0, duration=1.5, channel=0, recording=audio,
                supervisions=[supervision(name, "a", 0.25, 1.0, text, speaker="s", custom={"split": "train"})])
        for number, (name, text) in enumerate(texts.items())
    )  # fmt: skip


def test_a_lhotse_cuts_supervisions_have_its_recordings_times() -> None:
    plain = cuts()
    mixed = plain[0].pad(duration=3.0)
    fast = plain[1].perturb_speed(1.1).with_id("fast")
    resampled = plain[1].resample(8000).with_id("slow")
    bare = MonoCut("bare", 0, 1.0, 0, recording=plain[0].recording)
    CutSet.from_cuts([*plain, mixed.with_id("padded"), fast, resampled, bare]).to_file(CORPUS / "cuts.jsonl.gz")
    utterances, rejects = read("lhotse")
    assert (
        brief(utterances)
        == {
            "c1": ("corpus/wav/a.wav", 0.25, 1.25, "έλα δα", "s", "train"),
            "c2": ("corpus/wav/a.wav", 2.25, 3.25, "όι", "s", "train"),
        }
        and len(utterances) == 3
    )  # resampled is the same audio again, at its times
    assert [each.reason.partition(":")[0] for each in rejects] == ["no plain cut", "changed audio", "audio without transcript"]


def test_lhotse_shards_are_unpacked_and_read_back_sample_by_sample() -> None:
    original = [cut.load_audio() for cut in cuts()]
    (CORPUS / "shar" / "dev").mkdir(parents=True)
    cuts().to_shar(CORPUS / "shar" / "dev", fields={"recording": "flac"}, shard_size=1)
    (CORPUS / "wav" / "a.wav").unlink()
    proposal = found()
    assert proposal.keys["format"] == "lhotse" and proposal.keys["options"]["manifests"] == {"shar/dev": "dev"}
    utterances, rejects = read("lhotse", proposal.keys["options"])
    assert [(each.id, each.start, each.end, each.text) for each in utterances] == [
        ("c1", 0.25, 1.25, "έλα δα"),
        ("c2", 0.25, 1.25, "όι"),
    ]
    for utterance, audio in zip(utterances, original, strict=True):
        assert (soundfile.read(utterance.audio, dtype="float32")[0] == audio[0]).all()
    tar = CORPUS / "shar" / "dev" / "recording.000001.tar"
    tar.write_bytes(tar.read_bytes()[:2000])
    utterances, rejects = read("lhotse")
    assert [each.id for each in utterances] == ["c1"] and kinds(rejects) == {"c2": "audio is missing"}


def test_damaged_lhotse_files_give_what_can_be_read() -> None:
    cuts().to_file(CORPUS / "cuts.jsonl.gz")
    whole = gzip.decompress((CORPUS / "cuts.jsonl.gz").read_bytes())
    lines = whole.splitlines(keepends=True)
    (CORPUS / "cuts.jsonl.gz").write_bytes(gzip.compress(lines[0] + b"{broken\n" + b"[1]\n" + lines[1])[:-12])
    utterances, rejects = read("lhotse")
    assert "c1" in brief(utterances)
    assert [each.reason.partition(":")[0] for each in rejects][:2] == ["no valid JSON", "no valid row"]
    assert rejects[-1].reason.startswith("unreadable: the rest of the file is damaged")


# What datasets 5 writes: struct<bytes, path>, classes as numbers, and its own description in the schema.
FEATURES = {
    "audio": {"sampling_rate": 16000, "_type": "Audio"},
    "sentence": {"dtype": "string", "_type": "Value"},
    "client_id": {"dtype": "string", "_type": "Value"},
    "gender": {"names": ["male", "female"], "_type": "ClassLabel"},
}
SCHEMA = pa.schema(
    {
        "audio": pa.struct({"bytes": pa.binary(), "path": pa.string()}),
        "sentence": pa.string(),
        "client_id": pa.string(),
        "gender": pa.int64(),
    },
    metadata={"huggingface": json.dumps({"info": {"features": FEATURES}})},
)


def hub_rows(prefix: str, count: int, name: str | None = None) -> pa.Table:
    rows = []
    for number in range(count):
        path = speech("tmp.flac", 0.3, seed=number + len(prefix))
        audio = {"bytes": path.read_bytes(), "path": name or f"{prefix}{number}.flac"}
        rows.append({"audio": audio, "sentence": f"εν {number}", "client_id": f"s{number}", "gender": number % 2})
        path.unlink()
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def save_to_disk(table: pa.Table, folder: str, shards: int = 1) -> None:
    """As datasets.Dataset.save_to_disk lays it out."""
    (CORPUS / folder).mkdir(parents=True)
    names = [f"data-{shard:05}-of-{shards:05}.arrow" for shard in range(shards)]
    rows = -(-table.num_rows // shards)
    for shard, name in enumerate(names):
        with pa.OSFile(str(CORPUS / folder / name), "wb") as out, pa.ipc.new_stream(out, table.schema) as stream:
            stream.write_table(table.slice(shard * rows, rows), max_chunksize=2)
    write(f"{folder}/state.json", json.dumps({"_data_files": [{"filename": name} for name in names]}))
    write(f"{folder}/dataset_info.json", json.dumps({"features": FEATURES}))


def test_a_saved_datasets_arrow_files_become_audio_files() -> None:
    for split, count in {"train": 5, "validation": 2, "test": 2}.items():
        save_to_disk(hub_rows(split, count), split, shards=2)
    write("dataset_dict.json", '{"splits": ["train", "validation", "test"]}')
    proposal = found()
    assert proposal.keys["format"] == "hf" and proposal.keys["split"] == "official"
    utterances, rejects = read("hf", proposal.keys["options"])
    assert rejects == [] and {each.split for each in utterances} == {"train", "dev", "test"} and len(utterances) == 9
    first = next(each for each in utterances if each.id == "train1")
    assert (first.text, first.speaker, first.gender) == ("εν 1", "s1", "female")
    assert first.audio and first.audio.is_relative_to(RAW) and soundfile.info(first.audio).frames == 4800
    before = {path: path.stat().st_mtime_ns for path in RAW.rglob("*.flac")}
    read("hf", proposal.keys["options"])
    assert {path: path.stat().st_mtime_ns for path in RAW.rglob("*.flac")} == before


def test_parquet_shards_of_the_hub_in_several_configurations() -> None:
    for config in ("el_gr", "en_us"):
        (CORPUS / config).mkdir(parents=True)
        for split in ("train", "validation", "test"):
            for shard in (0, 1):
                table = hub_rows(f"{config}{split}{shard}-", 2, name="audio.flac")
                parquet.write_table(table, CORPUS / config / f"{split}-{shard:05}-of-00002.parquet")
    utterances, rejects = read("hf", {"files": ["el_gr/*.parquet"]})
    assert len(utterances) == 12 == len({each.id for each in utterances}) == len({each.audio for each in utterances})
    assert rejects == [] and sum(each.split == "dev" for each in utterances) == 4
    with pytest.raises(UsageError, match=r"no el/\*.parquet in the corpus dir"):
        read("hf", {"files": ["el/*.parquet"]})


def test_rows_and_files_of_a_dataset_that_cannot_be_used_are_listed() -> None:
    table = hub_rows("r", 2)
    held = [None, {"bytes": None, "path": None}, {"bytes": b"", "path": "empty.wav"}, {"bytes": None, "path": "../x.wav"}]
    rows = [{"audio": audio, "sentence": "έ", "client_id": "s", "gender": 0} for audio in held]
    bad = pa.Table.from_pylist(rows, schema=SCHEMA)
    (CORPUS).mkdir(exist_ok=True)
    parquet.write_table(pa.concat_tables([table, bad]), CORPUS / "train.parquet")
    whole = (CORPUS / "train.parquet").read_bytes()
    (CORPUS / "test.parquet").write_bytes(whole[: len(whole) // 2])
    utterances, rejects = read("hf")
    assert [each.id for each in utterances] == ["r0", "r1"]
    assert [each.reason.partition(":")[0] for each in rejects] == [
        "unreadable",
        "no audio",
        "no audio",
        "empty file",
        "audio is missing",
    ]


def test_columns_of_a_dataset_are_mapped_and_unknown_ones_refused() -> None:
    table = hub_rows("r", 1).rename_columns(["speech", "what", "who", "gender"])
    CORPUS.mkdir(exist_ok=True)
    parquet.write_table(table, CORPUS / "train.parquet")
    [utterance] = read("hf", {"columns": {"text": "what", "speaker": "who"}})[0]
    assert (utterance.text, utterance.speaker) == ("εν 0", "s0")
    with pytest.raises(UsageError, match="no column 'whaat'; there are speech, what, who, gender; did you mean 'what'"):
        read("hf", {"columns": {"text": "whaat"}})


def test_a_tar_in_a_shard_never_writes_outside() -> None:
    (CORPUS / "shar").mkdir(parents=True)
    cuts().to_shar(CORPUS / "shar", fields={"recording": "flac"}, shard_size=2)
    tar = CORPUS / "shar" / "recording.000000.tar"
    with tarfile.open(tar) as old, tarfile.open(CORPUS / "new.tar", "w") as new:
        for member in old.getmembers():
            member.name = "../../../../" + member.name
            new.addfile(member, old.extractfile(member))
    (CORPUS / "new.tar").rename(tar)
    write(
        "shar/cuts.000000.jsonl",
        gzip.decompress((CORPUS / "shar/cuts.000000.jsonl.gz").read_bytes()).decode().replace('"id": "c', '"id": "../../../../c'),
    )
    (CORPUS / "shar/cuts.000000.jsonl.gz").unlink()
    utterances, _ = read("lhotse")
    assert all(each.audio and each.audio.resolve().is_relative_to(RAW.resolve()) for each in utterances) and len(utterances) == 2

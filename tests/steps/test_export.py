"""What is exported is read back the same, passes the other toolkit's own rules, and carries its licence."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from cyasr.cli import UsageError
from cyasr.data import formats
from cyasr.data.corpus import DataConf, Reject, Utterance, write_raw
from cyasr.data.split import Plan
from cyasr.files import read_json, read_jsonl_gz
from steps.export import export
from steps.make_cuts import make_cuts

CONF = DataConf(corpus="toy", licence="CC-BY-4.0", language="el-CY", split="official", dialect="cypriot")
OUT = Path("out dir")
SET = Path("data/toy")
WORDS = ("νερόν", "ένα", "άλλον")


def utterances() -> Iterator[Utterance]:
    """Speakers whose names are prefixes of each other, a long file of two, another rate, two channels, odd names."""
    speakers = {"a": "train", "a-b": "dev", "ab": "test", "Άννα Μ.": "train"}
    for number, (speaker, split) in enumerate(speakers.items()):
        for take in (1, 2):
            rate = 8000 if take == 2 else 16000
            audio = speech(f"corpus/{speaker} {take}.{'flac' if take == 2 else 'wav'}", 1.0, rate, seed=number * 10 + take)
            yield Utterance(
                f"{speaker}-{take}", audio, f"εν το {WORDS[take]}", speaker, split=split, gender="female" if number else "male"
            )
    long = speech("corpus/long.wav", 4.0, channels=2, seed=99)
    for start, channel in ((0.5, 0), (2.0, 1)):
        yield Utterance(
            f"long {start}", long, f"που {WORDS[channel]}", start=start, end=start + 1.25, channel=channel, split="train"
        )


def speech(path: str, seconds: float, rate: int = 16000, channels: int = 1, seed: int = 0) -> Path:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng(seed)
    soundfile.write(
        path, np.rint(draw.uniform(-9000, 9000, (int(seconds * rate), channels))).astype("int16"), rate, subtype="PCM_16"
    )
    return Path(path)


@pytest.fixture(autouse=True)
def data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_raw(utterances(), SET / "raw", CONF)
    assert read_json(SET / "raw" / "summary.json")["rejects"] == {}
    make_cuts(SET / "raw", [Plan("toy")], CONF)


def samples(audio: Path, start: float, end: float | None, channel: int) -> Any:
    with soundfile.SoundFile(str(audio)) as sound:
        data = sound.read(dtype="int16", always_2d=True)[:, channel]
        return data[round(start * sound.samplerate) : None if end is None else round(end * sound.samplerate)]


def original() -> dict[str, tuple[str, str | None, str, bytes]]:
    """id -> (text, speaker, split, samples)."""
    return {
        each.id: (each.text, each.speaker, each.split or "", samples(each.audio, each.start, each.end, each.channel).tobytes())
        for each in utterances()
        if each.audio
    }


def back(form: str, **options: Any) -> list[Utterance]:
    conf = DataConf(corpus="own", licence="x", language="x", format=form, options=options)
    items = list(formats.prepare(OUT, Path("data/back/raw"), conf))
    assert not [item for item in items if isinstance(item, Reject)]
    return [item for item in items if isinstance(item, Utterance)]


def kaldi_rules(folder: Path) -> None:
    """utils/validate_data_dir.sh, in short."""

    def rows(name: str) -> list[list[str]]:
        text = (folder / name).read_bytes().decode()
        assert text.endswith("\n") and text
        return [line.split(" ") for line in text.splitlines()]

    def keys(name: str) -> list[str]:
        found = [row[0] for row in rows(name)]
        assert found == sorted(set(found), key=str.encode), f"{name} is not sorted and unique"
        return found

    utterances = keys("utt2spk")
    assert all(len(row) == 2 for row in rows("utt2spk"))
    assert rows("utt2spk") == sorted(rows("utt2spk"), key=lambda row: (" ".join(row[1:]).encode(), " ".join(row).encode()))
    assert keys("text") == utterances == keys("utt2dur") == keys("utt2lang") == keys("utt2licence")
    assert [[utterance, row[0]] for row in rows("spk2utt") for utterance in row[1:]] == rows("utt2spk")
    keys("spk2utt")
    recordings = keys("wav.scp")
    if (folder / "segments").exists():
        assert keys("segments") == utterances
        assert all(len(row) == 4 and float(row[3]) > float(row[2]) for row in rows("segments"))
        assert sorted({row[1] for row in rows("segments")}, key=str.encode) == recordings
    else:
        assert recordings == utterances
    assert keys("reco2dur") == recordings
    if (folder / "spk2gender").exists():
        assert keys("spk2gender") == keys("spk2utt") and {row[1] for row in rows("spk2gender")} <= {"m", "f"}


@pytest.mark.parametrize("copy", [False, True])
def test_a_kaldi_directory_passes_kaldis_rules_and_reads_back_the_same(copy: bool) -> None:
    export(SET, "kaldi", OUT, copy)
    for split in ("train", "dev", "test"):
        kaldi_rules(OUT / split)
    read = back(
        "kaldi",
        dirs={split: split for split in ("train", "dev", "test")},
        audio_dir=None if copy else str(Path("corpus").resolve()),
    )
    theirs = sorted(
        (each.text, each.split, samples(each.audio, each.start, each.end, each.channel).tobytes()) for each in read if each.audio
    )
    assert theirs == sorted((text, split, audio) for text, _, split, audio in original().values())
    assert {each.licence for each in read} == {"CC-BY-4.0"} and {each.dialect for each in read} == {"cypriot"}
    assert len({each.speaker for each in read}) == 5  # four, and None
    assert (OUT / "train" / "segments").exists() == (not copy)


@pytest.mark.parametrize("copy", [False, True])
def test_a_nemo_manifest_reads_back_the_same(copy: bool) -> None:
    export(SET, "nemo", OUT, copy)
    rows = [json.loads(line) for line in (OUT / "train_manifest.json").read_text(encoding="utf-8").splitlines()]
    assert all(
        Path(row["audio_filepath"]).is_absolute() != copy and row["duration"] > 0 and row["licence"] == "CC-BY-4.0"
        for row in rows
    )
    assert sum("offset" in row for row in rows) == (0 if copy else 2)
    if copy:
        read = back("nemo")
        assert {
            each.id: (each.text, each.speaker, each.split, samples(each.audio, each.start, each.end, 0).tobytes())
            for each in read
            if each.audio
        } == original()
    else:
        read = back("nemo", audio_dir=str(Path("corpus").resolve()))
        assert {each.id: (each.text, each.speaker, each.split) for each in read} == {
            key: value[:3] for key, value in original().items()
        }


def test_parquet_shards_read_back_the_same_and_name_their_features() -> None:
    from pyarrow import parquet

    export(SET, "hf", OUT)
    export(SET, "hf", OUT)  # again, over what is there
    assert sorted(path.name for path in OUT.rglob("*.*") if path.is_file()) == [
        f"{split}-00000-of-00001.parquet" for split in ("test", "train", "validation")
    ]
    features = json.loads(parquet.read_schema(OUT / "data/train-00000-of-00001.parquet").metadata[b"huggingface"])["info"][
        "features"
    ]
    assert features["audio"]["_type"] == "Audio" and features["text"] == {"dtype": "string", "_type": "Value"}
    read = back("hf")
    assert {each.licence for each in read} == {"CC-BY-4.0"}
    names = {key.replace(" ", "_"): value for key, value in original().items()}
    assert {
        each.id: (each.text, each.speaker, each.split, samples(each.audio, each.start, each.end, 0).tobytes())
        for each in read
        if each.audio
    } == names


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # lhotse leaves the tar open
def test_shards_are_read_by_lhotse_with_the_same_audio_at_16_khz() -> None:
    from lhotse import CutSet

    export(SET, "shar", OUT)
    shards = CutSet.from_shar(in_dir=OUT / "train", split_for_dataloading=False)
    mine = {cut["id"]: cut for cut in read_jsonl_gz(SET / "train.jsonl.gz")}
    assert {cut.id for cut in shards} == set(mine)
    for cut in shards:
        assert cut.sampling_rate == 16000 and cut.supervisions[0].text == mine[cut.id]["supervisions"][0]["text"]
        assert cut.supervisions[0].custom["licence"] == "CC-BY-4.0"
        before = CutSet.from_dicts([mine[cut.id]])[0].load_audio()
        np.testing.assert_allclose(cut.load_audio()[0], before[0], atol=1 / 32768)
    assert len(back("lhotse")) == len(original())


@pytest.mark.parametrize(
    ("data", "out", "message"),
    [("data/none", "out", "holds no train.jsonl.gz"), ("data/toy", "data/toy", "is the data set itself")],
)
def test_what_cannot_be_exported_is_one_line(data: str, out: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        export(Path(data), "kaldi", Path(out))


def test_the_step_refuses_another_toolkit(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from steps import export as step

    monkeypatch.setattr(sys, "argv", ["export", "--data", "data/toy", "--to", "espnet", "--out", "x"])
    with pytest.raises(SystemExit) as error:
        step.main()
    assert error.value.code == 2 and "kaldi" in capsys.readouterr().err

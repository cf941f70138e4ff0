"""fsdd: real digits in strings; no clip in two splits, every clip heard equally often, the same bytes each time."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from cyasr import conf as confs
from cyasr.cli import UsageError
from cyasr.data.corpus import DataConf, Reject, Utterance
from cyasr.files import read_json, read_jsonl_gz, sha256
from local.data_fsdd import RATE, WORDS, background, deal, join, prepare

ROOT = Path(__file__).resolve().parents[2]
FSDD = Path(os.environ.get("CYASR_SHARED", ROOT.parent / "shared")) / "data" / "fsdd"
with_fsdd = pytest.mark.skipif(not FSDD.is_dir(), reason=f"the Free Spoken Digit Dataset is not at {FSDD}")


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "conf", "conf", ignore=lambda _, names: [name for name in names if "fsdd" not in name])
    return tmp_path


def conf(name: str = "fsdd", **keys: Any) -> DataConf:
    return replace(confs.load(Path(f"conf/data_{name}.yaml"), DataConf), **keys)


def toy_clips(folder: Path, speakers: tuple[str, ...] = ("ann", "bob")) -> None:
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    for speaker in speakers:
        for digit in range(10):
            for index in range(50):
                samples = random.standard_normal(int(random.integers(1200, 4000))) * 0.1
                soundfile.write(folder / f"{digit}_{speaker}_{index}.wav", samples, RATE)


def strings(corpus: Path, settings: DataConf, raw: str = "raw") -> tuple[list[Utterance], list[Reject]]:
    items = list(prepare(corpus, Path(raw), settings))
    return [item for item in items if isinstance(item, Utterance)], [item for item in items if isinstance(item, Reject)]


def check_pools(utterances: list[Utterance], settings: DataConf) -> None:
    """Each clip is in the pool its index says, as often as `uses` says, and its digit is in the text."""
    for utterance in utterances:
        assert 3 <= len(utterance.sources) <= 7 == max(settings.options["digits"])
        assert len(set(utterance.sources)) == len(utterance.sources)
        assert utterance.text.split() == [WORDS[int(clip[0])] for clip in utterance.sources]
        assert {clip.split("_")[1] for clip in utterance.sources} == {utterance.speaker}
    speakers = {utterance.speaker for utterance in utterances}
    for pool, (first, last) in settings.options["clips"].items():
        heard = Counter(clip for utterance in utterances if utterance.split == pool for clip in utterance.sources)
        assert len(heard) == len(speakers) * 10 * (last - first + 1)
        assert set(heard.values()) == {settings.options["uses"][pool]}
        assert all(first <= int(clip.split("_")[2]) <= last for clip in heard)


@pytest.mark.parametrize("name", ["fsdd", "fsdd_loso"])
def test_every_clip_is_heard_equally_often_in_strings_of_its_speaker(name: str) -> None:
    toy_clips(Path("corpus/recordings"))
    utterances, rejects = strings(Path("corpus"), conf(name))
    assert rejects == []
    check_pools(utterances, conf(name))


def test_the_same_seed_gives_the_same_bytes_and_another_one_others() -> None:
    toy_clips(Path("corpus"), ("ann",))
    made = [strings(Path("corpus"), conf(seed=seed), raw)[0] for seed, raw in [(1, "a"), (1, "b"), (2, "c")]]
    digests = [[sha256(utterance.audio) for utterance in utterances] for utterances in made]
    assert digests[0] == digests[1] != digests[2]


def test_clips_that_cannot_be_used_are_rejected_and_the_rest_is_kept() -> None:
    toy_clips(Path("corpus"), ("ann",))
    Path("corpus/0_ann_0.wav").write_bytes(b"")
    Path("corpus/0_ann_1.wav").write_text("no audio")
    truncated = Path("corpus/0_ann_2.wav")
    truncated.write_bytes(truncated.read_bytes()[:-500])
    soundfile.write("corpus/0_ann_3.wav", np.zeros(4000), 16000)
    soundfile.write("corpus/notes.wav", np.zeros(4000), RATE)
    utterances, rejects = strings(Path("corpus"), conf())
    assert {reject.id: reject.reason.split(":")[0].split(",")[0] for reject in rejects} == {
        "0_ann_0": "empty file",
        "0_ann_1": "unreadable audio",
        "0_ann_2": "truncated",
        "0_ann_3": "expected 8000 Hz mono",
        "notes": "file name is not {digit}_{speaker}_{index}.wav",
    }
    heard = {clip for utterance in utterances for clip in utterance.sources}
    assert "0_ann_4" in heard and not heard & {reject.id for reject in rejects}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"clips": {"train": [5, 49], "dev": [5, 9], "test": [0, 4]}}, "train and dev overlap"),
        ({"clips": {"train": [4, 40], "dev": [45, 49], "test": [0, 4]}}, "train and test overlap"),
        ({"digits": [5, 7]}, "digits"),
        ({"uses": {"train": 1}}, "need train, dev and test"),
        ({"digit": [3, 7]}, "did you mean 'digits'"),
    ],
)
def test_options_that_cannot_be_are_refused(changes: dict[str, Any], message: str) -> None:
    settings = conf()
    with pytest.raises(UsageError, match=message):
        next(iter(prepare(Path("corpus"), Path("raw"), replace(settings, options=settings.options | changes))))


@pytest.mark.parametrize("count", [1, 2, 3, 8, 9, 10, 500])
def test_strings_have_three_to_seven_digits_whatever_the_number_of_clips(count: int) -> None:
    for seed in range(20):
        dealt = list(deal([str(number) for number in range(count)], [3, 7], np.random.default_rng(seed)))
        assert sorted(sum(dealt, []), key=int) == [str(number) for number in range(count)]  # noqa: RUF017
        assert all(3 <= len(string) <= 7 for string in dealt) or count < 3


def test_gaps_hold_background_and_clips_stay_as_they_were() -> None:
    random = np.random.default_rng(3)
    clips = [np.concatenate([random.normal(0, 1e-3, 800), random.normal(0, 0.1, 2000)]).astype(np.float32) for _ in range(4)]
    string = join(clips, np.random.default_rng(0))
    gaps = (len(string) - sum(map(len, clips))) / RATE
    assert 5 * 0.05 - 0.01 <= gaps <= 5 * 0.3
    assert background(string[:400]) == pytest.approx(1e-3, rel=0.5) and np.count_nonzero(string == 0) == 0
    middle = clips[0][100:-100]
    matches = np.correlate(string, middle, mode="valid")
    at = int(matches.argmax())
    np.testing.assert_array_equal(string[at : at + len(middle)], middle)


def test_without_the_corpus_one_line_says_how_to_get_it() -> None:
    command = [sys.executable, "-m", "local.data_fsdd", "--conf", "conf/data_fsdd.yaml"]
    made = subprocess.run(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert made.returncode == 2 and len(made.stderr.splitlines()) == 1
    assert "Jakobovski/free-spoken-digit-dataset" in made.stderr and "CC BY-SA 4.0" in made.stderr


@with_fsdd
def test_the_real_corpus_makes_the_official_split_and_six_folds_without_a_shared_clip() -> None:
    for name in ("fsdd", "fsdd_loso"):
        for module, *more in (["local.data_fsdd", "--corpus-dir", str(FSDD)], ["steps.make_cuts"]):
            command = [sys.executable, "-m", module, "--conf", f"conf/data_{name}.yaml", *more]
            made = subprocess.run(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
            assert made.returncode == 0, made.stderr
    folds = sorted(path.parent for path in Path("data/fsdd_loso").glob("*/report.json"))
    assert [path.name for path in folds] == ["george", "jackson", "lucas", "nicolas", "theo", "yweweler"]
    for folder in [Path("data/fsdd"), *folds]:
        report = read_json(folder / "report.json")
        assert [pair["shared"] for pair in report["overlap"]["sources"].values()] == [0, 0, 0]
        assert report["rejected"] == {} and report["sampling_rates"].keys() == {"8000"}
    official = read_json(Path("data/fsdd/report.json"))
    assert official["overlap"]["speakers"]["train-test"]["shared"] == 6 and official["splits"]["test"]["words"] == 600
    for folder in folds:
        report = read_json(folder / "report.json")
        shared = {pair: each["shared"] for pair, each in report["overlap"]["speakers"].items()}
        assert shared == {"train-dev": 5, "train-test": 0, "dev-test": 0} and report["splits"]["test"]["words"] == 500
        cut = next(read_jsonl_gz(folder / "test.jsonl.gz"))
        assert cut["custom"]["telephone"] is True and cut["recording"]["sampling_rate"] == 16000

"""A folder nobody has written a conf for: what is found is said, a conf is written once, and the stages take it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

from cyasr import conf as confs
from cyasr.cli import UsageError
from cyasr.data.corpus import DataConf
from cyasr.files import read_json, read_jsonl_gz
from steps.new_corpus import adapter, write_conf

ROOT = Path(__file__).parents[2]
WORDS = ["έναν", "κάττον", "είδα", "εχτές", "μες", "στην", "αυλήν", "τζ̆αι", "έφυεν", "πριν", "να", "τον", "πιάσω"]


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "local", "local", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "cyasr" / "data" / "formats", "cyasr/data/formats", ignore=shutil.ignore_patterns("__pycache__"))
    Path("conf").mkdir()


def clip(path: str, seconds: float = 1.0, text: str | None = "ναι") -> None:
    audio = Path("mine", path)
    audio.parent.mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng(len(list(Path("mine").rglob("*"))))
    soundfile.write(audio, draw.uniform(-0.3, 0.3, int(seconds * 16000)), 16000)
    if text is not None:
        audio.with_suffix(".txt").write_text(text, encoding="utf-8")


def sentences(count: int, folder: str = "") -> None:
    draw = np.random.default_rng(count)
    for number in range(count):
        clip(f"{folder}clip {number:02}.wav", text=" ".join(draw.choice(WORDS, 4)) + ".")


def written(licence: str | None = "CC-BY-4.0", language: str | None = None, form: str = "auto") -> DataConf:
    write_conf("mine", Path("mine"), form, licence, language)
    return confs.load(Path("conf/data_mine.yaml"), DataConf)


def stages(name: str = "mine") -> None:
    """Stages 1 and 2, as run.sh starts them."""
    for module in (adapter(Path(f"conf/data_{name}.yaml")), "steps.make_cuts"):
        step = [sys.executable, "-m", module, "--conf", f"conf/data_{name}.yaml"]
        made = subprocess.run(step, env={"PYTHONPATH": str(ROOT), "PATH": ""}, capture_output=True, text=True)
        assert made.returncode == 0, made.stderr


def test_a_folder_of_wav_and_txt_gets_a_conf_that_its_stages_take(capsys: pytest.CaptureFixture[str]) -> None:
    sentences(20)
    clip("empty.wav", text="")
    conf = written()
    said = capsys.readouterr().out
    assert "21 .wav" in said and "speakers unknown" in said and "conf/data_mine.yaml is written" in said
    assert (conf.format, conf.language, conf.licence, conf.label, conf.split) == ("folder", "el", "CC-BY-4.0", "gold", "files")
    text = Path("conf/data_mine.yaml").read_text(encoding="utf-8")
    assert text.startswith("# mine: ") and all("#" in line for line in text.splitlines() if line.startswith(("split", "licence")))
    stages()
    report = read_json(Path("data/mine/report.json"))
    assert sum(split["utterances"] for split in report["splits"].values()) == 20
    assert min(split["utterances"] for split in report["splits"].values()) >= 2
    assert read_json(Path("data/mine/raw/summary.json"))["rejects"] == {"empty transcript": 1}


def test_three_speakers_in_folders_are_kept_apart() -> None:
    for speaker in ("anna", "bob", "eva"):
        sentences(4, f"{speaker}/")
    assert (conf := written(language="el-CY")).split == "speakers" and conf.dialect == "cypriot"
    stages()
    speakers = {
        split: {cut["supervisions"][0]["speaker"] for cut in read_jsonl_gz(Path(f"data/mine/{split}.jsonl.gz"))}
        for split in ("train", "dev", "test")
    }
    assert sorted(map(len, speakers.values())) == [1, 1, 1] and set.union(*speakers.values()) == {"anna", "bob", "eva"}


def test_audio_alone_becomes_unlabelled_speech_to_be_cut() -> None:
    for number in range(3):
        clip(f"{number}.wav", 2.0, text=None)
    conf = written(language="el-CY")
    assert (conf.label, conf.split, conf.expected) == ("none", "train", ["no speech"]) and conf.segment
    with pytest.raises(UsageError, match="--language is needed"):
        Path("conf/data_mine.yaml").unlink()
        written()


def test_long_files_ask_for_an_aligner_in_the_conf() -> None:
    for number in range(3):
        clip(f"{number}.wav", 31.0, text="μακρύς λόγος")
    assert written().segment is None
    text = Path("conf/data_mine.yaml").read_text(encoding="utf-8")
    assert "# segment:" in text and "#   aligner: exp/" in text and "100 % of the files are longer than 30 s" in text
    uncommented = text.replace("# segment:", "segment:").replace("#   aligner:", "  aligner:")
    assert yaml.safe_load(uncommented)["segment"]["aligner"].startswith("exp/")


@pytest.mark.parametrize("encoding", ["cp1253", "iso8859-7"])
def test_texts_in_a_greek_code_page_are_read_and_said_to_be(encoding: str, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(4):
        clip(f"{number}.wav", text=None)
        Path(f"mine/{number}.txt").write_bytes(f"Άλλα {number} τα μάτια του λαγού".encode(encoding))
    conf = written()
    assert conf.language == "el" and "not UTF-8" in capsys.readouterr().out
    stages()
    texts = {row["text"] for row in read_jsonl_gz(Path("data/mine/raw/supervisions.jsonl.gz"))}
    assert texts == {f"Άλλα {number} τα μάτια του λαγού" for number in range(4)} and conf.options["encoding"] == encoding


def test_automatic_captions_are_silver() -> None:
    for number in range(3):
        clip(f"talk {number}.wav", 4.0, text=None)
        words = "".join(f"<00:00:0{second}.500><c> ναι</c>" for second in (1, 2, 3))
        Path(f"mine/talk {number}.el.vtt").write_text(f"WEBVTT\n\n00:00:00.000 --> 00:00:04.000\nόι{words}\n", encoding="utf-8")
    assert written().label == "silver"


def test_a_conf_that_is_there_is_never_changed(capsys: pytest.CaptureFixture[str]) -> None:
    sentences(3)
    Path("conf/data_mine.yaml").write_text("corpus: own\nformat: folder\nlicence: mine\nlanguage: el\n")
    assert written(licence="CC0-1.0").licence == "mine"
    assert "is there and counts" in capsys.readouterr().out


def test_an_archive_is_looked_into_as_its_folder_is() -> None:
    sentences(6)
    with tarfile.open("mine.tar.gz", "w:gz") as archive:
        archive.add("mine", "mine")
    write_conf("packed", Path("mine.tar.gz"), "auto", "CC0-1.0", None)
    assert confs.load(Path("conf/data_packed.yaml"), DataConf).format == "folder"
    stages("packed")
    assert read_json(Path("data/packed/raw/summary.json"))["utterances"] == 6


def test_a_missing_licence_is_unstated_and_said_to_be() -> None:
    sentences(3)
    assert written(licence=None).licence == "unstated"
    assert "unstated" in Path("conf/data_mine.yaml").read_text() and "say which" in Path("conf/data_mine.yaml").read_text()


@pytest.mark.parametrize(
    ("name", "form", "message"),
    [
        ("mine", "kladi", "--corpus-format kladi: none of auto, kaldi, .*; did you mean 'kaldi'"),
        ("mine", "kaldi", "nothing there reads as kaldi"),
        ("my corpus", "auto", "a name has letters, digits"),
        ("../x", "auto", "a name has letters, digits"),
        ("raw", "auto", "a name has letters, digits"),
    ],
)
def test_what_cannot_be_is_one_line(name: str, form: str, message: str) -> None:
    sentences(3)
    with pytest.raises(UsageError, match=message):
        write_conf(name, Path("mine"), form, None, "el")
    assert not list(Path("conf").iterdir())


def test_folders_without_speech_are_refused_saying_what_is_there() -> None:
    Path("mine").mkdir()
    Path("mine/notes.txt").write_text("καμία φωνή")
    with pytest.raises(UsageError, match="mine: holds no audio, table or manifest"):
        written()
    Path("mine/a.wav").write_bytes(b"no audio")
    Path("mine/b.srt").write_text("1\nnever\n")
    with pytest.raises(UsageError, match=r"mine: no usable utterance as folder: .*transcript without audio"):
        written(language="el")
    with pytest.raises(UsageError, match="does not exist"):
        write_conf("mine", Path("nowhere"), "auto", None, None)
    with pytest.raises(UsageError, match="needs --corpus-dir"):
        write_conf("other", None, "auto", None, None)


def test_which_adapter_reads_a_corpus_is_known_from_its_conf() -> None:
    for name, text in {
        "base": "corpus: fsdd\nlicence: x\nlanguage: en\n",
        "variant": "base: data_base.yaml\nseed: 2\n",
        "own": "corpus: anything\nformat: kaldi\nlicence: x\nlanguage: en\n",
        "mix": "mixture: {base: 1, own: 1}\n",
        "wrong": "corpus: fsd\nlicence: x\nlanguage: en\n",
    }.items():
        Path(f"conf/data_{name}.yaml").write_text(text)
    found = {name: adapter(Path(f"conf/data_{name}.yaml")) for name in ("base", "variant", "own", "mix")}
    assert found == {"base": "local.data_fsdd", "variant": "local.data_fsdd", "own": "local.data_own", "mix": ""}
    with pytest.raises(UsageError, match=r"local/data_fsd\.py, which does not exist; did you mean 'fsdd'"):
        adapter(Path("conf/data_wrong.yaml"))


@pytest.mark.skipif(not (ROOT / ".venv" / ".installed-requirements").exists(), reason="run.sh needs the environment .venv")
def test_run_sh_takes_a_folder_of_wav_and_txt_to_language_models_in_one_command(tmp_path: Path) -> None:
    sentences(24)
    root = tmp_path / "recipe"
    for part in ("egs", "utils", "conf"):
        shutil.copytree(ROOT / part, root / part)
    for part in ("path.sh", "cmd.sh"):
        shutil.copy(ROOT / part, root)
    for part in ("cyasr", "steps", "local", ".venv"):
        (root / part).symlink_to(ROOT / part)
    given = ["--corpus", "mine", "--corpus-dir", "mine", "--corpus-format", "auto", "--licence", "CC-BY-4.0", "--language=el-CY"]
    command = [root / "egs" / "cypriot" / "run.sh", *given, "--stop-stage", "4", "--lms", "ngram"]
    made = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert made.returncode == 0, made.stdout + made.stderr
    assert (root / "exp" / "mine" / "lm_ngram" / "lm.npz").is_file()
    report = read_json(root / "data" / "mine" / "report.json")
    assert report["utterances_in"] == 24 and report["rejected"] == {} and report["splits"]["test"]["utterances"] >= 2

"""Every adapter and format on good corpora damaged at random: the run ends in one line, or all that went in is accounted for."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from cyasr.files import read_json, read_jsonl_gz
from local import (
    data_commonvoice,
    data_css10,
    data_fleurs,
    data_librispeech,
    data_mtedx,
    data_own,
    data_podcasts,
    data_speechdat,
    data_sps,
    data_voice_of_cyprus,
)
from tests.data import test_broken_formats as formats
from tests.data.broken import IDS, SPLITS, TEXT, accounted, clips, sound, stages
from tests.local import test_data_mtedx, test_data_podcasts, test_data_speechdat, test_data_voice_of_cyprus

SEEDS = int(os.environ.get("CYASR_FUZZ", "6"))  # damaged corpora of each kind
TABLES = (".tsv", ".csv", ".txt", ".json", ".jsonl", ".yaml", ".el", ".cyo", ".ses", ".tbl", ".srt", ".eaf", ".textgrid", "")
AUDIO = (".wav", ".flac", ".mp3", ".cya")
NO_LIST = ("nemo", "lhotse", "kaldi")  # manifests choose from audio that lies anywhere


def split_of(number: int) -> str:
    return SPLITS[number % 4]


def table(path: Path, rows: list[list[Any]], delimiter: str = "\t") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(delimiter.join(map(str, row)) + "\n" for row in rows), encoding="utf-8")


def commonvoice(folder: Path) -> None:
    head = ["client_id", "path", "sentence_id", "sentence", "up_votes", "down_votes", "age", "gender", "locale"]
    made: dict[str, list[list[Any]]] = {name: [head] for name in ("train", "dev", "test", "validated", "other", "invalidated")}
    (folder / "el/clips").mkdir(parents=True)
    durations: list[list[Any]] = [["clip", "duration[ms]"]]
    for number, name in enumerate(IDS):
        clip = sound(folder / f"el/clips/{name}.mp3", seed=number).name
        row = [f"s{number}", clip, number, f"{TEXT} {number}", 2, 0, "", "female_feminine", "el"]
        made[split_of(number) if number < 10 else "other"].append(row)
        made["validated"] += [row] if number < 10 else []
        durations.append([clip, 1000])
    for name, rows in made.items():
        table(folder / f"el/{name}.tsv", rows)
    table(folder / "el/clip_durations.tsv", durations)
    table(folder / "el/reported.tsv", [["sentence_id", "sentence", "locale", "reason"], [3, f"{TEXT} 3", "el", "offensive"]])


def sps(folder: Path) -> None:
    head = [
        "client_id",
        "audio_id",
        "audio_file",
        "duration_ms",
        "prompt_id",
        "prompt",
        "transcription",
        "votes",
        "language",
        "split",
    ]
    rows: list[list[Any]] = [head]
    (folder / "audios").mkdir(parents=True)
    for number, name in enumerate(IDS):
        clip = sound(folder / f"audios/{name}.mp3", seed=number).name
        rows.append([f"s{number}", number, clip, 1000, 1, "Τι;", f"{TEXT} {number} [noise]", 2, "el-CY", split_of(number)])
    table(folder / "ss-corpus-el-CY.tsv", rows)
    table(folder / "ss-reported-audios-el-CY.tsv", [["client_id", "audio_file", "reason"], ["s1", "u01.mp3", "other"]])


def fleurs(folder: Path) -> None:
    for split in ("train", "dev", "test"):
        rows = [
            [number, f"{name}.wav", f"{TEXT} {number}", TEXT, " ".join(TEXT), 16000, "FEMALE"]
            for number, name in enumerate(IDS)
            if split_of(number) == split
        ]
        table(folder / f"el_gr/{split}.tsv", rows)
        table(folder / f"en_us/{split}.tsv", rows)
        (folder / f"el_gr/audio/{split}").mkdir(parents=True)
        for number, name in enumerate(IDS):
            if split_of(number) == split:
                sound(folder / f"el_gr/audio/{split}/{name}.wav", seed=number)


def librispeech(folder: Path) -> None:
    for number in range(len(IDS)):
        part = {"train": "train-clean-100", "dev": "dev-clean", "test": "test-clean"}[split_of(number)]
        chapter = folder / f"LibriSpeech/{part}/{number}/7"
        chapter.mkdir(parents=True)
        sound(chapter / f"{number}-7-0000.flac", seed=number)
        (chapter / f"{number}-7.trans.txt").write_text(f"{number}-7-0000 THIS IS A SENTENCE\n")
    (folder / "LibriSpeech/SPEAKERS.TXT").write_text(";ID |SEX| SUBSET\n1 | F | train-clean-100 | 25.0 | Anna\n")


def css10(folder: Path) -> None:
    clips(folder / "book")
    table(folder / "transcript.txt", [[f"book/{name}.wav", TEXT, TEXT, 1.0] for name in IDS], "|")


def json_table(folder: Path) -> None:
    clips(folder / "wav")
    formats.lines(folder / "table.jsonl", formats.json_rows())


def csv_table(folder: Path) -> None:
    clips(folder / "wav")
    rows = [[f"wav/{name}.wav", f'"{TEXT}, ρε"', f"s{number % 4}", split_of(number)] for number, name in enumerate(IDS)]
    table(folder / "table.csv", [["file_name", "text", "speaker", "split"], *rows], ",")


def kaldi(folder: Path) -> None:
    clips(folder / "wav")

    def with_segments(tables: dict[str, list[str]]) -> None:
        tables["segments"] = [f"{row.split()[0]} {row.split()[0]} 0.1 0.9" for row in tables["text"]]

    formats.kaldi(folder, with_segments)


def nemo(folder: Path) -> None:
    clips(folder / "wav")
    formats.nemo_case({})(folder)


def lhotse(folder: Path) -> None:
    """Not packed, so that damage goes deeper than gzip's checksum."""
    import gzip

    clips(folder / "wav")
    formats.manifests(folder)
    for path in list(folder.glob("*.jsonl.gz")):
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()


def transcripts(folder: Path) -> None:
    subtitles = f"1\n00:00:00,100 --> 00:00:00,900\n{TEXT}\n"
    grid = formats.GRID.format(tiers=1, count=1, end=0.9)
    texts = {".txt": TEXT, ".srt": subtitles, ".eaf": formats.eaf(), ".TextGrid": grid}
    for number, name in enumerate(IDS):
        suffix, place = list(texts.items())[number // 4 % 4], folder / split_of(number)
        place.mkdir(parents=True, exist_ok=True)
        sound(place / f"{name}.wav", seed=number)
        (place / f"{name}{suffix[0]}").write_text(suffix[1], encoding="utf-8")


SILVER = "label: silver\nsplit: train\n"
CORPORA: dict[str, tuple[ModuleType, Callable[[Path], Any], str]] = {
    "commonvoice": (data_commonvoice, commonvoice, "options: {locale: el, also_train: [validated, other]}\n"),
    "sps": (data_sps, sps, "options: {locale: el-CY}\n"),
    "fleurs": (data_fleurs, fleurs, "options: {locale: el_gr, translations: {en: en_us}}\n"),
    "librispeech": (data_librispeech, librispeech, "options: {parts: [train-clean-100, dev-clean, test-clean]}\n"),
    "css10": (data_css10, css10, "split: train\noptions: {speaker: anna}\n"),
    "mtedx": (data_mtedx, test_data_mtedx.write_corpus, ""),
    "mtedx yaml": (data_mtedx, partial(test_data_mtedx.write_corpus, times=("yaml",)), ""),
    "voice_of_cyprus": (data_voice_of_cyprus, test_data_voice_of_cyprus.write_corpus, SILVER),
    "podcasts": (data_podcasts, test_data_podcasts.write_corpus, SILVER),
    "speechdat": (data_speechdat, partial(test_data_speechdat.write_database, sessions=4), "split: speakers\n"),
    "json table": (data_own, json_table, "format: table\n"),
    "csv table": (data_own, csv_table, "format: table\n"),
    "kaldi": (data_own, kaldi, "format: kaldi\n"),
    "nemo": (data_own, nemo, "format: nemo\n"),
    "lhotse": (data_own, lhotse, "format: lhotse\n"),
    "folder": (data_own, transcripts, "format: folder\n"),
}
TOKENS = [
    b"\0",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"NaN",
    b"inf",
    b"-1",
    b"9" * 400,
    b'"',
    b"\t",
    b"\r",
    b"\xe2\x80\xa8",
    b"../../..",
    b"{",
    b"]",
]
ODD_JSON: list[Any] = [None, -1, 10**400, "x", "\ud800", [], {}, [[]], [{}], {"a": 1}, True, float("nan"), "../../etc/passwd"]


def damaged(folder: Path, draw: random.Random) -> None:
    """A few bytes, lines or cells of the corpus's texts, or a whole text, are other ones."""
    texts = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix.lower() in TABLES)
    for _ in range(draw.randint(1, 3)):
        path = draw.choice(texts)
        if not path.exists():
            continue
        data = path.read_bytes()
        lines = data.split(b"\n")
        at = draw.randrange(len(data) + 1)
        row = draw.randrange(len(lines))
        match draw.randrange(9):
            case 0:
                data = data[:at] + draw.randbytes(1) + data[at + 1 :]
            case 1:
                data = data[:at] + draw.choice(TOKENS) + data[at:]
            case 2:
                data = data[:at]
            case 3:
                data = data[:at] + data[at + draw.randint(1, 30) :]
            case 4:
                data = b"\n".join([*lines[:row], lines[row], *lines[row:]])
            case 5:
                data = b"\n".join([*lines[:row], *lines[row + 1 :]])
            case 6:
                cells = lines[row].replace(b",", b"\t").split(b"\t")
                cells[draw.randrange(len(cells))] = draw.choice(TOKENS)
                data = b"\n".join([*lines[:row], b"\t".join(cells), *lines[row + 1 :]])
            case 7:
                data = odd_json(data, draw)
            case 8:
                path.unlink()
                continue
        path.write_bytes(data)


def odd_json(data: bytes, draw: random.Random) -> bytes:
    """A value anywhere in one of the JSON documents of `data` is another one; unchanged where there is none."""
    lines = data.split(b"\n")
    for whole in ([data], lines):
        place = draw.randrange(len(whole))
        try:
            value = json.loads(whole[place])
        except ValueError:
            continue
        whole[place] = json.dumps(replaced(value, draw)).encode()
        return b"\n".join(whole)
    return data


def replaced(value: Any, draw: random.Random) -> Any:
    if isinstance(value, dict | list) and value and draw.random() < 0.8:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        key = draw.choice(keys)
        value[key] = replaced(value[key], draw)
        return value
    return draw.choice(ODD_JSON)


def unmentioned(ids: set[str], rejects: list[tuple[str, str, str]]) -> list[Path]:
    """Audio files of the corpus that are neither in a cut nor in a reject."""
    cuts = [cut for path in Path("data/broken").glob("*.jsonl.gz") for cut in read_jsonl_gz(path) if cut["id"] in ids]
    said = {Path(source["source"]).stem for cut in cuts for source in cut["recording"]["sources"]}
    said |= {Path(word.rstrip(")")).stem for _, where, _ in rejects for word in where.split()}
    names = "\0".join([*said, *(identity for identity, _, _ in rejects)]).lower()  # SpeechDat's are in capitals
    return [path for path in Path("corpus").rglob("*") if path.suffix.lower() in AUDIO and path.stem.lower() not in names]


@pytest.fixture(scope="session")
def good(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Each corpus, made once."""
    made: dict[str, Path] = {}

    def corpus(name: str) -> Path:
        if name not in made:
            made[name] = tmp_path_factory.mktemp("good") / "corpus"
            CORPORA[name][1](made[name])
        return made[name]

    return corpus


@pytest.mark.parametrize("name", CORPORA)
def test_damage_at_random_loses_nothing_in_silence(
    name: str, good: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, _, keys = CORPORA[name]
    for seed in range(-1, SEEDS):
        place = tmp_path / str(seed)
        shutil.copytree(good(name), place / "corpus")
        (place / "conf").mkdir()
        monkeypatch.chdir(place)
        head = f"corpus: {module.__name__.removeprefix('local.data_')}\nlicence: CC0-1.0\nlanguage: el\nmax_reject_rate: 1.0\n"
        Path("conf/data_broken.yaml").write_text(head + keys)
        if seed >= 0:
            damaged(Path("corpus"), random.Random(f"{name} {seed}"))
        try:
            message = stages(module.prepare, monkeypatch, "corpus", None)
        except Exception as error:
            raise AssertionError(f"{name}, damaged by seed {seed} ({place})") from error
        assert message is None or seed >= 0, message
        if message is None:
            ids, rejects = accounted()
            unused = read_json(Path("data/broken/report.json"))["unused"]  # of no split: counted, not listed
            assert name in NO_LIST or len(unmentioned(ids, rejects)) <= unused, f"{name}, damaged by seed {seed}"

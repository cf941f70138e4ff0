"""FLEURS: three layouts, one corpus; translations by sentence id in both directions."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tarfile
from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from cyasr import conf as confs
from cyasr.cli import UsageError
from cyasr.data.corpus import SPLITS, DataConf, Reject, Utterance
from cyasr.files import read_json, read_jsonl_gz
from local.data_fleurs import prepare
from tests.conftest import ROOT

TEXT = {
    "el_gr": "Το καράβι έφτασε στο λιμάνι με 3 ώρες καθυστέρηση, είπε ο {}.",
    "en_us": 'The boat reached the port 3 hours late, said the {}".',
}
FIRST = {"train": 0, "dev": 100, "test": 200}
SIZES = {"train": 6, "dev": 2, "test": 2}


@cache
def wav(number: int) -> bytes:
    packed = io.BytesIO()
    samples = (0.1 * np.sin(np.arange(48000) * (200 + number) / 3000)).astype(np.float32)
    soundfile.write(packed, samples, 16000, format="WAV", subtype="FLOAT")
    return packed.getvalue()


def rows(locale: str, split: str) -> list[list[str]]:
    """Two readings of each sentence; the English release lacks the last one."""
    made = []
    for reading in range(SIZES[split]):
        sentence = FIRST[split] + reading // 2
        raw = TEXT[locale].format("αβγδ"[sentence % 4] if locale == "el_gr" else "abcd"[sentence % 4])
        lower = raw.lower().strip('."')
        characters = " ".join("|".join(lower.split())) + " |"
        file = f"{1000 * sentence + reading}.wav"
        made.append([str(sentence), file, raw, lower, characters, "48000", "FEMALE" if reading % 2 else "MALE"])
    return made[:-2] if (locale, split) == ("en_us", "train") else made


def language(folder: Path, locale: str, packed: bool) -> Path:
    """data/el_gr as on the hub (audio in archives) or as in the older archive (audio in folders)."""
    folder = folder / locale
    (folder / "audio").mkdir(parents=True)
    for split in SPLITS:
        made = rows(locale, split)
        (folder / f"{split}.tsv").write_text("".join("\t".join(row) + "\n" for row in made), encoding="utf-8")
        (folder / "audio" / split).mkdir()
        for row in made:
            (folder / "audio" / split / row[1]).write_bytes(wav(int(row[0]) * 10 + len(row[6])))
        if packed:
            with tarfile.open(folder / "audio" / f"{split}.tar.gz", "w:gz") as archive:
                archive.add(folder / "audio" / split, split)
            shutil.rmtree(folder / "audio" / split)
    return folder


def conf(name: str = "fleurs_el", **keys: Any) -> DataConf:
    made = confs.load(ROOT / "conf" / f"data_{name}.yaml", DataConf)
    return replace(made, options=made.options | keys.pop("options", {}), **keys)


def read(corpus: Path, settings: DataConf | None = None) -> tuple[dict[str, Utterance], list[Reject]]:
    items = list(prepare(corpus, Path("raw"), settings or conf()))
    utterances = [item for item in items if isinstance(item, Utterance)]
    return {item.id: item for item in utterances}, [item for item in items if isinstance(item, Reject)]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def check(utterances: dict[str, Utterance], rejects: list[Reject]) -> None:
    assert rejects == [] and Counter(each.split for each in utterances.values()) == SIZES
    one = utterances["el_gr_100000"]
    assert (one.text, one.prompt, one.gender, one.seconds) == (TEXT["el_gr"].format("α"), "100", "male", 3.0)
    assert one.speaker is None  # FLEURS names none
    assert all(each.audio and each.audio.is_file() for each in utterances.values())


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("given", ["fleurs", "fleurs/data", "fleurs/data/el_gr"])
def test_the_hubs_and_the_older_layout_are_read_from_any_folder_above(packed: bool, given: str) -> None:
    for locale in TEXT:
        language(Path("fleurs/data"), locale, packed)
    utterances, rejects = read(Path(given))
    check(utterances, rejects)
    assert utterances["el_gr_100000"].translation == {"en": TEXT["en_us"].format("a")}
    assert utterances["el_gr_2004"].translation is None  # a sentence that the English release lacks


def test_english_carries_the_greek_sentences() -> None:
    for locale in TEXT:
        language(Path("fleurs"), locale, packed=False)
    utterances, _ = read(Path("fleurs"), conf("fleurs_en"))
    assert {(each.translation or {}).get("el", "")[:2] for each in utterances.values()} == {"Το"}
    assert utterances["en_us_100000"].text == TEXT["en_us"].format("a")  # a lone quotation mark stays


def test_archives_of_whole_languages_are_unpacked() -> None:
    for locale in TEXT:
        language(Path("made"), locale, packed=False)
        Path("fleurs").mkdir(exist_ok=True)
        with tarfile.open(f"fleurs/{locale}.tar.gz", "w:gz") as archive:
            archive.add(f"made/{locale}", locale)
    utterances, rejects = read(Path("fleurs"))
    check(utterances, rejects)
    assert utterances["el_gr_100000"].translation


def test_lhotses_layout_is_read() -> None:
    folder = language(Path("fleurs"), "el_gr", packed=False)
    Path("fleurs/metadata/el_gr").mkdir(parents=True)
    for split in SPLITS:
        (folder / f"{split}.tsv").rename(f"fleurs/metadata/el_gr/{split}.tsv")
        (folder / "audio" / split).rename(folder / split)
    check(*read(Path("fleurs")))


def test_without_the_other_language_there_are_no_translations_and_a_line_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    language(Path("fleurs"), "el_gr", packed=False)
    utterances, _ = read(Path("fleurs"))
    assert {each.translation for each in utterances.values()} == {None}
    assert "en_us: is not beside el_gr, so no translations" in capsys.readouterr().out


def test_broken_rows_and_audio_that_no_row_names_are_rejects() -> None:
    folder = language(Path("fleurs"), "el_gr", packed=False)
    lines = (folder / "dev.tsv").read_text().splitlines()
    (folder / "dev.tsv").write_text("\n".join([lines[0].replace(", είπε", "\tείπε"), lines[1].replace("100001.wav", "../x.wav")]))
    utterances, rejects = read(Path("fleurs"))
    kinds = Counter(reject.reason.partition(":")[0] for reject in rejects)
    assert kinds == {"wrong number of cells": 1, "no file's name": 1, "audio without transcript": 2}
    assert Counter(each.split for each in utterances.values()) == {"train": 6, "test": 2}


def test_what_is_missing_is_named() -> None:
    folder = language(Path("fleurs"), "el_gr", packed=False)
    with pytest.raises(UsageError, match=r"there is no de_de/train\.tsv and no de_de\.tar\.gz"):
        read(Path("fleurs"), conf(options={"locale": "de_de"}))
    shutil.rmtree(folder / "audio" / "test")
    with pytest.raises(UsageError, match=r"no audio of test: neither audio/test\.tar\.gz"):
        read(Path("fleurs"))


def test_the_hubs_files_become_cuts_with_translations_in_two_commands() -> None:
    for locale in TEXT:
        language(Path("fleurs/data"), locale, packed=True)
    os.mkdir("conf")
    shutil.copy(ROOT / "conf" / "data_fleurs_el.yaml", "conf")
    for module, *more in (["local.data_fleurs", "--corpus-dir", "fleurs"], ["steps.make_cuts"]):
        command = [sys.executable, "-m", module, "--conf", "conf/data_fleurs_el.yaml", *more]
        made = subprocess.run(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
        assert made.returncode == 0, made.stderr
    report = read_json(Path("data/fleurs_el/report.json"))
    assert {split: each["utterances"] for split, each in report["splits"].items()} == SIZES
    cut = next(read_jsonl_gz(Path("data/fleurs_el/test.jsonl.gz")))
    assert cut["supervisions"][0]["custom"]["translation"] == {"en": TEXT["en_us"].format("a")}
    assert cut["supervisions"][0]["text"].startswith("το καράβι έφτασε στο λιμάνι με τρεις ώρες")

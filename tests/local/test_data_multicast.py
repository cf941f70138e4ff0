"""Multi-CAST: text alone, in Greek letters, with its translation and the romanised original."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest

from cyasr.cli import UsageError
from local import data_multicast as adapter
from tests.conftest import ROOT
from tests.local.adapters import kinds, prepared, settings, stages

REAL = Path(os.environ.get("CYASR_SHARED", ROOT.parent / "shared")) / "data" / "text" / "multicast_cypriot_CC-BY"
HEADER = (
    "ID,Language_ID,Primary_Text,Analyzed_Word,Gloss,Translated_Text,Meta_Language_ID,LGR_Conformance,Comment,Media_IDs,"
    "Position,Audio_Start,Audio_End,graid,add_orthography,Text_ID"
)
ROWS = [  # made up, in the corpus's spelling and columns
    'kattos_0001,mccypgreek,"Ishen enan yon,  je ghalan.",#\tishen\tenan\tyon,#\thad\ta\tson,'
    '"He had a son, and milk.",en,WORD_ALIGNED,,kattos_eaf kattos_xml,,0,4000,##\tv:pred,,kattos',
    'kattos_0002,mccypgreek,"""Pu en i kori su?""",#\tpu,#\twhere,Where is your daughter?,en,WORD_ALIGNED,,kattos_eaf,,'
    "4000,8000,##,,kattos",
    "kattos_0003,mccypgreek,,#,#,,en,WORD_ALIGNED,,kattos_eaf,,8000,12000,##,,kattos",
    "kattos_0004,mccypgreek,Eyinin,#",
]
TEXTS = (
    "ID,Name,Description,Contributor,Citation,Text_Number,Media_IDs,Clause_Count,Speaker,Speaker_Gender,Speaker_Age,"
    "Speaker_Age_Approximated,Speaker_Year_Born,Speaker_Year_Born_Approximated,Type,Year_Recorded,Recording_Length,Source\n"
    'kattos,kattos,,A and B,"A & B, 2021.",1,kattos_eaf,4,CG09,female,73,no,1887,no,TN,1960,0,book2009\n'
)


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write_corpus(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "utterances.csv").write_bytes("\r\n".join(["\ufeff" + HEADER, *ROWS, ""]).encode())
    (folder / "texts.csv").write_text(TEXTS, encoding="utf-8")
    (folder / "languages.csv").write_text("ID,Name\nmccypgreek,Cypriot Greek\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize("inner", ["", "cldf"])
def test_each_row_is_a_text_in_greek_letters_with_teller_and_translation(inner: str) -> None:
    write_corpus(Path("corpus") / inner)
    utterances, rejects = prepared(adapter, Path("corpus"), settings("multicast_cy"))
    first, second, empty = utterances
    assert unicodedata.normalize("NFC", first.text) == "Είσ̆εν έναν γιον, τζ̆αι γάλαν."
    assert second.text.startswith('"Πού') or second.text.startswith('"Που')
    assert first.translation == {"en": "He had a son, and milk.", "el-Latn": "Ishen enan yon, je ghalan."}
    assert (first.audio, first.speaker, first.gender, first.age, first.domain) == (None, "CG09", "female", "73", "kattos")
    assert empty.text == "" and kinds(rejects) == {"wrong number of cells": 1} and rejects[0].where.endswith(":5")


def test_both_stages_give_texts_for_language_models_and_no_cuts(monkeypatch: pytest.MonkeyPatch) -> None:
    write_corpus(Path("corpus"))
    Path("conf").mkdir()
    conf = (ROOT / "conf/data_multicast_cy.yaml").read_text(encoding="utf-8")
    Path("conf/data_multicast_cy.yaml").write_text(
        conf.replace("max_reject_rate: 0.01", "max_reject_rate: 0.6"), encoding="utf-8"
    )
    rows, report = stages(adapter, "multicast_cy", Path("corpus"), monkeypatch)
    [text, _] = rows["text"]
    [supervision] = text["supervisions"]
    assert supervision["text"] == unicodedata.normalize("NFC", "είσ̆εν έναν γιον τζ̆αι γάλαν")
    assert supervision["custom"]["licence"] == "CC-BY-4.0" and supervision["language"] == "el-CY"
    assert report["texts_in"] == 2 and not rows.get("train")


def test_an_unknown_option_or_a_folder_without_the_table_is_refused() -> None:
    with pytest.raises(UsageError, match="unknown key 'style'"):
        prepared(adapter, write_corpus(Path("corpus")), settings("multicast_cy", options={"style": "x"}))
    Path("other").mkdir()
    with pytest.raises(UsageError, match=r"utterances\.csv does not exist"):
        prepared(adapter, Path("other"), settings("multicast_cy"))


@pytest.mark.skipif(not REAL.is_dir(), reason=f"Multi-CAST Cypriot Greek is not at {REAL}")
def test_the_real_tales_come_out_whole_and_without_a_latin_letter() -> None:
    utterances, rejects = prepared(adapter, REAL, settings("multicast_cy"))
    assert len(utterances) == 462 and rejects == []
    assert not [one.id for one in utterances if any("A" <= char <= "z" for char in one.text)]
    assert utterances[0].text == "Μιαν φοραν είσ̆εν έναν βασιλέαν." and {one.speaker for one in utterances} == {"CG01"}
    words = " ".join(one.text for one in utterances).lower().split()
    assert words.count("τζ̆αι") > 100 and words.count("εν") > 50 and "me" not in words

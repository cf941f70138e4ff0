"""Common Voice, scripted: every release's columns, every table's rows, and the cells that break other readers."""

from __future__ import annotations

import io
import os
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
from cyasr.data.corpus import DataConf, Reject, Utterance, write_raw
from cyasr.files import read_json, read_jsonl_gz, sha256
from local.data_commonvoice import prepare, unquoted
from tests.conftest import ROOT

OLD = ["client_id", "path", "sentence", "up_votes", "down_votes", "age", "gender"]
NEW = ["client_id", "path", "sentence_id", "sentence", "sentence_domain", "up_votes", "down_votes", "age", "gender"]
COLUMNS = {
    "1": [*OLD, "accent"],
    "5.1": [*OLD, "accent", "locale", "segment"],
    "11.0": [*OLD, "accents", "locale", "segment"],
    "15.0": [*OLD, "accents", "variant", "locale", "segment"],
    "16.1": [*OLD, "accents", "accents", "variant", "locale", "segment"],  # twice, as one bundler had it
    "17.0": [*NEW, "accents", "variant", "locale", "segment"],
    "26.0": [*NEW, "accents", "variant", "locale", "segment", "prompt_upvotes", "prompt_reports", "is_edited"],
}
WORDS = ["μήλα", "σύκα", "ρόδια", "καρπούζια", "πεπόνια", "λεμόνια", "σταφύλια", "κεράσια", "βερίκοκα", "αμύγδαλα"]


@cache
def mp3(number: int) -> bytes:
    packed = io.BytesIO()
    soundfile.write(packed, 0.1 * np.sin(np.arange(48000) * (200 + number) / 5000), 32000, format="MP3")
    return packed.getvalue()


def clip(folder: Path, name: str, number: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(mp3(number))


def sentence(number: int) -> str:
    return f"Ο {WORDS[number % 10]} πήρε από το παζάρι {WORDS[number // 10 % 10]} και {WORDS[number * 3 % 10]}."


def row(number: int, **cells: str) -> dict[str, str]:
    made = {
        "client_id": f"{number % 5:0128x}",
        "path": f"common_voice_el_{20000000 + number}.mp3",
        "sentence_id": f"{number:064x}",
        "sentence": sentence(number),
        "sentence_domain": "general" if number % 2 else "",
        "up_votes": "2",
        "down_votes": "0",
        "age": "thirties",
        "gender": "male_masculine",
        "locale": "el",
    }
    return made | cells


def table(path: Path, columns: list[str], rows: list[dict[str, str]], end: str = "\n") -> None:
    lines = ["\t".join(columns), *("\t".join(each.get(column, "") for column in columns) for each in rows)]
    path.write_text("".join(line + end for line in lines), encoding="utf-8", newline="")


SAMPLE = Path(os.environ.get("CYASR_SHARED", ROOT.parent / "shared")) / "data/formats/commonvoice_scs_el.validated.sample.tsv"
SPEAKERS = {"train": "ab", "dev": "c", "test": "d", "validated": "ae", "other": "f", "invalidated": "a"}


def release(corpus: Path, version: str = "25.0", changed: dict[int, dict[str, str]] | None = None) -> Path:
    """A whole release: 10 train, 3 dev, 3 test clips, 4 more validated ones, 3 not validated, 2 invalidated; its folder."""
    folder = corpus / f"cv-corpus-{version}-2026-03-09" / "el"
    folder.mkdir(parents=True)
    columns = COLUMNS.get(version, COLUMNS["17.0"])
    sizes = {"train": 10, "dev": 3, "test": 3, "validated": 4, "other": 3, "invalidated": 2}
    numbers = iter(range(100))
    rows = {
        name: [
            row(number, client_id=SPEAKERS[name][number % len(SPEAKERS[name])] * 128) | (changed or {}).get(number, {})
            for number in [next(numbers) for _ in range(size)]
        ]
        for name, size in sizes.items()
    }
    rows["validated"] += rows["train"] + rows["dev"] + rows["test"]
    for name, each in rows.items():
        table(folder / f"{name}.tsv", columns, each)
    (folder / "reported.tsv").write_text(
        "sentence_id\tsentence\tlocale\treason\n"
        f"x\t{sentence(1)}\tel\tgrammar-or-spelling\n"
        f"y\t{sentence(2)}\tel\tείναι\n\tπολύ μακρύ\n",  # a line feed and a tab in a free text
        encoding="utf-8",
    )
    names = [f"common_voice_el_{20000000 + number}.mp3" for number in range(25)]
    if version not in ("1", "5.1", "11.0", "15.0"):
        (folder / "clip_durations.tsv").write_text("clip\tduration[ms]\n" + "".join(f"{name}\t1512\n" for name in names))
        for name in ("validated_sentences.tsv", "unvalidated_sentences.tsv"):
            (folder / name).write_text('sentence_id\tsentence\tsource\n0\t"Μία ""άλλη""\tπηγή"\n', encoding="utf-8")
    for number, name in enumerate(names):
        clip(folder / "clips", name, number)
    return folder


def conf(**keys: Any) -> DataConf:
    made = confs.load(ROOT / "conf" / "data_cv_el.yaml", DataConf)
    options = made.options | keys.pop("options", {})
    return replace(made, options=options, **keys)


def read(corpus: Path, settings: DataConf | None = None) -> tuple[dict[str, Utterance], list[Reject]]:
    items = list(prepare(corpus, Path("raw"), settings or conf()))
    utterances = [item for item in items if isinstance(item, Utterance)]
    return {item.id: item for item in utterances}, [item for item in items if isinstance(item, Reject)]


def kinds(rejects: list[Reject]) -> dict[str, int]:
    return dict(Counter(reject.reason.partition(":")[0] for reject in rejects))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("version", COLUMNS)
def test_every_clip_of_every_release_is_an_utterance_or_a_reject(version: str) -> None:
    release(Path("corpus"), version)
    utterances, rejects = read(Path("corpus"))
    assert Counter(each.split for each in utterances.values()) == {"train": 10, "dev": 3, "test": 3}
    assert kinds(rejects) == {"validated but in no split": 4, "not validated": 3, "invalidated": 2}
    assert len({*utterances, *(reject.id for reject in rejects)}) == 25
    one = utterances["common_voice_el_20000001"]
    assert (one.text, one.speaker, one.gender) == (sentence(1), "b" * 128, "male")
    assert one.where.endswith("train.tsv:3") and one.tags == ("reported: grammar-or-spelling",)
    assert one.seconds == (1.512 if float(version) > 16 else None)
    assert one.domain == ("general" if float(version) >= 17 else None)


@pytest.mark.parametrize("level", ["corpus", "corpus/cv-corpus-25.0-2026-03-09", "corpus/cv-corpus-25.0-2026-03-09/el"])
def test_the_folder_may_be_given_at_any_level(level: str) -> None:
    release(Path("corpus"))
    assert len(read(Path(level))[0]) == 16
    assert read_json(Path("raw/identity.json"))["release"] == "25.0"


def test_stage_one_counts_every_row_and_takes_no_unvalidated_row_for_a_fault() -> None:
    (release(Path("corpus")) / "clips" / "common_voice_el_20000000.mp3").unlink()
    settings = conf(max_reject_rate=0.1)
    write_raw(prepare(Path("corpus"), Path("raw"), settings), Path("raw"), settings)
    summary = read_json(Path("raw/summary.json"))
    assert summary["utterances"] == 15 and sum(summary["rejects"].values()) == 10
    assert sum(1 for _ in read_jsonl_gz(Path("raw/recordings.jsonl.gz"))) == 15


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ('"Μα ""ναι"", είπε"', 'Μα "ναι", είπε'),
        ('"Μα ναι!" είπε η "γιαγιά"', '"Μα ναι!" είπε η "γιαγιά"'),
        ('Μα "ναι', 'Μα "ναι'),
        ('"Μα ναι', '"Μα ναι'),
        ('Μα \\"ναι\\"', 'Μα "ναι"'),
        ("  Μα ναι ", "Μα ναι"),
        ('""', ""),
        ('"', '"'),
        ("Μα\u2028ναι", "Μα\u2028ναι"),
    ],
)
def test_quotation_marks_of_a_sentence_are_kept_and_those_of_a_table_are_not(cell: str, text: str) -> None:
    release(Path("corpus"), changed={3: {"sentence": cell}})
    utterances, _ = read(Path("corpus"))
    assert utterances["common_voice_el_20000003"].text == text == unquoted(cell)
    assert len(utterances) == 16


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"sentence": "Μα\tναι"}, "wrong number of cells"),
        ({"sentence": "Μα\nναι"}, "wrong number of cells"),
        ({"path": "../../secret.mp3"}, "no clip's name"),
        ({"path": "/etc/passwd"}, "no clip's name"),
        ({"path": "a\0b.mp3"}, "no clip's name"),
        ({"path": ""}, "no clip's name"),
        ({"locale": "en"}, "another language"),
    ],
)
def test_a_broken_row_is_a_reject_and_the_rows_after_it_are_read(cells: dict[str, str], reason: str) -> None:
    release(Path("corpus"), changed={3: cells})
    (Path("corpus") / "cv-corpus-25.0-2026-03-09/el/validated.tsv").unlink()
    utterances, rejects = read(Path("corpus"))
    found = [reject for reject in rejects if reject.reason.startswith(reason)]
    assert found and all(reject.where.endswith(("train.tsv:5", "train.tsv:6")) for reject in found)
    assert len(utterances) == 15 and "common_voice_el_20000004" in utterances


def test_windows_line_ends_and_a_byte_order_mark_change_nothing() -> None:
    path = release(Path("corpus")) / "train.tsv"
    before = read(Path("corpus"))[0]
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert read(Path("corpus"))[0] == before


def test_a_row_that_is_not_utf8_is_a_reject() -> None:
    path = release(Path("corpus")) / "train.tsv"
    path.write_bytes(path.read_bytes().replace(sentence(3).encode(), sentence(3).encode("iso-8859-7")))
    utterances, rejects = read(Path("corpus"))
    assert "not UTF-8" in kinds(rejects) and "common_voice_el_20000004" in utterances


def test_a_clip_in_two_tables_or_twice_in_one_is_listed_once() -> None:
    path = release(Path("corpus")) / "train.tsv"
    path.write_text(path.read_text() + path.read_text().splitlines()[1] + "\n")
    settings = conf(max_reject_rate=0.5)
    write_raw(prepare(Path("corpus"), Path("raw"), settings), Path("raw"), settings)
    assert read_json(Path("raw/summary.json"))["rejects"]["duplicate id"] == 1


def test_clips_that_no_table_names_are_listed() -> None:
    clip(release(Path("corpus")) / "clips", "stray.mp3", 1)
    (Path("corpus") / "cv-corpus-25.0-2026-03-09/el/clips/._stray.mp3").write_bytes(b"")
    assert [reject.id for reject in read(Path("corpus"))[1] if reject.reason == "audio without transcript"] == ["stray"]


@pytest.mark.parametrize("text", ["clip\tduration[ms]\nCLIP\t0\n", "clip\tduration[ms]\nother.mp3\t1\n", "CLIP\tnan\n"])
def test_a_clip_without_a_believable_duration_is_to_be_measured(text: str) -> None:
    path = release(Path("corpus")) / "clip_durations.tsv"
    path.write_text(text.replace("CLIP", "common_voice_el_20000001.mp3"))
    assert {each.seconds for each in read(Path("corpus"))[0].values()} == {None}


def test_durations_of_releases_before_16_are_read_from_times_txt() -> None:
    folder = release(Path("corpus"), "11.0")
    (folder / "times.txt").write_text("`/tmp/cv/el/clips/common_voice_el_20000001.mp3` = 1512\n")
    assert read(Path("corpus"))[0]["common_voice_el_20000001"].seconds == 1.512


def test_more_rows_for_training_leave_out_speakers_and_sentences_of_dev_and_test() -> None:
    changed = {16: {"client_id": "c" * 128}, 17: {"sentence": sentence(14).upper().rstrip(".") + "!"}}
    release(Path("corpus"), changed=changed)
    utterances, rejects = read(Path("corpus"), conf(options={"also_train": ["validated", "other"]}))
    train = {each.id[-2:]: each.label for each in utterances.values() if each.split == "train"}
    assert set(train) == {f"{number:02}" for number in (*range(10), 18, 19, 20, 21, 22)}
    assert {number: label for number, label in train.items() if label} == {"20": "silver", "21": "silver", "22": "silver"}
    assert kinds(rejects) == {"speaker of dev or test": 1, "sentence of dev or test": 1, "invalidated": 2}


def test_a_split_of_our_own_draws_from_all_validated_clips() -> None:
    release(Path("corpus"))
    utterances, rejects = read(Path("corpus"), conf(split="speakers"))
    assert len(utterances) == 20 and {each.split for each in utterances.values()} == {None}
    assert kinds(rejects) == {"not validated": 3, "invalidated": 2}


def test_another_release_or_another_table_than_the_conf_asks_for_is_refused() -> None:
    folder = release(Path("corpus"))
    with pytest.raises(UsageError, match=r'release 25.0, the conf says 24.0.*set `release: "25.0"`'):
        read(Path("corpus"), conf(release="24.0"))
    read(Path("corpus"), conf(release="25.0"))
    digest = read_json(Path("raw/identity.json"))["sha256"]
    joined = Path("joined.tsv")
    joined.write_bytes(b"".join((folder / f"{split}.tsv").read_bytes() for split in ("train", "dev", "test")))
    assert digest == sha256(joined)
    read(Path("corpus"), conf(options={"sha256": digest.upper()}))
    with pytest.raises(UsageError, match="another release, or changed"):
        read(Path("corpus"), conf(options={"sha256": "0" * 64}))


def test_of_two_releases_side_by_side_the_confs_is_taken_or_none() -> None:
    release(Path("corpus"), "24.0")
    release(Path("corpus"), "25.0")
    utterances, _ = read(Path("corpus"), conf(release="24.0"))
    assert "24.0" in str(next(iter(utterances.values())).audio)
    with pytest.raises(UsageError, match=r"2 times.*give one of these folders"):
        read(Path("corpus"))


def test_a_folder_without_the_language_is_refused() -> None:
    release(Path("corpus"))
    with pytest.raises(UsageError, match=r"there is no fr/train\.tsv"):
        read(Path("corpus"), conf(options={"locale": "fr"}))


def test_a_delta_release_which_has_no_splits_is_named_as_such() -> None:
    folder = release(Path("corpus"))
    for split in ("train", "dev", "test"):
        (folder / f"{split}.tsv").unlink()
    with pytest.raises(UsageError, match="a delta release has no splits"):
        read(Path("corpus"))
    assert len(read(Path("corpus"), conf(split="speakers"))[0]) == 20


@pytest.mark.parametrize(
    ("options", "message"),
    [({"local": "el"}, "did you mean 'locale'"), ({"also_train": ["invalidated"]}, "neither validated nor other")],
)
def test_options_that_cannot_be_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read(Path("corpus"), conf(options=options))


@pytest.mark.skipif(not SAMPLE.is_file(), reason=f"the sample rows are not at {SAMPLE}")
def test_the_publishers_sample_rows_are_read() -> None:
    Path("corpus/el/clips").mkdir(parents=True)
    Path("corpus/el/validated.tsv").write_bytes(SAMPLE.read_bytes())
    utterances, rejects = read(Path("corpus"), conf(split="speakers"))
    assert len(utterances) == 5 and rejects == []
    assert {each.gender for each in utterances.values()} == {"male", None}


def test_the_archive_becomes_cuts_in_two_commands() -> None:
    release(Path("made"))
    with tarfile.open("el.tar.gz", "w:gz") as packed:
        packed.add("made/cv-corpus-25.0-2026-03-09", "cv-corpus-25.0-2026-03-09")
    os.mkdir("conf")
    (Path("conf") / "data_cv_el.yaml").write_text((ROOT / "conf" / "data_cv_el.yaml").read_text())
    for module, *more in (["local.data_commonvoice", "--corpus-dir", "el.tar.gz"], ["steps.make_cuts"]):
        command = [sys.executable, "-m", module, "--conf", "conf/data_cv_el.yaml", *more]
        made = subprocess.run(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
        assert made.returncode == 0, made.stderr
    report = read_json(Path("data/cv_el/report.json"))
    assert {split: each["utterances"] for split, each in report["splits"].items()} == {"train": 10, "dev": 3, "test": 3}
    cut = next(read_jsonl_gz(Path("data/cv_el/test.jsonl.gz")))
    assert cut["custom"]["licence"] == "CC0-1.0" and cut["recording"]["sampling_rate"] == 16000
    soundfile.read(io.BytesIO(Path(cut["recording"]["sources"][0]["source"]).read_bytes()))

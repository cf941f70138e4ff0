"""SpeechDat/OrienTel: volumes of sessions with SAM labels and raw A-law, tables, split lists, and what goes wrong in them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from cyasr.cli import UsageError
from cyasr.data.sam import as_wav, read_label, without_marks
from local import data_speechdat as adapter
from tests.local.adapters import kinds, prepared, settings, stages

LABEL = """LHD: SAM, 6.0
DBN: OrienTel_Cypriot_Greek
VOL: MOBIL1CY_01
SES: {session}
CMT: *** Speech Label Information ***
DIR: \\MOBIL1CY\\BLOCK00\\SES{session}
SRC: B1{session}{item}.CYA
CCD: {item}
REP: Lefkosia
RED: 12/Mar/2003
RET: 10:15:22
BEG: 0
END: {end}
CMT: *** Speech Data Coding ***
SAM: 8000
SNB: 1
SBF:
SSB: 8
QNT: A-LAW
NCH: 1
CMT: *** Speaker Information ***
SCD: {speaker}
SEX: {sex}
AGE: {age}
ACC: Lefkosia
CMT: *** Recording Conditions ***
REG: CY1
ENV: HOME
NET: MOBILE
PHM: GSM
ASS: {assessment}
CMT: *** Label File Body ***
LBD:
LBR: 0,{end},,,,{prompt}
LBO: 0,{middle},{end},{said}
ELF:
"""
SAID = {  # item -> what was said
    "S1": "πού 'ν' τα παιδκιά, μάνα μου;",
    "S2": "[sta] εν ηξέρω [fil] να σου *πώ [spk]",
    "S3": "τούτον **",
    "W1": "~λεμεσός",
    "C1": "έναν δκυο τρία [int]",
    "A1": "[sta]",
}
SECONDS = 1.5


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def alaw(path: Path, seconds: float = SECONDS, subtype: str = "ALAW", seed: int = 0) -> np.ndarray[Any, Any]:
    samples = np.random.default_rng(seed).standard_normal(round(seconds * 8000)) * 0.1
    soundfile.write(path, samples, 8000, format="RAW", subtype=subtype)
    return samples


def write_item(folder: Path, session: str, item: str, said: str, **changes: Any) -> Path:
    """Label and A-law samples of one item; returns the label file."""
    folder = folder / "BLOCK00" / f"SES{session}"
    folder.mkdir(parents=True, exist_ok=True)
    end = round(SECONDS * 8000) - 1
    values = {"session": session, "item": item, "said": said, "end": end, "middle": end // 2, "prompt": f"{item} να διαβάσετε"}
    values |= {"speaker": f"00{session}", "sex": "F", "age": "34", "assessment": "OK"} | changes
    label = folder / f"B1{session}{item}.CYO"
    label.write_bytes(LABEL.format(**values).replace("\n", "\r\n").encode("iso-8859-7"))
    alaw(label.with_suffix(".CYA"), seed=int.from_bytes((session + item).encode()) % 2**32)
    return label


def write_database(root: Path, sessions: int = 8) -> Path:
    """Two volumes with DOC, INDEX, TABLE and PROMPT beside the sessions, as CDs hold them."""
    for number in range(sessions):
        volume = root / f"CD{number % 2 + 1}" / "MOBIL1CY"
        for item, said in SAID.items() if number == 0 else [("S1", SAID["S1"]), ("C1", f"{SAID['C1']} τέσσερα")]:
            write_item(volume, f"{number:04}", item, said, sex="F" if number % 2 else "M")
    for volume in sorted(root.glob("CD*")):
        (volume / "README.TXT").write_text("OrienTel")
        (volume / "DISK.ID").write_text("MOBIL1CY_01")
        base = volume / "MOBIL1CY"
        for folder in ("DOC", "INDEX", "TABLE", "PROMPT"):
            (base / folder).mkdir()
        (base / "DOC" / "DESIGN.DOC").write_bytes(b"\xd0\xcf\x11\xe0")
        (base / "DOC" / "ISO88597.ISO").write_text("a character table")
        (base / "INDEX" / "CONTENTS.LST").write_text("MOBIL1CY\\BLOCK00\\SES0000\tB10000S1.CYA\r\n")
        (base / "INDEX" / "B1TRNCY.SES").write_text("".join(f"SES{number:04}\r\n" for number in range(sessions - 2)))
        (base / "INDEX" / "B1TSTCY.SES").write_text("".join(f"SES{number:04}\r\n" for number in range(sessions - 2, sessions)))
        rows = [f"{number:06}\t{'MF'[number % 2]}\t{20 + number}\tLefkosia" for number in range(sessions)]
        (base / "TABLE" / "SPEAKER.TBL").write_text("\r\n".join(["SCD\tSEX\tAGE\tACC", *rows, ""]))
    return root


def test_every_label_is_an_utterance_with_its_words_or_a_reject_with_its_mark() -> None:
    utterances, rejects = prepared(adapter, write_database(Path("db")), settings("orientel_cy"))
    of_first = {one.domain: one for one in utterances if one.speaker == "000000"}
    assert len(utterances) + len(rejects) == len(SAID) + 7 * 2
    assert kinds(rejects) == {"not to be understood": 1, "truncated word": 1, "no speech": 1}
    sentences = [one.text for one in utterances if one.speaker == "000000" and one.domain == "S"]
    assert sentences == ["πού 'ν' τα παιδκιά, μάνα μου;", "εν ηξέρω να σου πώ"]
    assert of_first["S"].tags == ("sta", "fil", "spk", "mispronounced") and of_first["C"].tags == ("int",)
    assert (of_first["C"].gender, of_first["C"].age, of_first["C"].prompt) == ("male", "34", "C1 να διαβάσετε")


def test_options_say_which_marked_words_stay() -> None:
    corpus = write_database(Path("db"))
    utterances, rejects = prepared(adapter, corpus, settings("orientel_cy", options={"keep": ["truncated"]}))
    assert "λεμεσός" in [one.text for one in utterances]
    assert kinds(rejects) == {"not to be understood": 1, "mispronounced word": 1, "no speech": 1}
    for options, message in (({"keep": ["all"]}, "keep: all is none of"), ({"encoding": "greek9"}, "none that Python knows")):
        with pytest.raises(UsageError, match=message):
            prepared(adapter, corpus, settings("orientel_cy", options=options))


def test_a_law_becomes_the_samples_that_libsndfile_reads_from_it() -> None:
    label = write_item(Path("db"), "0001", "S1", SAID["S1"])
    [utterance], _ = prepared(adapter, Path("db"), settings("orientel_cy"))
    assert utterance.audio is not None and soundfile.info(str(utterance.audio)).subtype == "PCM_16"
    samples, rate = soundfile.read(utterance.audio, dtype="int16")
    raw: dict[str, Any] = {"samplerate": 8000, "channels": 1, "format": "RAW", "subtype": "ALAW"}
    expected = soundfile.read(str(label.with_suffix(".CYA")), dtype="int16", **raw)[0]
    np.testing.assert_array_equal(samples, expected)
    assert rate == 8000 and len(samples) == 12_000


@pytest.mark.parametrize(
    ("lines", "subtype", "suffix"),
    [
        ({"QNT": "MU-LAW"}, "ULAW", ".CYA"),
        ({"QNT": ""}, "ULAW", ".CYU"),
        ({"QNT": "PCM", "SNB": "2", "SBF": "lohi"}, "PCM_16", ".CYA"),
    ],
)
def test_other_codings_are_read_by_label_or_name(lines: dict[str, str], subtype: str, suffix: str) -> None:
    recorded = Path(f"B10001S1{suffix}")
    samples = alaw(recorded, subtype=subtype)
    wav = as_wav(recorded, Path("out.wav"), {"SAM": "8000", "END": "11999", **lines})
    np.testing.assert_allclose(soundfile.read(wav)[0], samples, atol=0.02)


def test_a_file_with_a_header_is_taken_as_it_is() -> None:
    soundfile.write("B10001S1.CYA", np.zeros(800), 8000, format="WAV")
    assert as_wav(Path("B10001S1.CYA"), Path("out.wav"), {"QNT": "A-LAW", "END": "11999"}) == Path("B10001S1.CYA")


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"LBO: 0,": "LBX: 0,"}, "no transcript"),
        ({"LBO: 0,5999,11999,": "LBO: "}, "no transcript"),
        ({"ASS: OK": "ASS: GARBAGE"}, "assessed as unusable"),
        ({"END: 11999": "END: 23999"}, "truncated"),
        ({"QNT: A-LAW": "QNT: G729"}, "unknown coding"),
        ({"NCH: 1": "NCH: 2"}, "more than one channel"),
        ({"SAM: 8000": "SAM: 0"}, "unknown sampling rate"),
        ({"LHD: SAM, 6.0": "some text"}, "no SAM label file"),
    ],
)
def test_a_label_that_cannot_be_used_is_a_reject(change: dict[str, str], kind: str) -> None:
    label = write_item(Path("db"), "0001", "S1", SAID["S1"])
    text = label.read_bytes().decode("iso-8859-7")
    for old, new in change.items():
        assert old in text
        text = text.replace(old, new)
    label.write_bytes(text.encode("iso-8859-7"))
    utterances, rejects = prepared(adapter, Path("db"), settings("orientel_cy"))
    assert utterances == [] and kinds(rejects) == {kind: 1}


def test_audio_and_labels_without_each_other_are_found() -> None:
    write_item(Path("db"), "0001", "S1", SAID["S1"]).unlink()
    missing = write_item(Path("db"), "0002", "S1", SAID["S1"]).with_suffix(".CYA")
    missing.unlink()
    utterances, rejects = prepared(adapter, Path("db"), settings("orientel_cy"))
    assert kinds(rejects) == {"audio without transcript": 1} and [one.audio for one in utterances] == [missing]


def test_names_in_small_letters_and_labels_in_utf8_are_read_alike() -> None:
    label = write_item(Path("db"), "0001", "S1", SAID["S1"])
    small = Path("small/block00/ses0001")
    small.mkdir(parents=True)
    (small / label.name.lower()).write_text(label.read_bytes().decode("iso-8859-7"), encoding="utf-8-sig")
    label.with_suffix(".CYA").rename(small / label.with_suffix(".CYA").name.lower())
    [utterance], rejects = prepared(adapter, Path("small"), settings("orientel_cy"))
    assert (utterance.id, utterance.text, rejects) == ("B10001S1", SAID["S1"], [])


def test_volumes_may_be_links_even_in_a_circle() -> None:
    write_item(Path("elsewhere"), "0001", "S1", SAID["S1"])
    Path("db").mkdir()
    Path("db/CD1").symlink_to(Path("elsewhere").resolve())
    Path("elsewhere/again").symlink_to(Path("db").resolve())
    utterances, rejects = prepared(adapter, Path("db"), settings("orientel_cy"))
    assert len(utterances) == 1 and rejects == []


def test_what_labels_leave_out_of_a_speaker_comes_from_the_table() -> None:
    corpus = write_database(Path("db"))
    for label in corpus.rglob("*.CYO"):
        lines = label.read_bytes().decode("iso-8859-7").splitlines()
        label.write_bytes("\r\n".join(line for line in lines if line[:3] not in {"SEX", "AGE"}).encode("iso-8859-7"))
    utterances, _ = prepared(adapter, corpus, settings("orientel_cy"))
    assert {(one.speaker, one.gender, one.age) for one in utterances} >= {("000001", "female", "21"), ("000002", "male", "22")}


def test_the_published_split_is_taken_with_dev_from_its_train_speakers_or_its_absence_named() -> None:
    corpus = write_database(Path("db"), sessions=12)
    utterances, _ = prepared(adapter, corpus, settings("orientel_cy", split="given", dev_share=0.3))
    speakers = {split: {one.speaker for one in utterances if one.split == split} for split in ("train", "dev", "test")}
    assert speakers["test"] == {"000010", "000011"} and len(speakers["train"]) > len(speakers["dev"]) > 0
    assert not speakers["train"] & speakers["dev"]
    for table in corpus.rglob("*.SES"):
        table.unlink()
    with pytest.raises(UsageError, match="set split: speakers"):
        prepared(adapter, corpus, settings("orientel_cy", split="given"))


def test_long_texts_go_on_in_ext_and_several_stretches_are_joined() -> None:
    path = Path("x.CYO")
    path.write_text(
        "LHD: SAM, 6.0\nLBD:\nLBO: 0,1,2,πρώτη γραμμή\nEXT: δεύτερη, γραμμή\nLBO: 3,4,5,και άλλη\nELF:\n", encoding="utf-8"
    )
    label = read_label(path)
    assert label is not None and label["LBO"] == "0,1,2,πρώτη γραμμή δεύτερη, γραμμή και άλλη"
    assert without_marks("[fil] ένα* **δύο~") == ("ένα δύο", ["fil", "mispronounced", "truncated"])


def test_a_folder_that_may_not_be_read_is_no_reason_to_go_on_without_it() -> None:
    write_item(Path("db"), "0001", "S1", SAID["S1"])
    folder = Path("db/BLOCK00/SES0001")
    folder.chmod(0)
    try:
        if os.access(folder, os.R_OK):
            pytest.skip("this user may read everything")
        with pytest.raises(UsageError, match="SES0001: Permission denied"):
            prepared(adapter, Path("db"), settings("orientel_cy"))
    finally:
        folder.chmod(0o700)


def test_both_stages_make_telephone_cuts_of_speakers_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, report = stages(adapter, "orientel_cy", write_database(Path("db")), monkeypatch)
    assert sum(len(rows[split]) for split in ("train", "dev", "test")) == 3 + 7 * 2
    assert all(cut["custom"]["telephone"] and cut["custom"]["licence"] == "ELRA" for cut in rows["train"])
    assert [pair["shared"] for pair in report["overlap"]["speakers"].values()] == [0, 0, 0]

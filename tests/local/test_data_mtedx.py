"""mTEDx: sentences of el-el with their talks' splits, sounds as tags, English from el-en, whatever of txt/ is there."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest
from lhotse import CutSet

from cyasr.cli import UsageError
from local import data_mtedx as adapter
from tests.local.adapters import kinds, prepared, settings, sound, stages

# split -> talk -> (start, end, Greek, English)
Sentence = tuple[float, float, str, str]
TALKS: dict[str, dict[str, list[Sentence]]] = {
    "train": {
        "b3k1Xx-_0aQ": [
            (0.5, 2.25, "Καλησπέρα σας.", "Good evening."),
            (2.4, 3.0, "(Χειροκρότημα)", "(Applause)"),
            (3.1, 5.8, "- Ήμουν <i>μικρή</i> &amp; έβλεπα τη θάλασσα. (Γέλια)", ""),
            (5.8, 8.9, "Κι ύστερα (όπως λένε όλοι οι μεγάλοι) μεγάλωσα.", ""),
        ],
        "9ABcdefGHij": [(0.0, 1.9, "♪ Τραγουδώ δυνατά ♪", ""), (2.0, 3.5, "", "")],
    },
    "valid": {"valid_talk1": [(0.2, 2.2, "Μια δεύτερη ομιλία.", "A second talk.")]},
    "test": {"test_talk01": [(0.1, 2.6, "Και μια τρίτη ομιλία.", "And a third talk.")]},
}


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write_corpus(folder: Path, times: tuple[str, ...] = ("segments", "yaml"), pair: str = "el-el", audio: bool = True) -> Path:
    """As mtedx_el.tgz unpacks, docs/ and vtt/ included."""
    (folder / pair / "docs").mkdir(parents=True)
    (folder / pair / "docs" / "LICENSE").write_text("CC BY-NC-ND 4.0")
    for split, talks in TALKS.items():
        txt, vtt = folder / pair / "data" / split / "txt", folder / pair / "data" / split / "vtt"
        txt.mkdir(parents=True)
        vtt.mkdir()
        segments, table, texts = [], [], {"el": "", "en": ""}
        for talk, sentences in talks.items():
            (vtt / f"{talk}.el.vtt").write_text("WEBVTT\n\n00:00:00.500 --> 00:00:02.250\nΚαλησπέρα σας.\n", encoding="utf-8")
            if audio:
                sound(folder / pair / "data" / split / "wav" / f"{talk}.flac", 10, 16_000, len(segments))
            for number, (start, end, greek, english) in enumerate(sentences):
                segments.append(f"{talk}_{number:07} {talk} {start:.2f} {end:.2f}\n")
                table.append(f"- {{duration: {end - start:.6f}, offset: {start:.6f}, speaker_id: {talk}, wav: {talk}.wav}}\n")
                texts = {"el": texts["el"] + greek + "\n", "en": texts["en"] + english + "\n"}
        if "segments" in times:
            (txt / "segments").write_text("".join(segments), encoding="utf-8")
        if "yaml" in times:
            (txt / f"{split}.yaml").write_text("".join(table), encoding="utf-8")
        for language in set(pair.split("-")):
            (txt / f"{split}.{language}").write_text(texts[language], encoding="utf-8")
    return folder


@pytest.mark.parametrize("times", [("segments",), ("yaml",), ("segments", "yaml")])
def test_every_sentence_is_an_utterance_of_its_talk_or_a_reject(times: tuple[str, ...]) -> None:
    utterances, rejects = prepared(adapter, write_corpus(Path("corpus"), times), settings("mtedx_el"))
    assert [(one.speaker, one.split, one.text) for one in utterances] == [
        ("9ABcdefGHij", "train", "Τραγουδώ δυνατά"),
        ("b3k1Xx-_0aQ", "train", "Καλησπέρα σας."),
        ("b3k1Xx-_0aQ", "train", "Ήμουν μικρή & έβλεπα τη θάλασσα."),
        ("b3k1Xx-_0aQ", "train", "Κι ύστερα (όπως λένε όλοι οι μεγάλοι) μεγάλωσα."),
        ("valid_talk1", "dev", "Μια δεύτερη ομιλία."),
        ("test_talk01", "test", "Και μια τρίτη ομιλία."),
    ]
    assert (utterances[2].start, utterances[2].end, utterances[2].tags) == (3.1, pytest.approx(5.8), ("γέλια",))
    assert kinds(rejects) == {"no speech": 2} and len(utterances) + len(rejects) == 8
    assert len({one.id for one in utterances}) == 6 and utterances[1].where.endswith("train.el:1")


def test_the_archive_beside_others_is_unpacked_and_english_comes_from_the_pair() -> None:
    write_corpus(Path("made"))
    write_corpus(Path("made"), pair="el-en", audio=False)
    Path("corpus").mkdir()
    for archive, pair in (("mtedx_el.tgz", "el-el"), ("mtedx_el-en.tgz", "el-en")):
        with tarfile.open(Path("corpus", archive), "w:gz") as packed:
            packed.add(Path("made", pair), pair)
    utterances, _ = prepared(adapter, Path("corpus"), settings("mtedx_el"))
    assert [one.translation for one in utterances if one.split != "train"] == [
        {"en": "A second talk."},
        {"en": "And a third talk."},
    ]
    assert all(one.audio and one.audio.is_file() for one in utterances)


def test_audio_and_rows_without_each_other_and_broken_rows_are_listed() -> None:
    corpus = write_corpus(Path("corpus"), ("segments",))
    train = corpus / "el-el/data/train"
    (train / "wav/9ABcdefGHij.flac").unlink()
    sound(train / "wav/extra_talk1.flac", 1)
    lines = (train / "txt/segments").read_text().splitlines()
    lines[0] = "b3k1Xx-_0aQ_0000000 b3k1Xx-_0aQ nan 2.25"
    lines[3] = "b3k1Xx-_0aQ_0000003 ../../../valid/wav/valid_talk1 5.80 8.90"
    (train / "txt/segments").write_text("\n".join(lines) + "\n")
    texts = (train / "txt/train.el").read_bytes().split(b"\n")
    texts[2] = b"\xcf"
    (train / "txt/train.el").write_bytes(b"\n".join(texts))
    utterances, rejects = prepared(adapter, corpus, settings("mtedx_el"))
    expected = {"no valid times": 1, "not UTF-8": 1, "audio is missing": 2, "no speech": 2, "audio without transcript": 1}
    assert kinds(rejects) == expected and [one.split for one in utterances] == ["dev", "test"]


@pytest.mark.parametrize(
    ("path", "content", "message"),
    [
        ("el-el/data/train/txt/train.el", "one line\n", "train.el has 1 lines for 6 segments"),
        ("el-el/data/valid/txt/segments", "a b c\n", "segments:1: expected `sentence talk start end`"),
        ("el-el/data/test/txt/segments", None, "holds neither segments nor test.yaml"),
        ("el-el/data/test/txt/test.el", None, "test.el does not exist"),
    ],
)
def test_files_that_do_not_match_are_refused_by_name(path: str, content: str | None, message: str) -> None:
    corpus = write_corpus(Path("corpus"), ("segments",))
    (corpus / path).unlink()
    if content:
        (corpus / path).write_text(content)
    with pytest.raises(UsageError, match=message):
        prepared(adapter, corpus, settings("mtedx_el"))


def test_a_broken_yaml_or_another_folder_is_refused() -> None:
    corpus = write_corpus(Path("corpus"), ("yaml",))
    (corpus / "el-el/data/train/txt/train.yaml").write_text("- {wav: [\n")
    with pytest.raises(UsageError, match=r"train\.yaml: no list of segments"):
        prepared(adapter, corpus, settings("mtedx_el"))
    Path("other").mkdir()
    with pytest.raises(UsageError, match=r"openslr\.org/100"):
        prepared(adapter, Path("other"), settings("mtedx_el"))


def test_both_stages_make_the_official_split(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, report = stages(adapter, "mtedx_el", write_corpus(Path("corpus")), monkeypatch)
    assert [len(rows[split]) for split in ("train", "dev", "test")] == [4, 1, 1]
    assert report["overlap"]["speakers"]["train-test"]["shared"] == 0
    cut = next(iter(CutSet.from_file("data/mtedx_el/train.jsonl.gz")))
    assert cut.load_audio().shape == (1, round(cut.duration * 16_000)) and cut.custom["licence"] == "CC-BY-NC-ND-4.0"

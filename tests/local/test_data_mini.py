import gzip
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from cyasr import conf as confs
from cyasr.cli import UsageError
from cyasr.data.corpus import DataConf
from local.data_mini import plan
from local.data_mini import record as take_down
from local.mini import greek, lexicon
from local.mini.espeak import SynthesisError, synthesise
from local.mini.grammar import Sentence
from local.mini.sentences import all_forms, draw, split
from local.mini.speakers import SPEAKERS
from local.mini.synthesis import inline, record, speak

ROOT = Path(__file__).resolve().parents[2]
LETTERS = re.compile("[a-zéα-ωάέήίόύώϊϋΐΰ\u0306 ]+")


@cache
def corpus() -> dict[str, list[Sentence]]:
    conf = confs.load(ROOT / "conf" / "data_mini.yaml", DataConf)
    return split(draw(conf.options["sentences"], conf.options["commands"], conf.seed), conf.seed)


def everything() -> Iterator[Sentence]:
    for sentences in corpus().values():
        yield from sentences


def types(part: str) -> set[str]:
    return {word for sentence in corpus()[part] for word in sentence.text.split()}


def test_the_corpus_is_as_large_as_promised() -> None:
    texts = [sentence.text for sentence in everything()]
    assert lexicon.size() >= 600
    assert len(texts) == len(set(texts)) >= 2000
    assert sum(sentence.domain == "commands" for sentence in everything()) >= 300
    assert sum(len(speakers) for speakers in SPEAKERS.values()) == 12


def test_no_speaker_and_no_sentence_is_in_two_splits() -> None:
    for things in ([{s.text for s in part} for part in corpus().values()], [{s.id for s in part} for part in SPEAKERS.values()]):
        assert sum(map(len, things)) == len(set().union(*things))


@pytest.mark.parametrize("part", ["dev", "test"])
def test_a_tenth_of_the_held_out_word_types_is_unseen_and_train_knows_other_forms_of_them(part: str) -> None:
    unseen = types(part) - types("train")
    assert 0.095 <= len(unseen) / len(types(part)) <= 0.12
    known = types("train")
    for word in unseen:
        forms = [all_forms(entry, dialect) for entry in lexicon.entries() for dialect in ("cypriot", "standard")]
        assert any(word in those and those & known for those in forms), word


@pytest.mark.parametrize("part", ["train", "dev", "test"])
def test_every_split_has_all_dialects_and_commands(part: str) -> None:
    assert {sentence.dialect for sentence in corpus()[part]} == {"cypriot", "standard", "english"}
    assert any(sentence.domain == "commands" for sentence in corpus()[part])


def test_texts_are_canonical() -> None:
    for sentence in everything():
        assert unicodedata.is_normalized("NFC", sentence.text)
        assert LETTERS.fullmatch(sentence.text), sentence.text
        assert not re.search("σ( |$)|ς[^ ]", sentence.text), sentence.text
        assert "  " not in sentence.text


def test_cypriot_marks_are_all_there() -> None:
    words = {word for sentence in everything() if sentence.dialect == "cypriot" for word in sentence.text.split()}
    for mark in ("σ̆", "τζ̆", "τσ̆", "ππ", "ττ", "κκ", "λλ", "νν"):
        assert any(mark in word for word in words), mark
    assert any(word.replace("τζ̆", "").count("ζ̆") for word in words)
    assert {"εν", "έννα", "τζ̆αι"} <= words


def test_the_same_seed_draws_the_same_sentences() -> None:
    again = draw({"cypriot": 50}, {"english": 10}, seed=3)
    assert again == draw({"cypriot": 50}, {"english": 10}, seed=3)
    assert again != draw({"cypriot": 50}, {"english": 10}, seed=4)


@pytest.mark.parametrize(
    ("concept", "dialect", "past", "future"),
    [
        ("buy", "cypriot", "εγόρασα εγόρασες εγόρασεν εγοράσαμεν εγοράσετε εγοράσασιν", "γοράσουσιν"),
        ("buy", "standard", "αγόρασα αγόρασες αγόρασε αγοράσαμε αγοράσατε αγόρασαν", "αγοράσουν"),
        ("sleep", "cypriot", "ετζ̆οιμήθηκα ετζ̆οιμήθηκες ετζ̆οιμήθηκεν ετζ̆οιμηθήκαμεν ετζ̆οιμηθήκετε ετζ̆οιμηθήκασιν", "τζ̆οιμηθούσιν"),
    ],
)
def test_verbs_are_conjugated(concept: str, dialect: str, past: str, future: str) -> None:
    verb = greek.verb(next(e for e in lexicon.entries() if e.concept == concept), dialect)
    assert " ".join(verb.past) == past
    assert verb.perfective[5] == future


@pytest.mark.parametrize(
    ("word", "said"),
    [("αυτοκίνητον", "αυτοκίνητόν μου"), ("σπίτιν", "σπίτιν μου"), ("γείτονας", "γείτονάς μου"), ("ήπια", "ήπια μου")],
)
def test_an_enclitic_gives_a_second_accent_to_a_proparoxytone_only(word: str, said: str) -> None:
    assert greek.with_enclitic(word, "μου") == said


def test_shillos_and_silos_differ_in_sound_and_long_consonants_are_longer() -> None:
    speaker = SPEAKERS["train"][0]
    dog, silo, single = (Sentence(text, "cypriot") for text in ("σ̆ύλλος", "σίλος", "σ̆ύλος"))
    assert inline(dog) == "[[S'il:os]]" and inline(silo) == "[[s'ilos]]"

    def sound(sentence: Sentence) -> np.ndarray:
        return synthesise(inline(sentence), f"el+{speaker.variant}", 50, 160)[0]

    assert not np.array_equal(sound(single)[:2000], sound(silo)[:2000])
    assert len(sound(dog)) > len(sound(single)) + 1000


def test_samples_depend_on_nothing_that_was_said_before() -> None:
    chosen = random.Random(1).sample(list(everything()), 6)
    speakers = [speaker for part in SPEAKERS.values() for speaker in part]
    jobs = [(sentence, speaker) for sentence, speaker in zip(chosen, speakers[::2], strict=True)]
    first = [speak(*job, seed=1).tobytes() for job in jobs]
    backwards = [speak(*job, seed=1).tobytes() for job in reversed(jobs)]
    assert first == backwards[::-1]
    assert first[0] != speak(*jobs[0], seed=2).tobytes()


def test_recordings_are_16_khz_audible_and_unclipped(tmp_path: Path) -> None:
    import soundfile

    sentence = next(s for s in everything() if s.dialect == "cypriot" and len(s.text) > 30)
    for number, speaker in enumerate(speaker for part in SPEAKERS.values() for speaker in part):
        path = tmp_path / f"{number}.wav"
        record(path, sentence, speaker, seed=1)
        info = soundfile.info(str(path))
        samples, _ = soundfile.read(str(path))
        assert (info.samplerate, info.channels, info.subtype) == (16000, 1, "PCM_16")
        assert -33 < 10 * np.log10(np.mean(samples**2)) < -17
        assert np.mean(np.abs(samples) > 0.999) < 0.001
        assert 1 < info.duration < 10


def test_an_unknown_voice_is_refused() -> None:
    with pytest.raises(SynthesisError, match="no voice xx"):
        synthesise("a", "xx", 50, 160)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sentences": {"cypriott": 9}}, "did you mean 'cypriot'"),
        ({"speakers": {"train": 9, "dev": 2, "test": 2}}, "train has 1 to 8"),
        ({"takes": 9}, "takes"),
        ({"sentence": {}}, "did you mean 'sentences'"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, object], message: str, tmp_path: Path) -> None:
    conf = DataConf(corpus="mini", licence="CC0-1.0", language="el", options=options)
    with pytest.raises(UsageError, match=message):
        plan(tmp_path, conf)


def test_more_sentences_than_the_grammar_has_are_refused() -> None:
    with pytest.raises(UsageError, match="no 500 different english commands"):
        draw({}, {"english": 500}, seed=1, patience=1)


def test_stage_1_from_the_command_line_survives_a_kill_and_is_then_up_to_date(tmp_path: Path) -> None:
    for name in ("cyasr", "local", "conf"):
        (tmp_path / name).symlink_to(ROOT / name)
    command = [sys.executable, "-m", "local.data_mini", "--conf", "conf/data_mini120.yaml"]
    raw = tmp_path / "data" / "mini120" / "raw"
    killed = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not list(raw.glob("audio/*/*.wav")) and killed.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    assert not (raw / ".stamp.json").exists()

    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "120 in = 120 out + 0 rejects" in done.stdout
    again = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "is up to date" in again.stdout

    takes = plan(tmp_path / "afresh", confs.load(ROOT / "conf" / "data_mini120.yaml", DataConf))
    for take in takes:
        assert take_down(take).path.read_bytes() == (raw / take.path.relative_to(tmp_path / "afresh")).read_bytes()
    assert len(takes) == len(list(raw.glob("audio/*/*"))) == 120

    with gzip.open(raw / "supervisions.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    splits: dict[str, set[str]] = {}
    for row in rows:
        splits.setdefault(row["custom"]["split"], set()).add(row["speaker"])
    assert {split: len(speakers) for split, speakers in splits.items()} == {"train": 4, "dev": 1, "test": 1}
    assert len(set().union(*splits.values())) == 6
    assert {row["custom"]["dialect"] for row in rows} == {"cypriot", "standard", "english"}
    assert {row["custom"]["label"] for row in rows} == {"synthetic"}
    assert {row["custom"]["corpus"] for row in rows} == {"mini"}
    assert any(row["custom"].get("domain") == "commands" for row in rows)
    assert 120 < sum(row["duration"] for row in rows) < 900

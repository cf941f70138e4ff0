"""A transcript in sentences and pieces: the words are those of the whole text, the spelling is the original."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from cyasr.segment.transcript import LONGEST, at, sentences
from cyasr.text.normalize import normalize

TEXT = """
τζ̆αι εν Παπαδόπουλος, 25 χιλιάδες € 3:30 10 % κ. π.χ. [noise] [disfluency], εεε... ε, ναι; Όχι! «Άτε» — 1.000,50 Α.Π.Ο.Ε.Λ.
λεμέ... <unk> που 'ναι τον Γιώρκον. 12/3/2021 [γέλια] σ'αγαπώ ... - #1 ό,τι 90' 5ος
"""
TOKENS = TEXT.split()


@pytest.mark.parametrize("seed", range(40))
def test_the_words_of_all_pieces_are_those_of_the_text(seed: int) -> None:
    draw = random.Random(seed)
    text = " ".join(draw.choices(TOKENS, k=draw.randint(1, 60)))
    found = sentences(text)
    words = [word for sentence in found for piece in sentence.pieces for word in piece.words]
    said = normalize(text).split()
    apart = [word for sentence in found for word in normalize(sentence.raw).split()]
    assert words == apart
    assert words == said or len(found) > 1  # what two sentences have to do with one another is no matter of theirs


@pytest.mark.parametrize("seed", range(40))
def test_no_spelling_is_lost(seed: int) -> None:
    draw = random.Random(seed)
    tokens = [*draw.choices(TOKENS, k=draw.randint(1, 60)), "τέλος"]
    left = iter(tokens)
    raw = [token for sentence in sentences(" ".join(tokens)) for token in sentence.raw.split()]
    assert all(token in left for token in raw)  # in order
    assert not any(normalize(token) for token in (Counter(tokens) - Counter(raw)))


def test_sentences_end_at_their_marks_and_not_at_abbreviations_or_hesitations() -> None:
    text = "Ήρτεν ο κ. Παπαδόπουλος. Που ήταν; Εν ήμουν... ποττέ τζ̆ει! Το Α.Π.Ο.Ε.Λ. έχασεν"
    found = sentences(text)
    assert [one.raw for one in found] == [
        "Ήρτεν ο κ. Παπαδόπουλος.", "Που ήταν;", "Εν ήμουν... ποττέ τζ̆ει!", "Το Α.Π.Ο.Ε.Λ. έχασεν"
    ]  # fmt: skip
    assert [one.complete for one in found] == [True, True, True, False]


def test_text_without_capitals_ends_sentences_at_every_mark() -> None:
    assert [one.raw for one in sentences("ήρτεν. που ήταν; ναι")] == ["ήρτεν.", "που ήταν;", "ναι"]


def test_long_sentences_are_taken_apart_at_commas() -> None:
    text = " ".join(f"λέξη{',' if n % 10 == 9 else ''}" for n in range(70))
    found = sentences(text)
    assert all(len(one.pieces) <= LONGEST for one in found)
    assert [one.complete for one in found] == [False] * len(found)
    assert all(one.raw.endswith(",") for one in found[:-1])
    assert " ".join(one.raw for one in found) == text


def test_a_sentence_may_be_interrupted_where_something_unwritten_is_said() -> None:
    found = sentences("Εν ξέρω [disfluency] ίνταμπου κάμνουν, ε, τζ̆ει.")
    assert [(one.raw, one.pieces[-1].unsaid, one.complete) for one in found] == [
        ("Εν ξέρω [disfluency]", True, False), ("ίνταμπου κάμνουν, ε,", True, False), ("τζ̆ει.", False, True)
    ]  # fmt: skip


def test_times_before_lines_are_read_and_taken_off() -> None:
    found = sentences("[00:01.50] Ναι. Όχι.\n[1:02:03,250]Άτε\nΜάνα μου")
    assert [(one.raw, one.start, one.end) for one in found] == [
        ("Ναι.", 1.5, 3723.25), ("Όχι.", 1.5, 3723.25), ("Άτε", 3723.25, None), ("Μάνα μου", None, None)
    ]  # fmt: skip


@pytest.mark.parametrize("seconds", [0.0, 1.5, 59.999, 61.04, 7261.25])
def test_a_time_written_before_a_line_is_read_again_and_is_no_word(seconds: float) -> None:
    line = at(seconds, "Ναι,\nμάνα μου.")
    (found,) = sentences(line)
    assert found.raw == "Ναι, μάνα μου." and found.start == pytest.approx(seconds, abs=0.01)
    assert normalize(line) == "ναι μάνα μου"


def test_text_that_says_nothing_has_no_sentences() -> None:
    assert sentences("[noise] ... \n") == [] and sentences("") == []

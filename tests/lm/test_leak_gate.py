"""The leak gate finds what gives a dev or test sentence away, and little else."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cyasr.lm.leaks import MIN_WORDS, LeakGate

TEN = "ένα δύο τρία τέσσερα πέντε έξι εφτά οχτώ εννιά δέκα"


@pytest.mark.parametrize(
    "line",
    [
        TEN,
        TEN.replace("πέντε", "άλλο"),
        TEN.replace(" πέντε", ""),
        TEN + " έντεκα",
        "μηδέν " + TEN,
        TEN.replace("έξι εφτά", "εφτά έξι"),
        "και μετά λέει " + TEN + " και πάει αλλού με τους άλλους όλους",
    ],
)
def test_copies_near_copies_and_lines_holding_one_are_leaks(line: str) -> None:
    assert LeakGate([TEN]).leak(line) == TEN


@pytest.mark.parametrize(
    "line",
    [
        "",
        "ένα δύο τρία τέσσερα πέντε",
        TEN.replace("πέντε έξι", "άλλο άλλο"),
        " ".join(reversed(TEN.split())),
        TEN.replace("πέντε", "άλλο") + " έντεκα",
    ],
)
def test_other_sentences_pass(line: str) -> None:
    assert LeakGate([TEN]).leak(line) is None


def test_sentences_under_five_words_are_nobody_s() -> None:
    gate = LeakGate(["άνοιξε το φως τώρα", "άνοιξε το φως μου τώρα"])
    assert gate.leak("άνοιξε το φως τώρα") is None
    assert gate.leak("άνοιξε το φως μου τώρα") == "άνοιξε το φως μου τώρα"


def test_the_same_digits_in_another_order_are_another_sentence() -> None:
    assert LeakGate(["one two three four five six seven"]).leak("two one three four five six seven") is None


def naive(line: list[str], sentence: list[str]) -> bool:
    if len(sentence) < MIN_WORDS:
        return False
    held = any(line[i : i + len(sentence)] == sentence for i in range(len(line)))
    table = [[0] * (len(sentence) + 1) for _ in range(len(line) + 1)]
    for i, a in enumerate(line):
        for j, b in enumerate(sentence):
            table[i + 1][j + 1] = table[i][j] + 1 if a == b else max(table[i][j + 1], table[i + 1][j])
    return held or 10 * table[-1][-1] >= 9 * max(len(line), len(sentence))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_lookup_equals_trying_all_sentences(data: st.DataObject) -> None:
    sentences = data.draw(st.lists(st.lists(st.sampled_from("abcd"), max_size=24), max_size=6))
    line = list(data.draw(st.sampled_from(sentences))) if sentences else []
    for _ in range(data.draw(st.integers(0, 4))):
        place = data.draw(st.integers(0, len(line)))
        line[place : place + data.draw(st.integers(0, 1))] = data.draw(st.lists(st.sampled_from("abcd"), max_size=1))
    found = LeakGate(" ".join(sentence) for sentence in sentences).leak(" ".join(line))
    assert (found is not None) == any(naive(line, sentence) for sentence in sentences)
    assert found is None or naive(line, found.split())


def test_a_hundred_planted_sentences_are_found_and_ordinary_ones_pass() -> None:
    """Copies, copies within a longer line, and near-duplicates: a word changed, added, left out, two swapped."""
    draw = random.Random(0)
    words = [f"λέξη{i}" for i in range(2000)]
    weights = [1 / (i + 1) for i in range(len(words))]

    def sentence() -> list[str]:
        return draw.choices(words, weights, k=draw.randint(5, 25))

    def disguised(words: list[str], how: int) -> list[str]:
        at = draw.randrange(len(words))
        if how == 1:
            return [*sentence(), *words, *sentence()]
        if len(words) < 10 or how == 0:  # below ten words nothing else is near
            return words
        if how == 2:
            return [*words[:at], "άλλη", *words[at + 1 :]]
        if how == 3:
            return [*words[:at], "άλλη", *words[at:]]
        if how == 4:
            return [*words[:at], *words[at + 1 :]]
        return [*words[: at - 1], *reversed(words[at - 1 : at + 1]), *words[at + 1 :]] if at else words

    held_out = [sentence() for _ in range(500)]
    gate = LeakGate(" ".join(one) for one in held_out)
    planted = [" ".join(disguised(one, i % 6)) for i, one in enumerate(draw.sample(held_out, 100))]
    assert sum(gate.leak(line) is not None for line in planted) == 100
    assert sum(gate.leak(" ".join(sentence())) is not None for _ in range(2000)) == 0

"""What a list of phrases adds to an output, counted by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cyasr.cli import UsageError
from cyasr.search.bias import BiasConf, PhraseMatcher
from cyasr.search.mixed_lm import scores_of
from cyasr.text.tokenizer import Tokenizer

CHARACTERS = ["<blank>", "<unk>", "a", "b", "▁", "<sos/eos>"]
PIECES = ["<blank>", "<unk>", "▁a", "b", "▁b", "a", "<sos/eos>"]


def bonus(out: Sequence[int], phrases: Sequence[Sequence[int]], tokens: Sequence[str]) -> int:
    """Tokens of listed phrases that stand in `out` as whole words; those of a phrase that begins another count once."""
    begins = [token.startswith("▁") for token in tokens]
    listed = {tuple(phrase) for phrase in phrases}
    total = 0
    for start in range(len(out)):
        if start and not begins[out[start]] and tokens[out[start - 1]] != "▁":
            continue
        for phrase in listed:
            end = start + len(phrase)
            if tuple(out[start:end]) == phrase and (end == len(out) or begins[out[end]]):
                heads = [n for n in range(1, len(phrase)) if phrase[:n] in listed and begins[phrase[n]]]
                total += len(phrase) - max(heads, default=0)
    return total


def phrases_of(words: list[str], tokens: list[str]) -> list[list[int]]:
    spelled = [" ".join(words[i : i + 2]) for i in range(len(words))] + words
    if tokens is CHARACTERS:
        return [[tokens.index(letter) for letter in phrase.replace(" ", "▁")] for phrase in spelled]
    cut = [[*phrase.replace(" ", "▁")] for phrase in spelled]
    return [
        [tokens.index("▁" + letter if i == 0 or one[i - 1] == "▁" else letter) for i, letter in enumerate(one) if letter != "▁"]
        for one in cut
    ]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.text("ab", min_size=1, max_size=3), min_size=1, max_size=4),
    st.lists(st.integers(2, 4), max_size=9),
    st.sampled_from([CHARACTERS, PIECES]),
)
def test_an_output_has_the_tokens_of_the_phrases_it_holds_and_nothing_of_those_it_breaks_off(
    words: list[str], out: list[int], tokens: list[str]
) -> None:
    phrases = phrases_of(words, tokens)
    matcher = PhraseMatcher(phrases, tokens)
    end = len(tokens) - 1
    assert scores_of(matcher, [[*out, end]], end)[0] == pytest.approx(bonus(out, phrases, tokens))


def test_a_bonus_is_given_with_the_first_token_and_taken_back_when_the_phrase_breaks_off() -> None:
    matcher = PhraseMatcher([[2, 3, 2]], CHARACTERS)  # "aba"
    state, said = matcher.start(1), []
    for token in (2, 3, 3):  # "abb"
        table, rows = matcher.rows(state)
        said.append(float(table[rows[0], token]))
        state = matcher.advance(state, np.array([token]))
    assert said == [1.0, 1.0, -2.0]


def test_lists_are_normalised_and_what_cannot_be_spelled_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bias.txt"
    path.write_text("AB\n\nab\nab xa\n", encoding="utf-8")
    conf = BiasConf(str(path), 1.5)
    matcher = conf.matcher(Tokenizer(CHARACTERS), str.lower)
    assert matcher is not None and len(matcher.follow) == 2 + 2
    assert "1 of 2 phrases cannot be spelled, as 'ab xa'" in capsys.readouterr().out
    path.write_text("xyz\n", encoding="utf-8")
    with pytest.raises(UsageError, match="no phrase that the system's tokens can spell"):
        conf.matcher(Tokenizer(CHARACTERS), str.lower)
    with pytest.raises(UsageError, match="does not exist: a list for `bias` has one phrase a line"):
        BiasConf(str(tmp_path / "none.txt")).matcher(Tokenizer(CHARACTERS), str)

from __future__ import annotations

from pathlib import Path

import pytest

from cyasr.cli import UsageError
from cyasr.text.tokenizer import BLANK, SOS_EOS, UNK, Tokenizer, train

TEXTS = ["ο σ̆ύλλος τζ̆αι ο κάττος", "έναν καλόν παιδίν", "the cat and the σ̆ύλλος", "τζ̆είνος εν καλός"] * 5


@pytest.mark.parametrize("name", ["char", "bpe_30"])
def test_text_comes_back_from_its_ids(tmp_path: Path, name: str) -> None:
    tokenizer = train(TEXTS, name, tmp_path)
    assert all(tokenizer.decode(tokenizer.encode(text)) == text for text in TEXTS)
    again = Tokenizer.load(tmp_path)
    assert again.tokens == tokenizer.tokens
    assert again.tokens[0] == BLANK and again.tokens[1] == UNK and again.tokens[-1] == SOS_EOS
    assert len(set(again.tokens)) == len(again.tokens)


def test_a_letter_and_its_mark_are_one_token(tmp_path: Path) -> None:
    tokenizer = train(TEXTS, "char", tmp_path)
    assert tokenizer.pieces("σ̆ύλλος")[:2] == ["σ̆", "ύ"]
    assert "σ̆" in tokenizer.tokens and "σ" in train(["σύ"], "char", tmp_path).tokens


def test_bpe_has_as_many_pieces_as_its_name_says(tmp_path: Path) -> None:
    assert len(train(TEXTS, "bpe_30", tmp_path).tokens) == 30 + 3


def test_what_train_never_had_is_unk(tmp_path: Path) -> None:
    tokenizer = train(TEXTS, "char", tmp_path)
    assert tokenizer.encode("ю") == [tokenizer.unk_id]


def test_too_many_pieces_and_wrong_names_are_refused_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot learn 5000 pieces"):
        train(TEXTS, "bpe_5000", tmp_path)
    with pytest.raises(UsageError, match="neither `char` nor"):
        train(TEXTS, "bep_30", tmp_path)


def test_the_same_text_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        train(TEXTS, "bpe_30", tmp_path / name)
    assert (tmp_path / "a" / "pieces.model").read_bytes() == (tmp_path / "b" / "pieces.model").read_bytes()

"""Text to token ids and back: characters or sentencepiece unigram pieces, learnt from train text only.

A character is a letter with its marks. A tokenizer is a directory: `tokens.txt` (one token a line, its id the line's
number from 0) and, for pieces, `pieces.model`. Id 0 is CTC's <blank>, 1 <unk>, the last <sos/eos>. Both kinds write a
space as ▁, sentencepiece's way.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import Any

from cyasr.cli import UsageError
from cyasr.files import replacing, write_text

BLANK, UNK, SOS_EOS = "<blank>", "<unk>", "<sos/eos>"
SPACE = "▁"
PRETRAINED = "pretrained"
NO_TOKENIZER = "none"  # of a system that writes nothing: a speech encoder in pretraining


class Tokenizer:
    blank_id = 0
    unk_id = 1

    def __init__(self, tokens: list[str], pieces_model: Path | None = None) -> None:
        self.tokens = tokens
        self.sos_eos_id = len(tokens) - 1
        self._ids = {token: i for i, token in enumerate(tokens)}
        self._model: Any = None
        if pieces_model is not None:
            import sentencepiece

            self._model = sentencepiece.SentencePieceProcessor(model_file=str(pieces_model))

    @classmethod
    def load(cls, directory: Path) -> Tokenizer:
        """Raises UsageError where stage 3 has not made it."""
        try:
            tokens = (directory / "tokens.txt").read_text(encoding="utf-8").split("\n")[:-1]
        except FileNotFoundError:
            raise UsageError(f"{directory}/tokens.txt does not exist; run stage 3") from None
        model = directory / "pieces.model"
        return cls(tokens, model if model.exists() else None)

    def pieces(self, text: str) -> list[str]:
        """`text` cut into tokens' spellings; what was never seen in train keeps its own spelling."""
        if self._model is not None:
            return self._model.encode(text, out_type=str)
        return _graphemes(text)

    def encode(self, text: str) -> list[int]:
        return [self._ids.get(piece, self.unk_id) for piece in self.pieces(text)]

    def decode(self, ids: Iterable[int]) -> str:
        """Ids to text, special tokens left out."""
        special = {self.blank_id, self.sos_eos_id}
        return self.join(self.tokens[i] for i in ids if i not in special)

    @staticmethod
    def join(pieces: Iterable[str]) -> str:
        return " ".join("".join(pieces).replace(SPACE, " ").split())


def tokenizer_files(data: Path, name: str) -> list[Path]:
    """What stage 3 leaves; nothing for `pretrained`, a tokenizer that comes with its model, and for `none`."""
    directory = tokenizer_dir(data, name)
    if name in {PRETRAINED, NO_TOKENIZER}:
        return []
    return [directory / "tokens.txt", *(path for path in (directory / "pieces.model",) if path.exists())]


def tokenizer_dir(data: Path, name: str) -> Path:
    """Where stage 3 puts the tokenizer `name` (`char`, `bpe_200`) of a data set."""
    return data / f"tokenizer_{name}"


def parse_name(name: str) -> int | None:
    """The number of pieces that `bpe_200` asks for; None for `char`. Raises UsageError for anything else."""
    if name == "char":
        return None
    size = re.fullmatch(r"bpe_(\d+)", name)
    if size is None:
        raise UsageError(f"tokenizer {name!r} is neither `char` nor `bpe_<number of pieces>`")
    return int(size[1])


def train(texts: Iterable[str], name: str, directory: Path) -> Tokenizer:
    """Learn the tokenizer `name` from `texts` and write it to `directory`.

    Raises UsageError where the text cannot give that many pieces.
    """
    size = parse_name(name)
    if size is None:
        tokens = [BLANK, UNK, *sorted({grapheme for text in texts for grapheme in _graphemes(text)}), SOS_EOS]
    else:
        tokens = _train_pieces(texts, size, directory / "pieces.model")
    write_text(directory / "tokens.txt", "".join(f"{token}\n" for token in tokens))
    return Tokenizer.load(directory)


def _graphemes(text: str) -> list[str]:
    """Letters with the marks that stand on them: σ̆ is one token, as it is one sound. A space is ▁."""
    return re.findall(r".[\u0300-\u036f]*", text.replace(" ", SPACE), re.DOTALL)


def _train_pieces(texts: Iterable[str], size: int, model: Path) -> list[str]:
    """Sentencepiece's unigram model with `size` pieces besides our three specials."""
    import sentencepiece

    written = BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(texts),
            model_writer=written,
            vocab_size=size + 1,
            model_type="unigram",
            character_coverage=1.0,
            normalization_rule_name="identity",
            bos_id=-1,
            eos_id=-1,
            num_threads=1,
            minloglevel=2,
        )
    except RuntimeError as error:
        reason = re.sub(r"^.*\]\s*", "", str(error).strip().splitlines()[-1])
        raise UsageError(f"cannot learn {size} pieces from this text: {reason}") from None
    with replacing(model) as temporary:
        temporary.write_bytes(written.getvalue())
    learnt = sentencepiece.SentencePieceProcessor(model_file=str(model))
    pieces = [learnt.id_to_piece(i) for i in range(learnt.get_piece_size())]
    return [BLANK, UNK, *(piece for piece in pieces if piece != "<unk>"), SOS_EOS]

"""What NIST transcripts say beside words: alternatives `{ um / uh / @ }` and words that may be left out, `(uh)`.

Both are settled utterance by utterance before anything is counted: of all readings that the markup allows, the one
with fewest errors (and then most correct words) is the reference. An optional word that was left out is correct.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

NOTHING = "@"  # the null word
TOKENS = re.compile(r"[{}]|[^\s{}]+")
STEP = 1 << 24  # as in kernel.py: errors first, then substitutions


@dataclass(frozen=True)
class Choice:
    """One of these readings, each a sequence of pieces; an empty one stands for nothing."""

    readings: tuple[tuple[Piece, ...], ...]


@dataclass(frozen=True)
class Optional:
    """Text that may be left out: that counts as correct."""

    text: str


Piece = str | Choice | Optional  # a str is running text, one word or more


@dataclass(frozen=True)
class Costs:
    """What an alignment pays; unit costs with ties as in kernel.py, or sclite's, in thousandths."""

    substitution: int = STEP + 1
    gap: int = STEP
    left_out: int = 1  # an optional word


UNIT = Costs()
SCLITE = Costs(4000, 3000, 2000)


def parse(text: str) -> tuple[Piece, ...]:
    """Pieces of a trn or stm transcript. Raises ValueError for braces that do not match."""
    tokens = _tokens(text)
    pieces, end = _sequence(tokens, 0, inside=False)
    if end != len(tokens):
        raise ValueError("a closing brace } without its opening one")
    return pieces


def marked(text: str) -> bool:
    """Can `text` hold anything but plain words?"""
    return "{" in text or "(" in text or "}" in text or NOTHING in text or "*" in text


def plain(pieces: Iterable[Piece]) -> str:
    """The text of the first reading, optional words kept."""
    return " ".join(filter(None, map(_plain, pieces)))


def applied(pieces: Iterable[Piece], normalise: Callable[[str], str]) -> tuple[Piece, ...]:
    """The same pieces, all their text through `normalise`."""
    return tuple(_applied(piece, normalise) for piece in pieces)


@dataclass(frozen=True)
class Settled:
    """The reading of both sides that goes best together; left_out: optional words the hypothesis did without."""

    reference: list[str]
    hypothesis: list[str]
    left_out: int


def settle(reference: Sequence[Piece], hypothesis: Sequence[Piece], costs: Costs = UNIT) -> Settled:
    """The cheapest pair of readings: Levenshtein's table over two networks of words instead of two sequences."""
    ref, hyp = _Network(reference), _Network(hypothesis)
    best: list[list[int]] = [[0] * hyp.size for _ in range(ref.size)]
    back: dict[tuple[int, int], tuple[int, int, _Arc | None, _Arc | None]] = {}
    for i in range(ref.size):
        for j in range(hyp.size):
            if not (i or j):
                continue
            ways = _ways(ref.into[i], hyp.into[j], i, j, best, costs)
            way = min(ways, key=lambda one: one[0])
            best[i][j], back[i, j] = way[0], way[1:]
    i, j = ref.size - 1, hyp.size - 1
    said: list[str] = []
    heard: list[str] = []
    left_out = 0
    while i or j:
        before_i, before_j, one, other = back[i, j]
        if one and one.word is not None:
            if other is None and one.optional:
                left_out += 1
            else:
                said.append(one.word)
        if other and other.word is not None:
            heard.append(other.word)
        i, j = before_i, before_j
    return Settled(said[::-1], heard[::-1], left_out)


@dataclass(frozen=True)
class _Arc:
    start: int
    word: str | None  # None: nothing is said on the way
    optional: bool


_Way = tuple[int, int, int, _Arc | None, _Arc | None]


def _ways(ref: list[_Arc], hyp: list[_Arc], i: int, j: int, best: list[list[int]], costs: Costs) -> Iterator[_Way]:
    """All last steps into the pair of nodes (i, j) and what they come to; words side by side first, then deletions."""
    for one in ref:
        for other in hyp:
            if one.word is not None and other.word is not None:
                step = 0 if one.word == other.word else costs.substitution
                yield best[one.start][other.start] + step, one.start, other.start, one, other
    for one in ref:
        step = 0 if one.word is None else costs.left_out if one.optional else costs.gap
        yield best[one.start][j] + step, one.start, j, one, None
    for other in hyp:
        step = 0 if other.word is None else costs.gap
        yield best[i][other.start] + step, i, other.start, None, other


class _Network:
    """Nodes 0 .. size - 1 from start to end, no arc leading back; into[k]: the arcs that end in node k."""

    def __init__(self, pieces: Iterable[Piece]) -> None:
        self.into: list[list[_Arc]] = [[]]
        self._add(pieces, 0)

    @property
    def size(self) -> int:
        return len(self.into)

    def _add(self, pieces: Iterable[Piece], start: int) -> int:
        """Append `pieces` behind node `start`; return the node they end in."""
        for piece in pieces:
            if isinstance(piece, Choice):
                ends = [self._add(reading, start) for reading in piece.readings]
                start = self._node([_Arc(end, None, False) for end in ends])
            else:
                optional = isinstance(piece, Optional)
                for word in (piece.text if isinstance(piece, Optional) else piece).split():
                    start = self._node([_Arc(start, word, optional)])
        return start

    def _node(self, arcs: list[_Arc]) -> int:
        self.into.append(arcs)
        return len(self.into) - 1


def _tokens(text: str) -> list[str]:
    """Words and marks; inside braces a slash is a mark wherever it stands, outside it belongs to its word."""
    tokens: list[str] = []
    depth = 0
    for token in TOKENS.findall(text):
        depth += {"{": 1, "}": -1}.get(token, 0)
        tokens += re.findall(r"/|[^/]+", token) if depth > 0 else [token]
    return tokens


def _sequence(tokens: list[str], at: int, inside: bool) -> tuple[tuple[Piece, ...], int]:
    """Pieces from tokens[at:] on, up to the end of this reading; where that is."""
    pieces: list[Piece] = []
    while at < len(tokens):
        token = tokens[at]
        if token == "}" or (inside and token == "/"):
            break
        if token == "{":
            readings = []
            while True:
                reading, at = _sequence(tokens, at + 1, inside=True)
                readings.append(reading)
                if at == len(tokens):
                    raise ValueError("an opening brace { without its closing one")
                if tokens[at] == "}":
                    break
            pieces.append(Choice(tuple(readings)))
        elif token != NOTHING:
            pieces.append(word(token))
        at += 1
    return tuple(pieces), at


def word(token: str) -> Piece:
    """One word of a NIST transcript: `(word)` may be left out, a trailing `*` is a mark of the transcriber."""
    if len(token) > 2 and token[0] == "(" and token[-1] == ")":
        return Optional(token[1:-1])
    return token[:-1] if len(token) > 1 and token[-1] == "*" else token


def _plain(piece: Piece) -> str:
    if isinstance(piece, Choice):
        return plain(piece.readings[0])
    return piece.text if isinstance(piece, Optional) else piece


def _applied(piece: Piece, normalise: Callable[[str], str]) -> Piece:
    if isinstance(piece, Choice):
        return Choice(tuple(applied(reading, normalise) for reading in piece.readings))
    return Optional(normalise(piece.text)) if isinstance(piece, Optional) else normalise(piece)

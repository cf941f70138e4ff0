"""A transcript as sentences of pieces: what must be cut together, in its original spelling and as it is said."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from cyasr.text.normalize import normalize

CONTEXT = 8  # raw tokens on either side that may have a say in how one is normalised (numbers with units, tags)
LONGEST = 24  # pieces in a sentence; longer ones are taken apart, at commas where there are any

SENTENCE_END = re.compile(r"[.!?;;·…]+[\"'»”’)\]]*$")
CLAUSE_END = re.compile(r"[,:–—-][\"'»”’)\]]*$")
ABBREVIATION = re.compile(
    r"\W*(?:\w\.|\w+\.\w.*|(?:κος|κα|κυρ|δηλ|βλ|σελ|αρ|τηλ|δρ|καθ|λεωφ|οδ|αγ|mr|mrs|ms|dr|prof|st|vs|etc)\.)", re.IGNORECASE
)
TIME = re.compile(r"\s*\[(?:(\d{1,2}):)?(\d{1,3}):(\d{1,2}(?:[.,]\d{1,3})?)\]")
BEGINS_LOWER = re.compile(r"\W*[^\W\d_]")


@dataclass(frozen=True)
class Piece:
    """raw: as written, with punctuation and tags around it. words: as normalised, one at least.

    unsaid: something stands after it in `raw` that was said and is not in `words` (a filler, [disfluency]).
    """

    raw: str
    words: tuple[str, ...]
    unsaid: bool = False


@dataclass(frozen=True)
class Sentence:
    """Or a part of one that may be left out as such. pieces: one at least. complete: it ends where a sentence ends.

    start, end: seconds of the recording between which it is said to begin, roughly; None where nobody says.
    """

    pieces: tuple[Piece, ...]
    complete: bool = True
    start: float | None = None
    end: float | None = None

    @property
    def raw(self) -> str:
        return " ".join(piece.raw for piece in self.pieces)

    def earlier(self, seconds: float) -> Sentence:
        """As if the recording began so much later."""
        start, end = (None if time is None else time - seconds for time in (self.start, self.end))
        return replace(self, start=start, end=end)


def sentences(text: str, profile: str = "t1") -> list[Sentence]:
    """`text` in its sentences, long ones in parts; a line end ends one too. [] where it says nothing.

    A line may begin with the time at which it is said, [mm:ss.xx] as in LRC files or [hh:mm:ss.xxx]: roughly, it need
    not be right.
    """
    found = []
    cased = any(char.isupper() for char in text)
    lines = [_timed(line) for line in text.splitlines() if line.strip()]
    for (start, line), (end, _) in pairwise([*lines, (None, "")]):
        for tokens, complete in _split(line.split(), cased):
            for part, last in _taken_apart(pieces(tokens, profile)):
                found.append(Sentence(tuple(part), complete and last, start, None if start is None else end))
    return found


def at(seconds: float, text: str) -> str:
    """A line that `sentences` reads: `text` is said at about that time of the recording. T1 drops the mark as a tag."""
    minutes, rest = divmod(round(seconds * 100), 6000)
    return f"[{minutes:02}:{rest // 100:02}.{rest % 100:02}] {' '.join(text.split())}"


def _timed(line: str) -> tuple[float | None, str]:
    """(seconds at which the line says that it begins, the rest of it)."""
    mark = TIME.match(line)
    if not mark:
        return None, line
    hours, minutes, seconds = (float((part or "0").replace(",", ".")) for part in mark.groups())
    return 3600 * hours + 60 * minutes + seconds, line[mark.end() :]


def pieces(tokens: list[str], profile: str = "t1") -> list[Piece]:
    """`tokens` (a raw text between blanks) in the smallest parts whose words do not depend on one another."""
    parts: list[tuple[list[str], list[str]]] = []  # raw tokens, words
    alone = [normalize(token, profile).split() for token in tokens]
    whole = normalize(" ".join(tokens), profile).split()
    if [word for words in alone for word in words] == whole:
        parts = [([token], words) for token, words in zip(tokens, alone, strict=True)]
    else:
        first = 0
        for cut in range(1, len(tokens) + 1):
            if cut == len(tokens) or _independent(tokens, cut, profile):
                parts.append((tokens[first:cut], normalize(" ".join(tokens[first:cut]), profile).split()))
                first = cut
    return _spoken(parts)


def _spoken(parts: list[tuple[list[str], list[str]]]) -> list[Piece]:
    """Parts that say nothing are put to the one before them, those at the beginning to the first that does."""
    joined: list[Piece] = []
    opening: list[str] = []
    for tokens, words in parts:
        raw = " ".join(tokens)
        if words:
            joined.append(Piece(" ".join([*opening, raw]), tuple(words)))
            opening = []
        elif joined:
            before = joined[-1]
            unsaid = before.unsaid or any(char.isalnum() for char in raw)
            joined[-1] = Piece(f"{before.raw} {raw}", before.words, unsaid)
        else:
            opening.append(raw)
    return joined


def _independent(tokens: list[str], cut: int, profile: str) -> bool:
    """Whether what stands before `cut` and after it are normalised the same apart as together."""
    before, after = " ".join(tokens[max(0, cut - CONTEXT) : cut]), " ".join(tokens[cut : cut + CONTEXT])
    apart = normalize(before, profile).split() + normalize(after, profile).split()
    return apart == normalize(f"{before} {after}", profile).split()


def _split(tokens: list[str], cased: bool) -> Iterator[tuple[list[str], bool]]:
    """(tokens of a sentence, whether it ends as one)."""
    first = 0
    for place, token in enumerate(tokens, 1):
        following = tokens[place] if place < len(tokens) else None
        if _ends_sentence(token, following, cased):
            yield tokens[first:place], True
            first = place
    if first < len(tokens):
        yield tokens[first:], False


def _ends_sentence(token: str, following: str | None, cased: bool) -> bool:
    if not SENTENCE_END.search(token) or (following is not None and ABBREVIATION.fullmatch(token)):
        return False
    if following is None or not cased:
        return True
    letter = BEGINS_LOWER.match(following)
    return letter is None or not letter[0][-1].islower()


def _taken_apart(found: list[Piece]) -> Iterator[tuple[list[Piece], bool]]:
    """(at most LONGEST pieces, whether they are the last of `found`); cut after what is unsaid, and after commas."""
    while found:
        unsaid = next((place for place, piece in enumerate(found, 1) if piece.unsaid), len(found))
        cut = unsaid
        if unsaid > LONGEST:
            most = -(-unsaid // -(-unsaid // LONGEST))  # parts of about equal length
            commas = [place for place in range(most // 2, LONGEST + 1) if CLAUSE_END.search(found[place - 1].raw)]
            cut = min(commas, key=lambda place: abs(place - most)) if commas else most
        yield found[:cut], cut == len(found)
        found = found[cut:]

"""Lines of language-model text that give away a dev or test sentence.

A sentence of five words or more is given away by a line

- that holds it, word for word and in one piece, or
- whose longest common subsequence of words with it is at least 0.9 of the longer of the two.

Order counts: strings of digits share all their words with one another and are different sentences all the same. Up to
nine words the second rule allows no difference, from ten on one word may be changed, added or left out, from twenty on
two. Both sides have been through the same normaliser.

Both rules are looked up rather than tried: a line can only hold a sentence whose first five words it holds, and can only
be near one whose rarest words it shares one of, as many as may be missing plus one.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

MIN_WORDS = 5
TENTHS = 9  # of the longer one that the common words have to be


class LeakGate:
    """`sentences`: dev and test, normalised. Memory grows with them and not with the lines looked at."""

    def __init__(self, sentences: Iterable[str]) -> None:
        distinct = dict.fromkeys(" ".join(sentence.split()) for sentence in sentences)
        self.sentences = [sentence for sentence in distinct if sentence.count(" ") >= MIN_WORDS - 1]
        self._words = [sentence.split() for sentence in self.sentences]
        self._beginning: dict[tuple[str, ...], list[int]] = defaultdict(list)  # first words -> sentences
        self._rare: dict[str, list[int]] = defaultdict(list)  # word -> sentences that may differ and have it among their rarest
        frequency = Counter(word for words in self._words for word in set(words))
        for i, words in enumerate(self._words):
            self._beginning[tuple(words[:MIN_WORDS])].append(i)
            may_miss = len(words) - _needed(len(words))
            if _may_differ(len(words)):
                rarest = sorted(set(words), key=lambda word: (frequency[word], word))
                for word in rarest[: may_miss + 1]:
                    self._rare[word].append(i)
        self._near_from = min((_needed(len(words)) for words in self._words if _may_differ(len(words))), default=None)

    def leak(self, line: str) -> str | None:
        """The sentence that `line`, normalised, gives away, or None."""
        words = line.split()
        if len(words) < MIN_WORDS:
            return None
        for start, beginning in enumerate(zip(*(words[i:] for i in range(MIN_WORDS)), strict=False)):
            for i in self._beginning.get(beginning, ()):
                if words[start : start + len(self._words[i])] == self._words[i]:
                    return self.sentences[i]
        if self._near_from is None or len(words) < self._near_from:
            return None
        tried: set[int] = set()
        for word in words:
            for i in self._rare.get(word, ()):
                if i not in tried:
                    tried.add(i)
                    if near(words, self._words[i]):
                        return self.sentences[i]
        return None


def _needed(longer: int) -> int:
    """Common words that make two sentences near, the longer one having `longer`."""
    return -(-TENTHS * longer // 10)


def _may_differ(length: int) -> bool:
    """Whether a sentence of this length has neighbours other than itself, one word longer ones included."""
    return _needed(length) < length or _needed(length + 1) <= length


def near(a: Sequence[str], b: Sequence[str]) -> bool:
    """Is the longest common subsequence of two sentences' words at least 0.9 of the longer one?"""
    needed = _needed(max(len(a), len(b)))
    if min(len(a), len(b)) < needed or (Counter(a) & Counter(b)).total() < needed:
        return False
    return _common_subsequence(a, b) >= needed


def _common_subsequence(a: Sequence[str], b: Sequence[str]) -> int:
    """Length of the longest common subsequence."""
    row = [0] * (len(b) + 1)
    for word in a:
        diagonal = 0
        for j, other in enumerate(b, 1):
            diagonal, row[j] = row[j], diagonal + 1 if word == other else max(row[j], row[j - 1])
    return row[-1]

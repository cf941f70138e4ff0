"""Who speaks how fast: letters a second, of every language and speaker, in memory that grows with speakers only."""

from __future__ import annotations

import heapq
import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

SHORTEST, FEWEST = 1.0, 10  # seconds, letters: of less the rate says nothing
FINENESS = 20  # bins an octave
FAR = 3.0  # distances between quartiles that an outlier lies beyond them (Tukey), and an octave from the median at least
EXAMPLES = 5
MOST_SPEAKERS = 20_000
UTTERANCES = 10  # of a speaker, with fewer of which he is not judged

Extreme = tuple[float, str, str]  # (rate, with its sign turned for the slowest; id; split)


class SpeakingRates:
    def __init__(self) -> None:
        self._bins: dict[str, Counter[tuple[int, str]]] = defaultdict(Counter)  # language -> (bin, split)
        self._extremes: dict[tuple[str, str], list[Extreme]] = defaultdict(list)
        self._speakers: dict[tuple[str, str], list[float]] = {}  # (language, speaker) -> [utterances, letters, seconds]

    def add(self, split: str, cut: dict[str, Any]) -> None:
        supervision = cut["supervisions"][0]
        text, seconds = supervision["text"], cut["duration"]
        letters = len(text) - text.count(" ")
        if seconds < SHORTEST or letters < FEWEST:
            return
        language = supervision.get("language") or "-"
        rate = letters / seconds
        self._bins[language][round(FINENESS * math.log2(rate)), split] += 1
        for kind, sign in (("slow speech", -1), ("fast speech", 1)):
            kept = self._extremes[language, kind]
            if len(kept) < EXAMPLES:
                heapq.heappush(kept, (sign * rate, cut["id"], split))
            elif sign * rate > kept[0][0]:
                heapq.heapreplace(kept, (sign * rate, cut["id"], split))
        key = (language, supervision.get("speaker") or "")
        if key[1] and (key in self._speakers or len(self._speakers) < MOST_SPEAKERS):
            sums = self._speakers.setdefault(key, [0, 0, 0.0])
            sums[0] += 1
            sums[1] += letters
            sums[2] += seconds

    def outliers(self) -> Iterator[tuple[str, str, str, str, float, int]]:
        """(kind, split, id, rate in words, the higher the worse, how many); without an id: so many more."""
        for language, bins in self._bins.items():
            low, median, high = self._limits(language)
            for kind, sign in (("slow speech", -1), ("fast speech", 1)):
                beyond = Counter[str]()
                for (place, split), count in bins.items():
                    if place < low if sign < 0 else place > high:
                        beyond[split] += count
                usual = f"usual in {language} are {2 ** (median / FINENESS):.0f}"
                for extreme, name, split in sorted(self._extremes[language, kind], reverse=True):
                    if beyond[split] > 0:
                        detail = f"{abs(extreme):.1f} letters a second, {usual}"
                        yield kind, split, name, detail, abs(math.log2(abs(extreme)) - median / FINENESS), 1
                        beyond[split] -= 1
                for split, count in beyond.items():
                    if count > 0:
                        yield kind, split, "", "", -1.0, count
        yield from self._unlike_speakers()

    def report(self) -> dict[str, dict[str, float]]:
        """`letters a second (el)` -> quantiles."""
        made = {}
        for language, bins in sorted(self._bins.items()):
            places = Counter[int]()
            for (place, _), count in bins.items():
                places[place] += count
            found = [_quantile(places, share) for share in (0.05, 0.5, 0.95)]
            shown = [round(2 ** (place / FINENESS), 1) for place in found]
            made[f"letters a second ({language})"] = dict(zip(("5%", "50%", "95%"), shown, strict=True))
        return made

    def _limits(self, language: str) -> tuple[float, float, float]:
        places = Counter[int]()
        for (place, _), count in self._bins[language].items():
            places[place] += count
        low, median, high = (_quantile(places, share) for share in (0.25, 0.5, 0.75))
        between = FAR * (high - low)
        return min(low - between, median - FINENESS), median, max(high + between, median + FINENESS)

    def _unlike_speakers(self) -> Iterator[tuple[str, str, str, str, float, int]]:
        by_language: dict[str, dict[str, float]] = defaultdict(dict)
        for (language, speaker), (count, letters, seconds) in self._speakers.items():
            if count >= UTTERANCES:
                by_language[language][speaker] = math.log2(letters / seconds)
        for rates in by_language.values():
            median = statistics.median(rates.values())
            usual = 1.4826 * statistics.median(abs(rate - median) for rate in rates.values())
            for speaker, rate in rates.items():
                if len(rates) > 2 and abs(rate - median) > max(FAR * usual, 0.5):
                    detail = f"{2**rate:.1f} letters a second, others {2**median:.1f}"
                    yield "unlike speakers", "speakers", speaker, detail, abs(rate - median), 1


def _quantile(places: Counter[int], share: float) -> float:
    left = share * places.total()
    for place in sorted(places):
        left -= places[place]
        if left <= 0:
            return place
    return max(places, default=0)

"""Rates from counts, and BLEU and chrF.

WER = (S + D + I) / (S + D + C), CER the same in characters, MER = (S + D + I) / (S + D + C + I), WIP = C/(S + D + C) x
C/(S + C + I), WIL = 1 - WIP (Morris, Maier & Green, Interspeech 2004, doi:10.21437/Interspeech.2004-668); SER is the
share of utterances with any error. All in percent, over all utterances together; None where there is nothing to divide
by: an utterance without reference words has no rate of its own, but its insertions count.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

RATES = ("wer", "cer", "mer", "wil", "wip", "ser")


def percent(part: float, whole: float) -> float | None:
    return round(100 * part / whole, 4) if whole else None


def rates(
    correct: int, substitutions: int, deletions: int, insertions: int, characters: int, character_errors: int, wrong: int, n: int
) -> dict[str, float | None]:
    """All of RATES; wrong: utterances with an error, of n."""
    words, heard = correct + substitutions + deletions, correct + substitutions + insertions
    errors = substitutions + deletions + insertions
    preserved = percent(correct * correct, words * heard)
    if words and not heard:
        preserved = 0.0  # nothing was recognised, so nothing of what was said is left
    return {
        "wer": percent(errors, words),
        "cer": percent(character_errors, characters),
        "mer": percent(errors, words + insertions),
        "wil": None if preserved is None else round(100 - preserved, 4),
        "wip": preserved,
        "ser": percent(wrong, n),
    }


class Translation:
    """BLEU (Papineni et al. 2002) and chrF (Popović 2015) as sacreBLEU computes them, added up chunk by chunk."""

    def __init__(self) -> None:
        from sacrebleu.metrics.bleu import BLEU
        from sacrebleu.metrics.chrf import CHRF

        self._metrics: dict[str, Any] = {"bleu": BLEU(), "chrf": CHRF()}
        self._statistics: dict[str, list[int]] = {}

    def add(self, references: Sequence[str], hypotheses: Sequence[str]) -> None:
        """Texts as written: sacreBLEU has its own tokenisation."""
        for name, metric in self._metrics.items():
            rows = metric._extract_corpus_statistics(list(hypotheses), [list(references)])
            sums = [sum(column) for column in zip(*rows, strict=True)]
            known = self._statistics.get(name, [0] * len(sums))
            self._statistics[name] = [one + other for one, other in zip(known, sums, strict=True)]

    @classmethod
    def together(cls, parts: Sequence[Translation]) -> Translation:
        """Of all texts that `parts` were given."""
        made = cls()
        for part in parts:
            made._metrics = part._metrics  # which know by now how many references there are
            for name, sums in part._statistics.items():
                known = made._statistics.get(name, [0] * len(sums))
                made._statistics[name] = [one + other for one, other in zip(known, sums, strict=True)]
        return made

    def result(self) -> dict[str, dict[str, Any]]:
        """{"bleu": {"score", "signature"}, "chrf": …}; empty where nothing was added."""
        return {
            name: {
                "score": round(float(self._metrics[name]._compute_score_from_stats(sums).score), 4),
                "signature": str(self._metrics[name].get_signature()),
            }
            for name, sums in self._statistics.items()
        }

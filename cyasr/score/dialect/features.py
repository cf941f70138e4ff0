"""What becomes of the dialect: counts by dialect feature, standardisation, εν, enclisis and code-switched words.

All are counts of reference words over one alignment, plain numbers in plain dicts: `merge` adds those of parts up, as if
they had been counted together. Words are T1 text. Rates are in percent, None where there is nothing to divide by.

features[name]: tokens (reference words that have the feature) = correct + kept + lost + deleted: the word itself right;
wrong, but the feature is in what was written for it; wrong and the feature gone; no word there. error_rate counts all three,
loss_rate only lost and deleted. added: hypothesis' words with the feature where the reference has none.
standardisation: tokens (reference words with a Standard twin, see `twins`) = correct + standardised + other + deleted, and
rate, the share standardised. why: the same by what makes a word dialectal; a word may count under several.
en: forms of εν by their use (see `dialect_usage`), and what stood for them; respelled: another form of εν.
  εν -> είναι and εν -> δεν are no part of the standardisation rate: they are twins in one use and a wrong sense in the other.
enclisis: pronouns behind their verb; fronted: recognised in the Standard order (ξέρω το: το ξέρω).
pier: see `pier`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from cyasr.score.aligned import AlignedWords, flatten
from cyasr.score.dialect import pier
from cyasr.score.dialect.twins import is_twin, why_twin
from cyasr.score.dialect.usage import CLITICS, EN, is_enclitic, use_of_en
from cyasr.score.dialect.words import FEATURES, bare, features_of, heard
from cyasr.score.wer import Alignments

VERSION = 1
USES = ("copula", "negation", "future", "unclear")
OUTCOMES = ("tokens", "correct", "respelled", "είναι", "δεν", "other", "deleted")
WHY = ("table", *(feature.name for feature in FEATURES))
Counts = dict[str, Any]


def count(
    references: Sequence[Sequence[str]],
    hypotheses: Sequence[Sequence[str]],
    alignments: Alignments,
    points: pier.Points | None = None,
) -> Counts:
    """Everything of this file for N utterances, lists of words, and wer.align of them; points: see `pier.count`."""
    aligned = flatten(references, hypotheses, alignments)
    return _rated(
        {
            "version": VERSION,
            "utterances": len(references),
            "words": int((aligned.ref >= 0).sum()),
            "features": count_features(aligned),
            "standardisation": count_standardised(aligned),
            **count_usage(aligned),
            "pier": pier.count(aligned, points),
        }
    )


def merge(parts: Iterable[Counts]) -> Counts:
    """The counts of `parts` (each of `count` or `merge`) added up. Raises ValueError for none, or other versions."""
    total: Counts | None = None
    for part in parts:
        if part.get("version") != VERSION:
            raise ValueError(f"feature counts of version {part.get('version')}, not {VERSION}: score again")
        total = _added(total, part) if total else part
    if total is None:
        raise ValueError("no counts to merge")
    return _rated(total | {"version": VERSION})


def top(counts: Counts, pairs: int = 50) -> Counts:
    """`counts` for a file: the most frequent standardised pairs only, and how many tokens the others are."""
    rows = counts["standardisation"]["pairs"]
    left_out = sum(row[2] for row in rows[pairs:]) + counts["standardisation"].get("pairs_left_out", 0)
    return counts | {"standardisation": counts["standardisation"] | {"pairs": rows[:pairs], "pairs_left_out": left_out}}


def count_features(aligned: AlignedWords) -> dict[str, dict[str, int]]:
    rows: dict[str, Counter[str]] = {feature.name: Counter() for feature in FEATURES}
    of = [features_of(word) for word in aligned.words]
    for ref, hyp, times in aligned.pairs:
        for name, units in of[ref] if ref >= 0 else ():
            row = rows[name]
            row["tokens"] += times
            if hyp == ref:
                row["correct"] += times
            elif hyp < 0:
                row["deleted"] += times
            else:
                row["kept" if units <= heard(aligned.words[hyp], name) else "lost"] += times
        if hyp >= 0 and hyp != ref:
            for name, _ in of[hyp]:
                if ref < 0 or not heard(aligned.words[ref], name):
                    rows[name]["added"] += times
    kinds = ("tokens", "correct", "kept", "lost", "deleted", "added")
    return {name: {kind: row[kind] for kind in kinds} for name, row in rows.items()}


def count_standardised(aligned: AlignedWords) -> Counts:
    total: Counter[str] = Counter()
    why: dict[str, Counter[str]] = {name: Counter() for name in WHY}
    pairs: Counter[tuple[str, str]] = Counter()
    reasons = [why_twin(word) for word in aligned.words]
    for ref, hyp, times in aligned.pairs:
        if ref < 0 or not reasons[ref]:
            continue
        if hyp == ref:
            outcome = "correct"
        elif hyp < 0:
            outcome = "deleted"
        else:
            outcome = "standardised" if is_twin(aligned.words[ref], aligned.words[hyp]) else "other"
        if outcome == "standardised":
            pairs[aligned.words[ref], aligned.words[hyp]] += times
        total.update({"tokens": times, outcome: times})
        for name in reasons[ref]:
            why[name].update({"tokens": times, outcome: times})
    kinds = ("tokens", "correct", "standardised", "other", "deleted")
    return {
        **{kind: total[kind] for kind in kinds},
        "why": {name: {kind: row[kind] for kind in kinds} for name, row in why.items() if row["tokens"]},
        "pairs": sorted_rows(pairs),
    }


def count_usage(aligned: AlignedWords) -> Counts:
    """ "en" and "enclisis": what a word's neighbours tell."""
    words, ref, hyp = aligned.words, aligned.ref, aligned.hyp
    at = np.flatnonzero(ref >= 0)
    forms = [bare(word) for word in words]
    wanted = np.fromiter((form in EN or form in CLITICS for form in forms), np.bool_, len(forms))
    uses: dict[str, Counter[str]] = defaultdict(Counter)
    enclisis: Counter[str] = Counter()
    for place in np.flatnonzero(wanted[ref[at]]).tolist() if len(at) else ():
        before, word, after = (_word(aligned, at, place, step) for step in (-1, 0, 1))
        if bare(word) in EN:
            use = use_of_en(word, before, after, _word(aligned, at, place, 2))
            uses[use].update({"tokens": 1, _outcome_of_en(forms, int(ref[at[place]]), int(hyp[at[place]])): 1})
        elif before and is_enclitic(_word(aligned, at, place, -2), before, word, after):
            enclisis.update({"tokens": 1, _outcome_of_enclisis(aligned, int(at[place - 1]), int(at[place])): 1})
    return {
        "en": {use: {outcome: uses[use][outcome] for outcome in OUTCOMES} for use in USES},
        "enclisis": {kind: enclisis[kind] for kind in ("tokens", "correct", "fronted", "pronoun_wrong", "verb_wrong")},
    }


def sorted_rows(pairs: Counter[tuple[str, str]]) -> list[list[Any]]:
    """[reference, hypothesis, times], most frequent first."""
    return [[one, other, times] for (one, other), times in sorted(pairs.items(), key=lambda item: (-item[1], item[0]))]


def _word(aligned: AlignedWords, at: Any, place: int, step: int) -> str:
    """The reference word `step` places on, "" beyond the utterance."""
    other = place + step
    if not 0 <= other < len(at) or aligned.utterance[at[other]] != aligned.utterance[at[place]]:
        return ""
    return aligned.words[aligned.ref[at[other]]]


def _outcome_of_en(forms: list[str], ref: int, hyp: int) -> str:
    if hyp == ref:
        return "correct"
    if hyp < 0:
        return "deleted"
    form = forms[hyp]
    if form in EN:
        return "respelled"
    return {"ειναι": "είναι", "δεν": "δεν", "δε": "δεν"}.get(form, "other")


def _outcome_of_enclisis(aligned: AlignedWords, verb: int, pronoun: int) -> str:
    """verb, pronoun: their operations."""
    words, ref, hyp = aligned.words, aligned.ref, aligned.hyp
    if hyp[verb] == ref[verb] and hyp[pronoun] == ref[pronoun]:
        return "correct"
    said = [words[hyp[k]] for k in _around(aligned, verb, pronoun) if hyp[k] >= 0]
    for one, other in pairwise(said):
        same_verb = bare(other) == bare(words[ref[verb]]) or is_twin(words[ref[verb]], other)
        if same_verb and bare(one) == bare(words[ref[pronoun]]):
            return "fronted"
    return "pronoun_wrong" if hyp[pronoun] != ref[pronoun] else "verb_wrong"


def _around(aligned: AlignedWords, first: int, last: int) -> Iterator[int]:
    """Operations from `first` to `last`, with the errors right before and the insertions right behind."""
    ref, hyp, utterance = aligned.ref, aligned.hyp, aligned.utterance
    while first > 0 and utterance[first - 1] == utterance[last] and ref[first - 1] != hyp[first - 1]:
        first -= 1
        if ref[first] >= 0:
            break
    while last + 1 < len(ref) and utterance[last + 1] == utterance[first] and ref[last + 1] < 0:
        last += 1
    yield from range(first, last + 1)


def _added(one: Counts, other: Counts) -> Counts:
    """Numbers added, dicts key by key, rows [reference, hypothesis, times] by pair."""
    total: Counts = {}
    for key in dict.fromkeys([*one, *other]):
        a, b = one.get(key), other.get(key)
        if isinstance(a or b, dict):
            total[key] = _added(a or {}, b or {})
        elif isinstance(a or b, list):
            pairs: Counter[tuple[str, str]] = Counter()
            for ref, hyp, times in [*(a or []), *(b or [])]:
                pairs[ref, hyp] += times
            total[key] = sorted_rows(pairs)
        else:
            total[key] = (a or 0) + (b or 0)  # rates too: `_rated` sets them anew
    return total


def _rated(counts: Counts) -> Counts:
    features = {
        name: row
        | {
            "error_rate": _percent(row["tokens"] - row["correct"], row["tokens"]),
            "loss_rate": _percent(row["lost"] + row["deleted"], row["tokens"]),
        }
        for name, row in counts["features"].items()
    }
    standard = counts["standardisation"]
    why = {name: row | {"rate": _percent(row["standardised"], row["tokens"])} for name, row in standard["why"].items()}
    uses = {use: counts["en"][use] for use in USES}
    uses = {use: row | {"error_rate": _percent(row["tokens"] - row["correct"], row["tokens"])} for use, row in uses.items()}
    enclisis = counts["enclisis"]
    return counts | {
        "features": features,
        "standardisation": standard | {"rate": _percent(standard["standardised"], standard["tokens"]), "why": why},
        "en": uses | {f"εν -> {word}": sum(row[word] for row in uses.values()) for word in ("είναι", "δεν")},
        "enclisis": enclisis
        | {
            "error_rate": _percent(enclisis["tokens"] - enclisis["correct"], enclisis["tokens"]),
            "fronted_rate": _percent(enclisis["fronted"], enclisis["tokens"]),
        },
        "pier": pier.rated(counts["pier"]),
    }


def _percent(part: int, whole: int) -> float | None:
    return round(100 * part / whole, 4) if whole else None

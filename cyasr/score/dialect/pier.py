"""Point-of-interest error rate of code-switched words (Ugan, Pham, Bärmann & Waibel, ICASSP 2025, arXiv 2501.09512).

PIER = |A_I| / |I|: over one alignment of whole sentences, the errors at the reference words I of interest, by the number of
those words. Substitutions and deletions are at their reference word; an insertion is at the reference word that follows
it, at the last one where none follows (so in the authors' program, github enesyugan/PIER-CodeSwitching-Evaluation). As
there, sentences in which all words or none are of interest take no part. PIER may exceed 100 %.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import chain

import numpy as np

from cyasr.score.aligned import AlignedWords, Flags, Ints

LATIN = re.compile("[a-zà-öø-ÿā-ž]", re.IGNORECASE)
GREEK = re.compile("[\u0370-\u03ff\u1f00-\u1fff]")
Points = Sequence[Sequence[bool]]


def count(aligned: AlignedWords, points: Points | None = None) -> dict[str, object]:
    """Counts over the points of interest, and under "rest" over the other words of the same sentences.

    points: for each utterance a truth value for each reference word; without them, the points are the words with a Latin
    letter (download, and downloadάρω) in sentences with as many Greek words or more. kept_script: wrong points for which
    another word in Latin letters stands. Raises ValueError where `points` and the references differ in length.
    """
    at = np.flatnonzero(aligned.ref >= 0)
    words, utterance = aligned.ref[at], aligned.utterance[at]
    utterances = int(aligned.utterance[-1]) + 1 if len(aligned.utterance) else 0
    latin = np.fromiter((bool(LATIN.search(word)) for word in aligned.words), np.bool_, len(aligned.words))
    if points is None:
        greek = np.fromiter((bool(GREEK.search(word)) for word in aligned.words), np.bool_, len(aligned.words)) & ~latin
        of_interest = latin[words]
        mixed = _per_utterance(greek[words], utterance, utterances) >= _per_utterance(of_interest, utterance, utterances)
    else:
        of_interest = np.fromiter(chain.from_iterable(points), np.bool_)
        if len(of_interest) != len(words):
            raise ValueError(f"{len(of_interest)} points for {len(words)} reference words")
        mixed = np.ones(utterances, np.bool_)
    interesting = _per_utterance(of_interest, utterance, utterances)
    switched = mixed & (interesting > 0) & (interesting < np.bincount(utterance, minlength=utterances))
    taking_part = switched[utterance]
    inserted = _insertions(aligned, at)
    return {
        "utterances": int(switched.sum()),
        **_tally(aligned, at, inserted, taking_part & of_interest, latin),
        "rest": _tally(aligned, at, inserted, taking_part & ~of_interest, latin),
    }


def rated(counts: dict[str, object]) -> dict[str, object]:
    """`counts` with "pier" in percent, None where there are no points."""
    errors = sum(int(str(counts[kind])) for kind in ("substitutions", "deletions", "insertions"))
    points = int(str(counts["points"]))
    rest = counts.get("rest")
    rates = {"pier": round(100 * errors / points, 4) if points else None}
    return {**counts, **rates, **({"rest": rated(rest)} if isinstance(rest, dict) else {})}


def _per_utterance(flags: Flags, utterance: Ints, utterances: int) -> Ints:
    return np.bincount(utterance[flags], minlength=utterances).astype(np.int64)


def _insertions(aligned: AlignedWords, at: Ints) -> Ints:
    """(words,) the number of insertions at each reference word; those into empty references are at none."""
    extra = np.flatnonzero(aligned.ref < 0)
    number = np.zeros(len(at), np.int64)
    if not len(at) or not len(extra):
        return number
    following = np.searchsorted(at, extra)
    after = np.minimum(following, len(at) - 1)
    owner = np.where(aligned.utterance[at[after]] == aligned.utterance[extra], after, following - 1)
    owner = np.where((following == len(at)), len(at) - 1, owner)
    here = (owner >= 0) & (aligned.utterance[at[np.maximum(owner, 0)]] == aligned.utterance[extra])
    np.add.at(number, owner[here], 1)
    return number


def _tally(aligned: AlignedWords, at: Ints, inserted: Ints, chosen: Flags, latin: Flags) -> dict[str, int]:
    ref, hyp = aligned.ref[at[chosen]], aligned.hyp[at[chosen]]
    wrong = (hyp >= 0) & (hyp != ref)
    return {
        "points": int(chosen.sum()),
        "correct": int((hyp == ref).sum()),
        "substitutions": int(wrong.sum()),
        "deletions": int((hyp < 0).sum()),
        "insertions": int(inserted[chosen].sum()),
        "kept_script": int(latin[hyp[wrong]].sum()) if len(latin) else 0,
    }

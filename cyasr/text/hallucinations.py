"""Text that a machine wrote where nothing of the kind was said: credits and farewells of videos, and loops.

Recognisers trained on subtitles put them where there is noise, music or silence (Barański et al., arXiv 2501.11378). The
list is short on purpose: a sentence stands in it only where it was reported for Greek or English (CREDITS, FAREWELLS name
the reports) and would hardly be said in a recording that somebody transcribes.
"""

from __future__ import annotations

import re
from collections import Counter

from cyasr.text.rules_encoding import unmarked

# Anywhere in a text. AUTHORWAVE, a Greek subtitling firm: Purfview/whisper-standalone-win#321. Amara.org and other
# subtitlers' credits: openai/whisper discussions 928, SubtitleEdit/subtitleedit#7748; in Greek, of the same models on silence.
CREDITS = re.compile(
    r"authorwave|amara\W?org|subtitles? by\b|captions? by\b|(?:sub)?titl(?:ed|ing) by\b|transcri(?:bed|ption) by\b"
    r"|υποτιτλοι (?:απο|για) την κοινοτητα|υποτιτλισμος\W+\w|(?:μεταφραση|επιμελεια|αποδοση) (?:διαλογων|υποτιτλων)"
)
# The whole of a text, but for repetition. Thanks for watching: McCloudS/subgen#21, openai/whisper discussions 679;
# the Greek ones are their translations, listed in public filters of its output.
_OF_US = "(?: μας| μου)?"
_FAREWELLS = (
    "(?:σας )?ευχαριστ(?:ω|ουμε)(?: παρα)?(?: πολυ)?(?: που (?:με |μας )?παρακολουθησατε| για την παρακολουθηση)(?: το βιντεο)?",
    f"(?:μην ξεχασετε να )?(?:κανετε|καντε) (?:like|εγγραφη)(?: και (?:subscribe|εγγραφη))?(?: στο καναλι{_OF_US})?",
    f"(?:εγγραφειτε|γραφτειτε) στο καναλι{_OF_US}",
    "υποτιτλοι",
    "τα λεμε στο επομενο βιντεο",
    "(?:thanks|thank you)(?: so much| very much)? for (?:watching|viewing)(?: (?:this|the|my) video)?",
    "(?:please |don t forget to |like and )+subscribe(?: to (?:my|our|the) channel)?",
    "see you (?:in the )?next (?:video|time)",
)
FAREWELLS = re.compile(f"(?:(?:{'|'.join(_FAREWELLS)})(?: |$))+")
HINT = re.compile(  # what all of these hold, with its accents
    "authorw|amara|titl|τιτλ|captions? by|transcri|διαλ[οό]γων|ευχαριστ|εγγραφ|γραφτείτε|β[ιί]ντεο|watch|viewing|subscri|see you"
)
LONGEST_UNIT = 10  # words
FEWEST = {1: 8, 2: 4, 3: 4}  # repetitions of so many words that make a loop; of more words 3
LOOP_WORDS = 8  # in all
STUTTER = re.compile(r"([^\W\d_]{1,4}?)\1{7,}")  # within a word
WORD = re.compile(r"\w+")


def hallucination(text: str) -> str | None:
    """What betrays `text`, normalised or not, as made up by a machine: a phrase of it; or None."""
    return phrase(text) or loop(text)


def phrase(text: str) -> str | None:
    """A credit in `text`, or all of it where it is a farewell; or None."""
    lower = text.lower()
    if not HINT.search(lower):  # as in most texts
        return None
    plain = " ".join(unmarked(lower).split())
    if credit := CREDITS.search(plain):
        return credit[0]
    return text if FAREWELLS.fullmatch(" ".join(WORD.findall(plain))) else None


def loop(text: str) -> str | None:
    """The words, or letters, that `text` repeats again and again, and how often: "να δω x 5"; or None."""
    words = text.split()
    for word in words:
        if len(word) > 7 and len(set(word)) < 6 and (stutter := STUTTER.search(word)):
            return f"{stutter[1]} x {len(stutter[0]) // len(stutter[1])}"
    if len(words) < LOOP_WORDS or len(words) - len(set(words)) < 4 or max(Counter(words).values()) < 3:
        return None
    for size in range(1, LONGEST_UNIT + 1):
        run = 0
        for i in range(size, len(words)):
            run = run + 1 if words[i] == words[i - size] else 0
            times = run // size + 1
            if run and times >= FEWEST.get(size, 3) and times * size >= LOOP_WORDS:
                end = i + 1
                while end < len(words) and words[end] == words[end - size]:
                    end += 1
                times = (end - i + run - 1) // size + 1
                return f"{' '.join(words[i - size + 1 : i + 1])} x {times}"
    return None

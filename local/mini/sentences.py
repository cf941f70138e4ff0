"""Which sentences the corpus holds, and who may hear them: distinct, drawn from a seed, split so that no sentence is shared.

A tenth of the test (and dev) word types is kept out of train, as new recordings of a real language would have it. They
are inflected forms of lemmas that train knows in other forms, so that a recogniser has a chance to spell them.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from functools import cache

from cyasr.cli import UsageError
from local.mini import commands, english, grammar, greek
from local.mini.grammar import Sentence
from local.mini.lexicon import Entry, entries
from local.mini.phrases import Speech

UNSEEN_SHARE = 0.1  # of the word types of dev and of test
TYPES_A_SENTENCE = 2.35  # word types that a held-out sentence adds, as measured; sets how many forms are kept out
RARE = 2  # a form may be kept out of train if no more sentences than this use it
MAX_WORDS = 13
HELD_OUT_SHARE = {"test": 0.1, "dev": 0.1}  # of the sentences


def draw(counts: dict[str, int], command_counts: dict[str, int], seed: int, patience: int = 10) -> list[Sentence]:
    """Distinct sentences: `counts` of each dialect, and besides them `command_counts` commands.

    Raises UsageError where `patience` draws for each sentence wanted do not suffice: the grammar has not so many.
    """
    chosen: dict[str, Sentence] = {}
    for domain, wanted in (("", counts), (commands.DOMAIN, command_counts)):
        for dialect, count in wanted.items():
            speech = Speech(dialect, random.Random(f"{seed} {domain} {dialect}"))
            say = _source(dialect, domain)
            until = len(chosen) + count
            for _ in range(patience * count):
                if len(chosen) == until:
                    break
                sentence = say(speech)
                if 2 <= len(sentence.text.split()) <= MAX_WORDS:
                    chosen.setdefault(sentence.text, sentence)
            else:
                if len(chosen) < until:
                    raise UsageError(f"options: the grammar has no {count} different {dialect} {domain or 'sentences'}")
    return list(chosen.values())


def _source(dialect: str, domain: str) -> Callable[[Speech], Sentence]:
    if domain:
        return commands.command
    return english.sentence if dialect == "english" else grammar.sentence


def split(sentences: list[Sentence], seed: int) -> dict[str, list[Sentence]]:
    """train, dev and test, each in random order; dialects and commands have the same share in all of them."""
    order = sentences[:]
    rng = random.Random(f"{seed} split")
    rng.shuffle(order)
    used_in: dict[str, list[Sentence]] = defaultdict(list)  # word -> sentences
    for sentence in order:
        for word in set(sentence.text.split()):
            used_in[word].append(sentence)
    left = Counter({word: len(users) for word, users in used_in.items()})  # sentences not held out yet
    candidates = sorted(inflected(used_in))
    rng.shuffle(candidates)
    quota = Counter((s.dialect, s.domain) for s in order)
    parts: dict[str, list[Sentence]] = {}
    for name, share in HELD_OUT_SHARE.items():
        room = {stratum: round(share * count) for stratum, count in quota.items()}
        parts[name] = _hold_out(order, used_in, left, candidates, room)
        held = {s.text for s in parts[name]}
        order = [s for s in order if s.text not in held]
        candidates = [word for word in candidates if left[word]]
        rng.shuffle(parts[name])
    return {"train": order, **parts}


def _hold_out(
    order: list[Sentence],
    used_in: dict[str, list[Sentence]],
    left: Counter[str],
    candidates: Iterable[str],
    room: dict[tuple[str, str | None], int],
) -> list[Sentence]:
    """Sentences for one part, `room` of each kind: first rare forms kept out of train, then what has no such word.

    Takes what it returns out of `left`.
    """
    part: dict[str, Sentence] = {}
    types: set[str] = set()
    total = sum(room.values())
    available = {s.text for s in order}

    def take(sentence: Sentence) -> None:
        words = set(sentence.text.split())
        part[sentence.text] = sentence
        room[sentence.dialect, sentence.domain] -= 1
        types.update(words)
        left.subtract(words)

    def fits(sentence: Sentence) -> bool:
        return sentence.text in available and sentence.text not in part and room[sentence.dialect, sentence.domain] > 0

    def known(sentence: Sentence, but: str = "") -> bool:
        return all(left[word] > 1 for word in sentence.text.split() if word != but)

    unseen = 0
    expected_types = TYPES_A_SENTENCE * total
    for word in candidates:
        if unseen >= UNSEEN_SHARE * expected_types:
            break
        users = used_in[word]
        if len(users) <= RARE and all(fits(s) and known(s, but=word) for s in users):
            for sentence in users:
                take(sentence)
            unseen += 1
    for wanted in (known, lambda sentence: True):  # a very small corpus has too few sentences of known words
        for sentence in order:
            if fits(sentence) and wanted(sentence):
                take(sentence)
    return list(part.values())


def inflected(words: Iterable[str]) -> set[str]:
    """Those of `words` that are Greek forms of an entry of which `words` holds at least two others."""
    words = set(words)
    found: set[str] = set()
    for dialect in ("cypriot", "standard"):
        for entry in entries():
            forms = {form for form in all_forms(entry, dialect) if form in words}
            if len(forms) > 2:
                found |= forms
    return found


@cache
def all_forms(entry: Entry, dialect: str) -> frozenset[str]:
    """Every inflected form of `entry` in a Greek dialect."""
    if not entry.word(dialect) or entry.pos == "adv":
        return frozenset()
    if entry.pos == "n":
        noun = greek.noun(entry, dialect)
        return frozenset([*(noun.singular or ()), *(noun.plural or ())]) - {""}
    if entry.pos == "v":
        verb = greek.verb(entry, dialect)
        return frozenset([*verb.present, *verb.past, *verb.perfective])
    cases = [(greek.NOM, False), (greek.ACC, False), (greek.NOM, True), (greek.ACC, True)]
    return frozenset(greek.adjective(entry, dialect, gender, *case) for gender in "mfn" for case in cases)

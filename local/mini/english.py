"""What is said in English."""

from __future__ import annotations

from collections.abc import Sequence

from local.mini.grammar import Sentence
from local.mini.lexicon import Entry, words
from local.mini.phrases import Speech, join

PEOPLE = ("i", "you", "we", "they", "she", "he")
OWNERS = ("my", "your", "our", "their", "her", "his")
ADVERBS = ("past", "future", "present")
NUMBERS = ("two", "three", "four", "five", "six", "seven", "eight", "ten", "twelve", "twenty")
NO_ARTICLE = {"i", "we", "you", "they"}


def sentence(s: Speech) -> Sentence:
    """One English sentence."""
    rule = s.random.choices(list(RULES), list(RULES.values()))[0]
    return Sentence(rule(s), "english", question=rule is question)


def noun(s: Speech, entry: Entry, owned: float = 0.3) -> str:
    """A noun phrase with a determiner: the old chair, my shoes, three apples."""
    singular, *plural = entry.english.split("/")
    if "name" in entry.tags or "city" in entry.tags:
        return singular
    if "mass" in entry.tags:
        return f"{s.one(['the', 'some'])} {singular}"
    if plural and s.chance(0.2):
        return f"{s.one(NUMBERS)} {plural[0]}"
    form = plural[0] if plural and s.chance(0.3) else singular
    adjective = s.adjective(entry).english if s.chance(0.25) else ""
    return join(s.one(OWNERS) if s.chance(owned) else "the", adjective, form)


def object_of(s: Speech, verb: Entry) -> str:
    return noun(s, s.pick([e for e in words("english", "n") if e.tags & verb.tags]))


def someone(s: Speech) -> tuple[str, bool]:
    """A subject, and whether its verb ends in -s."""
    if s.chance(0.45):
        person = s.one(PEOPLE)
        return person, person not in NO_ARTICLE
    if s.chance(0.5):
        return s.entry("n", "name").english, True
    singular, *plural = s.entry("n", "person").english.split("/")
    several = bool(plural) and s.chance(0.2)
    return f"{s.one(OWNERS)} {plural[0] if several else singular}", not several


def predicate(s: Speech, form: int) -> str:
    """A verb in one of its forms (0 eat, 1 eats, 2 ate, 3 eating) with its object or place."""
    kind = s.random.random()
    if kind < 0.65:
        verb = s.pick([e for e in words("english", "v") if not e.tags & {"intrans", "motion"}])
        return join(verb.english.split("/")[form], object_of(s, verb))
    if kind < 0.85:
        verb = s.entry("v", "motion")
        return f"{verb.english.split('/')[form]} to {noun(s, s.entry('n', 'place', 'city'), owned=0)}"
    verb = s.entry("v", "intrans")
    return f"{verb.english.split('/')[form]} {s.adverb('manner')}"


def statement(s: Speech) -> str:
    """my brother bought three apples yesterday"""
    who, third = someone(s)
    tense = s.one(ADVERBS)
    if tense == "present":
        said = predicate(s, 1 if third else 0)
    elif tense == "past":
        said = predicate(s, 2)
    else:
        said = f"will {predicate(s, 0)}"
    when = s.adverb(tense) if s.chance(0.6) else ""
    return join(when, who, said) if s.chance(0.2) and when else join(who, said, when)


def wish(s: Speech) -> str:
    """i want to buy a new car"""
    who, third = someone(s)
    verb = s.one(["wants to", "has to", "likes to"] if third else ["want to", "have to", "like to"])
    return join(who, verb, predicate(s, 0), s.adverb("future") if s.chance(0.3) else "")


def description(s: Speech) -> str:
    """the garden is very beautiful"""
    entry = s.entry("n", "person", "animal", "food", "place", "thing", "clothes", "vehicle")
    singular = entry.english.split("/")[0]
    owner = s.one([*OWNERS, "the", "the", "the"])
    return join(owner, singular, s.one(["is", "is not", "was"]), s.one(["", "very", "always"]), s.adjective(entry).english)


def question(s: Speech) -> str:
    """where is my bag; did you find the keys"""
    if s.chance(0.4):
        return f"where is {s.one([*OWNERS, 'the'])} {s.entry('n', 'thing', 'person', 'animal', 'text').english.split('/')[0]}"
    return join(s.one(["did you", "will they", "can we", "why did you", "when will she", "should i"]), predicate(s, 0))


def order(s: Speech, hours: Sequence[str]) -> str:
    """turn on the light in the kitchen"""
    room = f"in the {s.entry('n', 'room').english}" if s.chance(0.5) else ""
    kind = s.random.randrange(6)
    if kind == 0:
        return join("turn", s.one(["on", "off"]), "the", s.entry("n", "device").english.split("/")[0], room)
    if kind == 1:
        return join(s.one(["open", "close"]), "the", s.entry("n", "closable").english.split("/")[0], room)
    if kind == 2:
        return join(
            "set an alarm for", s.one(hours), s.one(["", "thirty", "fifteen"]), s.adverb("future") if s.chance(0.4) else ""
        )
    if kind == 3:
        return join("call", noun(s, s.entry("n", "name", "person"), owned=1), s.one(["", "now", "on the phone"]))
    if kind == 4:
        return join("remind me to", predicate(s, 0), s.adverb("future") if s.chance(0.4) else "")
    return join("send a message to", noun(s, s.entry("n", "name", "person"), owned=1))


RULES = {statement: 5, wish: 2, description: 2, question: 2}

"""What is said in Cypriot and Standard Greek: one function a kind of sentence, each drawing its words from the lexicon."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from local.mini import greek
from local.mini.greek import ACC, NOM
from local.mini.lexicon import Entry, words
from local.mini.phrases import Speech, Subject, join

TENSES = ("present", "past", "future")


@dataclass(frozen=True)
class Sentence:
    """`text` lower-case, without punctuation; `question` raises the synthesiser's voice at the end."""

    text: str
    dialect: str
    domain: str | None = None
    question: bool = False


def sentence(s: Speech) -> Sentence:
    """One sentence of s.dialect."""
    rule = s.random.choices(list(RULES), list(RULES.values()))[0]
    return Sentence(rule(s), s.dialect, question=rule in QUESTIONS)


def tensed(s: Speech, forms: greek.Verb, person: int, tense: str, clitic: str = "", no: bool = False) -> str:
    """The verb of a main clause: εγόρασεν το, εν έννα το γοράσει, δεν το αγόρασε."""
    if tense == "future":
        said = join(s.word("έννα", "θα"), clitic, forms.perfective[person])
        return s.negated(said) if no else said
    verb = (forms.present if tense == "present" else forms.past)[person]
    if no:
        return s.negated(join(clitic, verb))
    return s.with_clitic(verb, clitic) if clitic else verb


def doing(s: Speech, tense: str, who: Subject, complete: bool = True) -> str:
    """A predicate: a verb with its object, place or manner."""
    no = s.chance(0.18)
    kind = s.random.random()
    if kind < 0.62:
        entry, forms = s.transitive()
        return join(tensed(s, forms, who.person, tense, no=no), s.object_of(entry), place(s, 0.2 if complete else 0))
    if kind < 0.82:
        entry, forms = s.verb("motion")
        where = s.to(s.entry("n", "city" if s.chance(0.2) else "place"))
        return join(tensed(s, forms, who.person, tense, no=no), where, company(s, 0.35 if complete else 0))
    entry, forms = s.verb("intrans")
    return join(tensed(s, forms, who.person, tense, no=no), s.adverb("manner") if s.chance(0.4) else place(s, 0.8))


def place(s: Speech, probability: float) -> str:
    return s.to(s.entry("n", "place"), described=s.chance(0.1)) if s.chance(probability) else ""


def company(s: Speech, probability: float) -> str:
    if not s.chance(probability):
        return ""
    person = s.entry("n", "person", "name")
    return "με " + s.definite(person, ACC, s.chance(0.3), owned="person" in person.tags and s.chance(0.6))


def statement(s: Speech) -> str:
    """Somebody does something, some time."""
    tense = s.random.choices(TENSES, [3, 4, 3])[0]
    who = s.subject()
    when = s.adverb(tense) if s.chance(0.75) else ""
    said = join(who.text, doing(s, tense, who))
    return join(when, said) if s.chance(0.5) else join(said, when)


def two_things(s: Speech) -> str:
    """Somebody does one thing and another, or another does."""
    tense = s.one(["past", "future"])
    who = s.subject()
    first = join(who.text, doing(s, tense, who, complete=False))
    if s.chance(0.7):
        return join(first, s.word("τζ̆αι", "και"), doing(s, tense, who, complete=False))
    other = s.subject(silent=0)
    return join(first, s.word("αμμά", "αλλά"), other.text, doing(s, tense, other, complete=False))


def topic(s: Speech) -> str:
    """τον κάττον είδα τον εχτές / τον γάτο τον είδα χτες"""
    entry, forms = s.transitive()
    thing = s.pick([e for e in words(s.dialect, "n") if e.tags & entry.tags and not e.tags & {"mass"}])
    noun = greek.noun(thing, s.dialect)
    plural = not noun.singular or (s.chance(0.3) and bool(noun.plural))
    tense = s.one(["past", "future"])
    who = s.subject(silent=0.7)
    clitic = s.clitic(noun.gender, plural)
    verb = tensed(s, forms, who.person, tense, clitic, no=s.chance(0.25))
    owned = bool(thing.tags & {"thing", "clothes", "animal", "person"}) and s.chance(0.3)
    return join(s.definite(thing, ACC, plural, owned=owned), verb, who.text, s.adverb(tense) if s.chance(0.5) else "")


def description(s: Speech) -> str:
    """ο κήπος εν πολλά μεάλος / ο κήπος είναι πολύ μεγάλος"""
    entry = described(s)
    noun = greek.noun(entry, s.dialect)
    plural = not noun.singular or (s.chance(0.35) and bool(noun.plural))
    how = greek.adjective(s.adjective(entry), s.dialect, noun.gender, NOM, plural)
    degree = s.one(["", "", s.word("πολλά", "πολύ"), s.word("λλίον", "λίγο"), s.word("πάντα", "πάντα")])
    verb = s.auxiliary("was" if s.chance(0.25) else "be", 5 if plural else 2)
    verb = s.negated(verb) if s.chance(0.2) else verb
    owned = bool(entry.tags & {"person", "animal", "thing", "clothes", "vehicle"}) and s.chance(0.5)
    subject = s.definite(entry, NOM, plural, owned=owned)
    return join(verb, degree, how, subject) if s.chance(0.3) else join(subject, verb, degree, how)


def described(s: Speech) -> Entry:
    tag = s.one(["person", "animal", "food", "drink", "place", "thing", "clothes", "vehicle"])
    return s.entry("n", tag)


def feeling(s: Speech) -> str:
    """είμαι πολλά ποσταμένος σήμερα"""
    who = s.subject(silent=0.6)
    adjective = greek.adjective(s.entry("a", "living"), s.dialect, who.gender, NOM, who.plural)
    verb = s.auxiliary(s.one(["be", "was"]), who.person)
    return join(who.text, s.negated(verb) if s.chance(0.2) else verb, s.one(["", s.word("πολλά", "πολύ")]), adjective)


def wish(s: Speech) -> str:
    """θέλω να γοράσω έναν σ̆ύλλον; πρέπει να πάμεν στο χωρκόν"""
    who = s.subject(silent=0.65)
    verb = s.auxiliary(s.random.choices(["want", "can", "must"], [5, 2, 3])[0], who.person)
    verb = s.negated(verb) if s.chance(0.2) else verb
    return join(who.text, verb, "να", wished(s, who.person), s.adverb("future") if s.chance(0.3) else "")


def wished(s: Speech, person: int) -> str:
    """What follows να: a perfective verb with its object or place."""
    kind = s.random.random()
    if kind < 0.65:
        entry, forms = s.transitive()
        return join(forms.perfective[person], s.object_of(entry))
    if kind < 0.85:
        _, forms = s.verb("motion")
        return join(forms.perfective[person], s.to(s.entry("n", "place", "city")))
    _, forms = s.verb("intrans")
    return join(forms.perfective[person], s.one([s.adverb("manner"), place(s, 1)]))


def having(s: Speech) -> str:
    """έχω δκυο κάττους; έσ̆ει έναν σ̆ύλλον στην αυλήν"""
    if s.chance(0.4):
        thing = s.entry("n", "person", "animal", "plant", "vehicle", "thing")
        return join(s.auxiliary("have", 2), s.some(thing), s.to(s.entry("n", "place")))
    who = s.subject()
    verb = s.auxiliary("have", who.person)
    thing = s.entry("n", "animal", "vehicle", "thing", "clothes", "food")
    return join(who.text, s.negated(verb) if s.chance(0.25) else verb, s.some(thing))


def liking(s: Speech) -> str:
    """αρέσκει μου το χαλλούμιν / μου αρέσει το χαλούμι"""
    entry = s.entry("n", "food", "drink", "place", "clothes", "sound", "plant")
    noun = greek.noun(entry, s.dialect)
    plural = not noun.singular or (s.chance(0.4) and bool(noun.plural))
    clitic = s.one(["μου", "σου", "του", "της", "μας", "σας", "τους"])
    verb = s.word("αρέσκουν", "αρέσουν") if plural else s.word("αρέσκει", "αρέσει")
    no = s.chance(0.25)
    said = s.negated(f"{clitic} {verb}") if no else s.with_clitic(verb, clitic)
    return join(said, s.one(["", "", s.word("πολλά", "πολύ")]), s.definite(entry, NOM, plural))


def where(s: Speech) -> str:
    """πού εν τα κλειδκιά μου; πού έβαλες το μασ̆αίριν"""
    entry = s.entry("n", "thing", "clothes", "animal", "person", "text")
    noun = greek.noun(entry, s.dialect)
    plural = not noun.singular or (s.chance(0.35) and bool(noun.plural))
    owned = s.chance(0.5)
    if s.chance(0.5) or entry.tags & {"person", "animal"}:
        return join("πού", s.auxiliary("be", 2), s.definite(entry, NOM, plural, owned=owned))
    verbs = [e for e in words(s.dialect, "v") if e.concept in {"find", "hide", "buy", "take", "lose"}]
    forms = greek.verb(s.pick(verbs), s.dialect)
    return join("πού", forms.past[s.one([1, 2, 4, 5])], s.definite(entry, ACC, plural, owned=owned))


def when_or_why(s: Speech) -> str:
    """πότε έννα έρτει η ελενού; γιατί εν έφαες το ψουμίν"""
    who = s.subject(silent=0.4)
    if s.chance(0.5):
        _, forms = s.verb("motion", "intrans")
        return join("πότε", tensed(s, forms, who.person, s.one(["past", "future"])), who.text)
    entry, forms = s.transitive()
    return join("γιατί", tensed(s, forms, who.person, "past", no=s.chance(0.6)), s.object_of(entry), who.text)


def did_you(s: Speech) -> str:
    """είδες τον κάττον μου; έννα πάμεν στην θάλασσαν αύριον"""
    person = s.one([1, 3, 4])
    tense = s.one(["past", "future"])
    who = Subject("", person, "m")
    return join(doing(s, tense, who, complete=False), s.adverb(tense) if s.chance(0.4) else "")


def what_or_who(s: Speech) -> str:
    """ποιος έσπασεν το ποτήριν; ίντα που εγόρασες εχτές"""
    if s.chance(0.5):
        entry, forms = s.transitive()
        return join("ποιος", tensed(s, forms, 2, s.one(["past", "present", "future"])), s.object_of(entry))
    verbs = [
        e
        for e in words(s.dialect, "v")
        if e.concept in {"eat", "drink", "cook_v", "buy", "write", "read", "see", "hear", "bring"}
    ]
    forms = greek.verb(s.pick(verbs), s.dialect)
    who = s.subject(silent=0.5)
    tense = s.one(["past", "future"])
    return join(s.word("ίντα που", "τι"), tensed(s, forms, who.person, tense), who.text, s.adverb(tense) if s.chance(0.4) else "")


RULES: dict[Callable[[Speech], str], float] = {
    statement: 7,
    two_things: 3,
    topic: 2,
    description: 2,
    feeling: 0.8,
    wish: 2.5,
    having: 1.5,
    liking: 1.2,
    where: 1,
    when_or_why: 1,
    did_you: 1,
    what_or_who: 1,
}
QUESTIONS = {where, when_or_why, did_you, what_or_who}

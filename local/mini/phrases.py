"""Greek phrases drawn at random: noun phrases in agreement, verbs with their clitics, subjects that verbs agree with."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from local.mini import greek
from local.mini.greek import ACC, GEN, NOM
from local.mini.lexicon import Entry, words

T = TypeVar("T")

ZIPF = {"cypriot": 1.25, "standard": 1.4, "english": 1.7}  # how much more often frequent words come; less text, more so
DESCRIBES = {  # tag of an adjective -> tags of the nouns it goes with; "any": all
    "object": {"thing", "clothes", "place", "vehicle", "device", "closable", "plant"},
    "eatable": {"food", "drink"},
    "colour": {"thing", "clothes", "vehicle", "closable"},
    "living": {"person", "animal"},
}
POSSESSIVES = ("μου", "σου", "του", "μας", "σας", "τους")
NUMBERS = {
    "cypriot": ("δκυο", "τρία", "τέσσερα", "πέντε", "έξι", "εφτά", "οχτώ", "δέκα", "δώδεκα", "είκοσι"),
    "standard": ("δύο", "τρία", "τέσσερα", "πέντε", "έξι", "εφτά", "οχτώ", "δέκα", "δώδεκα", "είκοσι"),
}
SMALL = {"τρία": "τρεις", "τέσσερα": "τέσσερις"}  # before masculine and feminine nouns
INDEFINITE = {
    "cypriot": {"m": ("ένας", "έναν"), "f": ("μια", "μιαν"), "n": ("έναν", "έναν")},
    "standard": {"m": ("ένας", "έναν"), "f": ("μια", "μια"), "n": ("ένα", "ένα")},
}
AUXILIARIES = {
    "cypriot": {
        "be": ("είμαι", "είσαι", "εν", "είμαστεν", "είσαστεν", "εν"),
        "was": ("ήμουν", "ήσουν", "ήταν", "ήμαστεν", "ήσαστεν", "ήταν"),
        "have": ("έχω", "έσ̆εις", "έσ̆ει", "έχουμεν", "έσ̆ετε", "έχουσιν"),
        "want": ("θέλω", "θέλεις", "θέλει", "θέλουμεν", "θέλετε", "θέλουσιν"),
        "can": ("μπορώ", "μπορείς", "μπορεί", "μπορούμεν", "μπορείτε", "μπορούσιν"),
        "must": ("πρέπει",) * 6,
    },
    "standard": {
        "be": ("είμαι", "είσαι", "είναι", "είμαστε", "είστε", "είναι"),
        "was": ("ήμουν", "ήσουν", "ήταν", "ήμασταν", "ήσασταν", "ήταν"),
        "have": ("έχω", "έχεις", "έχει", "έχουμε", "έχετε", "έχουν"),
        "want": ("θέλω", "θέλεις", "θέλει", "θέλουμε", "θέλετε", "θέλουν"),
        "can": ("μπορώ", "μπορείς", "μπορεί", "μπορούμε", "μπορείτε", "μπορούν"),
        "must": ("πρέπει",) * 6,
    },
}


@dataclass(frozen=True)
class Subject:
    """`text` may be empty (the verb says who); `person` 0-5; `gender` and plural for adjectives."""

    text: str
    person: int
    gender: str

    @property
    def plural(self) -> bool:
        return self.person >= 3


@dataclass
class Speech:
    """Draws phrases of one dialect from `random`."""

    dialect: str
    random: random.Random

    def pick(self, entries: Sequence[Entry]) -> Entry:
        """An entry; those that stand first in the lexicon come more often, as frequent words do."""
        return self.random.choices(entries, [(rank + 2) ** -ZIPF[self.dialect] for rank in range(len(entries))])[0]

    def one(self, options: Sequence[T]) -> T:
        return self.random.choice(options)

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def word(self, cypriot: str, standard: str) -> str:
        return cypriot if self.dialect == "cypriot" else standard

    def entry(self, pos: str, *tags: str) -> Entry:
        return self.pick(words(self.dialect, pos, *tags))

    def adverb(self, *tags: str) -> str:
        return self.entry("adv", *tags).word(self.dialect)

    def verb(self, *tags: str) -> tuple[Entry, greek.Verb]:
        entry = self.entry("v", *tags)
        return entry, greek.verb(entry, self.dialect)

    def auxiliary(self, name: str, person: int) -> str:
        return AUXILIARIES[self.dialect][name][person]

    def transitive(self) -> tuple[Entry, greek.Verb]:
        """A verb that takes an object: its entry's tags say which."""
        entry = self.pick([e for e in words(self.dialect, "v") if not e.tags & {"intrans", "motion", "order"}])
        return entry, greek.verb(entry, self.dialect)

    def adjective(self, noun: Entry) -> Entry:
        """An adjective that can be said of `noun`."""
        fits = [a for a in words(self.dialect, "a") if "any" in a.tags or any(noun.tags & DESCRIBES[tag] for tag in a.tags)]
        return self.pick(fits)

    def definite(self, entry: Entry, case: int, plural: bool = False, described: bool = False, owned: bool = False) -> str:
        """Article, perhaps adjective, noun, perhaps whose: "την παλιάν τσαέραν", "το αυτοκίνητόν μου"."""
        noun = greek.noun(entry, self.dialect)
        plural = plural if noun.form(case, plural) else not plural
        said = noun.form(case, plural)
        if described:
            said = f"{greek.adjective(self.adjective(entry), self.dialect, noun.gender, case, plural)} {said}"
        if owned:
            *before, last = said.split(" ")
            said = " ".join([*before, greek.with_enclitic(last, self.one(POSSESSIVES))])
        return f"{greek.article(self.dialect, noun.gender, case, plural, said)} {said}"

    def to(self, entry: Entry, described: bool = False) -> str:
        """στο χωρκόν, στην θάλασσαν"""
        return greek.to_the(self.definite(entry, ACC, described=described))

    def some(self, entry: Entry, case: int = ACC) -> str:
        """An indefinite noun phrase: one, a number of them, bare plural, or bare mass noun."""
        noun = greek.noun(entry, self.dialect)
        bare_singular = "mass" in entry.tags or not noun.form(case, True)
        if bare_singular or (noun.singular and self.chance(0.5)):
            said = noun.form(case) or noun.form(case, True)
            if self.chance(0.3) and noun.singular:
                said = f"{greek.adjective(self.adjective(entry), self.dialect, noun.gender, case)} {said}"
            return said if bare_singular else f"{INDEFINITE[self.dialect][noun.gender][case]} {said}"
        said = noun.form(case, True)
        if self.chance(0.25):
            return f"{greek.adjective(self.adjective(entry), self.dialect, noun.gender, case, True)} {said}"
        if self.chance(0.6) and noun.singular:
            number = self.one(NUMBERS[self.dialect])
            return f"{number if noun.gender == 'n' else SMALL.get(number, number)} {said}"
        return said

    def object_of(self, verb: Entry) -> str:
        entry = self.pick([e for e in words(self.dialect, "n") if e.tags & verb.tags])
        if entry.tags & {"person", "name"}:
            return self.definite(entry, ACC, owned="person" in entry.tags and self.chance(0.4))
        if self.chance(0.45):
            return self.some(entry)
        owned = bool(entry.tags & {"thing", "clothes", "vehicle", "animal"}) and self.chance(0.4)
        return self.definite(entry, ACC, self.chance(0.35), described=not owned and self.chance(0.2), owned=owned)

    def subject(self, silent: float = 0.45) -> Subject:
        """Who does it: left to the verb with probability `silent`, else a name or a person, sometimes several."""
        if self.chance(silent):
            return Subject("", self.random.choices(range(6), [5, 3, 2, 4, 2, 3])[0], self.one("mf"))
        entry = self.entry("n", "name") if self.chance(0.4) else self.entry("n", "person")
        noun = greek.noun(entry, self.dialect)
        plural = self.chance(0.3) and bool(noun.plural)
        owned = "person" in entry.tags and self.chance(0.5)
        return Subject(self.definite(entry, NOM, plural, owned=owned), 5 if plural else 2, noun.gender)

    def clitic(self, gender: str, plural: bool) -> str:
        """The weak object pronoun: him, her, it, them."""
        return greek.ARTICLES[self.dialect][gender][ACC + 3 * plural]

    def with_clitic(self, verb: str, clitic: str) -> str:
        """Cypriot είδα τον, Standard τον είδα: in main clauses only."""
        return greek.with_enclitic(verb, clitic) if self.dialect == "cypriot" else f"{clitic} {verb}"

    def negated(self, said: str) -> str:
        """Cypriot εν, Standard δεν (δε before a fricative, nasal or liquid)."""
        if self.dialect == "cypriot":
            return f"εν {said}"
        return f"{'δεν' if said.startswith(greek.KEEPS_N) else 'δε'} {said}"

    def genitive(self, *tags: str) -> str:
        """του αντρίκκου, της μάνας: a noun that has the form."""
        nouns = [e for e in words(self.dialect, "n", *tags) if greek.noun(e, self.dialect).form(GEN)]
        return self.definite(self.pick(nouns), GEN)


def join(*parts: str) -> str:
    """The parts that are not empty, as one sentence."""
    return " ".join(part for part in parts if part)

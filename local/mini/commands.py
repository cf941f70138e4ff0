"""Short orders to a device, tagged `domain: commands`, in Cypriot, Standard Greek and English."""

from __future__ import annotations

from local.mini import english, greek
from local.mini.grammar import Sentence, wished
from local.mini.greek import ACC
from local.mini.lexicon import words
from local.mini.phrases import NUMBERS, Speech, join

DOMAIN = "commands"
HOURS = {
    "cypriot": ("μιαν", "δκυο", "τρεις", "τέσσερις", "πέντε", "έξι", "εφτά", "οχτώ", "εννιά", "δέκα", "έντεκα", "δώδεκα"),
    "standard": ("μία", "δύο", "τρεις", "τέσσερις", "πέντε", "έξι", "εφτά", "οχτώ", "εννιά", "δέκα", "έντεκα", "δώδεκα"),
    "english": ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
}


def command(s: Speech) -> Sentence:
    """One order of s.dialect."""
    rule = s.random.choices(list(RULES), list(RULES.values()))[0] if s.dialect != "english" else english_order
    return Sentence(rule(s), s.dialect, DOMAIN, question=rule is question)


def imperative(s: Speech, *concepts: str) -> str:
    entries = [e for e in words(s.dialect, "v") if e.concept in concepts]
    return greek.verb(s.one(entries), s.dialect).imperative


def noun(s: Speech, concept: str) -> str:
    """The definite accusative of one noun."""
    return s.definite(next(e for e in words(s.dialect, "n") if e.concept == concept), ACC)


def switch(s: Speech) -> str:
    """άψε το φως στην κουζίναν"""
    room = s.to(s.entry("n", "room")) if s.chance(0.6) else ""
    return join(imperative(s, "switch_on", "switch_off"), s.definite(s.entry("n", "device"), ACC, s.chance(0.15)), room)


def shut(s: Speech) -> str:
    """άνοιξε το παναθύριν της κουζίνας"""
    thing = s.definite(s.entry("n", "closable"), ACC, s.chance(0.3))
    room = s.genitive("room") if s.chance(0.5) else s.to(s.entry("n", "room"))
    return join(imperative(s, "open", "close"), thing, room if s.chance(0.7) else "")


def hour(s: Speech) -> str:
    """τες τρεις τζ̆αι μισήν"""
    said = s.one(HOURS[s.dialect])
    article = s.word("την", "τη") if said in {"μιαν", "μία"} else s.word("τες", "τις")
    half = {"τρεις": "τρεισήμισι", "τέσσερις": "τεσσερισήμισι"} if s.dialect == "standard" else {}
    part = s.one(["", "", "half", "quarter", "to"])
    if part == "half" and said not in half:
        said = join(said, s.word("τζ̆αι μισήν", "και μισή"))
    elif part == "quarter":
        said = join(said, s.word("τζ̆αι τέταρτον", "και τέταρτο"))
    elif part == "to":
        said = join(said, s.word("παρά τέταρτον", "παρά τέταρτο"))
    return join(article, half[said] if part == "half" and said in half else said)


def alarm(s: Speech) -> str:
    """βάλε ξυπνητήριν για τες εφτά αύριον"""
    what = s.one([s.word("ξυπνητήριν", "ξυπνητήρι"), s.word("υπενθύμισην", "υπενθύμιση")])
    return join(imperative(s, "put"), what, "για", hour(s), s.adverb("future") if s.chance(0.3) else "")


def timer(s: Speech) -> str:
    """μέτρα δέκα λεπτά"""
    return join(imperative(s, "count"), s.one(NUMBERS[s.dialect]), "λεπτά")


def phone(s: Speech) -> str:
    """πιάσε τηλέφωνον την μάναν μου"""
    who = s.entry("n", "person", "name")
    call = s.word("πιάσε τηλέφωνον", "πάρε τηλέφωνο")
    said = s.definite(who, ACC, owned="person" in who.tags and s.chance(0.7))
    return join(call, said, s.word("τωρά", "τώρα") if s.chance(0.2) else "")


def message(s: Speech) -> str:
    """στείλε μήνυμαν του αντρίκκου / στείλε μήνυμα στον ανδρέα"""
    what = s.one(
        [s.word("μήνυμαν", "μήνυμα"), s.word("έναν γράμμαν", "ένα γράμμα"), s.word("τες φωτογραφίες", "τις φωτογραφίες")]
    )
    whom = s.genitive("name", "person") if s.dialect == "cypriot" else s.to(s.entry("n", "name", "person"))
    return join(imperative(s, "send"), what, whom)


def sound(s: Speech) -> str:
    """δυνάμωσε το ράδιον; παίξε έναν τραούδιν"""
    if s.chance(0.5):
        device = s.one(["television", "radio", "music"])
        return join(
            imperative(s, "louder", "softer"), noun(s, device), s.one(["", s.word("λλίον", "λίγο"), s.word("πολλά", "πολύ")])
        )
    return join(imperative(s, "play"), s.some(s.entry("n", "sound")), s.one(["", s.to(s.entry("n", "room"))]))


def remind(s: Speech) -> str:
    """θύμισέ μου να γοράσω ψουμίν"""
    return join(greek.with_enclitic("θύμισε", "μου"), "να", wished(s, 0), s.adverb("future") if s.chance(0.4) else "")


def read_out(s: Speech) -> str:
    """δκιάβασέ μου τα νέα"""
    return join(greek.with_enclitic(imperative(s, "read"), "μου"), s.definite(s.entry("n", "text"), ACC, s.chance(0.4)))


def fetch(s: Speech) -> str:
    """φέρε μου έναν ποτήριν νερόν"""
    return join(greek.with_enclitic(imperative(s, "bring", "cut", "hold"), "μου"), s.some(s.entry("n", "food", "drink", "thing")))


def go_to(s: Speech) -> str:
    """δείξε μου την στράταν για την λεμεσόν"""
    target = s.definite(s.entry("n", "city", "place"), ACC)
    return join(imperative(s, "show"), "μου", s.word("την στράταν", "τον δρόμο"), "για", target)


def question(s: Speech) -> str:
    """τι τζ̆αιρόν έννα κάμει αύριον στην πάφον"""
    city, when = s.to(s.entry("n", "city")), s.adverb("future")
    return join(s.word("τι τζ̆αιρόν έννα κάμει", "τι καιρό θα κάνει"), when, city if s.chance(0.7) else "")


def english_order(s: Speech) -> str:
    return english.order(s, HOURS["english"])


RULES = {
    switch: 3,
    shut: 2,
    alarm: 2,
    timer: 0.4,
    phone: 1.5,
    message: 1.2,
    sound: 1.2,
    remind: 2,
    read_out: 0.6,
    fetch: 1.5,
    go_to: 0.7,
    question: 0.8,
}

"""What takes a sentence to tell: εν the copula or the negation, and pronouns that follow their verb.

εν stands for Standard είναι and for Standard δεν (εν άρρωστος, εν τρώει). Only what is beside it can tell, and where that
does not, the use is "unclear": nothing here ever takes one for the other. Rules and word lists are ours; the grammar is
Newton 1972 (forms), Merchant & Pavlou 2017 (εν, εννά), Terzi 1999 (enclisis, doi:10.1023/A:1006027902794).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

from cyasr.score.dialect.words import AND, FUTURE, bare

Use = Literal["copula", "negation", "future", "unclear"]


def _words(forms: str) -> frozenset[str]:
    return frozenset(map(bare, forms.split()))


EN = _words("εν ένι εν' 'εν 'νι ενι'")  # bare forms; έν is among them
EN_COPULA = _words("ένι εν' 'νι ενι'")  # written with what only the copula has: its iota, or an apostrophe for it
OF_PERSONS = _words("μου σου μας σας")  # pronouns, or possessives behind a noun
ARTICLE_LIKE = _words("το τον την τα τες τις τους του της τη")  # pronouns before or behind verbs, articles before nouns
PREPOSITION_LIKE = _words("με σε μ' σ'")
CLITICS = OF_PERSONS | ARTICLE_LIKE | PREPOSITION_LIKE

BE = EN | _words("είμαι είσαι είναι είμαστε είμαστεν είσαστε είσαστεν είστε ήμουν ήσουν ήταν ήμαστε ήμαστεν ήμασταν 'ναι 'ν")
BEFORE_NOUNS = _words(
    "ο η οι ένας έναν μια μιαν ένα στο στον στη στην στα στες στις στους που για πολλά πολύ τόσον τόσο πιο παρά από μέσα μες "
    "πας πάνω κάτω έξω έσσω δαμέ δαμαί τζ̆αμαί τζιαμέ τζ̆ειαμαί εδώ εκεί τούτος τούτη τούτον τούτο τούτοι τούτες τούτα "
    "τζ̆είνος τζ̆είνη τζ̆είνον τζ̆είνοι τζ̆είνα τζιείνος τζείνος δικός δική δικόν δικό δικά σαν όπως έτσι λλίον λλίο λίο καλά "
    "κρίμα κρίμαν ούλλα ούλλοι ούλλον ούλλες δύο δκυο θκυο τρεις τρία πάντα υπέρ κατά ότι πως μόνον μόνο σίουρα"
)
AFTER_NEGATION = BE | FUTURE | AND | _words("θα και κι")
NOT_BEFORE_VERBS = CLITICS | _words("ο η οι ένας έναν μια μιαν στον στην στη στο στα στες στους")
IMPERATIVE = re.compile("τε$")
NEGATIVE = _words("ποττέ ποτέ τίποτε τίποτες τίποτα κανένας κανένα κανέναν καθόλου")
# behind a verb: what shows that the pronoun before it was no article
AFTER_PRONOUN = (
    AND | FUTURE | CLITICS | BE
    | _words(
        "να θα που ότι πως όταν άμαν άμα αν εάν για γιατί αλλά αμμά μα ή όμως επειδή αφού μέχρι ώσπου όπως στο στον στη στην "
        "στα στες στις στους από ο η οι και κι τωρά τώρα πάντα πάλε ακόμα εχτές εψές σήμερα αύριο αύριον ούλλα "
        "δεν μεν μην τζ̆ειαμαί τζ̆αμαί δαμαί έτσι ίντα τι εγώ εσύ εμείς εσείς ρε κόρη τούτος τζ̆είνος"
    )
)  # fmt: skip

NO_VERB = _words(
    "εγώ κάτω πάνω πουπάνω έξω πίσω εδώ οπίσω γύρω λίγω μέσω απάνω χαμώ οχτώ οκτώ τρεις εμείς εσείς μεις σεις λόγω ευρώ άνω "
    "χαμαί κάμε δράμε εκείνω όταν πέρκει πέρκι οξά χωρίς εκεί αεί βόρω"
)
# endings, in bare letters but for the last ones, which are nouns' (κρασίν, καλά, ελιά) where the accent stands elsewhere
VERB = re.compile(
    "(?:[^ι]ω|εισ|ει|[οω]υ?μεν?|[εεια]τε|ουν|ουσιν|[αη]μεν?|ομαι|εσαι|[εα]ται|ουμαι|αμαι|ασαι|ουνται|ονται|ομουν|οσουν|οταν|ειται"
    "|ετουν|ουσ(?:α|εσ|αν)|ηκ(?:α|εσ|αν|εν?)|στηκεν|[σξψ]εν)$"
)
NOUN_IN_EIS = re.compile("(?:σ|ξ|ψ)εις$")
PAST = re.compile("^'?(?:[εέ](?![υιύί])|[ηή]|εί|ει).*(?:[σξψκγρλνβθφ]α|[σξψκγρλνβθφ]εσ|εν|ασιν|αν|[άα]α|[άα]εσ|[ήη]α|[ήη]εσ)$")
VERBS = _words(
    "είδα είδες είπα είπες ήρτα ήρθα έκαμα έκαμες έκαμεν ήξερα ήθελα μιλά πεινά πονά γελά ρωτά αγαπά παρακολουθά πάω πα παν "
    "λες ζεις πάνε φάσιν πάσιν έλεα είμαι είσαι διώ δκιώ πιώ"
)
NOUNS_IN_PAST = _words(
    "ένα έναν έργα εκκλησίαν ελπίδα ημέραν εβδομάδαν ήρεμα έρευνα έννοια ελλάδαν έτοιμα επειδή επίσημα ήπειρον"
)
NOMINAL = re.compile("(?:οσ|ησ|υσ|ουσ|εσ|ωσ|[ηοι]|ου|[οι]ν|μα|μαν|ενα|ια|ιαν|ικα)$")


@lru_cache(1 << 17)
def is_verb(word: str) -> bool:
    """True for what looks like a finite verb by its ending; imperatives (φέρε) and what could be a noun do not."""
    plain = bare(word)
    if plain in VERBS:
        return True
    if len(plain) < 3 or plain in NO_VERB or plain in CLITICS or plain in FUTURE or plain in BEFORE_NOUNS:
        return False
    if NOUN_IN_EIS.search(word):
        return False
    return bool(VERB.search(plain)) or (plain not in NOUNS_IN_PAST and bool(PAST.search(word.replace("ς", "σ"))))


def use_of_en(word: str, before: str, after: str, second: str) -> Use:
    """What a form of EN is: by its neighbours ("" where the sentence ends), T1 words."""
    plain, following, beyond = bare(word), bare(after), bare(second)
    if following == "να":
        return "future"  # εν να = εννά
    if not after or (plain in EN_COPULA and not (plain == "ενι" and is_verb(after))):
        return "copula"
    if following in AFTER_NEGATION or following.startswith("ι-"):
        return "negation"
    if following in OF_PERSONS:
        return "negation" if second else "unclear"  # εν μου αρέσκει; a possessive has its noun before it
    if following in ARTICLE_LIKE:
        if is_verb(second) or beyond in CLITICS or beyond in FUTURE:
            return "negation"
        return "copula" if second and (NOMINAL.search(beyond) or beyond[-1] in "αν") else "unclear"
    if following in PREPOSITION_LIKE:
        return "negation" if is_verb(second) else "copula"
    if following in BEFORE_NOUNS:
        return "copula"
    if is_verb(after) or bare(before) in NEGATIVE:
        return "negation"
    return "copula" if NOMINAL.search(following) else "unclear"


def is_enclitic(before: str, verb: str, pronoun: str, after: str) -> bool:
    """True where `pronoun` stands behind its verb as in Cypriot main clauses: ξέρω το, λαλώ σου; doubtful cases are left out.

    το, την and the like count where what follows ("" for nothing) shows that they are no articles; nothing counts behind
    an article (τον παππούν τους), nor behind what may be an imperative (πιάστε το), since that is Standard as well.
    """
    form = bare(pronoun)
    if form not in CLITICS or bare(before) in NOT_BEFORE_VERBS or IMPERATIVE.search(bare(verb)) or not is_verb(verb):
        return False
    return form in OF_PERSONS or not after or (bare(after) in AFTER_PRONOUN and form not in PREPOSITION_LIKE)

"""What takes a sentence to tell: εν the copula or the negation, and pronouns that follow their verb.

εν stands for Standard είναι and for Standard δεν (εν άρρωστος, εν τρώει). Only what is beside it can tell, and where that
does not, the use is "unclear": nothing here ever takes one for the other. Rules and word lists are ours; the grammar is
Newton 1972 (forms), Merchant & Pavlou 2017 (εν, εννά), Terzi 1999 (enclisis, doi:10.1023/A:1006027902794).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

from cyasr.score.dialect_words import AND, FUTURE, bare

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
NEGATIVE = _words("ποττέ ποτέ τίποτε τίποτες τίποτα κανένας κανένα κανέναν καθόλου")
# behind a verb: what shows that the pronoun before it was no article
AFTER_PRONOUN = (
    AND | FUTURE | CLITICS | BE
    | _words(
        "να θα που ότι πως όταν άμαν άμα αν εάν για γιατί αλλά αμμά μα ή όμως επειδή αφού μέχρι ώσπου όπως στο στον στη στην "
        "στα στες στις στους από ο η οι και κι τωρά τώρα πάντα πάλε ακόμα εχτές εψές σήμερα αύριο αύριον πολλά καλά ούλλα "
        "δεν μεν μην τζ̆ειαμαί τζ̆αμαί δαμαί έτσι ίντα τι εγώ εσύ εμείς εσείς ρε κόρη τούτος τζ̆είνος"
    )
)  # fmt: skip

NO_VERB = _words(
    "εγώ κάτω πάνω πουπάνω έξω πίσω εδώ οπίσω γύρω λίγω μέσω απάνω χαμώ οχτώ οκτώ τρεις εμείς εσείς μεις σεις έχτω λόγω "
    "κανέν ποττέν τίποτε πόλεις πκοιον φαΐ βράδυ ότι οξά καφετιέρω χωρίς πρώτον χρειάζει ολόισια άνω ευρώ εκείνω"
)
VERB = re.compile(
    "(?:[^ι]ω|ιώ|[οα]ύω|ζω|νω|εις|είς|ει|εί|ουμεν|ούμεν|ουμε|ούμε|ετε|είτε|άτε|ουν|ούν|ουσιν|ούσιν|[^ά]σιν|αμεν|αμε|ομαι|εσαι"
    "|εται|ούμαι|άμαι|άσαι|άται|ιέται|ουνται|ούνται|ονται|όμουν|όσουν|ετουν|όταν|ούσα|ούσες|ούσαν|ηκα|ηκες|ηκαν|θηκεν|στηκεν|κεν)$"
)
VERB_UNACCENTED = re.compile("(?:[^ι]ω|εισ|ει|ουμεν?|ετε|ουν|ουσιν|αμεν|ομαι|εσαι|εται|ουμαι|αμαι|ουνται|ονται|ετουν|ηκα|ηκεσ)$")
NOUN_IN_EIS = re.compile("(?:σ|ξ|ψ)εις$")
PAST = re.compile("^(?:'?[εέηή]|εί).*(?:[σξψκγρλνδ]α|[σξψκγρλνδ]ες|[^ιμ]εν|ασιν|αν|άα|άες)$")
PAST_ALSO = _words("είδα είδες είπα είπες ήρτα ήρθα έκαμα έκαμες έκαμεν ήξερα ήθελα επήα επήες επήεν μιλά πεινά πονά γελά ρωτά "
                   "παρακολουθά αγαπά αρέσκει πρέπει ξέρω ηξέρω ι-ξέρω έσ̆ει έχει λαλεί τρώει πάει πάεις πάω φάει θέλει έλεα λέω λέει "
                   "λες ζεις ζει πάνε παν πα πάσιν φάσιν μπόρεν εμπόρεν εθώρουν ελάλουν")  # fmt: skip
NOUN_IN_PAST = _words(
    "ένα έναν ένας έργα έξοδα εκκλησία εκκλησίαν εικόνα ελπίδα ημέραν ημέρα εβδομάδα εβδομάδαν ώρα ήρεμα έτοιμα"
)
NOMINAL = re.compile("(?:ος|ός|η|ή|ης|ής|ον|όν|ιν|ίν|οι|οί|ο|ό|ι|ί|μα|μαν|μένα|ία|ίαν|ιά|ιάν|ικά|ένα|ές|ους|ού)$")


@lru_cache(1 << 17)
def is_verb(word: str) -> bool:
    """True for what looks like a finite verb by its ending; imperatives (φέρε) and what could be a noun do not."""
    plain = bare(word)
    if plain in PAST_ALSO:
        return True
    if len(plain) < 3 or plain in NO_VERB or plain in CLITICS or plain in BEFORE_NOUNS or NOUN_IN_EIS.search(word):
        return False
    ending = VERB_UNACCENTED if word.replace("ς", "σ") == plain else VERB
    return bool(ending.search(plain if ending is VERB_UNACCENTED else word)) or (
        plain not in NOUN_IN_PAST and bool(PAST.search(word))
    )


def use_of_en(word: str, before: str, after: str, second: str) -> Use:
    """What a form of EN is: by its neighbours ("" where the sentence ends), T1 words."""
    plain, following, beyond = bare(word), bare(after), bare(second)
    if following == "να":
        return "future"  # εν να = εννά
    if plain in EN_COPULA or not after:
        return "copula"
    if following in BE or following in FUTURE or following in AND or following == "θα" or following.startswith("ι-"):
        return "negation"
    if following in OF_PERSONS:
        return "negation" if is_verb(second) or beyond in FUTURE else "unclear"
    if following in ARTICLE_LIKE:
        return "negation" if is_verb(second) else "copula" if second and NOMINAL.search(second) else "unclear"
    if following in PREPOSITION_LIKE:
        return "negation" if is_verb(second) else "copula"
    if following in BEFORE_NOUNS:
        return "copula"
    if is_verb(after) or bare(before) in NEGATIVE:
        return "negation"
    return "copula" if NOMINAL.search(after) else "unclear"


def is_enclitic(verb: str, pronoun: str, after: str) -> bool:
    """True where `pronoun` stands behind its verb as in Cypriot main clauses: ξέρω το, λαλώ σου; doubtful cases are left out.

    το, την and the like count where what follows ("" for nothing) shows that they are no articles.
    """
    form = bare(pronoun)
    if form not in CLITICS or not is_verb(verb):
        return False
    return form in OF_PERSONS or not after or (bare(after) in AFTER_PRONOUN and form not in PREPOSITION_LIKE) or is_verb(after)

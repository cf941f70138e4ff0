"""The normaliser settles how a text is encoded (t0) and what of it is said (t1), and nothing else.

Forms with a source: el-CY, answers and prompts of Common Voice Spontaneous Speech (CC0); others as people type them.
"""

from __future__ import annotations

import random
import tracemalloc
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cyasr.text.normalize import LINE_RULES, PROFILES, RULES, explain, normalize, signature

BREVE, CARON = "\u0306", "\u030c"
CONSONANTS = "βγδζθκλμνξπρστφχψΒΓΔΖΘΚΛΜΝΞΠΡΣΤΦΧΨ"
greek = st.text(alphabet="αάβγσςζξψτΣΑΆοό'’-–·;,. \t\ufeff\u0306\u030c\u0301ABeoсaО[]<>1ñč", max_size=30)
SHARED = Path(__file__).parents[3] / "shared" / "data" / "text"

LETTERS = "αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩΆΈΌὄὀῆἢὶῥᾳ"
MARKS = "\u0306\u030c\u0301\u0308\u0300\u0313\u0314\u0342\u0345\u0311\u02d8\u02c7"
NOISE = (
    "'’‘΄´᾿`-–.,;:·!?()[]<>{}*@#&%/ \t\n\u00a0\ufeff\u200b\u200d\u037e0123456789€½²ⅣabceikmnoprtuvxyzABEHIKMNOPTXYZ "
    "čšžéãаеоВНрßıİ😀❤\ufe0f🏻🇨🇾\u20e3_\\+=$^~|♪…\x00\u0085\u2028中ａ𝐀ﬁ\ud800"
)
PIECES = (
    *("τζ̆αι", "τζ̌αι", "εν'", "εν’", "ι-ξέρω", "εν-", "εεε", "[noise]", "[disfluency]", "πὄχει", "ό,τι", "Α.Π.Ο.Ε.Λ.", "σ'αγαπώ"),
    *("να'χω", "it's", "o", "H", ":D", "<3", "https://t.co/x", "(γέλια)", "σιγά-σιγά", "'ναι'", "ΚΈΝΤΡΟΤΕΣ", "20", "3,5", "90΄"),
)


def random_text(draw: random.Random) -> str:
    """Up to 14 pieces of Greek, marks, noise, whole words and any characters at all."""
    sources = (LETTERS, MARKS, NOISE, PIECES, [chr(draw.randrange(0x110000))])
    kinds = draw.choices(sources, weights=(45, 15, 25, 10, 5), k=draw.randint(0, 14))
    return "".join(draw.choice(kind) + draw.choice(("", "", "", " ")) for kind in kinds)


@pytest.mark.parametrize("profile", PROFILES)
def test_ten_thousand_random_strings_are_normalised_once_and_for_all(profile: str) -> None:
    draw = random.Random(profile)
    for _ in range(10_000):
        text = random_text(draw)
        once = normalize(text, profile)
        assert normalize(once, profile) == once, repr(text)
        assert normalize(normalize(text, "t0"), profile) == once, repr(text)
        assert once == " ".join(once.split()), repr(text)


@pytest.mark.parametrize("profile", PROFILES)
def test_looking_words_up_gives_what_the_rules_give_one_by_one(profile: str) -> None:
    draw = random.Random(1)
    for _ in range(3_000):
        text = random_text(draw)
        changes = explain(text, profile)
        assert normalize(text, profile) == (changes[-1][2] if changes else text), repr(text)


@pytest.mark.parametrize("profile", PROFILES)
@settings(deadline=None)
@given(text=st.text() | greek)
def test_every_profile_is_total_and_idempotent(profile: str, text: str) -> None:
    once = normalize(text, profile)
    assert normalize(once, profile) == once
    assert once == once.strip() and "  " not in once


@settings(deadline=None)
@given(text=greek)
def test_t1_holds_nothing_but_words(text: str) -> None:
    assert all(c in "'- " or unicodedata.category(c)[0] in "LMN" for c in normalize(text))


@settings(deadline=None)
@given(text=greek)
def test_t2_has_the_words_of_t1(text: str) -> None:
    folded = normalize(text, "t1").split()
    assert len(normalize(" ".join(folded), "t2").split()) <= len(folded)


@pytest.mark.parametrize("consonant", CONSONANTS)
def test_no_mark_of_a_consonant_is_ever_lost(consonant: str) -> None:
    for number in range(0x300, 0x370):
        written = f"α{consonant}{chr(number)}α"
        kept = unicodedata.normalize("NFD", normalize(written))
        marks = [c for c in unicodedata.normalize("NFD", written) if unicodedata.category(c) == "Mn"]
        as_breve = [BREVE if c in f"{CARON}\u0311" else c for c in marks]
        assert [c for c in kept if unicodedata.category(c) == "Mn"] == as_breve, hex(number)


ENCODING = {
    "invisible": [("\ufeffέλα δα\u200b", "έλα δα"), ("σου αρέσει.\ufeff", "σου αρέσει.")],
    "nfc": [("πόθεν\u037e", "πόθεν;"), ("ε\u0301λα \u1f71", "έλα ά"), ("c\u030caj", "čaj")],
    "letter_forms": [("µου ∆εν", "μου Δεν"), ("ϕως ϑεά", "φως θεά"), ("ﬁn", "fin"), ("ι‐ξέρω", "ι-ξέρω"), ("5 ∑", "5 ∑")],
    "apostrophe": [("εν’ εν΄ εν᾿ εν´ εν‘ ενʼ εν`", "εν' εν' εν' εν' εν' εν' εν'")],
    "palatal_mark": [
        (f"τζ{CARON}αι", f"τζ{BREVE}αι"),
        (f"μιτσ{CARON}ιά Σ{CARON}ύλλος ξ{CARON} ψ{CARON}", f"μιτσ{BREVE}ιά Σ{BREVE}ύλλος ξ{BREVE} ψ{BREVE}"),
        ("τζ˘αι τζˇαι", f"τζ{BREVE}αι τζ{BREVE}αι"),
        (f"σ{BREVE}{CARON}ίλια σ{BREVE}{BREVE}ίλια", f"σ{BREVE}ίλια σ{BREVE}ίλια"),
        (f"χ{CARON}έρι", f"χ{BREVE}έρι"),
        ("čaj Škoda", "čaj Škoda"),
    ],
    "homoglyphs": [
        ("κaλό ВΡΕ Αθήvα τoυ εívαι тο καı", "καλό ΒΡΕ Αθήνα του είναι το και"),
        ("yπάρχει yια", "υπάρχει για"),
        ("τžαι šύλλος", f"τζ{BREVE}αι σ{BREVE}ύλλος"),
        ("Εmail", "Email"),  # with a Greek Ε
        ("Δευτέρα A και email", "Δευτέρα A και email"),
        ("emailάκι", "emailάκι"),  # l has no Greek look-alike: left as written
    ],
    "tonos": [("΄Ενας ’Αλλος 'Ειμαι", "Ένας Άλλος Είμαι"), ("'Ο 'Ένας 'γόρασα", "'Ο 'Ένας 'γόρασα"), ("'Ελα'", "'Ελα'")],
    "spaces": [("έλα\u00a0 δα\tρε\u2028", "έλα δα ρε")],
    "latin_article": [("o σκύλος τζαι H κόρη", "ο σκύλος τζαι Η κόρη"), ("plan H είναι", "plan H είναι"), ("o dog", "o dog")],
}

SPOKEN = {
    "links": [("δες https://t.co/y9X7 @name ρε", "δες ρε"), ("εγώ@εσύ", "εγώ εσύ")],
    "emoji": [("ναι :D τζαι <3 xD", "ναι τζαι"), ("καλό ❤️ 🎅🏻 🇨🇾", "καλό")],
    "tags": [
        ("[disfluency], εν ι-ξέρω [noise] – τζ̆αι;", "εν ι-ξέρω τζ̆αι"),  # el-CY v3
        ("[noise]", ""),
        ("<unk> λαλεί (γέλια) *μουσική* [NOISE", "λαλεί"),
        ("ήρτεν (τάχα) [όπως είπεν τζαι ο παπάς] 5 < 6 και 7 > 3", "ήρτεν τάχα όπως είπεν τζαι ο παπάς πέντε έξι και επτά τρία"),
    ],
    "numbers": [
        ("έχω 20 κάττους", "έχω είκοσι κάττους"),
        ("It's 10 o'clock.", "it's ten o'clock"),
        ("στο 90΄", "στο ενενήντα λεπτά"),
    ],
    "numerals": [("εικοσιπέντε κάττοι", "είκοσι πέντε κάττοι")],
    "lower": [("ΚΈΝΤΡΟΤΕΣ ΤΟΥΣ ΠΑΠΠΟΥΣ", "κέντροτες τους παππους"), ("ΠΡΟΫΠΌΘΕΣΗ", "προϋπόθεση"), ("WhatsApp", "whatsapp")],
    "crasis": [("πὄχει πὀννά ΠὌΡΚΕΤΑΙ", "που έχει που εννά που έρκεται"), ("ὄχι τὄκαμα", "όχι τόκαμα")],
    "monotonic": [
        ("τῆς εἶναι καὶ τὸ ἢ ποῦ μιὰ ποιὸς", "της είναι και το ή πού μια ποιος"),
        ("ῥόδον ἀνθρώπους ᾠδὴ", "ρόδον ανθρώπους ωδή"),
        ("à la carte", "à la carte"),
    ],
    "hypodiastole": [("ό,τι θέλεις, Ό,τιδήποτε, ὅ,τι", "ότι θέλεις ότιδήποτε ότι")],
    "initials": [("Α.Π.Ο.Ε.Λ. κ.λπ. U.S.A. ε.ε.", "αποελ κλπ usa"), ("ήμουν.Εν ο.Τα", "ήμουν εν ο τα")],
    "quotes": [("'ναι' ‘αυτόματο’ 'ο κόσμος'", "ναι αυτόματο 'ο κόσμος"), ("'ξηγήσ' 'γόρασα εν'", "'ξηγήσ' 'γόρασα εν'")],
    "punctuation": [
        ("Εν παρακολουθώ κάποιον άθλημαν γεννικά, ποττέ...", "εν παρακολουθώ κάποιον άθλημαν γεννικά ποττέ"),  # el-CY
        ("Ποιος εν’ ο αγαπημένος σου; «Ναι»!", "ποιος εν' ο αγαπημένος σου ναι"),
        ("που ήμουν μιτσ̆ιά... εν- ' - ''έλα''", "που ήμουν μιτσ̆ιά εν έλα"),
    ],
    "hyphen": [
        ("ι-ξέρω e-mail Αϊ-Γιάννης", "ι-ξέρω e-mail αϊ-γιάννης"),
        ("σιγά-σιγά ασπρο-μαύρο εν-εν", "σιγά σιγά ασπρο μαύρο εν εν"),
    ],
    "elision": [
        ("σ'αγαπώ γι'αυτό τζ΄ο στ'άρματα εν'τζ̆αι", "σ' αγαπώ γι' αυτό τζ' ο στ' άρματα εν' τζ̆αι"),
        ("να'χω νά’ρτω θα'ναι", "να 'χω νά 'ρτω θα 'ναι"),
        ("τα πά' στην να ’ναι που 'γόρασα", "τα πά' στην να 'ναι που 'γόρασα"),  # el-CY
        ("γ’ναίκα τ’ς έσ'ει παππού'ες don't", "γ'ναίκα τ'ς έσ'ει παππού'ες don't"),
    ],
    "fillers": [
        ("αρκετές φορές, ε, μάππαν... εεε... αλλά Εμμ, νομίζω", "αρκετές φορές μάππαν αλλά νομίζω"),  # el-CY
        ("χμμ ααα uh um hmm", ""),
        ("εμ πειράζει, α μα εν να πάω, er", "εμ πειράζει α μα εν να πάω er"),  # εμ is εν before π
    ],
    "final_sigma": [("κοσμοσ ΣΑΣ ςου", "κοσμος σας σου"), ("σ' αγαπώ σ-σ φις̆ Σ", "σ' αγαπώ σ-ς φισ̆ σ"), ("ΕΣ-ΤΑ", "ες-τα")],
}


@pytest.mark.parametrize(("rule", "written", "t0"), [(rule, *pair) for rule, pairs in ENCODING.items() for pair in pairs])
def test_t0_settles_the_encoding_and_keeps_the_text(rule: str, written: str, t0: str) -> None:
    assert normalize(written, "t0") == t0
    if written != t0:
        assert rule in {name for name, _, _ in explain(written, "t0")}


@pytest.mark.parametrize(("rule", "written", "t1"), [(rule, *pair) for rule, pairs in SPOKEN.items() for pair in pairs])
def test_t1_is_the_words_that_are_said(rule: str, written: str, t1: str) -> None:
    assert normalize(written) == t1


@pytest.mark.parametrize("rule", sorted(set(RULES) - {"fold", "greeklish", "spaces", "nfc"}))
def test_every_rule_is_needed_by_one_of_its_examples(rule: str) -> None:
    examples = [written for written, _ in ENCODING.get(rule, []) + SPOKEN.get(rule, [])]
    assert any(rule == name for written in examples for name, _, _ in explain(written, "t1"))


@pytest.mark.parametrize("written", ["Εν", "ΕΝ", "εν,", "έν", "εν'", "Εν ηξέρω. Εν καλός."])
def test_negation_and_copula_stay_what_they_are(written: str) -> None:
    for profile in PROFILES:
        words = normalize(written, profile).split()
        assert words and not any("δ" in word for word in words)


def test_marked_and_plain_consonants_stay_apart() -> None:
    assert normalize("Σ̆ύλλος, σίλος! τζ̆αι τζαι τζιαι") == f"σ{BREVE}ύλλος σίλος τζ{BREVE}αι τζαι τζιαι"
    assert normalize("Σ̌ύλλος") == normalize("ΣˇΎΛΛΟΣ") == f"σ{BREVE}ύλλος"


def test_t2_folds_word_by_word_and_t3_reads_greeklish() -> None:
    assert normalize("Τζ̆αι τζιαι τζαι!", "t2").split() == normalize("τζαι τζαι τζαι", "t2").split()
    assert normalize("en kala, τζαι εσύ", "t3") != normalize("en kala, τζαι εσύ", "t1")
    assert normalize("Τζ̆αι τζιαι", "t3") == normalize("Τζ̆αι τζιαι", "t1")


def test_the_result_of_explain_is_the_text_that_normalize_gives() -> None:
    changes = explain("[noise] Τζ̌αι 5 κάττοι")
    assert [name for name, _, _ in changes] == ["palatal_mark", "tags", "numbers", "lower", "spaces"]
    assert changes[-1][2] == normalize("[noise] Τζ̌αι 5 κάττοι") and explain("τζ̆αι") == []


def test_a_profile_names_rules_and_its_signature_prints_them() -> None:
    assert all(name in RULES for names in PROFILES.values() for name in names) and set(RULES) >= LINE_RULES
    assert signature("t1").startswith("t1.v2:invisible+nfc+") and "unicode" in signature("t0")
    assert len({signature(profile) for profile in PROFILES}) == len(PROFILES)
    assert "fold" in signature("t2")


@pytest.mark.parametrize("piece", ["τζ̆αι εν' 20 κάττοι, ", "a", "[", "α'", "σ\u0306", "α-", "α.", "<a ", "1 ", "o "])
def test_a_long_line_is_normalised_once_and_for_all(piece: str) -> None:
    """Of a megabyte, where words are words; the others would take hours if time grew with the square of the length."""
    line = piece * ((1_000_000 if len(piece) > 9 else 200_000) // len(piece))
    assert normalize(once := normalize(line)) == once


def test_memory_stays_flat_however_many_words_there_are() -> None:
    draw = random.Random(0)
    peaks = []
    tracemalloc.start()
    for _ in range(2):
        tracemalloc.reset_peak()
        for _ in range(8_000):
            normalize(" ".join("".join(draw.choices("αβγδεζ", k=9)) for _ in range(10)))
        peaks.append(tracemalloc.get_traced_memory()[1])
    tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0] < 30e6


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared Cypriot texts are not here")
def test_nothing_of_a_real_cypriot_text_is_lost_but_what_nobody_says() -> None:
    """Letters in = letters out, addresses, digits and fillers apart, over real posts."""
    checked = 0
    for path in sorted(SHARED.glob("cypriot_standard_social_MIT/*_*.txt")):
        for line in path.read_text(encoding="utf-8").splitlines():
            if {name for name, _, _ in explain(line)} & {"links", "emoji", "numbers", "fillers", "homoglyphs", "tonos"}:
                continue
            written = [c for c in unicodedata.normalize("NFC", line).lower().replace("ς", "σ") if c.isalpha()]
            assert [c for c in normalize(line).replace("ς", "σ") if c.isalpha()] == written, line
            checked += 1
    assert checked > 400

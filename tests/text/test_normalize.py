"""The normaliser settles how a text is encoded (t0) and what of it is scored (t1), and nothing else."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyasr.text.normalize import PROFILES, normalize, signature

BREVE, CARON = "\u0306", "\u030c"
greek = st.text(alphabet="αάβγσςζξψτΣΑΆοό'’-–·;,. \t\ufeff\u0306\u030c\u0301ABeoсaО[]<>1ñč", max_size=30)


@pytest.mark.parametrize("profile", PROFILES)
@given(text=st.text() | greek)
def test_every_profile_is_total_and_idempotent(profile: str, text: str) -> None:
    once = normalize(text, profile)
    assert normalize(once, profile) == once
    assert once == once.strip() and "  " not in once


@given(text=st.text() | greek)
def test_t1_is_the_same_from_t0_as_from_the_original(text: str) -> None:
    assert normalize(normalize(text, "t0"), "t1") == normalize(text, "t1")


@given(text=greek)
def test_t1_holds_nothing_but_words(text: str) -> None:
    assert all(c in "'- " or unicodedata.category(c)[0] in "LMN" for c in normalize(text))


@pytest.mark.parametrize(
    ("written", "t0"),
    [
        (f"τζ{CARON}αι", f"τζ{BREVE}αι"),
        (f"μιτσ{CARON}ιά Σ{CARON}ύλλος ξ{CARON} ψ{CARON}", f"μιτσ{BREVE}ιά Σ{BREVE}ύλλος ξ{BREVE} ψ{BREVE}"),
        ("čaj Škoda", "čaj Škoda"),
        (f"c{CARON}aj", "čaj"),
        ("εν’ εν΄ εν᾿ εν´ εν‘ ενʼ", "εν' εν' εν' εν' εν' εν'"),
        ("πόθεν\u037e", "πόθεν;"),
        ("\ufeffέλα\u00a0δα\u200b", "έλα δα"),
        ("ε\u0301λα ά", "έλα ά"),  # combining tonos; oxia
        ("κaλό ВΡΕ Αθήvα", "καλό ΒΡΕ Αθήνα"),  # Latin a, Cyrillic В, Latin v
        ("Δευτέρα A και email", "Δευτέρα A και email"),  # whole Latin words stay
        ("emailάκι", "emailάκι"),  # l has no Greek look-alike: left as written
    ],
)
def test_t0_settles_the_encoding_and_keeps_the_text(written: str, t0: str) -> None:
    assert normalize(written, "t0") == t0


@pytest.mark.parametrize(
    ("written", "t1"),
    [
        ("Εν παρακολουθώ κάποιον άθλημαν γεννικά, ποττέ...", "εν παρακολουθώ κάποιον άθλημαν γεννικά ποττέ"),
        ("[disfluency], εν ι-ξέρω [noise] – τζ̆αι;", f"εν ι-ξέρω τζ{BREVE}αι"),
        ("ΚΈΝΤΡΟΤΕΣ ΤΟΥΣ ΠΑΠΠΟΥΣ", "κέντροτες τους παππους"),
        ("Ποιος εν’ ο αγαπημένος σου;", "ποιος εν' ο αγαπημένος σου"),
        ("να ’ναι 'γόρασα ' - εν-", "να 'ναι 'γόρασα εν"),
        ("Εν να πάω; «Ναι»!", "εν να πάω ναι"),
        ("σ' αγαπώ σ-σ", "σ' αγαπώ σ-ς"),
        ("It's 10 o'clock.", "it's 10 o'clock"),
        ("[noise]", ""),
    ],
)
def test_t1_is_the_words_in_lower_case(written: str, t1: str) -> None:
    assert normalize(written) == t1


def test_negation_and_copula_and_the_breve_stay() -> None:
    assert normalize("Εν ηξέρω. Εν καλός. Σ̆ύλλος, σίλος!") == f"εν ηξέρω εν καλός σ{BREVE}ύλλος σίλος"


def test_the_signature_names_profile_rules_and_unicode() -> None:
    assert signature("t1").startswith("t1.v2:invisible+nfc+") and "unicode" in signature("t0")
    assert signature("t0") != signature("t1")

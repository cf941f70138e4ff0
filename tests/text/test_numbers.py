"""Numbers become the words that are said, in Standard Greek, Cypriot Greek and English, and come back."""

from __future__ import annotations

import random
import re
from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cyasr.text.numbers import Dialect, from_words, number_variants, spell_out, split_numerals, to_words, write_digits
from cyasr.text.numbers.greek import CASES, GENDERS, ORDINAL_ENDINGS, ordinal

DIALECTS: tuple[Dialect, ...] = ("standard", "cypriot", "english")
GREEK_DIALECTS: tuple[Dialect, ...] = ("standard", "cypriot")
numbers_and_noise = st.text(alphabet="0123456789٣½²€$£%‰.,:/-–−+'’ °CkmgGα οςηsthστιςωρανΜάϊ\u0306\u00a0KſµA(\n", max_size=40)


@pytest.mark.parametrize(
    ("n", "neuter", "feminine", "masculine"),
    [
        (1, "ένα", "μία", "ένας"),
        (13, "δεκατρία", "δεκατρείς", "δεκατρείς"),
        (24, "είκοσι τέσσερα", "είκοσι τέσσερις", "είκοσι τέσσερις"),
        (100, "εκατό", "εκατό", "εκατό"),
        (101, "εκατόν ένα", "εκατόν μία", "εκατόν ένας"),
        (200, "διακόσια", "διακόσιες", "διακόσιοι"),
        (1000, "χίλια", "χίλιες", "χίλιοι"),
        (1974, "χίλια εννιακόσια εβδομήντα τέσσερα", "χίλιες εννιακόσιες εβδομήντα τέσσερις",
         "χίλιοι εννιακόσιοι εβδομήντα τέσσερις"),
        (3000, "τρεις χιλιάδες", "τρεις χιλιάδες", "τρεις χιλιάδες"),
        (201_000, "διακόσιες μία χιλιάδες", "διακόσιες μία χιλιάδες", "διακόσιες μία χιλιάδες"),
        (1_000_000, "ένα εκατομμύριο", "ένα εκατομμύριο", "ένα εκατομμύριο"),
        (2_000_000_001, "δύο δισεκατομμύρια ένα", "δύο δισεκατομμύρια μία", "δύο δισεκατομμύρια ένας"),
    ],
)  # fmt: skip
def test_standard_greek_numerals_agree_in_gender(n: int, neuter: str, feminine: str, masculine: str) -> None:
    assert [to_words(n, gender=gender) for gender in GENDERS] == [neuter, feminine, masculine]


def test_greek_numerals_have_an_accusative_and_a_genitive() -> None:
    assert to_words(201, gender="masculine", case="accusative") == "διακόσιους έναν"
    assert to_words(1203, case="genitive") == "χιλίων διακοσίων τριών"
    assert to_words(2_000_014, case="genitive") == "δύο εκατομμυρίων δεκατεσσάρων"


def test_cypriot_has_forms_of_its_own() -> None:
    assert to_words(2, "cypriot") == "δκυο"
    assert to_words(1789, "cypriot") == "σ̆ίλια εφτακόσια ογδόντα εννιά"
    assert to_words(100, "cypriot") == "εκατόν"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_words_come_back_as_the_number_they_were_made_of(dialect: Dialect) -> None:
    rng = random.Random(1)
    for n in [*range(1200), *(rng.randrange(10 ** rng.randrange(4, 10)) for _ in range(2000)), 10**9, 10**15 - 1]:
        for gender, case in product(GENDERS, CASES) if dialect != "english" else [("neuter", "nominative")]:
            assert from_words(to_words(n, dialect, gender, case)) == n  # type: ignore[arg-type]
        assert from_words(to_words(-n, dialect)) == -n


@given(st.sampled_from(DIALECTS), st.decimals(-(10**9), 10**9, places=None, allow_nan=False).map(lambda d: round(d, 6)))
def test_decimals_come_back_too(dialect: Dialect, n: Decimal) -> None:
    assert from_words(to_words(n, dialect)) == n


def test_english_is_what_inflect_says() -> None:
    inflect = pytest.importorskip("inflect").engine()
    rng = random.Random(2)
    for n in [*range(2000), *(rng.randrange(10 ** rng.randrange(4, 15)) for _ in range(500))]:
        assert to_words(n, "english") == inflect.number_to_words(n).replace(",", "").replace("-", " ")


@pytest.mark.parametrize(
    ("words", "n"),
    [
        *[(words, 2) for words in ("δκυο", "δκυό", "θκυο", "θκυό", "δύο", "δυο", "ΔΥΟ")],
        *[(words, 7) for words in ("εφτά", "επτά", "εφτα")],
        *[(words, 8) for words in ("οχτώ", "οκτώ")],
        *[(words, 9) for words in ("εννιά", "εννέα")],
        *[(words, 16) for words in ("δεκαέξι", "δεκάξι")],
        *[(words, 1000) for words in ("χίλια", "σ̆ίλια", "σ̌ίλια", "σιήλια", "σιίλια", "σ̆ίλιες")],
        *[(words, 25) for words in ("είκοσι πέντε", "εικοσιπέντε", "είκοσι-πέντε", "twenty-five", "Twenty five")],
        ("δκυο σ̆ιλιάες", 2000), ("τρακόσ̆ια", 300), ("εκατόν δκυο", 102), ("εικοστού πρώτου", 21), ("twenty first", 21),
        ("nineteen seventy four", 1974), ("twenty twenty", 2020), ("nineteen oh five", 1905), ("two thousand and four", 2004),
    ],
)  # fmt: skip
def test_other_spellings_are_read(words: str, n: int) -> None:
    assert from_words(words) == n


@pytest.mark.parametrize(
    "words", ["", "και", "πέντε τρία", "είκοσι δέκα", "τρία χίλια", "κόμμα πέντε", "μείον", "hundred", "δύο μήλα"]
)
def test_words_that_are_not_one_number_are_refused(words: str) -> None:
    with pytest.raises(ValueError, match="is not a number"):
        from_words(words)


def test_a_number_without_a_name_is_refused() -> None:
    for n in (10**15, -(10**15), Decimal("1e15"), Decimal("NaN"), Decimal("Infinity")):
        with pytest.raises(ValueError):
            to_words(n)


def test_every_ordinal_comes_back_in_every_form() -> None:
    for n in range(1, 10_000, 7):
        for ending in ORDINAL_ENDINGS:
            assert from_words(ordinal(n, ending)) == n


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("20", "είκοσι"),
        ("το 1974", "το χίλια εννιακόσια εβδομήντα τέσσερα"),
        ("του '80", "του ογδόντα"),
        ("1ος 2η 3ο 21ου", "πρώτος δεύτερη τρίτο εικοστού πρώτου"),
        ("1ΟΣ 20ό 20ού 1o", "πρώτος εικοστό εικοστού πρώτο"),
        ("3,14 και 3,05 και 0,5", "τρία κόμμα δεκατέσσερα και τρία κόμμα μηδέν πέντε και μηδέν κόμμα πέντε"),
        ("1.234,5", "χίλια διακόσια τριάντα τέσσερα κόμμα πέντε"),
        ("1.500.000 και 1,000,000 και 1 000 000", "ένα εκατομμύριο πεντακόσιες χιλιάδες και ένα εκατομμύριο και ένα εκατομμύριο"),
        ("20% και 2,5 %", "είκοσι τοις εκατό και δύο κόμμα πέντε τοις εκατό"),
        ("€20, 20€, 20 €", "είκοσι ευρώ, είκοσι ευρώ, είκοσι ευρώ"),
        ("20,50€", "είκοσι ευρώ και πενήντα σεντ"),
        ("€1,500", "χίλια πεντακόσια ευρώ"),
        ("£1 και £200", "μία λίρα και διακόσιες λίρες"),
        ("$1 και $0,99", "ένα δολάριο και ενενήντα εννέα σεντ"),
        ("€2 εκατ. και 1,5 εκ. ευρώ", "δύο εκατομμύρια ευρώ και ένα κόμμα πέντε εκατομμύρια ευρώ"),
        ("1 km, 5km, 5 χλμ.", "ένα χιλιόμετρο, πέντε χιλιόμετρα, πέντε χιλιόμετρα"),
        ("80 kg στους 30°C", "ογδόντα κιλά στους τριάντα βαθμούς κελσίου"),
        ("1 η ώρα, 1 ώρα, 1 βιβλίο", "μία η ώρα, μία ώρα, ένα βιβλίο"),
        ("100 km/h", "εκατό χιλιόμετρα την ώρα"),
        ("50 m² και 50 τ.μ.", "πενήντα τετραγωνικά μέτρα και πενήντα τετραγωνικά μέτρα"),
        ("2½", "δύο και μισό"),
        ("12/5/2020 12.5.2020 2020-05-12 5/12/20", "δώδεκα μαΐου δύο χιλιάδες είκοσι " * 3 + "πέντε δεκεμβρίου είκοσι"),
        ("στις 14/5 και την 1/1", "στις δεκατέσσερις μαΐου και την πρώτη ιανουαρίου"),
        ("1 Μαΐου, 3 Μαΐου 2004", "πρώτη Μαΐου, τρεις Μαΐου δύο χιλιάδες τέσσερα"),
        ("10:30 10:15 10:00 10:05 14:30", "δέκα και μισή δέκα και τέταρτο δέκα δέκα και πέντε δεκατέσσερις και τριάντα"),
        ("στις 3.20 και 7.30 π.μ.", "στις τρεις και είκοσι και επτά και μισή π.μ."),
        ("3 μέρες, 3 χρόνια, 3 χρονών, στις 3", "τρεις μέρες, τρία χρόνια, τριών χρονών, στις τρεις"),
        ("3 μεγάλες κάττες, 4 φίλους, 3 πλάσματα, 4 χτες", "τρεις μεγάλες κάττες, τέσσερις φίλους, τρία πλάσματα, τέσσερα χτες"),
        ("21 ετών, τους 200, των 700 ευρώ", "είκοσι ενός ετών, τους διακόσιους, των επτακοσίων ευρώ"),
        ("18χρονος 10λεπτο", "δεκαοκτάχρονος δεκάλεπτο"),
        ("99123456", "εννέα εννέα ένα δύο τρία τέσσερα πέντε έξι"),
        ("22 345678 και 007", "δύο δύο τρία τέσσερα πέντε έξι επτά οκτώ και μηδέν μηδέν επτά"),
        ("ο COVID-19 και το 5G", "ο COVID δεκαεννέα και το πέντε G"),
        ("2020-21, 3-0, 10–15", "δύο χιλιάδες είκοσι είκοσι ένα, τρία μηδέν, δέκα δεκαπέντε"),
        ("-5 και −5", "μείον πέντε και μείον πέντε"),
        ("1/2 και 3/4", "μισό και τρία τέταρτα"),
        ("24/7 1.2.3 45/60", "είκοσι τέσσερα επτά ένα δύο τρία σαράντα πέντε εξήντα"),
        ("١٢", "δώδεκα"),
    ],
)
def test_greek_text_is_read_out(written: str, said: str) -> None:
    assert spell_out(written) == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("I have 21 dogs", "I have twenty one dogs"),
        ("the 1st and the 22nd of May", "the first and the twenty second of May"),
        ("in 1974 and 2004 and 2020 we", "in nineteen seventy four and two thousand and four and twenty twenty we"),
        ("the 1980s and the 90s", "the nineteen eighties and the nineties"),
        ("about 1,234.5 of 3.14", "about one thousand two hundred and thirty four point five of three point one four"),
        ("it is 20% off", "it is twenty percent off"),
        ("costs $3.50 or $5 million", "costs three dollars and fifty cents or five million dollars"),
        ("1 km or 5 kg", "one kilometre or five kilograms"),
        ("on 12/5/2020 at 10:30", "on twelfth of may twenty twenty at ten thirty"),
        ("COVID-19 B2 5G", "COVID nineteen B two five G"),
        ("after 9/11 and on 14/5 it was", "after nine eleven and on fourteenth of may it was"),
        ("call 99123456 now", "call nine nine one two three four five six now"),
    ],
)
def test_english_text_is_read_out(written: str, said: str) -> None:
    assert spell_out(written) == said


def test_the_language_is_that_of_the_neighbours() -> None:
    assert spell_out("έχω 3 cats τζαι 3 κάττους") == "έχω τρία cats τζαι τρεις κάττους"
    assert spell_out("he said 3 cats") == "he said three cats"
    assert spell_out("έχω iPhone 13") == "έχω iPhone δεκατρία" and spell_out("my iPhone 13") == "my iPhone thirteen"
    assert spell_out("3") == "τρία" and spell_out("3", "english") == "three" and spell_out("2", "cypriot") == "δκυο"


@settings(max_examples=500)
@given(st.text() | numbers_and_noise, st.sampled_from(DIALECTS))
def test_reading_out_is_total_idempotent_and_leaves_no_digit(text: str, dialect: Dialect) -> None:
    said = spell_out(text, dialect)
    assert spell_out(said, dialect) == said
    assert not re.search(r"[\d€£$%‰½¼¾]", said)


@given(st.text() | numbers_and_noise)
def test_letters_that_are_no_unit_or_ending_are_kept(text: str) -> None:
    plain = re.sub(r"[\d€£$%‰½¼¾]", "", text)
    assert spell_out(plain) == plain


@given(st.lists(st.sampled_from(["μ", "Α", "β", "x-Q"]), max_size=3), st.integers(0, 10**6 - 1))
def test_letters_stay_apart_from_the_words_of_a_number(letters: list[str], n: int) -> None:
    for letter in letters:
        said = spell_out(f"{letter}{n}")
        assert said.startswith(letter + " ") and said.split()[1:] == spell_out(f"{letter} {n}").split()[1:]


def test_long_lines_are_read_out() -> None:
    """Which would take hours if time grew with the square of their length."""
    for line in ("1/" * 50_000, "1." * 50_000, "+1 " * 30_000, "9" * 100_000, "α" * 100_000 + "1", "-" * 100_000 + "1"):
        assert "1" not in spell_out(line)


@pytest.mark.parametrize("written", ["m3", "M3", "m³", "M³"])
def test_a_unit_is_read_in_any_capitals_and_with_a_plain_power(written: str) -> None:
    assert spell_out(f"πήρα 5 {written}") == "πήρα πέντε κυβικά μέτρα"


@pytest.mark.parametrize(
    ("word", "standard"),
    [
        *[(word, "δύο") for word in ("δκυο", "δκυό", "θκυο", "θκυό", "δύο", "δυο")],
        *[("εφτά", "επτά"), ("οχτώ", "οκτώ"), ("εννιά", "εννέα"), ("δεκάξι", "δεκαέξι"), ("δεκοχτώ", "δεκαοκτώ")],
        *[("σ̆ίλια", "χίλια"), ("σ̌ίλιες", "χίλιες"), ("σιήλιοι", "χίλιοι"), ("σ̆ιλιάες", "χιλιάδες"), ("τρακόσιες", "τριακόσιες")],
        *[(word, word) for word in ("σίλια", "εν", "δεν", "και", "two", "", "τρεις", "τρία", "ένας", "μια", "οι", "εννιάμερα")],
    ],
)
def test_spellings_of_a_numeral_share_a_word(word: str, standard: str) -> None:
    assert number_variants(word) == standard


@given(st.text() | st.sampled_from(["δκυο", "σ̆ίλια", "εφτά"]))
def test_folding_a_numeral_is_total_and_idempotent_and_stays_one_word(word: str) -> None:
    folded = number_variants(word)
    assert number_variants(folded) == folded
    assert len(folded.split()) == len(word.split())


def test_numerals_written_together_are_split() -> None:
    text = "Εικοσιπέντε τριανταδύο εξηνταεφτά σαραντατεσσερις είκοσι-ένα twenty-three Forty-first εικοσιπεντάχρονος"
    split = "είκοσι πέντε τριάντα δύο εξήντα εφτά σαραντα τεσσερις είκοσι ένα twenty three Forty first εικοσιπεντάχρονος"
    assert split_numerals(text) == split
    assert split_numerals(split) == split


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("είχα είκοσι τρία παιδιά τζαι δκυο κάττους", "είχα 23 παιδιά τζαι 2 κάττους"),
        ("μια μέρα ένας άνθρωπος", "μια μέρα ένας άνθρωπος"),
        ("πέντε τοις εκατόν", "5%"),
        ("δώδεκα μαΐου δύο χιλιάδες είκοσι", "12 μαΐου 2020"),
        ("του εικοστού πρώτου αιώνα", "του 21ου αιώνα"),
        ("μείον τρία κόμμα δεκατέσσερα", "-3,14"),
        ("ένα εκατομμύριο διακόσιες χιλιάδες", "1.200.000"),
        ("nineteen seventy four and two hundred and five dogs", "1974 and 205 dogs"),
        ("εννιά εννιά ένα δκυο τρία τέσσερα πέντε έξι", "99123456"),
    ],
)
def test_words_in_running_text_become_digits(said: str, written: str) -> None:
    assert write_digits(said) == written


@given(st.lists(st.integers(2, 10**9) | st.sampled_from(["σπίθκια", "τζαι", "%"]), max_size=6))
def test_digits_that_are_written_are_read_out_as_what_was_said(items: list[int | str]) -> None:
    said = spell_out(" , ".join(f"{item:,}".replace(",", ".") if isinstance(item, int) else item for item in items))
    assert spell_out(write_digits(said)) == said


@given(st.text() | numbers_and_noise)
def test_writing_digits_and_splitting_are_total(text: str) -> None:
    write_digits(text)
    assert split_numerals(split_numerals(text)) == split_numerals(text)

"""The fold: attested spellings of a word meet, different words do not, and nothing it is given upsets it."""

from __future__ import annotations

import os
import random
import unicodedata
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from cyasr.cli import UsageError
from cyasr.text import variants
from cyasr.text.normalize import normalize
from cyasr.text.variant_rows import SHIPPED, Row, read_rows
from cyasr.text.variants import explain, fold

ROOT = Path(__file__).resolve().parents[2]
LISTS = Path(os.environ.get("CYASR_SHARED", ROOT.parent / "shared")) / "data" / "text" / "lists_CC-BY-SA"
FREQUENT = LISTS / "opensubtitles2018_el_50k.txt"

SPELLINGS = {  # attested: el-CY's datasheet, Cypriot posts of social media, Armosti et al. 2014
    "marks": "τζ̆αι τζ̌αι τζαι",
    "the conjunction": "τζ̆αι τζιαι τζι τζ̆ε τζε τζιε τζ'",
    "iota for the mark": "έσ̆ει έσιει",
    "iota beside the mark": "μιτσ̆ιά μιτσ̆ά μιτσιά",
    "prothetic iota": "ι-ξέρω ιξέρω ηξέρω ξέρω",
    "lost augment": "εγόρασα 'γόρασα",
    "apostrophe": "εν' εν έν",
    "hardening, δ": "παιχνίθκια παιχνίδκια παιχνίδια",
    "hardening, τ": "σπίθκια σπίτκια σπίτια",
    "hardening, θ": "αλήθκεια αλήθεια",
    "hardening, φ": "ξαδέρφκια ξαδέρφια",
    "hardening, π": "πκιάννω πιάνω",
    "before κ": "δουλέφκω δουλεύκω δουλέβκω",
    "clusters": "δάχτυλο δάκτυλο",
    "learned clusters": "εχτές εχθές",
    "doubled at the start": "κκελλέ κελλέ κελέ",
    "doubled and marked": "σ̆σ̆υλλιά σ̆υλλιά σιυλιά",
    "doubled inside": "ποττέ ποτέ",
    "final ν, neuter": "άθλημαν άθλημα",
    "final ν, verb": "έφαεν έφαε",
    "final ν, feminine": "χώραν χώρα",
    "final ν, article": "την τη",
    "accents": "τωρά τώρα τωρα",
    "dialytika": "γάιδαρος γάϊδαρος",
    "interrogative": "ίντα ήντα είντα",
    "numerals": "δκυο θκυο δύο",
    "numerals, Standard": "εφτά επτά",
}
APART = (
    "εν δεν, ή η, εννα ένα, μεν με, ποτέ πότε, αλλά άλλα, μάτια ματιά, πολλή πόλη, φύλλο φύλο, τον το, είχαν είχα, τζ̆αι και,"
    " τσάι τζ̆αι, λεπτά λεφτά, κάνεις κανείς, παρουσία παρούσα, τράπεζα τραπέζια, παϊδάκια παιδάκια, έχουν έχου, των τω,"
    " good god, café cafe, που πουν, δουλειά δουλεία, νόμος νομός, βάλλω βάλω, τον των, άγγελος άγελος"
)


@pytest.mark.parametrize("spellings", SPELLINGS.values(), ids=SPELLINGS)
def test_attested_spellings_of_a_word_fold_to_one_key(spellings: str) -> None:
    assert len({fold(word) for word in spellings.split()}) == 1


@pytest.mark.parametrize("pair", APART.split(", "))
def test_words_of_different_meaning_keep_different_keys(pair: str) -> None:
    one, other = pair.split()
    assert fold(one) != fold(other)


def test_a_guarded_word_folds_its_own_spellings_all_the_same() -> None:
    assert fold("μμάθκια") == fold("μάτια") != fold("ματιά")
    assert fold("πολλήν") == fold("πολλή") != fold("πόλη") == fold("πόλην")
    assert fold("έννα") == fold("εννά") != fold("έναν") == fold("ένα")


@pytest.mark.parametrize(
    ("rule", "before", "after"),
    [
        (variants.marks, "σ̆έριν", "σέριν"),
        (variants.prothetic, "ι-ξέρω", "ξέρω"),
        (variants.prothetic, "ήξερα", "ήξερα"),
        (variants.apostrophe, "'γόρασα", "εγόρασα"),
        (variants.apostrophe, "'", "'"),
        (variants.iota, "τζιαι", "τζαι"),
        (variants.iota, "εξουσία", "εξουσία"),
        (variants.before_k, "πιστεύκουν", "πιστεφκουν"),
        (variants.before_k, "ουκ", "ουκ"),
        (variants.hardening, "παιθκιά", "παιδιά"),
        (variants.hardening, "αρκετά", "αρκετά"),
        (variants.clusters, "φθάνω", "φτάνω"),
        (variants.clusters, "λεπτά", "λεπτά"),
        (variants.final_n, "είχαν", "είχαν"),
        (variants.final_n, "έχουν", "έχουν"),
        (variants.final_n, "μεν", "μεν"),
        (variants.final_n, "δουλειάν", "δουλειά"),
        (variants.geminates, "άγγελος", "άγγελος"),
        (variants.accents, "γάϊδαρος", "γαιδαρος"),
    ],
)
def test_a_rule_does_what_its_docstring_says_and_no_more(rule: variants.Rule, before: str, after: str) -> None:
    assert rule(before) == after


def test_explain_names_the_rules_in_order_and_ends_in_the_key() -> None:
    way = explain("σ̆σ̆υλλιάν")
    assert [rule for rule, _ in way] == ["marks", "final_n", "geminates", "accents"]
    assert way[-1][1] == fold("σ̆σ̆υλλιάν") == "συλια"
    assert explain("hello") == []


@pytest.mark.parametrize(
    ("one", "other", "rules"),
    [
        ("τζ̆αι", "τζαι", ("marks",)),
        ("μιτσ̆ιά", "μιτσιά", ("marks",)),
        ("σ̆έριν", "σιέρι", ("marks", "iota", "final_n")),
        ("έν", "εν", ("accents",)),
        ("παιθκιά", "παιδιά", ("hardening",)),
        ("δκυο", "δύο", ("numbers",)),
        ("εκατόν", "εκατό", ("accents", "numbers")),
        ("τζε", "τζ̆αι", ("marks", "kai_set")),
        ("εν", "δεν", ()),
        ("λόγος", "λόγοσ", ("letters",)),
        ("εν", "εν", ()),
    ],
)
def test_only_the_rules_that_a_pair_needs_are_named(one: str, other: str, rules: tuple[str, ...]) -> None:
    assert variants.rules_between(one, other) == variants.rules_between(other, one) == rules


def strings(count: int, seed: int = 0) -> list[str]:
    """Greek letters, marks, apostrophes and noise, no blanks; and real words with marks and letters thrown in."""
    draw = random.Random(seed)
    greek = [chr(code) for code in range(0x370, 0x400) if unicodedata.category(chr(code)) != "Cn"]
    polytonic = [chr(code) for code in range(0x1F00, 0x2000) if unicodedata.category(chr(code)) != "Cn"]
    common = list("αεηιουωάέήίόύώϊΐβγδζθκλμνξπρστφχψσςσζξψτθδκινμλιαν") * 4
    marks = ["\u0306", "\u030c", "\u0301", "\u0308", "\u0313", "\u0345", "'", "’", "-", "\u200d", "\ufeff"] * 3
    noise = ["a", "Z", "é", "ж", "1", ".", "😀", "\ud800", "\x00", "İ", "ß", "ﬁ", "ǆ"]
    alphabet = common + greek + polytonic + marks + noise
    made = ["".join(draw.choices(alphabet, k=draw.randint(0, 12))) for _ in range(count)]
    words = " ".join([*SPELLINGS.values(), APART.replace(",", "")]).split()
    for i in range(0, count, 4):
        word = list(draw.choice(words))
        word.insert(draw.randint(0, len(word)), draw.choice(alphabet))
        made[i] = "".join(word)
    return [word for word in made if not any(char.isspace() for char in word)]


def test_the_fold_is_idempotent_and_total_and_maps_word_to_word() -> None:
    for word in strings(10_000):
        key = fold(word)
        assert fold(key) == key, ascii(word)
        assert bool(key) == bool(word) and len(key.split()) == len(word.split()), ascii(word)
        way = explain(word)
        assert not way or way[-1][1] == key, ascii(word)


def test_the_fold_of_t1_is_t1_again() -> None:
    for word in strings(2_000, seed=1):
        for one in normalize(word.encode("utf-8", "replace").decode(), "t1").split():
            assert normalize(fold(one), "t2") == fold(one), ascii(one)


def test_words_without_greek_letters_are_their_own_key() -> None:
    assert [fold(word) for word in ("", "Café", "o'clock", "e-mail", "š", "\u0306", "1999")] == [
        "", "Café", "o'clock", "e-mail", "š", "\u0306", "1999",
    ]  # fmt: skip


def test_the_shipped_rows_contradict_neither_the_rules_nor_each_other() -> None:
    assert variants.complaints([]) == []


def test_every_fold_row_folds_and_every_licence_is_needed() -> None:
    for row in read_rows(SHIPPED):
        if row.kind == "fold":
            assert fold(row.one) == fold(row.other), row
        if row.kind == "licence":
            assert variants.phrase_key(row.one) != variants.phrase_key(row.other), row


def test_no_row_ever_makes_the_negation_of_the_copula() -> None:
    def row(kind: str, one: str, other: str) -> Row:
        return Row(kind, one, other, "mined", "somebody", "conf/variants.tsv:9")

    for one, other in (("εν", "δεν"), ("έν", "δεν"), ("εν'", "δε"), ("εν ξέρω", "δεν ξέρω"), ("ρε εν πάω", "ρε δεν πάω")):
        kinds = ["licence"] if " " in one else ["fold", "licence"]
        for kind in kinds:
            assert variants.complaints([row(kind, one, other)]), (kind, one, other)
    assert not variants.complaints([row("licence", "εν γίνεται", "ενγίνεται")])


def test_rows_that_go_round_in_a_circle_are_refused() -> None:
    rows = [Row("fold", *pair, "r", "s", "f:1") for pair in (("φρίξος", "φρούτα"), ("φρούτα", "φράχτης"), ("φράχτης", "φρίξος"))]
    assert "circle" in variants.complaints(rows)[0]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("fold\tένα", r"rows.tsv:2: 2 cells, but a row has 5"),
        ("fuse\tα\tβ\tr\ts", r"rows.tsv:2: kind 'fuse' is none of fold, licence"),
        ("fold\tεν να\tεννα\tr\ts", r"rows.tsv:2: fold maps word to word"),
        ("fold\tα\tα\tr\ts", r"rows.tsv:2: two different words"),
        ("fold\tα\tβ\tr\t", r"rows.tsv:2: a row needs a rule and a source"),
        ("fold\tα\tβ\tr\t\udcff", r"rows.tsv:2: not UTF-8"),
    ],
)
def test_a_wrong_row_is_named_by_file_and_line(line: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.tsv"
    path.write_bytes(f"# rows\n{line}\n".encode("utf-8", "surrogateescape"))
    with pytest.raises(UsageError, match=message):
        read_rows(path)


def test_the_signature_names_rules_version_and_rows() -> None:
    assert "fold.v1:marks+" in variants.signature() and "|accepted " in variants.signature()


# What of the 50,000 most frequent words of subtitles folds together is a spelling, or one of these, which are forms of one
# word (gender and case: αυτόν, αυτό), names, or what subtitles' tokens leave (απ, ν).
with_list = pytest.mark.skipif(not FREQUENT.exists(), reason=f"the frequency list is not at {FREQUENT}")


def frequent(least: int) -> Counter[str]:
    words: Counter[str] = Counter()
    for line in FREQUENT.read_text(encoding="utf-8").splitlines():
        word, count = line.split()
        if int(count) >= least and variants.GREEK.search(word):
            words[unicodedata.normalize("NFC", word)] += int(count)
    return words


@with_list
def test_few_frequent_standard_words_fold_with_another_stress_or_other_letters() -> None:
    groups: dict[str, list[str]] = defaultdict(list)
    for word in frequent(1000):
        groups[fold(word)].append(word)
    bare = {key: {variants.accents(word) for word in words} for key, words in groups.items()}
    merged = {key for key in groups if len(bare[key]) > 1}
    spelled = {"final_n", "clusters", "geminates", "numbers", "elision", "aphaeresis", "kai_set", "accents", "letters"}
    odd = [
        (one, other)
        for key in merged
        for one, other in zip(groups[key], groups[key][1:], strict=False)
        if not set(variants.rules_between(one, other)) <= spelled
    ]
    assert len(merged) <= 110, sorted(groups[key] for key in merged)
    assert {frozenset(pair) for pair in odd} <= {frozenset(("ίσα", "ίσια")), frozenset(("παιδιά", "πεδία"))}, odd


@with_list
def test_the_most_frequent_words_meet_only_as_spellings() -> None:
    allowed = {
        *("την τη", "και κι", "και κ", "δεν δε", "στην στη", "από απ", "για γι", "ένα έναν", "μην μη", "αυτό αυτόν", "να ν"),
        *("αυτή αυτήν", "κάποιον κάποιο", "κανένα κανέναν", "θα θ", "άλλο άλλον", "ποιον ποιο", "ποιο ποιον", "παρά πάρ"),
    }
    groups: dict[str, list[str]] = defaultdict(list)
    for word in frequent(20_000):
        groups[fold(word)].append(word)
    found = {" ".join((words[0], word)) for words in groups.values() for word in words[1:]}
    different = {pair for pair in found if len({variants.accents(word) for word in pair.split()}) > 1}
    assert different <= allowed, different - allowed

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cyasr.score import wer
from cyasr.score.aligned import flatten
from cyasr.score.dialect import features, pier
from cyasr.score.dialect.twins import TABLE, is_twin, table, twins_of, why_twin
from cyasr.score.dialect.usage import is_enclitic, use_of_en
from cyasr.score.dialect.words import FEATURES, features_of


def split(*texts):
    return [text.split() for text in texts]


def counted(references, hypotheses, points=None):
    return features.count(references, hypotheses, wer.align(references, hypotheses), points)


def names(word):
    return {name for name, _ in features_of(word)}


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("τζ̆αι", {"palato_alveolar", "and"}),
        ("τζ\u030cαι", {"palato_alveolar", "and"}),  # the caron
        ("τζιαι", {"palato_alveolar", "and"}),
        ("έσιει", {"palato_alveolar"}),
        ("σ̆σ̆ύλλους", {"palato_alveolar", "geminate", "initial_geminate"}),
        ("παιχνίθκια", {"hardened"}),
        ("χορεύκουσιν", {"hardened", "third_plural", "final_nu"}),
        ("ψάρκα", {"hardened_rk"}),
        ("παττελόνιν", {"geminate", "final_nu"}),
        ("εγόρασα", {"augment"}),
        ("επαίζαμεν", {"augment", "first_plural", "final_nu"}),
        ("εννά", {"geminate", "future"}),
        ("ίνναμπου", {"geminate", "question_word"}),
        ("αμαξούες", {"diminutive"}),
        ("κοπελλούιν", {"geminate", "diminutive", "final_nu"}),
    ],
)
def test_features_of_cypriot_words(word, expected):
    assert names(word) == expected


STANDARD = (
    "και δεν την όταν ήταν έκαναν μιλούσαν άλλαξαν σιωπή παιδιά αρκετά τουρκία εκκλησία εξηγώ επέστρεψα ετοίμασα ελληνικά "
    "κρασί τραγούδι λευκούς εύκολα τσάι μάλλον download"
)


@pytest.mark.parametrize("word", STANDARD.split())
def test_standard_words_have_no_feature_but_doubled_letters(word):
    assert names(word) <= {"geminate"}


def test_a_feature_is_right_kept_in_another_spelling_lost_or_deleted():
    row = counted(
        split("τζ̆αι", "τζ̆αι", "τζ̆αι", "τζ̆αι άρα"),
        split("τζ̆αι", "τζιαι", "και", "άρα"),
    )["features"]["and"]
    assert row == {
        "tokens": 4, "correct": 1, "kept": 1, "lost": 1, "deleted": 1, "added": 0, "error_rate": 75.0, "loss_rate": 50.0
    }  # fmt: skip


def test_a_wrong_word_keeps_the_feature_that_its_hypothesis_still_has():
    rows = counted(split("κοπέλλαν"), split("κοπέλλα"))["features"]
    assert (rows["geminate"]["kept"], rows["geminate"]["lost"]) == (1, 0)
    assert (rows["final_nu"]["kept"], rows["final_nu"]["lost"]) == (0, 1)


def test_another_geminate_in_its_place_is_a_loss():
    assert counted(split("κάττος"), split("πάππος"))["features"]["geminate"]["lost"] == 1


def test_dialect_that_the_reference_does_not_have_is_counted_as_added():
    rows = counted(split("και παιδί"), split("τζ̆αι παιδί τζ̆αι"))["features"]
    assert rows["and"]["added"] == 2
    assert rows["and"]["tokens"] == 0
    assert rows["and"]["error_rate"] is None


@pytest.mark.parametrize(
    ("dialect", "standard"),
    [
        ("τζ̆αι", "και"), ("τζιαι", "κι"), ("εννά", "θα"), ("παιχνίθκια", "παιχνίδια"), ("παιχνίδιν", "παιχνίδι"),
        ("κοπέλλαν", "κοπέλα"), ("θέλουσιν", "θέλουν"), ("εγόρασα", "αγόρασα"), ("σπίθκια", "σπίτια"), ("τζ̆αιρόν", "καιρό"),
        ("σ̆έριν", "χέρι"), ("ππέφτω", "πέφτω"), ("επαίζαμεν", "παίζαμε"), ("δουλεύκω", "δουλεύω"), ("χωρκόν", "χωριό"),
        ("έφκαλεν", "έβγαλε"), ("αλήθκεια", "αλήθεια"), ("μιαν", "μια"), ("τζ̆είνα", "εκείνα"),
    ],
)  # fmt: skip
def test_cypriot_forms_and_their_standard_twins(dialect, standard):
    assert is_twin(dialect, standard)
    assert not is_twin(standard, dialect)


@pytest.mark.parametrize(
    ("dialect", "other"),
    [("τζ̆αι", "τζαι"), ("τζ̆αι", "τζιαι"), ("χωρκόν", "χωρκό"), ("παιχνίθκια", "παιχνίδα "), ("εγόρασα", "αγορασα")],
)
def test_another_spelling_or_half_a_change_is_no_twin(dialect, other):
    assert not is_twin(dialect, other)


@pytest.mark.parametrize("form", ["εν", "έν", "εν'", "ένι", "ενι"])
def test_forms_of_en_have_no_twin(form):
    assert why_twin(form) == ()
    assert not is_twin(form, "δεν")
    assert not is_twin(form, "είναι")
    assert form not in table()


def test_every_line_of_the_table_has_its_ground_and_no_form_is_its_own_twin():
    lines = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if line and line[0] != "#"]
    assert lines[0] == "dialect\tstandard\twhat\tground"
    assert all(len(line.split("\t")) == 4 and line.split("\t")[3].strip() for line in lines)
    assert not [form for form, twins in table().items() if form in twins]


def test_standardised_words_are_told_from_other_errors_and_en_is_counted_apart():
    counts = counted(
        split("τζ̆αι εν παίζουν το παιχνίδιν", "ο κάττος εν άρρωστος τζ̆αι πεινά", "έφκαλεν"),
        split("και δεν παίζουν το παιχνίδι", "ο κάττος είναι άρρωστος τάχα πεινά", "έφκαλεν"),
    )
    standard = counts["standardisation"]
    assert [standard[key] for key in ("tokens", "correct", "standardised", "other", "deleted")] == [5, 2, 2, 1, 0]
    assert standard["rate"] == 40.0
    assert standard["pairs"] == [["παιχνίδιν", "παιχνίδι", 1], ["τζ̆αι", "και", 1]]
    assert standard["why"]["final_nu"]["standardised"] == 1
    assert counts["en"]["negation"]["δεν"] == 1
    assert counts["en"]["copula"]["είναι"] == 1
    assert (counts["en"]["εν -> είναι"], counts["en"]["εν -> δεν"]) == (1, 1)


@pytest.mark.parametrize(
    ("sentence", "use"),
    [
        ("ο αρφός μου εν άρρωστος", "copula"),
        ("ποιος εν' ο αγαπημένος σου", "copula"),
        ("η θάλασσα ένι κρυά", "copula"),
        ("πού εν", "copula"),
        ("εν το χωρκόν μου", "copula"),
        ("εν με τον φίλον του", "copula"),
        ("εν τρώει ψουμίν", "negation"),
        ("ποττέ εν ήμουν τυχερός", "negation"),
        ("εν το εκατέβασα ακόμα", "negation"),
        ("εν μου αρέσκει", "negation"),
        ("εν σου το λαλώ", "negation"),
        ("εν με αφήνει", "negation"),
        ("εν εννά πάω", "negation"),
        ("εν ι-ξέρω", "negation"),
        ("εν να το φάω", "future"),
        ("εν μαύρα", "unclear"),
    ],
)
def test_what_en_is_told_by_its_neighbours(sentence, use):
    words = ["", *sentence.split(), "", ""]
    at = next(i for i, word in enumerate(words) if word in {"εν", "εν'", "ένι"})
    assert use_of_en(words[at], words[at - 1], words[at + 1], words[at + 2]) == use


def test_the_first_of_two_en_is_the_negation():
    uses = counted(split("εν εν καλός"), split("εν εν καλός"))["en"]
    assert (uses["negation"]["tokens"], uses["copula"]["tokens"]) == (1, 1)


@pytest.mark.parametrize(
    ("before", "verb", "pronoun", "after", "expected"),
    [
        ("εγώ", "ξέρω", "το", "", True),
        ("ακόμα", "κάμνει", "μου", "ακόμα", True),
        ("τζ̆αι", "φορώ", "το", "ήταν", True),
        ("", "φορώ", "το", "παττελόνιν", False),  # an article
        ("τον", "παππούν", "τους", "", False),  # a noun
        ("", "φέρε", "το", "", False),  # imperatives have enclisis in Standard as well
        ("", "μιλώ", "με", "την", False),  # a preposition
        ("να", "το", "ξέρω", "", False),
    ],
)
def test_enclisis_is_told_from_articles_and_possessives(before, verb, pronoun, after, expected):
    assert is_enclitic(before, verb, pronoun, after) is expected


@pytest.mark.parametrize(
    ("hypothesis", "outcome"),
    [
        ("εγώ ξέρω το", "correct"),
        ("εγώ το ξέρω", "fronted"),
        ("το ξέρω", "fronted"),
        ("εγώ ξέρω", "pronoun_wrong"),
        ("εγώ ξέρεις το", "verb_wrong"),
    ],
)
def test_what_becomes_of_a_pronoun_behind_its_verb(hypothesis, outcome):
    row = counted(split("εγώ ξέρω το"), split(hypothesis))["enclisis"]
    assert row["tokens"] == 1
    assert row[outcome] == 1


def test_pier_counts_errors_at_latin_words_of_greek_sentences():
    counts = counted(
        split("έκαμα download το file", "είδα το video σου", "all in english", "μόνον ελληνικά"),
        split("έκαμα το file τωρά", "είδα το new βίντεο σου", "all english", "ελληνικά"),
    )["pier"]
    # download deleted, new inserted before video, video substituted; file right, τωρά inserted behind it: its error
    assert [counts[key] for key in ("utterances", "points", "correct", "substitutions", "deletions", "insertions")] == [
        2, 3, 1, 1, 1, 2
    ]  # fmt: skip
    assert counts["pier"] == pytest.approx(400 / 3, abs=1e-3)
    assert counts["rest"]["points"] == 5
    assert counts["rest"]["pier"] == 0.0


def test_pier_on_the_published_programs_own_example():
    """Its README: points File and gedownloadet in "Hast du das File gedownloadet", heard "hast du das file geload et"."""
    points = [[False, False, False, True, True]]
    row = counted(split("hast du das file gedownloadet"), split("hast du das file geload et"), points)["pier"]
    assert (row["points"], row["substitutions"], row["insertions"], row["pier"]) == (2, 1, 1, 100.0)


def test_points_that_do_not_fit_the_references_are_refused():
    with pytest.raises(ValueError, match="1 points for 2 reference words"):
        counted(split("α β"), split("α β"), [[True]])


def test_alignments_of_other_sentences_are_refused():
    with pytest.raises(ValueError, match="other references"):
        features.count(split("α β"), split("α"), wer.align(split("α"), split("α")))


def test_empty_sides_have_no_rates_and_no_division_by_zero():
    counts = counted([[], ["τζ̆αι"], []], [["file"], [], []])
    assert counts["pier"]["pier"] is None
    assert counts["standardisation"]["deleted"] == 1
    assert counted([], [])["standardisation"]["rate"] is None


LEXICON = (
    "τζ̆αι τζιαι και εν δεν είναι εν' ένι εννά θα κάττος κάτος κοπέλλαν κοπέλα ξέρω το σου λαλώ λέω παιχνίθκια παιχνίδια file "
    "video εγόρασα αγόρασα ο η"
)
sentences = st.lists(st.lists(st.sampled_from(LEXICON.split()), max_size=9), min_size=4, max_size=4)


@settings(max_examples=200, deadline=None)
@given(sentences, sentences)
def test_outcomes_add_up_and_parts_merge_to_the_whole(references, hypotheses):
    whole = counted(references, hypotheses)
    for row in whole["features"].values():
        assert row["tokens"] == row["correct"] + row["kept"] + row["lost"] + row["deleted"]
    standard = whole["standardisation"]
    assert standard["tokens"] == sum(standard[kind] for kind in ("correct", "standardised", "other", "deleted"))
    assert sum(row[2] for row in standard["pairs"]) == standard["standardised"]
    for use in features.USES:
        row = whole["en"][use]
        assert row["tokens"] == sum(row[kind] for kind in features.OUTCOMES[1:])
    row = whole["enclisis"]
    assert row["tokens"] == row["correct"] + row["fronted"] + row["pronoun_wrong"] + row["verb_wrong"]
    row = whole["pier"]
    assert row["points"] == row["correct"] + row["substitutions"] + row["deletions"]
    parts = [counted(references[i : i + 1], hypotheses[i : i + 1]) for i in range(4)]
    merged = features.merge(json.loads(json.dumps(part)) for part in parts)
    assert merged == whole


def test_what_the_file_leaves_out_is_counted():
    counts = counted(split("τζ̆αι παιχνίδιν", "τζ̆αι"), split("και παιχνίδι", "και"))
    shown = features.top(counts, 1)
    assert shown["standardisation"]["pairs"] == [["τζ̆αι", "και", 2]]
    assert shown["standardisation"]["pairs_left_out"] == 1
    twice = features.merge([shown, shown])["standardisation"]
    assert (twice["pairs"], twice["pairs_left_out"]) == ([["τζ̆αι", "και", 4]], 2)


def test_counts_of_another_version_are_not_merged():
    with pytest.raises(ValueError, match="version 0"):
        features.merge([{"version": 0}])
    with pytest.raises(ValueError, match="no counts"):
        features.merge([])


def test_any_string_has_features_and_twins_without_an_error():
    rng = random.Random(5)
    letters = "αεηιουωάέίόύώβγδζθκλμνξπρσςτφχψ\u0306\u030c\u0301'’-abzé\u200b😀0ϊΐ"
    for _ in range(3000):
        word = "".join(rng.choices(letters, k=rng.randrange(1, 12)))
        features_of(word)
        twins = twins_of(word)
        assert len(twins) < 5000
        use_of_en("εν", word, word, word)
        is_enclitic(word, word, "το", word)
    assert len({feature.name for feature in FEATURES}) == len(FEATURES)


def test_insertions_belong_to_the_following_word_or_to_the_last():
    aligned = flatten(
        [["a", "β"], ["β"]], [["x", "a", "β", "y"], ["β"]], wer.align([["a", "β"], ["β"]], [["x", "a", "β", "y"], ["β"]])
    )
    counts = pier.count(aligned)
    assert (counts["insertions"], counts["rest"]["insertions"]) == (1, 1)

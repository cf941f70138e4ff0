"""strict >= fold >= lenient for whatever is said and heard, and every variant that was let pass is counted."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cyasr.score import ladder, lattice, wer
from cyasr.text import variants


def climbed(*pairs: tuple[str, str]) -> ladder.Rungs:
    references, hypotheses = [one.split() for one, _ in pairs], [other.split() for _, other in pairs]
    return ladder.climb(references, hypotheses, wer.align(references, hypotheses))


def test_the_three_rungs_of_a_sentence_worked_out_by_hand() -> None:
    rungs = climbed(("εν να πάμε τζ̆αι να δούμε ίντα που κάμνει", "εννά πάμε τζαι να δουμε ίνταμπου κάμνουν"))
    reference, hypothesis = list(rungs.references[0]), list(rungs.hypotheses[0])
    strict = wer.align([reference], [hypothesis]).errors
    # strict: εν να/εννά 2, τζ̆αι 1, δούμε 1, ίντα που/ίνταμπου 2, κάμνει 1; fold forgives two, lenient the phrases as well
    assert (strict[0], rungs.fold_errors[0], rungs.lenient_errors[0]) == (7, 5, 1)
    assert rungs.used == {
        ("εν να", "εννά", "licence:future"): 1,
        ("τζ̆αι", "τζαι", "marks"): 1,
        ("δούμε", "δουμε", "accents"): 1,
        ("ίντα που", "ίνταμπου", "licence:interrogative"): 1,
    }
    assert rungs.fold_used == {("τζ̆αι", "τζαι", "marks"): 1, ("δούμε", "δουμε", "accents"): 1}


def test_a_licence_holds_both_ways() -> None:
    assert climbed(("εννα πάω", "εν να πάω"), ("εν να πάω", "εννα πάω")).lenient_errors.tolist() == [0, 0]


def test_a_licence_is_no_equivalence() -> None:
    rungs = climbed(("αλλα", "αλλά"), ("αλλα", "άλλα"), ("αλλά", "άλλα"), ("σ'", "σε"), ("σ'", "σου"), ("σε", "σου"))
    assert rungs.lenient_errors.tolist() == [0, 0, 1, 0, 0, 1]


def test_the_copula_and_the_negation_stay_errors_on_every_rung() -> None:
    rungs = climbed(("εν ξέρω", "δεν ξέρω"), ("εν' καλά", "δεν καλά"), ("εν ηξέρω", "δε ξέρω"), ("ένι", "δεν"))
    assert rungs.lenient_errors.tolist() == [1, 1, 1, 1]


def test_licensed_phrases_may_overlap_words_that_are_right_elsewhere() -> None:
    assert climbed(("εν να εν να πάω", "εννα εννα πάω")).lenient_errors.tolist() == [0]
    assert climbed(("να εν να εν", "ναν ναν")).lenient_errors.tolist() == [0]
    assert climbed(("εν να εν", "εννα εν")).used == {("εν να", "εννα", "licence:future"): 1}


def test_empty_sides_and_no_utterances() -> None:
    assert climbed(("", "εννα"), ("εν να", ""), ("", "")).lenient_errors.tolist() == [1, 2, 0]
    assert len(ladder.climb([], []).lenient_errors) == 0


def test_unequal_numbers_and_alignments_of_other_words_are_refused() -> None:
    with pytest.raises(ValueError, match="1 references but 2 hypotheses"):
        ladder.climb([["α"]], [["α"], ["β"]])
    with pytest.raises(ValueError, match="alignments of other words"):
        ladder.climb([["α"]], [["β"]], wer.align([["α"]], [["α"]]))


def test_errors_are_those_of_the_plain_recursion_over_the_lattice() -> None:
    licensed = {(one, other) for one, other, _ in variants.licences()} | {(other, one) for one, other, _ in variants.licences()}
    draw = random.Random(5)
    vocabulary = [
        "εν",
        "να",
        "εννα",
        "ένι",
        "ναν",
        "ίντα",
        "που",
        "ίνταμπου",
        "μπου",
        "νάμπου",
        "αλλα",
        "αλλά",
        "σ'",
        "σε",
        "σου",
        "το",
        "στο",
    ]
    pairs = []
    for _ in range(200):
        one, other = ([draw.choice(vocabulary) for _ in range(draw.randint(0, 7))] for _ in range(2))
        pairs.append((" ".join(one), " ".join(other)))
    rungs = climbed(*pairs)
    for k, (one, other) in enumerate(pairs):
        reference, hypothesis = ([variants.fold(word) for word in side.split()] for side in (one, other))
        best = [[0] * (len(hypothesis) + 1) for _ in range(len(reference) + 1)]
        for i in range(len(reference) + 1):
            for j in range(len(hypothesis) + 1):
                ways = [0] if i == j == 0 else []
                ways += [best[i - 1][j] + 1] if i else []
                ways += [best[i][j - 1] + 1] if j else []
                ways += [best[i - 1][j - 1] + (reference[i - 1] != hypothesis[j - 1])] if i and j else []
                for p in range(1, min(i, 3) + 1):
                    for q in range(1, min(j, 3) + 1):
                        if (" ".join(reference[i - p : i]), " ".join(hypothesis[j - q : j])) in licensed:
                            ways.append(best[i - p][j - q])
                best[i][j] = min(ways)
        assert rungs.lenient_errors[k] == best[-1][-1], (one, other)


def noise(draw: random.Random) -> str:
    letters = "αεηιοωάέίόσςζτθδκπνλμφχ" + "\u0306\u030c'-" + "ab1"
    return "".join(draw.choices(letters, k=draw.randint(1, 6)))


def edited(words: list[str], draw: random.Random) -> tuple[list[str], list[str]]:
    """`words` with licensed phrases put in, and the same with variants of words and phrases and noise here and there."""
    phrases = [(one.split(), other.split()) for one, other, _ in variants.licences() if " " in one or " " in other]
    changes = [
        lambda word: word + "ν", lambda word: word.replace("ν", "νν"), lambda word: word.replace("\u0306", ""),
        lambda word: word.replace("ά", "α").replace("έ", "ε"), lambda word: word.replace("δ", "θκ"), lambda word: word + "'",
        lambda word: noise(draw), lambda word: "", lambda word: f"{word} {noise(draw)}",
    ]  # fmt: skip
    one, other = [], []
    for word in words:
        one.append(word)
        other += draw.choice(changes)(word).split() if draw.random() < 0.3 else [word]
        if draw.random() < 0.1:
            sides = list(draw.choice(phrases))
            draw.shuffle(sides)
            one += sides[0]
            other += sides[1]
    return one, other


def test_no_rung_has_more_errors_than_the_one_below_it_over_ten_thousand_pairs() -> None:
    draw = random.Random(0)
    words = [word for one, other, _ in variants.licences() for word in f"{one} {other}".split()]
    words += ["τζ̆αι", "τζιαι", "παιχνίθκια", "παιχνίδια", "μιτσ̆ιά", "έν", "ποττέ", "πότε", "ξέρω", "ι-ξέρω", "'γόρασα", "εγόρασα"]
    references, hypotheses = [], []
    for k in range(10_000):
        reference = [draw.choice(words) if draw.random() < 0.8 else noise(draw) for _ in range(draw.randint(0, 9))]
        other = [draw.choice([*words, noise(draw)]) for _ in range(draw.randint(0, 9))]
        if k % 2:
            reference, other = edited(reference, draw)
        references.append(reference)
        hypotheses.append(other)
    strict = wer.align(references, hypotheses)
    rungs = ladder.climb(references, hypotheses, strict)
    assert (strict.errors >= rungs.fold_errors).all() and (rungs.fold_errors >= rungs.lenient_errors).all()
    assert (strict.errors > rungs.fold_errors).sum() > 1000 and (rungs.fold_errors > rungs.lenient_errors).sum() > 500
    # every word is right, wrong, or one of a variant that is listed
    assert sum(rungs.used.values()) == len(rungs.matches) and all(rules for *_, rules in rungs.used)
    assert "licence:" not in {rules for *_, rules in rungs.used}


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.sampled_from(["εν", "να", "εννα", "έννα", "τζ̆αι", "τζαι", "που", "πού", "ποτέ", "ποττέ"]), max_size=8), st.data()
)
def test_swapping_reference_and_hypothesis_changes_no_rung(reference: list[str], data: st.DataObject) -> None:
    hypothesis = data.draw(st.permutations(reference))
    one, other = (ladder.climb(*sides) for sides in (([reference], [hypothesis]), ([hypothesis], [reference])))
    assert one.fold_errors.tolist() == other.fold_errors.tolist()
    assert one.lenient_errors.tolist() == other.lenient_errors.tolist()


def test_a_long_pair_is_cut_and_keeps_the_order(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = random.Random(2)
    words = ["εν", "να", "εννα", "ίντα", "που", "ίνταμπου", "πάω", "τζ̆αι", "τζαι", "μιτσής", "κάττος"]
    reference, hypothesis = edited([draw.choice(words) for _ in range(600)], draw)
    whole = ladder.climb([reference], [hypothesis])
    for cells in (10, 100, 5000):
        monkeypatch.setattr(lattice, "CELLS", cells)
        cut = ladder.climb([reference], [hypothesis])
        assert whole.lenient_errors[0] <= cut.lenient_errors[0] <= cut.fold_errors[0]
    assert cut.lenient_errors[0] < cut.fold_errors[0]


def test_each_match_is_found_in_its_utterance() -> None:
    rungs = climbed(("ναι", "ναι"), ("εγώ εν να πάω τζ̆αι", "εννα πάω τζιαι"))
    assert [rungs.match(row) for row in rungs.matches] == [("εν να", "εννα", "licence:future"), ("τζ̆αι", "τζιαι", "marks+iota")]
    assert rungs.matches.tolist() == [[1, 1, 3, 0, 1], [1, 4, 5, 2, 3]]


def test_signatures_of_the_rungs_differ_and_name_rules_and_licences() -> None:
    strict, fold, lenient = (ladder.signature(rung) for rung in ("strict", "fold", "lenient"))
    assert len({strict, fold, lenient}) == 3
    assert "final_n" in fold and lenient.endswith(fold) and "licences" in lenient

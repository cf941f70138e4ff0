import random
import unicodedata

import jiwer
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein

from cyasr.score import kernel, wer

C, S, D, I = range(4)  # noqa: E741


def test_counts_and_operations_of_a_pair_worked_out_by_hand():
    reference, hypothesis = ["ο", "κάττος", "εν", "μιτσής", "σήμερα"], ["κάττος", "ένι", "μιτσής", "σήμερα", "ρε"]
    aligned = wer.align([reference], [hypothesis])
    assert aligned.counts.tolist() == [[3, 1, 1, 1]]
    assert aligned.of(0).tolist() == [D, C, S, C, C, I]
    assert wer.aligned_words(reference, hypothesis, aligned.of(0)) == [
        ("ο", None),
        ("κάττος", "κάττος"),
        ("εν", "ένι"),
        ("μιτσής", "μιτσής"),
        ("σήμερα", "σήμερα"),
        (None, "ρε"),
    ]


def test_among_alignments_with_fewest_errors_the_one_with_most_correct_words_is_taken():
    aligned = wer.align([["a", "b"]], [["b", "c"]])  # two substitutions, or one deletion and one insertion
    assert aligned.counts.tolist() == [[1, 0, 1, 1]]


def test_empty_sides_are_all_insertions_or_all_deletions():
    aligned = wer.align([[], ["α", "β"], []], [["α"], [], []])
    assert aligned.counts.tolist() == [[0, 0, 0, 1], [0, 0, 2, 0], [0, 0, 0, 0]]
    assert [aligned.of(i).tolist() for i in range(3)] == [[I], [D, D], []]


def test_unequal_numbers_of_sentences_are_refused():
    with pytest.raises(ValueError, match="1 references but 2 hypotheses"):
        wer.align([["α"]], [["α"], ["β"]])


words = st.lists(st.sampled_from(["α", "β", "γ", "δ", "τζ̆αι"]), max_size=12)


@settings(max_examples=300, deadline=None)
@given(words, words)
def test_operations_rebuild_both_sides_and_errors_equal_rapidfuzz(reference, hypothesis):
    aligned = wer.align([reference], [hypothesis])
    pairs = wer.aligned_words(reference, hypothesis, aligned.of(0))
    assert [one for one, _ in pairs if one is not None] == reference
    assert [other for _, other in pairs if other is not None] == hypothesis
    kinds = [C if one == other else S if one and other else D if one else I for one, other in pairs]
    assert kinds == aligned.of(0).tolist()
    assert aligned.counts[0].tolist() == [kinds.count(kind) for kind in range(4)]
    assert aligned.errors[0] == Levenshtein.distance(reference, hypothesis)


@settings(max_examples=300, deadline=None)
@given(words, words)
def test_no_alignment_with_as_few_errors_has_more_correct_words(reference, hypothesis):
    """Against the plain recursion on (errors, substitutions)."""
    best = [[(j, 0) for j in range(len(hypothesis) + 1)]]
    for i, one in enumerate(reference, 1):
        row = [(i, 0)]
        for j, other in enumerate(hypothesis, 1):
            wrong = one != other
            diagonal, above, left = best[-1][j - 1], best[-1][j], row[-1]
            row.append(min((diagonal[0] + wrong, diagonal[1] + wrong), (above[0] + 1, above[1]), (left[0] + 1, left[1])))
        best.append(row)
    aligned = wer.align([reference], [hypothesis])
    assert (aligned.errors[0], aligned.counts[0, S]) == best[-1][-1]


def random_pairs(count, longest=30, vocabulary=40, seed=0):
    draw = random.Random(seed)

    def sentence():
        return [f"w{draw.randrange(vocabulary)}" for _ in range(draw.randint(1, longest))]

    return [sentence() for _ in range(count)], [sentence() for _ in range(count)]


def test_totals_equal_jiwer_over_a_corpus():
    references, hypotheses = random_pairs(500)
    ours = wer.align(references, hypotheses)
    theirs = jiwer.process_words([" ".join(one) for one in references], [" ".join(one) for one in hypotheses])
    assert ours.errors.sum() == theirs.substitutions + theirs.deletions + theirs.insertions
    assert ours.counts[:, :I].sum() == theirs.hits + theirs.substitutions + theirs.deletions
    assert ours.counts[:, C].sum() >= theirs.hits


def test_halving_long_pairs_gives_the_same_counts():
    references, hypotheses = random_pairs(40, longest=60, vocabulary=8, seed=3)
    vocabulary = {}
    ref, ref_starts = wer.word_ids(references, vocabulary)
    hyp, hyp_starts = wer.word_ids(hypotheses, vocabulary)
    whole = kernel.align_all(ref, ref_starts, hyp, hyp_starts, kernel.TABLE)
    for limit in (1, 7, 50):
        counts, ops, starts = kernel.align_all(ref, ref_starts, hyp, hyp_starts, limit)
        assert (counts == whole[0]).all()
        for i, (reference, hypothesis) in enumerate(zip(references, hypotheses, strict=True)):
            pairs = wer.aligned_words(reference, hypothesis, ops[starts[i] : starts[i + 1]])
            assert [one for one, _ in pairs if one] == reference and [other for _, other in pairs if other] == hypothesis


def test_a_sentence_of_twenty_thousand_words_is_aligned_within_bounded_memory():
    draw = random.Random(1)
    reference = [f"w{draw.randrange(500)}" for _ in range(20_000)]
    hypothesis = [word for word in reference if draw.random() > 0.05]
    aligned = wer.align([reference], [hypothesis])
    assert aligned.counts[0].tolist() == [len(hypothesis), 0, len(reference) - len(hypothesis), 0]


def test_distances_of_nbest_lists_are_those_of_single_alignments():
    references, hypotheses = random_pairs(30)
    owner = np.array([i % 30 for i in range(90)])
    many = [hypotheses[(i * 7) % 30] for i in range(90)]
    expected = wer.align([references[i] for i in owner], many).errors
    assert (wer.distances(references, many, owner) == expected).all()


texts = st.lists(st.text(alphabet="αβ \t\n\x85\u2003̆'😀\ud800", max_size=12), min_size=1, max_size=4)


@settings(max_examples=300, deadline=None)
@given(texts, texts)
def test_texts_are_cut_into_words_and_aligned_as_lists_of_words_are(references, hypotheses):
    size = min(len(references), len(hypotheses))
    references, hypotheses = references[:size], hypotheses[:size]
    ours = wer.align_texts(references, hypotheses)
    lists = wer.align([text.split() for text in references], [text.split() for text in hypotheses])
    assert (ours.counts == lists.counts).all() and (ours.ops == lists.ops).all() and (ours.starts == lists.starts).all()


def test_every_blank_of_str_split_parts_words_of_texts():
    blanks = [chr(point) for point in range(0x110000) if chr(point).isspace()]
    text = "".join(f"{i}{blank}" for i, blank in enumerate(blanks))
    assert wer.align_texts([text], [" ".join(text.split())]).counts.tolist() == [[len(blanks), 0, 0, 0]]
    assert wer.align_texts([""], [""]).counts.tolist() == [[0, 0, 0, 0]] and len(wer.align_texts([], []).counts) == 0


def test_unequal_numbers_of_texts_are_refused():
    with pytest.raises(ValueError, match="2 references but 1 hypotheses"):
        wer.align_texts(["α", "β"], ["α"])


def test_a_letter_with_its_marks_is_one_character():
    assert wer.graphemes("τζ̆αι") == ["τ", "ζ̆", "α", "ι"]
    errors, lengths = wer.character_errors(["τζ̆αι σ̆ύλλος"], ["τζαι σύλλος"])
    assert (errors.tolist(), lengths.tolist()) == ([2], [11])


def test_composed_and_decomposed_letters_are_the_same_character():
    word = "σ̆ύλλος"
    errors, lengths = wer.character_errors([word], [unicodedata.normalize("NFD", word)])
    assert (errors.tolist(), lengths.tolist()) == ([0], [6])


def test_characters_of_empty_texts():
    errors, lengths = wer.character_errors(["", "ναι", "\u0306"], ["ναι", "", ""])
    assert (errors.tolist(), lengths.tolist()) == ([3, 3, 1], [0, 3, 1])


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="αβσζ ̆̌́", max_size=15), st.text(alphabet="αβσζ ̆̌́", max_size=15))
def test_character_errors_are_the_distance_of_grapheme_lists(reference, hypothesis):
    errors, lengths = wer.character_errors([reference], [hypothesis])
    assert errors[0] == Levenshtein.distance(wer.graphemes(reference), wer.graphemes(hypothesis))
    assert lengths[0] == len(wer.graphemes(reference))


def test_character_totals_equal_jiwer_where_no_letter_is_marked():
    references, hypotheses = random_pairs(200)
    references, hypotheses = [" ".join(one) for one in references], [" ".join(one) for one in hypotheses]
    errors, lengths = wer.character_errors(references, hypotheses)
    assert errors.sum() / lengths.sum() == pytest.approx(jiwer.cer(references, hypotheses))

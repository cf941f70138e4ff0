import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cyasr.score import confusions, wer


def counted(references, hypotheses):
    return confusions.count(references, hypotheses, wer.align(references, hypotheses))


def split(*texts):
    return [text.split() for text in texts]


def test_words_are_listed_by_how_often_they_are_confused():
    counts = counted(split("τζ̆αι εν καλός", "τζ̆αι εν καλή", "ο κάττος"), split("και εν καλός", "και είναι καλή ρε", "κάττος"))
    assert counts["words"] == {
        "substitutions": [["τζ̆αι", "και", 2], ["εν", "είναι", 1]],
        "deletions": [["ο", 1]],
        "insertions": [["ρε", 1]],
    }


def test_letters_are_counted_inside_substituted_words_as_often_as_these_occur():
    counts = counted(split("σ̆έριν μου", "σ̆έριν μου", "κάττος"), split("χέρι μου", "χέρι μου", ""))
    assert counts["graphemes"] == {"substitutions": [["σ̆", "χ", 2]], "deletions": [["ν", 2]], "insertions": []}


def test_equal_texts_and_empty_ones_have_no_confusions():
    empty = {"substitutions": [], "deletions": [], "insertions": []}
    assert counted(split("α β", ""), split("α β", "")) == {"version": 1, "words": empty, "graphemes": empty}
    assert counted([], [])["words"] == empty


words = st.lists(st.sampled_from(["τζ̆αι", "και", "εν", "δεν", "κάττος", "κάτος", "σ̆έριν"]), max_size=8)
several = st.lists(words, min_size=3, max_size=3)


@settings(max_examples=150, deadline=None)
@given(several, several)
def test_lists_hold_every_error_and_parts_merge_to_the_whole(references, hypotheses):
    whole = counted(references, hypotheses)
    totals = [sum(row[-1] for row in whole["words"][kind]) for kind in confusions.KINDS]
    assert totals == wer.align(references, hypotheses).counts[:, 1:].sum(axis=0).tolist()
    parts = [counted(references[i : i + 1], hypotheses[i : i + 1]) for i in range(3)]
    assert confusions.merge(json.loads(json.dumps(part)) for part in parts) == whole


def test_errors_beyond_the_first_rows_are_counted_as_left_out():
    counts = counted(split("α β γ δ"), split("α ε ζ η"))
    shown = confusions.top(counts, 1)
    assert len(shown["words"]["substitutions"]) == 1
    assert shown["words"]["left_out"] == {"substitutions": 2, "deletions": 0, "insertions": 0}
    assert confusions.top(confusions.merge([shown, shown]), 1)["words"]["left_out"]["substitutions"] == 4


def test_counts_of_another_version_are_not_merged():
    with pytest.raises(ValueError, match="version 7"):
        confusions.merge([{"version": 7}])

"""ARPA files come back as they went, read like other tools read them, and say where they are wrong."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

from cyasr.cli import UsageError
from cyasr.lm.arpa import read_arpa, write_arpa
from cyasr.lm.counts import count_ngrams
from cyasr.lm.kneser_ney import estimate
from cyasr.lm.ngram import NgramLM
from tests.lm.test_ngram import TEXTS, naive, table

GOOD = """
\\data\\
ngram 1=5
ngram 2=4

\\1-grams:
-1.0\t<unk>
-99\t<s>\t-0.30103
-0.7\t</s>
-0.5\ta\t-0.2
-0.6\tb\t-0.1

\\2-grams:
-0.2\t<s> a
-0.4\ta b
-0.5\tb </s>
-0.9\ta </s>

\\end\\
"""


def test_written_models_come_back_exactly(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("arpa") / "lm.arpa.gz"

    @settings(max_examples=25, deadline=None)
    @given(TEXTS)
    def check(text: list[list[str]]) -> None:
        lm, _ = estimate(count_ngrams(text, 4))
        write_arpa(lm, path)
        back = NgramLM.load(path)
        assert back.vocab == lm.vocab and back.order == lm.order
        for one, other in ((back.keys, lm.keys), (back.log_prob, lm.log_prob), (back.backoff, lm.backoff)):
            np.testing.assert_array_equal(one, other)

    check()


def test_files_of_other_tools_are_read_in_any_order_and_spacing(tmp_path: Path) -> None:
    path = tmp_path / "lm.arpa"
    path.write_text(GOOD.replace("\t", " "), encoding="utf-8")
    lm = read_arpa(path)
    assert lm.counts() == [5, 4]
    expected = sum([-0.2, -0.4, -0.5]) * np.log(10)
    assert lm.score_sentences([["a", "b"]])[0] == pytest.approx(expected, abs=1e-6)
    entries = table(lm)
    assert lm.score_sentences([["b", "zzz"]])[0] == pytest.approx(
        naive(entries, ("<s>",), "b") + naive(entries, ("b",), "<unk>") + naive(entries, ("<unk>",), "</s>"), abs=1e-6
    )


def test_a_gap_in_the_shorter_ngrams_ends_is_bridged_in_states(tmp_path: Path) -> None:
    """Pruned files may list `a b c` without `b c`; the state after `a b` is still found, and left the right way."""
    path = tmp_path / "lm.arpa"
    unigrams = "-1 <unk>\n-99 <s> -0.1\n-1 </s>\n-1 a -0.2\n-1 b -0.3\n-1 c -0.4\n"
    sections = f"\n\\1-grams:\n{unigrams}\n\\2-grams:\n-0.5 a b -0.6\n-0.5 <s> a -0.7\n\n\\3-grams:\n-0.1 a b c\n\n\\end\\\n"
    path.write_text("\\data\\\nngram 1=6\nngram 2=2\nngram 3=1\n" + sections, encoding="utf-8")
    lm, entries = read_arpa(path), table(read_arpa(path))
    state, history, total = lm.start(), ("<s>",), 0.0
    for token in ("a", "b", "c", "b", "</s>"):
        expected = naive(entries, history[-2:], token)
        assert lm.scores([state])[0, lm.ids[token]] == pytest.approx(expected, abs=1e-6)
        state, history, total = int(lm.advance([state], [lm.ids[token]])[0]), (*history, token), total + expected
    assert lm.score_sentences([["a", "b", "c", "b"]])[0] == pytest.approx(total, abs=1e-6)


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("\\data\\", "", 19, "cut short"),
        ("ngram 1=5\nngram 2=4\n", "", 4, "announces no n-grams"),
        ("ngram 1=5", "ngram 1=6", 13, "comes after 5 1-grams; .*announces 6"),
        ("ngram 1=5", "ngram 1=4", 11, "expected .2-grams:"),
        ("ngram 2=4", "ngram 2=3", 17, "expected .end"),
        ("ngram 2=4", "ngram 3=4", 4, "expected the count of order 2"),
        ("\\1-grams:", "", 7, "expected .1-grams:"),
        ("\\2-grams:", "", 14, "expected .2-grams:"),
        ("\\end\\", "", 19, "ends where .end. should come"),
        ("-0.4\ta b", "-0.4\ta q", 15, "'q' is not among the 1-grams"),
        ("-0.4\ta b", "x\ta b", 15, "no number"),
        ("-0.4\ta b", "0.4\ta b", 15, "at most 0"),
        ("-0.4\ta b", "-0.4\ta", 15, "no 2-gram"),
        ("-0.4\ta b", "nan\ta b", 15, "no 2-gram"),
        ("-0.4\ta b", "-0.4\t<s> a", 15, "twice"),
        ("-0.6\tb\t-0.1", "-0.6\ta\t-0.1", 11, "twice"),
        ("-0.7\t</s>", "-0.7\tend", 11, "lack </s>"),
    ],
)
def test_a_damaged_file_is_refused_with_file_and_line(tmp_path: Path, old: str, new: str, line: int, message: str) -> None:
    path = tmp_path / "lm.arpa"
    assert old in GOOD
    path.write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(UsageError, match=rf"lm\.arpa:{line}: .*{message}"):
        read_arpa(path)


def test_an_ngram_without_its_beginning_is_refused_with_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "lm.arpa"
    text = GOOD.replace("ngram 2=4", "ngram 2=4\nngram 3=1").replace("\\end\\", "\\3-grams:\n-0.1\tb a b\n\n\\end\\")
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=r"lm\.arpa:21: the first 2 tokens are not listed"):
        read_arpa(path)


def test_text_that_is_not_utf8_is_refused_with_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "lm.arpa"
    path.write_bytes(GOOD.replace("\tb\t", "\tβ\t").encode("iso8859-7"))
    with pytest.raises(UsageError, match=r"lm\.arpa:11: not UTF-8"):
        read_arpa(path)


def test_a_truncated_gzip_file_is_refused_with_its_name(tmp_path: Path) -> None:
    path = tmp_path / "lm.arpa.gz"
    path.write_bytes(gzip.compress(GOOD.encode())[:-12])
    with pytest.raises(UsageError, match=r"lm\.arpa\.gz:\d+: "):
        read_arpa(path)


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"lm\.arpa does not exist"):
        read_arpa(tmp_path / "lm.arpa")

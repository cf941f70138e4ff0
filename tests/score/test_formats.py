"""Every format read as it is documented, written so that it reads back the same, and refused with its line where it is not."""

import gzip
import json
import random
from pathlib import Path

import pytest

from cyasr.cli import RunError, UsageError
from cyasr.score import formats, markup
from cyasr.score.formats import nist
from cyasr.score.utterances import Utterance, Word, without_repeats


def read(path: Path, text: str | bytes, form: str | None = None, **how: str) -> list[Utterance]:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return list(formats.read(path, form or formats.detect(path), **how))


def readings(text: str, heard: str, costs: markup.Costs = markup.UNIT) -> tuple[str, str, int]:
    best = markup.settle(markup.parse(text), [heard], costs)
    return " ".join(best.reference), " ".join(best.hypothesis), best.left_out


@pytest.mark.parametrize(
    ("name", "text", "form"),
    [
        ("ref.trn", "όι (a-1)\n", "trn"),
        ("hyp.ctm.filt", "f A 0 1 όι\n", "ctm"),
        ("x.stm.utf8", "f A s 0 1 όι\n", "stm"),
        ("hyp", "ναι όι (a-1)\nναι (a-2)\n", "trn"),
        ("hyp", ";; comment\nf 1 0.00 0.31 ναι 0.99\nf 1 0.31 0.20 όι\n", "ctm"),
        ("ref", "f 1 maria 0.00 3.20 <o,f> ναι όι\nf 1 maria 3.20 5 \n", "stm"),
        ("text", "u1 ένα δύο\nu2\n", "kaldi"),
        ("text", "u1 1 2 3 4\nu2 5 6 7 8 9\n", "kaldi"),  # digits, but no times
        ("a.json", '{"audio_filepath": "a.wav", "text": "ναι"}\n', "nemo"),
        ("a", '{"id": "a", "text": "ναι"}\n', "jsonl"),
    ],
)
def test_a_format_is_told_by_name_or_contents(tmp_path, name, text, form):
    (tmp_path / name).write_text(text)
    assert formats.detect(tmp_path / name) == form


def test_trn_names_the_speaker_and_takes_the_last_parenthesis_for_the_id(tmp_path):
    rows = read(tmp_path / "a.trn", ";; comment\n\nναι (uh) όι (s1_u-2)\n\t(s2_x) \r\nναι\t(plain)\n")
    assert [(one.id, one.speaker, one.text) for one in rows] == [
        ("s1_u-2", "s1_u", "ναι uh όι"),
        ("s2_x", "s2", ""),
        ("plain", None, "ναι"),
    ]


def test_alternatives_may_be_nested_empty_and_written_without_blanks():
    assert readings("a {b/c} {d/@}e", "a c e") == ("a c e", "a c e", 0)
    assert readings("a { b {c / d} / @ } e", "a b d e") == ("a b d e", "a b d e", 0)
    assert readings("i { um / uh / @ } know", "i know") == ("i know", "i know", 0)
    assert readings("and/or @ x*", "and/or x") == ("and/or x", "and/or x", 0)


def test_an_optional_word_may_be_left_out_but_not_replaced():
    assert readings("a (uh) c", "a c") == ("a c", "a c", 1)
    assert readings("a (uh) c", "a uh c") == ("a uh c", "a uh c", 0)
    assert readings("a (uh) c", "a x c") == ("a uh c", "a x c", 0)


def test_of_all_readings_the_one_with_fewest_errors_is_taken():
    random.seed(4)
    for _ in range(300):
        slots = [[random.choice("abc") * random.randint(0, 2) for _ in range(random.randint(1, 3))] for _ in range(4)]
        pieces = [markup.Choice(tuple((" ".join(reading),) if reading else () for reading in slot)) for slot in slots]
        heard = " ".join(random.choices("abc", k=random.randint(0, 6)))
        best = markup.settle(pieces, [heard])
        every = [[]]
        for slot in slots:
            every = [[*one, *reading] for one in every for reading in slot]
        assert errors(best.reference, best.hypothesis) == min(errors(one, heard.split()) for one in every)


def errors(ref: list[str], hyp: list[str]) -> int:
    from cyasr.score import wer

    return int(wer.align([ref], [hyp]).errors[0])


@pytest.mark.parametrize(("text", "what"), [("a { b / c (s-1)", "opening brace"), ("a b } (s-1)", "closing brace")])
def test_a_brace_without_its_partner_is_named(tmp_path, text, what):
    with pytest.raises(RunError, match=rf"a\.trn:2: .*{what}.*utterance s-1"):
        read(tmp_path / "a.trn", f"(s-0)\n{text}\n")


def test_stm_gives_speaker_labels_times_and_what_is_not_scored(tmp_path):
    text = """;; LABEL "O" "Overall" ""
2347 a 2347-a 1.06 3.47 <O,F,00> ναι {um/uh}
2347 a s2 3.47 5
2347 a s2 5 6 <O> ignore_time_segment_in_scoring
"""
    first, second, third = read(tmp_path / "a.stm", text)
    assert (first.speaker, first.begin, first.duration, first.text) == ("2347-a", 1.06, 2.41, "ναι um")
    assert first.labels == "O,F,00"
    assert (second.text, second.ignored, third.ignored) == ("", False, True)


def test_ctm_keeps_the_order_of_its_lines_channels_apart_and_alternatives(tmp_path):
    text = """;; comment
7654 A 11.34 0.2 YES -6.763
7654 A * * <ALT_BEGIN>
7654 A 12.00 0.34 UM
7654 A * * <ALT>
7654 A * * <ALT_END>
7654 A 11.9 0.1 (it) 0.5 lex
7654 B 1.34 0.2 I
"""
    first, second = read(tmp_path / "a.ctm", text)
    assert (first.id, second.id, second.text) == ("7654-a", "7654-b", "I")
    assert first.pieces == ("YES", markup.Choice((("UM",), ())), markup.Optional("it"))
    assert first.words[0] == Word("YES", 11.34, 11.54, -6.763)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("f A 0.1", "3 columns"),
        ("f A begin 0.2 a", "'begin' is no time"),
        ("f A 0.1 nan a", "'nan' is no time"),
        ("f A -1 0.2 a", "'-1' is no time"),
        ("f A * * <ALT>", "outside of any alternation"),
        ("f A * * <ALT_BEGIN>", "without <ALT_END>"),
        ("g A 0 1 a\nf A 1 1 a", "was there before"),
    ],
)
def test_a_bad_line_of_a_ctm_is_named(tmp_path, line, what):
    with pytest.raises(RunError, match=r"a\.ctm:\d: .*" + what.replace("(", r"\(").replace("*", r"\*")):
        read(tmp_path / "a.ctm", f"f A 0 0.1 a\n{line}\n")


def test_words_go_to_the_segment_their_middle_lies_in(tmp_path):
    segments = read(tmp_path / "a.stm", "f A s 1 2 a\nf A s 2 3 b\nf A s 3 4 ignore_time_segment_in_scoring\nf A s 5 6 c\n")
    words = [
        (0.2, "before"),
        (1.5, "in1"),
        (1.9, "on"),
        (2.5, "in2"),
        (3.5, "gone"),
        (4.5, "between"),
        (5.5, "in4"),
        (9, "after"),
    ]
    heard = read(tmp_path / "a.ctm", "".join(f"f A {start} 0.2 {word}\n" for start, word in words))
    dealt = [(one.text, words.text) for one, words in nist.deal_out(segments, heard[0])]
    assert dealt == [("a", "before in1"), ("b", "on in2"), ("c", "between in4 after")]
    assert [words.text for _, words in nist.deal_out(segments, None)] == ["", "", ""]


def test_kaldi_text_may_have_tabs_and_empty_utterances(tmp_path):
    rows = read(tmp_path / "text", "u1\tτζ̆αι  όι\r\n\nu2\nu3 ναι\u2028όι\n")
    assert [(one.id, one.text) for one in rows] == [("u1", "τζ̆αι  όι"), ("u2", ""), ("u3", "ναι\u2028όι")]


def test_a_nemo_manifest_of_both_sides_gives_text_or_pred_text(tmp_path):
    line = json.dumps({"audio_filepath": "/x/a.wav", "duration": 1.5, "text": "ναι", "pred_text": "όι"})
    said, heard = read(tmp_path / "a.json", line), read(tmp_path / "a.json", line, side="hypothesis")
    assert (said[0].text, heard[0].text, said[0].id, said[0].duration) == ("ναι", "όι", "a", 1.5)
    assert read(tmp_path / "a.json", line, partner="nemo")[0].id == "/x/a.wav"


def test_our_own_rows_n_best_lists_and_cuts_are_json_lines_too(tmp_path):
    cut = {
        "id": "u1",
        "duration": 2.0,
        "supervisions": [{"text": "b", "start": 1.0}, {"text": "a", "start": 0.0, "speaker": "s"}],
    }
    nbest = {"id": "u1", "hyps": [{"text": "x"}, {"text": "y"}], "decode_seconds": 0.5, "audio_seconds": 2.0}
    said = read(tmp_path / "a.jsonl", json.dumps(cut))[0]
    heard = read(tmp_path / "b.jsonl", json.dumps(nbest), side="hypothesis")[0]
    assert (said.text, said.duration, heard.text, heard.hyps) == ("a b", 2.0, "x", ["x", "y"])
    row = {"id": "u1", "ref": "a", "hyp": "b", "dialect": "cypriot", "label": "gold", "text_extra": 1}
    assert read(tmp_path / "c.jsonl", json.dumps(row))[0].dialect == "cypriot"
    assert read(tmp_path / "c.jsonl", json.dumps(row), side="hypothesis")[0].text == "b"


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ('{"id": "a", "text": ', "no JSON"),
        ("[", "one JSON list"),
        ("3", "a JSON int"),
        ('{"text": "a"}', "nothing to call the utterance by"),
        ('{"id": "a"}', "has no text or ref"),
        ('{"id": "a", "text": 5}', "is a int, not a string"),
        ('{"id": "a", "text": "x", "duration": "2 s"}', "duration of utterance a is no number"),
        ("[" * 100_000, "no JSON"),
    ],
)
def test_a_bad_json_line_is_named(tmp_path, line, what):
    with pytest.raises(RunError, match=r"a\.jsonl:2: .*" + what):
        read(tmp_path / "a.jsonl", f'{{"id": "0", "text": "x"}}\n{line}\n')


def test_a_byte_order_mark_crlf_and_gzip_change_nothing(tmp_path):
    plain = "u1 ναι\nu2 όι\n"
    expected = [("u1", "ναι"), ("u2", "όι")]
    for name, data in (
        ("a", plain.encode()),
        ("b", b"\xef\xbb\xbf" + plain.replace("\n", "\r\n").encode()),
        ("c.gz", gzip.compress(plain.rstrip().encode())),
    ):
        assert [(one.id, one.text) for one in read(tmp_path / name, data)] == expected


def test_other_bytes_than_utf_8_are_named_with_line_and_column(tmp_path):
    with pytest.raises(RunError, match=r"text:2: byte 0xed at column 4 is not UTF-8"):
        read(tmp_path / "text", b"u1 a\nu2 \xed\xe1\xe9\n", "kaldi")


def test_a_missing_empty_or_damaged_file_is_named(tmp_path):
    with pytest.raises(UsageError, match="none does not exist"):
        formats.detect(tmp_path / "none")
    with pytest.raises(UsageError, match="is a directory"):
        formats.detect(tmp_path)
    with pytest.raises(UsageError, match="is empty; name its format"):
        read(tmp_path / "empty", "")
    with pytest.raises(RunError, match=r"c\.gz:\d+: damaged"):
        read(tmp_path / "c.gz", gzip.compress(b"u1 a\n" * 5000)[:60])


def test_a_line_of_a_megabyte_is_read_like_any_other(tmp_path):
    text = "λέξη " * 200_000
    assert len(read(tmp_path / "text", f"u1 {text}\n")[0].text.split()) == 200_000


def test_repeated_ids_are_found_however_far_apart(tmp_path):
    ids = [*(f"u{i}" for i in range(20_000)), "u7"]
    with pytest.raises(RunError, match="x:20001: utterance u7 stands twice"):
        list(without_repeats(Utterance(name, "", f"x:{i}") for i, name in enumerate(ids, 1)))
    assert len(list(without_repeats(Utterance(name, "") for name in ids[:-1]))) == 20_000


@pytest.mark.parametrize("form", ["trn", "kaldi", "nemo", "jsonl", "lines"])
def test_what_is_written_reads_back_the_same(tmp_path, form):
    texts = ["τζ̆αι όι", "", "εν' καλά"]
    utterances = [Utterance(f"s1-u{i}", text, speaker="s1") for i, text in enumerate(texts, 1)]
    path = tmp_path / f"a.{form}.gz"
    assert formats.write(path, form, utterances) == 3
    back = list(formats.read(path, form, partner=form))
    assert [one.text for one in back] == texts
    assert [one.id for one in back] == ([one.id for one in utterances] if form != "lines" else ["1", "2", "3"])


def test_times_survive_stm_and_ctm(tmp_path):
    one = Utterance("u1", "ναι όι", speaker="s1", duration=2.5, recording="f", channel="B", begin=1.0, labels="o,f")
    one.words = [Word("ναι", 1.0, 1.5, 0.25), Word("όι", 1.5, 2.0)]
    formats.write(tmp_path / "a.stm", "stm", [one])
    formats.write(tmp_path / "a.ctm", "ctm", [one])
    assert (tmp_path / "a.stm").read_text() == "f B s1 1.000 3.500 <o,f> ναι όι\n"
    assert (tmp_path / "a.ctm").read_text() == "f B 1.000 0.500 ναι 0.2500\nf B 1.500 0.500 όι\n"
    segment, channel = read(tmp_path / "b.stm", (tmp_path / "a.stm").read_bytes())[0], next(nist.read_ctm(tmp_path / "a.ctm"))
    assert (segment.begin, segment.duration, segment.speaker) == (1.0, 2.5, "s1")
    assert channel.words == one.words


@pytest.mark.parametrize(
    ("form", "one", "what"),
    [
        ("trn", Utterance("a b", "x", "f:1"), "cannot be an utterance id"),
        ("trn", Utterance("a", "x (y)", "f:1"), "mean something in NIST"),
        ("trn", Utterance("a", "{ x }", "f:1"), "mean something in NIST"),
        ("kaldi", Utterance("a b", "x", "f:1"), "cannot be an utterance id"),
        ("stm", Utterance("a", "x", "f:1"), "no duration"),
        ("ctm", Utterance("a", "x", "f:1"), "have no times"),
    ],
)
def test_what_a_format_cannot_hold_is_refused_and_leaves_no_file(tmp_path, form, one, what):
    with pytest.raises(RunError, match="f:1: .*" + what):
        formats.write(tmp_path / "out", form, [Utterance("ok", "", duration=1.0, words=[]), one])
    assert not list(tmp_path.iterdir())

import json
import os
from pathlib import Path

import pytest

from cyasr.files import read_json, read_jsonl_gz

CUTS = [
    {"id": "u1", "text": "ο κάττος εν μιτσής", "speaker": "s1", "dialect": "cypriot", "domain": "commands"},
    {"id": "u2", "text": "τζ̆αι ο σ̆ύλλος", "speaker": "s1", "dialect": "cypriot"},
    {"id": "u3", "text": "καλημέρα σας", "speaker": "s2", "dialect": "standard"},
]
HYPS = {
    "u3": ["καλημέρα σας"],
    "u1": ["ο κάττος εν μεγάλος τζ̆αι", "ο κάττος εν μιτσής"],
    "u2": ["ο σύλλος"],
}


def test_figures_of_a_list_worked_out_by_hand(recipe, capsys):
    recipe.data("toy", "test", CUTS)
    recipe.nbest("toy/train_a/decode_joint/test", HYPS)
    recipe.run("score", "--exp", "exp/toy")
    score = read_json(Path("exp/toy/train_a/decode_joint/test.score.json"))
    # u1: one substitution, one insertion; u2: one deletion, one substitution (the mark of σ̆ counts)
    kinds = ("words", "correct", "substitutions", "deletions", "insertions", "errors")
    assert [score[kind] for kind in kinds] == [9, 6, 2, 1, 1, 4]
    assert score["wer"] == pytest.approx(100 * 4 / 9, abs=1e-3)
    assert score["ser"] == pytest.approx(100 * 2 / 3, abs=1e-3)
    assert score["oracle_wer"] == pytest.approx(100 * 2 / 9, abs=1e-3)
    assert score["nbest_mean"] == pytest.approx(4 / 3, abs=0.01)
    assert (score["utterances"], score["speakers"]) == (3, 2)
    assert score["rtf"] == 0.25
    assert (score["system"], score["set"], score["split"]) == ("espnet", "toy", "test")
    assert score["text"]["profile"] == "t1" and score["text"]["signature"].startswith("t1")
    assert score["interval"]["note"] == "within these speakers"
    assert score["interval"]["low"] <= score["wer"] <= score["interval"]["high"]
    assert score["by"]["dialect"]["cypriot"]["errors"] == 4 and score["by"]["dialect"]["standard"]["wer"] == 0
    assert set(score["by"]["domain"]) == {"commands", "unknown"}
    assert score["by"]["speaker"]["s2"]["utterances"] == 1
    assert "WER 44.44 %" in capsys.readouterr().out


def test_counts_by_utterance_add_up_to_the_score_and_keep_the_manifests_order(recipe):
    recipe.data("toy", "test", CUTS)
    recipe.nbest("toy/train_a/decode_joint/test", HYPS)
    recipe.run("score", "--exp", "exp/toy")
    rows = list(read_jsonl_gz(Path("exp/toy/train_a/decode_joint/test.utterances.jsonl.gz")))
    score = read_json(Path("exp/toy/train_a/decode_joint/test.score.json"))
    assert [row["id"] for row in rows] == ["u1", "u2", "u3"]
    for kind in ("words", "correct", "substitutions", "deletions", "insertions", "characters", "character_errors"):
        assert sum(row[kind] for row in rows) == score[kind]


def test_both_sides_are_normalised_alike(recipe):
    recipe.data("toy", "test", [{"id": "u1", "text": "Τζ\u030cαι ΕΝ' καλά!"}])
    recipe.nbest("toy/train_a/decode_joint/test", {"u1": ["τζ\u0306αι εν’ καλά"]})
    recipe.run("score", "--exp", "exp/toy")
    assert read_json(Path("exp/toy/train_a/decode_joint/test.score.json"))["wer"] == 0


def test_unchanged_scores_stand_and_a_changed_list_is_scored_anew(recipe, capsys):
    recipe.data("toy", "test", CUTS)
    recipe.nbest("toy/train_a/decode_joint/test", HYPS)
    recipe.nbest("toy/train_a/decode_greedy/test", HYPS)
    recipe.run("score", "--exp", "exp/toy")
    capsys.readouterr()
    recipe.run("score", "--exp", "exp/toy")
    assert capsys.readouterr().out == "steps.score: 2 scores below exp/toy are up to date\n"
    recipe.nbest("toy/train_a/decode_greedy/test", {**HYPS, "u2": ["τζ̆αι ο σ̆ύλλος"]})
    recipe.run("score", "--exp", "exp/toy")
    out = capsys.readouterr().out
    assert "decode_greedy" in out and "decode_joint" not in out


def test_another_sets_list_is_scored_against_that_sets_references(recipe):
    recipe.data("toy", "test", CUTS)
    recipe.data("other/f1", "test", [{"id": "x1", "text": "ναι"}])
    recipe.nbest("toy/train_a/decode_joint/other.f1.test", {"x1": ["όι"]})
    recipe.run("score", "--exp", "exp/toy")
    score = read_json(Path("exp/toy/train_a/decode_joint/other.f1.test.score.json"))
    assert (score["set"], score["wer"]) == ("other/f1", 100)


def test_folds_are_pooled_over_utterances_and_kept_apart_in_rows(recipe, capsys):
    for fold, count, wrong in (("a", 3, 0), ("b", 1, 1)):
        cuts = [{"id": f"{fold}{i}", "text": "ένα δύο", "speaker": fold} for i in range(count)]
        recipe.data(f"digits/{fold}", "test", cuts)
        hyps = {cut["id"]: ["ένα τρία" if i < wrong else "ένα δύο"] for i, cut in enumerate(cuts)}
        recipe.nbest(f"digits/{fold}/train_a/decode_joint/test", hyps)
    recipe.data("digits/c", "test", [{"id": "c0", "text": "ένα", "speaker": "c"}])
    recipe.run("score", "--exp", "exp/digits")
    score = read_json(Path("exp/digits/train_a/decode_joint/test.score.json"))
    assert (score["set"], score["utterances"], score["words"], score["errors"]) == ("digits", 4, 8, 1)
    assert score["wer"] == 12.5  # not 25, the mean of the folds' 0 and 50
    assert {fold: row["wer"] for fold, row in score["folds"].items()} == {"a": 0, "b": 50}
    assert score["folds_missing"] == ["c"]
    capsys.readouterr()
    recipe.run("score", "--exp", "exp/digits")
    assert "3 scores below exp/digits are up to date" in capsys.readouterr().out


def test_six_folds_of_a_speaker_each_give_an_interval_over_speakers(recipe):
    for i in range(6):
        recipe.data(f"digits/f{i}", "test", [{"id": f"u{i}", "text": "ένα δύο", "speaker": f"s{i}"}])
        recipe.nbest(f"digits/f{i}/train_a/decode_joint/test", {f"u{i}": ["ένα" if i % 2 else "ένα δύο"]})
    recipe.run("score", "--exp", "exp/digits")
    interval = read_json(Path("exp/digits/train_a/decode_joint/test.score.json"))["interval"]
    assert (interval["unit"], interval["note"]) == ("speaker", None)


def test_missing_and_unknown_utterances_are_one_clear_error(recipe):
    recipe.data("toy", "test", CUTS)
    recipe.nbest("toy/train_a/decode_joint/test", {"u1": ["ο"], "zz": ["ο"]})
    status, message = recipe.fails("score", "--exp", "exp/toy")
    assert status == 1
    assert "2 of its 3 utterances have no hypothesis (first: u2)" in message
    assert "1 hypotheses are of utterances it does not have (first: zz)" in message
    assert "exp/toy/train_a/decode_joint/test.nbest.jsonl.gz" in message and "data/toy/test.jsonl.gz" in message


def test_a_bad_list_does_not_keep_a_good_one_from_its_score(recipe):
    recipe.data("toy", "test", CUTS)
    recipe.nbest("toy/train_a/decode_bad/test", {"u1": ["ο"]})
    recipe.nbest("toy/train_a/decode_good/test", HYPS)
    recipe.fails("score", "--exp", "exp/toy")
    assert Path("exp/toy/train_a/decode_good/test.score.json").exists()
    assert not Path("exp/toy/train_a/decode_bad/test.score.json").exists()


def test_empty_references_and_empty_lists_are_counted_not_divided_by(recipe, capsys):
    recipe.data("toy", "test", [{"id": "u1", "text": "[noise]"}, {"id": "u2", "text": ""}])
    recipe.nbest("toy/train_a/decode_joint/test", {"u1": ["ναι"], "u2": []})
    recipe.run("score", "--exp", "exp/toy")
    score = read_json(Path("exp/toy/train_a/decode_joint/test.score.json"))
    assert (score["empty_references"], score["without_hypothesis"]) == (2, 1)
    assert (score["insertions"], score["wer"], score["interval"]["low"]) == (1, None, None)
    assert "no reference words in 2 utterances" in capsys.readouterr().out


def test_a_second_passs_time_counts_in_the_real_time_factor(recipe):
    recipe.data("toy", "test", CUTS)
    recipe.nbest("toy/train_a/fuse_ngram/test", HYPS)
    recipe.json("exp/toy/train_a/fuse_ngram/run.json", {"rescoring_seconds": {"test": 1.5}})
    recipe.run("score", "--exp", "exp/toy")
    assert read_json(Path("exp/toy/train_a/fuse_ngram/test.score.json"))["rtf"] == 0.5


def test_a_run_set_aside_keeps_the_score_it_had(recipe, capsys):
    recipe.data("toy", "test", CUTS)
    recipe.nbest("toy/train_a/decode_joint/test", HYPS)
    recipe.nbest("toy/train_a.old-1/decode_joint/test", {"z": ["ναι"]})
    recipe.run("score", "--exp", "exp/toy")
    assert "old-1" not in capsys.readouterr().out


def test_a_directory_without_lists_names_the_stage_to_run(recipe):
    Path("exp/toy").mkdir(parents=True)
    assert recipe.fails("score", "--exp", "exp/toy") == (2, "no n-best list below exp/toy; run stage 6")
    assert recipe.fails("score", "--exp", "exp/none")[0] == 2


def test_a_set_without_references_or_conf_is_named(recipe):
    recipe.nbest("toy/train_a/decode_joint/test", HYPS)
    assert "data/toy/conf.yaml does not exist" in recipe.fails("score", "--exp", "exp/toy")[1]
    recipe.data("toy", "dev", CUTS)
    assert "data/toy/test.jsonl.gz" in recipe.fails("score", "--exp", "exp/toy")[1]


def test_a_duplicate_utterance_is_refused_on_either_side(recipe):
    recipe.data("toy", "test", [CUTS[0], CUTS[0]])
    recipe.nbest("toy/train_a/decode_joint/test", {"u1": ["ο"]})
    assert "cut u1 stands twice" in recipe.fails("score", "--exp", "exp/toy")[1]
    recipe.data("toy", "test", CUTS)
    path = recipe.nbest("toy/train_a/decode_joint/test", HYPS)
    path.write_bytes(path.read_bytes() * 2)
    assert "utterance u3 stands twice" in recipe.fails("score", "--exp", "exp/toy")[1]


def test_a_damaged_list_is_named_with_its_line(recipe):
    recipe.data("toy", "test", CUTS)
    path = recipe.nbest("toy/train_a/decode_joint/test", HYPS)
    os.truncate(path, path.stat().st_size // 2)
    assert f"{path}:1: damaged" in recipe.fails("score", "--exp", "exp/toy")[1]


def test_the_same_lists_give_the_same_bytes(recipe):
    recipe.data("toy", "test", CUTS)
    recipe.nbest("toy/train_a/decode_joint/test", HYPS)
    path = Path("exp/toy/train_a/decode_joint/test.score.json")
    recipe.run("score", "--exp", "exp/toy")
    first = path.read_bytes()
    path.unlink()
    recipe.run("score", "--exp", "exp/toy")
    assert path.read_bytes() == first and json.loads(first)


TRN = ("ο κάττος εν μιτσής (s1-1)\nτζ̆αι ο σ̆ύλλος (s1-2)\n", "ο κάττος εν μεγάλος (s1-1)\nτζιαι ο σ̆ύλλος όι (s1-2)\n")


def two_files(ref: str | bytes, hyp: str | bytes, ending: str = "trn") -> list[str]:
    """--ref and --hyp of files with these contents."""
    for name, text in (("ref", ref), ("hyp", hyp)):
        Path(f"{name}.{ending}").write_bytes(text if isinstance(text, bytes) else text.encode())
    return ["--ref", f"ref.{ending}", "--hyp", f"hyp.{ending}"]


def test_two_bare_files_are_scored_with_every_metric_the_ladder_and_breakdowns(recipe, capsys):
    recipe.run("score", *two_files(*TRN), "--out", "out")
    out = capsys.readouterr().out
    score = read_json(Path("out/score.json"))
    assert (score["errors"], score["words"], score["wer"]) == (3, 7, pytest.approx(300 / 7, abs=1e-3))
    for name in ("WER", "CER", "MER", "WIL", "WIP", "SER"):
        value = score["metrics"][name.lower()]["value"]
        assert f"{name:<6}{value:7.2f}  [" in out
    assert "strict     42.86" in out and "within these speakers" in out
    assert score["ladder"]["fold"]["errors"] == 2  # τζιαι is a spelling of τζ̆αι
    assert "τζ̆αι = τζιαι 1" in out
    assert Path("out/variants.tsv").read_text().splitlines()[1].startswith("τζ̆αι\tτζιαι\t")
    rows = list(read_jsonl_gz(Path("out/utterances.jsonl.gz")))
    assert [(row["id"], row["speaker"], row["ops"]) for row in rows] == [("s1-1", "s1", "CCCS"), ("s1-2", "s1", "SCCI")]
    dump = Path("out/alignments.txt").read_text()
    assert "REF:  τζ̆αι  ο σ̆ύλλος **\nHYP:  τζιαι ο σ̆ύλλος όι\nEval: S              I\n" in dump


@pytest.mark.parametrize(
    ("ending", "ref", "hyp"),
    [
        ("txt", "u2 όι ναι\nu1 ναι\n", "u1 ναι\nu2 όι όι\n"),
        (
            "jsonl",
            '{"id": "u1", "text": "ναι"}\n{"id": "u2", "text": "όι ναι"}',
            '{"id": "u2", "hyp": "όι όι"}\n{"id": "u1", "hyp": "ναι"}',
        ),
        ("stm", "u A s 0 1.5 ναι\nu A s 1.5 3 όι ναι\n", "u A s 0 1.5 ναι\nu A s 1.5 3 όι όι\n"),
        ("ctm", "u A 0 0.5 ναι\nu A 1 0.5 όι\nu A 2 1 ναι\n", "u A 0 0.5 ναι\nu A 1 0.5 όι\nu A 2 1 όι\n"),
    ],
)
def test_every_format_gives_the_same_errors_in_whatever_order(recipe, capsys, ending, ref, hyp):
    recipe.run("score", *two_files(ref, hyp, ending))
    assert "1 errors in 3 words" in capsys.readouterr().out


def test_formats_may_differ_and_a_ctm_answers_to_an_stm_by_time(recipe, capsys):
    Path("ref.stm").write_text("f A s1 0 1 <o> ναι όι\nf A s2 1 2 καλά\n")
    Path("hyp.ctm").write_text("F a 0.1 0.2 ναι\nf A 1.2 0.2 καλά\n")
    recipe.run("score", "--ref", "ref.stm", "--hyp", "hyp.ctm", "--out", "out")
    rows = list(read_jsonl_gz(Path("out/utterances.jsonl.gz")))
    assert [(row["speaker"], row["ops"], row["duration"]) for row in rows] == [("s1", "CD", 1.0), ("s2", "C", 1.0)]
    Path("text").write_text("u1 ναι όι\n")
    Path("utts.ctm").write_text("u1 1 0.0 0.2 ναι\nu1 1 0.2 0.2 όι\n")
    recipe.run("score", "--ref", "text", "--hyp", "utts.ctm")
    assert "0 errors in 2 words" in capsys.readouterr().out


def test_texts_without_ids_are_compared_line_by_line(recipe, capsys):
    recipe.run(
        "score", *two_files("ναι όι\n\nκαλά\n", "ναι όι\nα\nκακά\n", "txt"), "--ref-format", "lines", "--hyp-format", "lines"
    )
    out = capsys.readouterr().out
    assert "2 errors in 3 words" in out and "1 without reference words" in out


def test_words_may_be_left_as_written_and_speakers_come_from_utt2spk(recipe, capsys):
    Path("utt2spk").write_text("u1 s1\nu2 s2\n")
    files = two_files("u1 Ναι\nu2 όι\n", "u1 ναι\nu2 όι\n", "txt")
    recipe.run("score", *files, "--profile", "none", "--utt2spk", "utt2spk")
    out = capsys.readouterr().out
    assert "1 errors in 2 words" in out and "by speaker" in out
    Path("utt2spk").write_text("u1 s1\n")
    assert recipe.fails("score", *files, "--utt2spk", "utt2spk")[1] == "ref.txt:2: utterance u2 is not in utt2spk"


def test_both_sides_are_written_as_they_were_compared(recipe):
    recipe.run("score", *two_files(*TRN), "--out", "out", "--write", "kaldi")
    assert Path("out/hyp.txt").read_text() == "s1-1 ο κάττος εν μεγάλος\ns1-2 τζιαι ο σ̆ύλλος όι\n"
    assert Path("out/ref.txt").read_text().startswith("s1-1 ο κάττος εν μιτσής\n")


def test_unequal_ids_are_an_error_or_deletions_or_left_out_as_asked(recipe, capsys):
    files = two_files("u1 ναι όι\nu2 ναι\nu3 όι\n", "u3 όι\nzz ναι\n", "txt")
    status, message = recipe.fails("score", *files)
    assert status == 1
    assert "2 of its 3 utterances have no hypothesis (first: u1)" in message
    assert "1 hypotheses are of utterances it does not have (first: zz)" in message and "--missing" in message
    recipe.run("score", *files, "--missing", "deleted", "--out", "out")
    score = read_json(Path("out/score.json"))
    assert (score["deletions"], score["words"], score["without_hypothesis"]) == (3, 4, 2)
    assert score["missing"] == {"rule": "deleted", "references": 2, "hypotheses": 1}
    capsys.readouterr()
    recipe.run("score", *files, "--missing", "skipped")
    out = capsys.readouterr().out
    assert "0 errors in 1 words" in out and "2 without hypothesis skipped" in out


@pytest.mark.parametrize(
    ("ref", "hyp", "message"),
    [
        ("u1 ναι\nu1 όι\n", "u1 ναι\n", "ref.txt:2: utterance u1 stands twice"),
        ("u1 ναι\n", "u1 ναι\nu1 ναι\n", "hyp.txt:2: utterance u1 stands twice"),
        ("u1 ναι\nu2 όι\n".encode(), "u1 ναι\n".encode() + b"u2 \xef\n", "hyp.txt:2: byte 0xef at column 4 is not UTF-8"),
        ("u1 ναι\n", "", "hyp.txt is empty"),
    ],
)
def test_bad_files_are_one_clear_line_and_leave_nothing(recipe, ref, hyp, message):
    assert message in recipe.fails("score", *two_files(ref, hyp, "txt"), "--out", "out")[1]
    assert not Path("out").exists() or not list(Path("out").iterdir())


def test_a_score_that_fails_leaves_the_last_one(recipe):
    recipe.run("score", *two_files(*TRN), "--out", "out")
    before = {path.name: path.read_bytes() for path in Path("out").iterdir()}
    recipe.fails("score", *two_files(TRN[0], TRN[1] + "(s1-3)\n"), "--out", "out")
    assert {path.name: path.read_bytes() for path in Path("out").iterdir()} == before


def test_options_that_do_not_go_together_are_refused(recipe):
    assert recipe.fails("score") == (2, "either --exp exp/<set>, or --ref FILE and --hyp FILE")
    assert "leave out --ref" in recipe.fails("score", "--exp", "exp", "--ref", "x")[1]
    assert "--write needs --out" in recipe.fails("score", *two_files(*TRN), "--write", "trn")[1]
    assert "format 'srt'; there are trn" in recipe.fails("score", *two_files(*TRN), "--ref-format", "srt")[1]
    assert "profile 't9'; there are t0" in recipe.fails("score", *two_files(*TRN), "--profile", "t9")[1]
    assert "none.trn does not exist" in recipe.fails("score", "--ref", "none.trn", "--hyp", "hyp.trn")[1]


def test_bleu_and_chrf_are_of_the_texts_as_written(recipe, capsys):
    line = '{"id": "u1", "text": "The cat sat on the mat."}'
    recipe.run("score", *two_files(line, line, "jsonl"), "--translation")
    out = capsys.readouterr().out
    assert "BLEU   100.00  nrefs:1|case:mixed" in out and "chrF   100.00" in out


def test_a_line_of_a_megabyte_is_scored(recipe, capsys):
    words = ["λέξη"] * 100_000
    other = [*words[:50_000], "όι", *words[50_001:]]
    recipe.run("score", *two_files(f"u1 {' '.join(words)}\n", f"u1 {' '.join(other)}\n", "txt"), "--profile", "none")
    assert "1 errors in 100,000 words: 1 substitutions" in capsys.readouterr().out


def test_files_in_any_order_are_joined_in_little_memory(recipe, monkeypatch, capsys):
    monkeypatch.setattr("cyasr.score.join.HELD", 10)
    ids = [f"u{i}" for i in range(500)]
    files = two_files("".join(f"{one} ναι\n" for one in ids), "".join(f"{one} ναι\n" for one in reversed(ids)), "txt")
    recipe.run("score", *files)
    assert "0 errors in 500 words" in capsys.readouterr().out
    files = two_files("".join(f"{one} ναι\n" for one in ids), "".join(f"x{one} ναι\n" for one in ids), "txt")
    assert "500 hypotheses are of utterances it does not have (first: xu0)" in recipe.fails("score", *files)[1]

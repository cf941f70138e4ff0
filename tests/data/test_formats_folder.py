"""Folders of audio with transcripts beside it: every text kind as its tools write it, in any encoding; nothing lost."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from cyasr.cli import UsageError
from cyasr.data.corpus import Reject, Utterance
from tests.data.own_corpora import CORPUS, found, read, speech, write

SRT = """1
00:00:00,000 --> 00:00:01,500
<i>Έναν κάττον</i> είδα
εχτές,

2
00:00:01,400 --> 00:00:02,900 X1:100 X2:200 Y1:10 Y2:20
{\\an8}<font color="#ffff00">- τζ̆ αι έφυεν.</font>

3
00:00:05.0 --> 00:00:06,000

4
00:00:06,000 --> 00:00:07,500
Εν τον

ξανάδα. &amp; πάει
"""
VTT = """WEBVTT - a talk
Kind: captions

STYLE
::cue { color: yellow }

NOTE made by hand
--

intro
00:01.000 --> 00:02.500 align:start position:0%
<v.loud Μαρία Π.>Έλα <c.yellow>δα</c></v>

00:00:02.600 --> 00:00:04.000
<v Νίκος>Έρκουμαι <00:00:03.000>τωρά
"""
LONG_GRID = """File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 3
tiers? <exists>
size = 3
item []:
    item [1]:
        class = "IntervalTier"
        name = "Μαρία"
        xmin = 0
        xmax = 3
        intervals: size = 3
        intervals [1]:
            xmin = 0
            xmax = 1
            text = "είπεν ""έλα"" τζ̆αι"
        intervals [2]:
            xmin = 1
            xmax = 1.5
            text = ""
        intervals [3]:
            xmin = 1.5
            xmax = 3
            text = "12 πήεν
δα"
    item [2]:
        class = "TextTier"
        name = "clicks"
        xmin = 0
        xmax = 3
        points: size = 1
        points [1]:
            number = 0.5
            mark = "x"
    item [3]:
        class = "IntervalTier"
        name = "Νίκος"
        xmin = 0
        xmax = 3
        intervals: size = 1
        intervals [1]:
            xmin = 0.5
            xmax = 2
            text = "όι"
"""
SHORT_GRID = 'File type = "ooTextFile"\nObject class = "TextGrid"\n\n0\n3\n<exists>\n2\n' + (
    '"IntervalTier"\n"words"\n0\n3\n4\n0\n0.5\n"έλα"\n0.5\n0.6\n"sp"\n0.6\n1\n"δα"\n2.5\n3\n"ναι"\n'
    '"IntervalTier"\n"phones"\n0\n3\n1\n0\n0.5\n"e"\n'
)
EAF = """<?xml version="1.0" encoding="UTF-8"?>
<ANNOTATION_DOCUMENT AUTHOR="" DATE="2024-01-01T00:00:00+02:00" FORMAT="3.0" VERSION="3.0"
    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation="http://www.mpi.nl/tools/elan/EAFv3.0.xsd">
  <HEADER MEDIA_FILE="" TIME_UNITS="milliseconds">
    <MEDIA_DESCRIPTOR MEDIA_URL="file:///C:/field/talk.wav" MIME_TYPE="audio/x-wav" RELATIVE_MEDIA_URL="./talk.wav"/>
  </HEADER>
  <TIME_ORDER>
    <TIME_SLOT TIME_SLOT_ID="ts1" TIME_VALUE="0"/><TIME_SLOT TIME_SLOT_ID="ts2" TIME_VALUE="1000"/>
    <TIME_SLOT TIME_SLOT_ID="ts3"/><TIME_SLOT TIME_SLOT_ID="ts4" TIME_VALUE="2000"/>
    <TIME_SLOT TIME_SLOT_ID="ts5" TIME_VALUE="500"/><TIME_SLOT TIME_SLOT_ID="ts6" TIME_VALUE="2500"/>
  </TIME_ORDER>
  <TIER LINGUISTIC_TYPE_REF="tx" PARTICIPANT="Anna" TIER_ID="ref@A">
    <ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a1" TIME_SLOT_REF1="ts1" TIME_SLOT_REF2="ts2">
      <ANNOTATION_VALUE>Πού πάεις;</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>
    <ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a2" TIME_SLOT_REF1="ts2" TIME_SLOT_REF2="ts3">
      <ANNOTATION_VALUE>Ρε.</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>
    <ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a3" TIME_SLOT_REF1="ts3" TIME_SLOT_REF2="ts4">
      <ANNOTATION_VALUE/></ALIGNABLE_ANNOTATION></ANNOTATION>
  </TIER>
  <TIER LINGUISTIC_TYPE_REF="tx" TIER_ID="tx@B">
    <ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a4" TIME_SLOT_REF1="ts5" TIME_SLOT_REF2="ts6">
      <ANNOTATION_VALUE>Έσσω</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>
  </TIER>
  <TIER LINGUISTIC_TYPE_REF="word" PARENT_REF="ref@A" PARTICIPANT="Anna" TIER_ID="words@A">
    <ANNOTATION><REF_ANNOTATION ANNOTATION_ID="a5" ANNOTATION_REF="a1">
      <ANNOTATION_VALUE>πού</ANNOTATION_VALUE></REF_ANNOTATION></ANNOTATION>
    <ANNOTATION><REF_ANNOTATION ANNOTATION_ID="a6" ANNOTATION_REF="a1" PREVIOUS_ANNOTATION="a5">
      <ANNOTATION_VALUE>πάεις</ANNOTATION_VALUE></REF_ANNOTATION></ANNOTATION>
  </TIER>
</ANNOTATION_DOCUMENT>
"""


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def parts(utterances: list[Utterance]) -> list[tuple[float, float | None, str, str | None]]:
    return [(round(each.start, 3), each.end, each.text, each.speaker) for each in utterances]


def test_texts_beside_audio_are_its_transcripts_in_every_encoding() -> None:
    for name, encoding in {"a": "utf-8", "b": "utf-8-sig", "c": "utf-16", "d": "utf-16-le", "e": "utf-16-be"}.items():
        speech(f"{name}.wav")
        write(f"{name}.txt", "Έναν  νερόν\r\nτζ̆αι όι.\r\n", encoding)
    utterances, rejects = read("folder")
    assert [(each.id, each.text) for each in utterances] == [(name, "Έναν νερόν τζ̆αι όι.") for name in "abcde"]
    assert rejects == [] and all(each.start == 0 and each.end is None for each in utterances)


def test_a_text_in_a_code_page_is_a_reject_until_its_encoding_is_named() -> None:
    speech("a.wav")
    write("a.txt", "Έλα δα", "cp1253")
    [reject] = read("folder")[1]
    assert reject.reason.startswith("not UTF-8: byte 0 of a.txt is 0xb8") and "encoding" in reject.reason
    assert read("folder", {"encoding": "cp1253"})[0][0].text == "Έλα δα"
    with pytest.raises(UsageError, match="'cp12533' is no encoding"):
        read("folder", {"encoding": "cp12533"})


def test_what_has_no_partner_is_listed_and_what_is_no_speech_is_not() -> None:
    for name in ("a.wav", "lonely.flac", "twice.wav", "sub/a.wav"):
        speech(name)
    speech("twice.flac")
    for name in ("a.txt", "twice.txt", "orphan.srt", "sub/a.lab", "README.txt", "licence.txt", ".hidden.txt"):
        write(name, "ναι")
    (CORPUS / "film.m4a").write_bytes(b"....ftypM4A ")
    utterances, rejects = read("folder")
    assert {each.id: each.speaker for each in utterances} == {"a": None, "twice": None, "sub-a": "sub"}
    assert sorted((each.id, each.reason.partition(":")[0]) for each in rejects) == [
        ("film", "unreadable audio"),
        ("lonely", "audio without transcript"),
        ("orphan", "transcript without audio"),
        ("twice", "audio twice"),
    ]


def test_wav_and_txt_may_be_folders_apart_with_a_folder_a_speaker() -> None:
    for speaker in ("anna", "bob", "eva"):
        speech(f"wav/{speaker}/1.wav")
        write(f"txt/{speaker}/1.txt", f"εγώ {speaker}")
    write("txt/gone/1.txt", "ποττέ")
    proposal = found()
    options = proposal.keys["options"]
    assert options == {"audio_dir": "wav", "text_dir": "txt", "speaker": "folder"} and proposal.keys["split"] == "speakers"
    utterances, rejects = read("folder", options)
    assert [(each.id, each.speaker, each.text) for each in utterances] == [
        (f"{speaker}-1", speaker, f"εγώ {speaker}") for speaker in ("anna", "bob", "eva")
    ]
    assert [(each.id, each.reason) for each in rejects] == [("1", "transcript without audio")]


def test_speaker_and_split_come_from_folders_or_from_a_pattern() -> None:
    for split in ("train", "valid", "test"):
        speech(f"{split}/anna_{split}.wav")
        write(f"{split}/anna_{split}.txt", "ναι")
    utterances, _ = read("folder", {"speaker": "([^/_]+)_"})
    assert [(each.speaker, each.split) for each in utterances] == [("anna", "test"), ("anna", "train"), ("anna", "dev")]
    assert found().keys["split"] == "official"
    for pattern, message in (("[a", "no regular expression"), ("anna", "with a \\(group\\)")):
        with pytest.raises(UsageError, match=message):
            read("folder", {"speaker": pattern})


def test_links_are_followed_once_so_that_a_loop_ends() -> None:
    speech("sub/a.wav")
    write("sub/a.txt", "ναι")
    (CORPUS / "sub" / "loop").symlink_to("../..")
    (CORPUS / "sub" / "dead.wav").symlink_to("nowhere.wav")
    utterances, rejects = read("folder")
    assert [each.id for each in utterances] == ["sub-a"] and [each.id for each in rejects] == ["sub-dead"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_srt_loses_its_markup_and_numbers_and_keeps_every_word(encoding: str, ends: str) -> None:
    speech("a.wav", 8)
    write("a.srt", SRT.replace("\n", ends), encoding)
    utterances, rejects = read("folder", {"cues": "each"})
    assert parts(utterances) == [
        (0.0, 1.4, "Έναν κάττον είδα εχτές,", None),
        (1.4, 2.9, "τζ̆ αι έφυεν.", None),
        (6.0, 7.5, "Εν τον ξανάδα. & πάει", None),
    ]
    assert rejects == [] and utterances[1].where == "corpus/a.srt:7" and utterances[1].id == "a-0000140-0000290"


def test_subtitles_are_joined_up_to_a_pause_or_taken_whole() -> None:
    speech("a.wav", 8)
    write("a.srt", SRT)
    joined = [(0.0, 2.9, "Έναν κάττον είδα εχτές, τζ̆ αι έφυεν.", None), (6.0, 7.5, "Εν τον ξανάδα. & πάει", None)]
    assert parts(read("folder")[0]) == joined
    assert len(read("folder", {"join_seconds": 2.0})[0]) == 3
    assert len(read("folder", {"gap": 4.0})[0]) == 1
    [whole] = read("folder", {"cues": "whole"})[0]
    assert (whole.start, whole.end) == (0.0, None) and whole.text == " ".join(text for _, _, text, _ in joined)


def test_vtt_leaves_notes_and_styles_out_and_takes_speakers_from_voices() -> None:
    speech("a.wav", 5)
    write("a.vtt", VTT, "utf-8-sig")
    assert parts(read("folder")[0]) == [(1.0, 2.5, "Έλα δα", "Μαρία_Π."), (2.6, 4.0, "Έρκουμαι τωρά", "Νίκος")]


def test_rolling_captions_say_each_line_once() -> None:
    lines = ["έναν κάττον", "είδα εχτές", "μες στην αυλήν", "τζ̆αι έφυεν"]
    blocks = ["00:00:00.000 --> 00:00:01.000\n \n" + lines[0]]
    for second, (before, now) in enumerate(pairwise(lines), 1):
        blocks.append(f"00:00:0{second}.000 --> 00:00:0{second}.010\n{before}\n ")
        blocks.append(f"00:00:0{second}.010 --> 00:00:0{second + 1}.000\n{before}\n{now.replace(' ', '<00:00:09.100><c> </c>')}")
    speech("a.wav", 5)
    write("a.el.vtt", "WEBVTT\nKind: captions\nLanguage: el\n\n" + "\n\n".join(blocks) + "\n")
    [utterance] = read("folder")[0]
    assert utterance.text == " ".join(lines) and (utterance.start, utterance.end) == (0.0, 4.0)


def test_a_word_said_twice_in_ordinary_subtitles_stays() -> None:
    speech("a.wav", 5)
    times = ("0", "1", "2", "3", "4")
    cues = [
        f"00:00:0{a},000 --> 00:00:0{b},000\n{word}"
        for a, b, word in zip(times, times[1:], ["ναι", "ναι", "όι", "εν"], strict=False)
    ]
    write("a.srt", "\n\n".join(cues))
    assert read("folder")[0][0].text == "ναι ναι όι εν"


def test_overlapping_cues_are_cut_apart_or_become_one() -> None:
    speech("a.wav", 9)
    write("a.srt", "00:00:00,000 --> 00:00:02,300\nένα\n\n00:00:02,000 --> 00:00:04,000\nδύο\n\n"
                   "00:00:05,000 --> 00:00:08,000\nτρία\n\n00:00:05,500 --> 00:00:07,000\nτέσσερα\n\n"
                   "00:00:08,500 --> 00:00:08,200\nπέντε\n")  # fmt: skip
    utterances, rejects = read("folder", {"cues": "each"})
    assert parts(utterances) == [(0.0, 2.0, "ένα", None), (2.0, 4.0, "δύο", None), (5.0, 8.0, "τρία τέσσερα", None)]
    assert [(each.where, each.reason) for each in rejects] == [("corpus/a.srt:13", "no length: from 8.5 to 8.2 s")]


def test_an_end_slightly_behind_the_audio_is_the_audios() -> None:
    speech("a.wav", 4.0)
    write("a.srt", "00:00:00,000 --> 00:00:01,000\nένα\n\n00:00:03,000 --> 00:00:04,120\nδύο\n")
    assert [each.end for each in read("folder")[0]] == [1.0, 4.0]


def test_subtitles_of_another_language_are_no_transcript() -> None:
    for name in ("a", "b"):
        speech(f"{name}.wav", 3)
        write(f"{name}.en.srt", "00:00:00,000 --> 00:00:01,000\nyes\n")
    write("a.el-CY.srt", "00:00:00,000 --> 00:00:01,000\nναι\n")
    utterances, rejects = read("folder")
    assert [each.text for each in utterances] == ["ναι"]
    assert [(each.id, each.reason) for each in rejects] == [("b", "audio without transcript: there are subtitles in en only")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-be"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_a_long_textgrid_gives_its_speakers_tiers(encoding: str, ends: str) -> None:
    speech("a.wav", 3)
    write("a.TextGrid", LONG_GRID.replace("\n", ends), encoding)
    assert parts(read("folder")[0]) == [
        (0.0, 1.0, 'είπεν "έλα" τζ̆αι', "Μαρία"),
        (0.5, 2.0, "όι", "Νίκος"),
        (1.5, 3.0, "12 πήεν δα", "Μαρία"),
    ]


def test_words_of_an_aligners_short_textgrid_are_joined_at_pauses() -> None:
    speech("anna/a.wav", 3)
    write("anna/a.TextGrid", SHORT_GRID)
    assert parts(read("folder")[0]) == [(0.0, 1.0, "έλα δα", "anna"), (2.5, 3.0, "ναι", "anna")]


def test_elan_tiers_are_speakers_and_hang_from_each_other() -> None:
    speech("talk.wav", 3)
    write("session 1.eaf", EAF)  # names its recording inside
    assert parts(read("folder")[0]) == [
        (0.0, 1.0, "Πού πάεις;", "Anna"),
        (0.5, 2.5, "Έσσω", "B"),
        (1.0, 1.5, "Ρε.", "Anna"),
    ]
    assert parts(read("folder", {"tiers": ["words@*"]})[0]) == [(0.0, 1.0, "πού πάεις", "Anna")]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.srt", "no times here", "no subtitles"),
        ("a.srt", "1\n00:0x:00,000 --> 00:00:01,000\nναι", "no subtitles: line 2 has no time that can be read"),
        ("a.srt", "", "empty transcript"),
        ("a.srt", "1\n00:00:00,000 --> 00:00:01,000\n\n", "empty transcript"),
        ("a.vtt", "00:00.000 --> 00:01.000\nναι", "no subtitles: a .vtt file begins with WEBVTT"),
        ("a.TextGrid", LONG_GRID[:600], "truncated TextGrid"),
        ("a.TextGrid", "ooBinaryFile\x08TextGrid", "no TextGrid text: it was saved in Praat's binary form"),
        ("a.TextGrid", "hello", "truncated TextGrid"),
        ("a.TextGrid", LONG_GRID.replace("xmax = 1\n", 'xmax = "one"\n'), "no TextGrid: expected a number, got 'one'"),
        ("a.eaf", EAF[:900], "no valid XML"),
        ("a.eaf", EAF.replace('TIME_SLOT_REF2="ts6"', 'TIME_SLOT_REF2="ts9"'), "no ELAN document: annotation a4 asks"),
        ("a.eaf", EAF.replace('ANNOTATION_REF="a1"', 'ANNOTATION_REF="a9"'), "no ELAN document: annotation a5 hangs from 'a9'"),
        ("a.eaf", EAF.replace('TIME_VALUE="500"', 'TIME_VALUE="half"'), "no ELAN document: time slot ts5 is at 'half'"),
        ("a.eaf", "<html/>", "no ELAN document: its root is html"),
        ("a.eaf", EAF.replace("<ANN", '<!DOCTYPE x [<!ENTITY a "aaaa">]><ANN', 1), "no ELAN document: it has a DTD"),
    ],
)  # fmt: skip
def test_a_broken_transcript_is_one_reject_and_the_rest_is_kept(name: str, content: str, reason: str) -> None:
    speech("a.wav", 3)
    speech("good.wav")
    write("good.txt", "ναι")
    write(name, content)
    utterances, rejects = read("folder")
    if reason.startswith("empty"):
        assert [each.id for each in utterances] == ["good"]
    assert [each.id for each in utterances] == ["good"]
    assert [(each.where, each.reason.startswith(reason)) for each in rejects] == [(f"corpus/{name}", True)], rejects


def test_audacitys_labels_are_cues() -> None:
    speech("a.wav", 4)
    write("a.txt", "0.000000\t1.500000\tέλα δα\n\\\t100\t200\n2.0\t3.5\tτωρά\n")
    assert parts(read("folder")[0]) == [(0.0, 1.5, "έλα δα", None), (2.0, 3.5, "τωρά", None)]


def test_audio_alone_is_unlabelled_speech_cut_by_its_sound() -> None:
    for name in ("a.wav", "b.flac"):
        speech(name, 2)
    assert [each.reason for each in read("folder")[1]] == ["audio without transcript"] * 2
    utterances, rejects = read("folder", label="none", split="train")
    assert [(each.id, each.text) for each in utterances] == [("a", ""), ("b", "")] and rejects == []


def test_files_are_drawn_into_splits_that_share_no_file_and_no_sentence() -> None:
    for number in range(40):
        speech(f"{number:02}.wav", 0.2)
        write(f"{number:02}.txt", f"η ίδια μακρά πρόταση αριθμός {number // 2}" if number < 20 else f"όι {number}")
    options: dict[str, Any] = {"draw": {"dev": 0.1, "test": 0.1}}
    utterances, _ = read("folder", options)
    by_split = {split: {each.text for each in utterances if each.split == split} for split in ("train", "dev", "test")}
    assert not by_split["train"] & by_split["test"] and not by_split["dev"] & (by_split["train"] | by_split["test"])
    assert all(2 <= len(by_split[split]) <= 4 for split in ("dev", "test"))
    before = {each.id: each.split for each in utterances}
    speech("new.wav", 0.2)
    write("new.txt", "έναν νέον")
    after = {each.id: each.split for each in read("folder", options)[0]}
    assert sum(before[name] != after[name] for name in before) <= 2
    other_seed = {each.id: each.split for each in read("folder", options, seed=7)[0]}
    assert other_seed != after


def test_three_files_are_enough_for_three_splits() -> None:
    for name in "abc":
        speech(f"{name}.wav")
        write(f"{name}.txt", "ναι")
    utterances, _ = read("folder", {"draw": {"dev": 0.1, "test": 0.1}})
    assert {each.split for each in utterances} == {"train", "dev", "test"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cue": "each"}, "unknown key 'cue'; did you mean 'cues'"),
        ({"cues": "every"}, "'every' is none of each, joined, whole"),
        ({"transcripts": [".str"]}, "'.str' is none of .*did you mean '.srt'"),
        ({"draw": {"dev": 0.5, "test": 0.5}}, "leave nothing to train on"),
        ({"draw": {"eval": 0.5}}, "shares of dev and test"),
        ({"join_seconds": 0}, "above 0"),
    ],
)
def test_options_that_cannot_be_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read("folder", options)


def test_a_hundred_cues_of_one_recording_stand_in_a_row_behind_whole_files() -> None:
    speech("long.wav", 101)
    speech("z.wav")
    write("z.txt", "ναι")
    write(
        "long.srt",
        "\n\n".join(f"{n}\n00:{n // 60:02}:{n % 60:02},000 --> 00:{n // 60:02}:{n % 60:02},900\nένα" for n in range(100)),
    )
    items = read("folder", {"cues": "each"})[0]
    assert items[0].id == "z" and [each.start for each in items[1:]] == list(range(100))
    assert not any(isinstance(each, Reject) for each in items)

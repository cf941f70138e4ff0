"""Texts are found out that a machine made up, that were read in a wrong encoding, or that normalisation could not mend."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cyasr.data.checks.rates import SpeakingRates
from cyasr.data.checks.sentences import NearSentences
from cyasr.data.checks.text import text_findings
from cyasr.text.hallucinations import hallucination, loop
from cyasr.text.normalize import normalize

SENTENCE = "Καλημέρα, τζ\u0306αι εν να πάμεν στην θάλασσαν αύριον, άμα μπορείς"


def kinds(raw: str, profile: str = "t1") -> dict[str, str]:
    return dict(text_findings(normalize(raw, profile), raw))


@pytest.mark.parametrize(
    "raw",
    [
        *(SENTENCE.encode().decode(code, "replace") for code in ("latin-1", "cp1252", "cp1253")),
        *(SENTENCE.encode("iso8859-7", "ignore").decode(code, "replace") for code in ("latin-1", "cp1252")),
        SENTENCE.encode("ascii", "replace").decode(),
        "naÃ¯ve cafÃ©",
        "itâ€™s",
        "εν ï¿½ύριον",
    ],
)
def test_text_read_in_a_wrong_encoding_is_seen(raw: str) -> None:
    assert "wrong encoding" in kinds(raw)


@pytest.mark.parametrize(
    "raw",
    [
        SENTENCE,
        SENTENCE.upper(),
        "«ΝΑΤΟ» τζ\u030cαι «ΕΟΚΑ»… Ο’ Νιλ, 50 €· naïve café, Müller; Τι;;",
        "How are you? Fine. It’s 5 o'clock – “really”?!",
        "Ἐν ἀρχῇ ἦν ὁ λόγος",
        "shillies τζαι μίλα μου",
    ],
)
def test_sound_text_of_any_typography_is_not_complained_of(raw: str) -> None:
    assert kinds(raw) == {}


def test_what_normalisation_cannot_mend_is_named_with_the_character() -> None:
    assert kinds("nα πάω με το emailάκι")["mixed alphabets"] == "nα"
    assert kinds("vα πάω") == {}  # a homoglyph that normalisation mends
    assert kinds("привет φίλε")["other alphabets"].endswith("U+043F") or "other alphabets" in kinds("привет φίλε")
    assert kinds("εν\u0007 να") == {"control characters": "U+0007"}
    assert kinds("εν \u0378 να") == {"unassigned characters": "U+0378"}
    assert kinds("εν \ue000 να")["control characters"] == "U+E000"
    assert "\ufffd" in kinds("αύρι\ufffdν")["replacement characters"]
    assert "unusual letters" in kinds("το ʃ εν γράμμαν")


@pytest.mark.parametrize(
    "text",
    [
        "Υπότιτλοι AUTHORWAVE",
        "αύριον εν να πάμεν υπότιτλοι authorwave",
        "ΥΠΟΤΙΤΛΟΙ  AuthorWave.",
        "Ευχαριστούμε που παρακολουθήσατε!",
        "Σας ευχαριστώ πολύ που παρακολουθήσατε το βίντεο.",
        "Μην ξεχάσετε να κάνετε εγγραφή στο κανάλι μας!",
        "Thanks for watching! Thanks for watching! Thanks for watching!",
        "Subtitles by the Amara.org community",
        "Don't forget to subscribe to my channel!",
        "ναι ναι ναι ναι ναι ναι ναι ναι",
        "ήρτεν τζ\u0306αι είπεν μου ήρτεν τζ\u0306αι είπεν μου ήρτεν τζ\u0306αι είπεν μου",
        "χαχαχαχαχαχαχαχαχα",
    ],
)
def test_machine_made_text_is_known_in_any_case_and_normalised_or_not(text: str) -> None:
    assert hallucination(text)
    assert hallucination(normalize(text))


@pytest.mark.parametrize(
    "text",
    [
        SENTENCE,
        "Ευχαριστώ πολύ",
        "ευχαριστώ που ήρτες",
        "είδα τους υπότιτλους τζ\u0306αι εν εκατάλαβα",
        "εγώ παρακολουθώ ποδόσφαιρον τζ\u0306αι βλέπω βίντεο",
        "ναι ναι ναι, όι όι",
        "πάω τζ\u0306αι έρκουμαι τζ\u0306αι κάθουμαι τζ\u0306αι τζ\u0306οιμούμαι τζ\u0306αι",
        "one two one two three one two three four",
        "εεεεε, εν ηξέρω",
        "thank you, I was watching the door",
        "",
    ],
)
def test_what_people_say_is_not_taken_for_a_machines(text: str) -> None:
    assert hallucination(text) is None


def test_a_loop_is_named_with_its_length() -> None:
    assert loop("τότες " + "να δούμε τι " * 5 + "έγινεν") == "να δούμε τι x 5"
    assert loop("two " * 9) == "two x 9"
    assert loop("one two three four five six seven eight " * 2) is None


def near(tmp_path: Path, *rows: tuple[str, str, str]) -> list[tuple[str, str, str, str]]:
    sentences = NearSentences(tmp_path)
    for split, name, text in rows:
        sentences.add(split, name, text)
    found = list(sentences.pairs())
    sentences.close()
    return found


def test_a_sentence_that_is_nearly_one_of_another_split_is_found_whatever_the_order(tmp_path: Path) -> None:
    words = ["εν", "να", "πάμεν", "στην", "θάλασσαν", "αύριον", "το", "πρωίν", "με", "τους", "φίλους"]
    changed = [*words[:3], "ούλλοι", *words[4:]]
    shorter, other = words[1:], [*words[:5], *["τζ", "αι", "ύστερα", "εν", "να", "γυρίσουμεν", "έσσω"]]
    texts = {
        name: " ".join(each) for name, each in (("words", words), ("changed", changed), ("shorter", shorter), ("other", other))
    }
    assert near(tmp_path, ("test", "t", texts["changed"]), ("train", "a", texts["words"])) == [("train", "a", "test", "t")]
    assert near(tmp_path, ("train", "a", texts["words"]), ("dev", "d", texts["shorter"])) == [("train", "a", "dev", "d")]
    assert near(tmp_path, ("train", "a", texts["words"]), ("test", "t", texts["words"])) == []  # the same: counted elsewhere
    assert near(tmp_path, ("train", "a", texts["words"]), ("test", "t", texts["other"])) == []
    assert near(tmp_path, ("train", "a", texts["words"]), ("train", "b", texts["changed"])) == []


def test_many_who_read_one_sentence_count_it_once(tmp_path: Path) -> None:
    words = "εν να πάμεν στην θάλασσαν αύριον το πρωίν με τους φίλους"
    rows = [("train", f"a{i}", f"{words} μας") for i in range(50)] + [("test", f"t{i}", words) for i in range(50)]
    assert near(tmp_path, *rows) == [("train", "a0", "test", "t0")]


def cut(name: str, text: str, seconds: float, speaker: str = "", language: str = "el") -> dict[str, Any]:
    return {"id": name, "duration": seconds, "supervisions": [{"text": text, "speaker": speaker, "language": language}]}


def test_speech_far_faster_or_slower_than_the_language_is_found_with_its_split() -> None:
    rates, text = SpeakingRates(), "εν να πάμεν στην θάλασσαν αύριον"
    for i in range(100):
        rates.add("train", cut(f"u{i}", text, 2.0 + 0.01 * i))
    for i in range(7):
        rates.add("test", cut(f"fast{i}", text * 4, 2.0))
    rates.add("dev", cut("slow", text, 25.0))
    rates.add("dev", cut("short", "ναι", 25.0))
    rates.add("dev", cut("english", text, 1.0, language="en"))
    found = list(rates.outliers())
    assert sum(count for kind, split, _, _, _, count in found if (kind, split) == ("fast speech", "test")) == 7
    assert [name for kind, _, name, *_ in found if kind == "slow speech"] == ["slow"]
    assert len({name for _, _, name, *_ in found if name.startswith("fast")}) == 5
    assert rates.report()["letters a second (el)"]["50%"] == pytest.approx(10.7, abs=0.5)


def test_a_speaker_unlike_the_others_is_named() -> None:
    rates, text = SpeakingRates(), "εν να πάμεν στην θάλασσαν αύριον"
    for speaker in range(8):
        for i in range(12):
            rates.add("train", cut(f"{speaker} {i}", text, 2.0 + 0.05 * speaker + (2.5 if speaker == 3 else 0), f"s{speaker}"))
    assert [name for kind, _, name, *_ in rates.outliers() if kind == "unlike speakers"] == ["s3"]

import random
import unicodedata

import pytest

from cyasr.text.english import english, is_english
from cyasr.text.greek_sounds import plain, sound, vocabulary
from cyasr.text.greeklish import to_greek

READ = {
    # Cypriot, as people type it
    "o shillos tziai i gata": "ο σ̆ύλλος τζ̆αι η γάτα",
    "o siillos tzai i gata": "ο σ̆ύλλος τζ̆αι η γάτα",
    "En exw kamia idea": "Εν έχω καμιά idea",
    "eipa sou oti en na ertw": "είπα σου ότι εν να έρτω",
    "en to kserw": "εν το ξέρω",
    "3ereis ti ekama?": "ξέρεις τι έκαμα?",
    "ti kamneis re koumpare": "τι κάμνεις ρε κουμπαρε",
    "jame pou thoreis": "τζ̆αμέ που θωρείς",
    # by letters
    "8elw na paw sth 8alassa ayrio": "θέλω να πάω στη θάλασσα αύριο",
    "thn Kyriakh 8a paw ekklhsia": "την Κυριακή θα πάω εκκλησία",
    # as scholars romanise
    "je o dhipnos tu en efaen": "τζ̆αι ο διπνος του εν έφαεν",
    "Anu ye mu, na pais": "Ανου γιε μου, να πάεις",
    # one decision a word
    "this is a nice party re koumpare": "this is a nice party ρε κουμπαρε",
    "en polla nice": "εν πολλά nice",
    "http://foo.bar/gata #gata @gata tziai": "http://foo.bar/gata #gata @gata τζ̆αι",
}


@pytest.mark.parametrize(("typed", "meant"), READ.items())
def test_greeklish_is_spelled_as_greek(typed: str, meant: str) -> None:
    assert to_greek(typed) == unicodedata.normalize("NFC", meant)


@pytest.mark.parametrize(
    "text", ["the children went to school yesterday", "I told him that the king is dead", "nice game, well played"]
)
def test_english_sentences_stay(text: str) -> None:
    assert to_greek(text) == text


@pytest.mark.parametrize("text", ["", " ", "123", "ο σ̆ύλλος τζ̆αι η γάτα", "😀 !?", "3", "APOEL-2"])
def test_what_is_no_greeklish_stays(text: str) -> None:
    assert to_greek(text) == text


def test_a_word_that_could_be_either_goes_with_its_neighbours() -> None:
    assert english(["he", "came", "to", "me"]) == [True] * 4
    assert english(["dose", "to", "se", "me"]) == [False] * 4


def test_english_words_and_greeklish_words_by_themselves() -> None:
    assert all(map(is_english, ["party", "the", "going", "weekend", "don't", "project", "mp3", "5th"]))
    assert not any(map(is_english, ["tziai", "8elw", "exw", "kamnoumen", "ekklhsia", "σπίτι", "shillos"]))


def test_known_spellings_can_be_given() -> None:
    assert to_greek("pame sto trapezi mas") != to_greek("pame sto trapezi mas", ["τραπέζι"])
    assert "τραπέζι" in to_greek("pame sto trapezi mas", ["τραπέζι"])


def test_any_text_is_read_without_error_and_reading_again_changes_nothing() -> None:
    draw = random.Random(3)
    alphabet = "abcdefghijklmnopqrstuvwxyz" * 3 + "348 '-ABCHJSX αβγσςτζ\u0306\u030c\u0301.!@#[<😀\u00e9\ufeff"
    for _ in range(2000):
        text = "".join(draw.choice(alphabet) for _ in range(draw.randint(0, 40)))
        once = to_greek(text)
        assert isinstance(once, str)
        assert sum(c.isspace() for c in once) == sum(c.isspace() for c in text), text


def test_every_listed_word_is_found_by_its_own_sound() -> None:
    known = vocabulary().words
    for spellings in known.values():
        for spelling in spellings:
            assert spelling in known[sound(plain(spelling))]


def test_marks_and_the_iota_that_stands_for_them_sound_alike() -> None:
    assert sound("σ\u0306υλλος") == sound("σιυλλος") == sound("σ\u0306υλος")
    assert sound("τζ\u0306αι") == sound("τζιαι") == sound("τζαι") == sound("τζε")
    assert sound("σιλος") != sound("σ\u0306υλλος")

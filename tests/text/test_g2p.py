import pytest

from cyasr.text.g2p import espeak, phonemes, pronounce, xsampa

CYPRIOT = {
    "σ̆ύλλος": "ʃˈilːos",
    "σίλος": "sˈilos",
    "τζ̆αι": "dʒe",
    "τζάμιν": "dzˈamin",
    "ζ̆ακέττα": "ʒacˈetːa",
    "μιτσ̆ιά": "mitʃˈa",
    "κάττος": "kˈatːos",
    "εκκλησία": "ekːlisˈia",
    "πουλλιά": "puʎːˈa",
    "εννιά": "eɲːˈa",
    "σπίθκια": "spˈiθca",
    "καράβκια": "karˈafca",
    "δκυο": "θco",
    "χωρκόν": "xorkˈon",
    "έσ̆ει": "ˈeʃi",
    "έχει": "ˈeçi",
    "κυριακή": "cirʝacˈi",
    "κρυός": "kriˈos",
    "μια": "mɲa",
    "ποιος": "pços",
    "αυκόν": "afkˈon",
    "αυλή": "avlˈi",
    "εύκαιρος": "ˈefceros",
    "τσάιν": "tsˈain",
    "ταΐζω": "taˈizo",
    "μπάνιον": "bˈaɲon",
    "έμπορος": "ˈemboros",
    "άγγελος": "ˈaŋɟelos",
    "κόσμος": "kˈozmos",
    "γιαγιά": "ʝaʝˈa",
}


@pytest.mark.parametrize(("word", "sounds"), CYPRIOT.items())
def test_a_cypriot_word_sounds_as_it_should(word: str, sounds: str) -> None:
    assert "".join(phonemes(word, "cypriot")) == sounds


@pytest.mark.parametrize(("word", "sounds"), [("κόκκινος", "kˈocinos"), ("άλλος", "ˈalos"), ("εννιά", "eɲˈa")])
def test_standard_greek_has_no_long_consonants(word: str, sounds: str) -> None:
    assert "".join(phonemes(word, "standard")) == sounds


def test_caron_and_breve_and_capitals_are_one_spelling() -> None:
    assert phonemes("σ\u030cύλλος") == phonemes("σ\u0306ύλλος") == phonemes("Σ\u0306ΎΛΛΟΣ")


def test_decomposed_accents_sound_the_same() -> None:
    assert phonemes("μαι\u0308\u0301ου") == phonemes("μαΐου")


def test_words_stay_apart_and_the_synthesiser_gets_its_own_names() -> None:
    assert espeak(phonemes("ο σ̆ύλλος τζ̆αι η γάτα")) == "[[o S'il:os dZe i Q'ata]]"


def test_a_letter_without_a_greek_sound_is_refused() -> None:
    with pytest.raises(ValueError, match="'w'"):
        phonemes("wifi")


def test_no_word_is_no_sound() -> None:
    assert phonemes("") == []


PRONOUNCED = {
    "δωμάτιο": "ðomˈatio",
    "παιδιά": "peðʝˈa",
    "ραδιόφωνο": "raðiˈofono",
    "διαφορά": "ðiaforˈa",
    "διαβάζω": "ðʝavˈazo",
    "ικανοποιώ": "ikanopiˈo",
    "ποιος": "pços",
    "ψηφιακός": "psifiakˈos",
    "κυριακή": "cirʝacˈi",
    "Ιούλιος": "iˈulios",
    "συνέπεια": "sinˈepia",
    "ίδιος": "ˈiðʝos",
    "εγγραφή": "eŋɣrafˈi",
    "πέμπτη": "pˈempti",
    "εμπνευσμένος": "embnevzmˈenos",
    "Κονγκό": "koŋɡˈo",
    "κορμπέτο": "korbˈeto",
    "τ'": "t",
}
AS_TYPED = {
    "τζιαι": "dʒe",
    "τζαι": "dʒe",
    "τζι": "dʒi",
    "τζείνος": "dʒˈinos",
    "τζιείνος": "dʒˈinos",
    "σιύλλος": "ʃˈilːos",
    "έσιει": "ˈeʃi",
    "σσιέρι": "ʃːˈeri",
    "μιτσιά": "mitʃˈa",
    "τζάμιν": "dzˈamin",
    "σίουρα": "ʃˈura",
}


@pytest.mark.parametrize(("word", "sounds"), PRONOUNCED.items())
def test_listed_surroundings_decide_where_letters_do_not(word: str, sounds: str) -> None:
    assert "".join(pronounce(word, "standard")) == sounds


@pytest.mark.parametrize(("word", "sounds"), AS_TYPED.items())
def test_cypriot_typed_without_marks_has_its_palato_alveolars(word: str, sounds: str) -> None:
    assert "".join(pronounce(word, "cypriot")) == sounds


def test_marked_text_is_taken_at_its_word_and_standard_greek_knows_no_hushing() -> None:
    assert "".join(pronounce("αθάσια", marked=True)) == "aθˈasça"
    assert "".join(pronounce("νησιά", "standard")) == "nisçˈa"


def test_xsampa_names_every_sound() -> None:
    assert xsampa(phonemes("ο σ̆ύλλος τζ̆αι η γάτα")) == 'o # S " i l: o s # dZ e # i # G " a t a'
    assert xsampa(phonemes("γιαγιά μια θκιά άγγελος")) == 'j\\ a j\\ " a # m J a # T c " a # " a N J\\ e l o s'


def test_every_sound_there_is_has_an_ascii_name() -> None:
    words = [*CYPRIOT, *PRONOUNCED, "ζ̆ακέττα", "ξ̆ερός", "τσ̆αέρα", "γκάζι", "λιώμα"]
    assert all(xsampa(pronounce(word)).isascii() for word in words)

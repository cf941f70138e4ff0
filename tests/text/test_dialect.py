import random
from pathlib import Path

import pytest

from cyasr.cli import UsageError
from cyasr.text.dialect import explain, is_english, markers, plain_words, tag
from cyasr.text.dialect_fit import evaluate, fit, held_out, posts, table_with, wilson

POSTS = Path(__file__).resolve().parents[3] / "shared" / "data" / "text" / "cypriot_standard_social_MIT"
absent = pytest.mark.skipif(not POSTS.is_dir(), reason="the posts of hb20007/greek-dialect-classifier are not here")

TAGGED = {
    "εν τζ̆αι ξέρω ίντα που να κάμω": "cypriot",
    "ΕΝ ΤΖΑΙ ΞΕΡΩ ΙΝΤΑ ΠΟΥ ΝΑ ΚΑΜΩ": "cypriot",
    "ο σ̆ύλλος τζ̆αι ο κάττος εππέσαν μες στο νερόν": "cypriot",
    "ο σιύλλος τζιαι ο κάττος": "cypriot",
    "μεν μου λαλείς έτσι πράματα": "cypriot",
    "en tziai kserw inta pou na kamw": "cypriot",
    "δεν ξέρω τι να κάνω": "standard",
    "είναι πολύ ωραία εδώ και θα μείνουμε λίγο ακόμα": "standard",
    "den thelo na pao apo ekei": "standard",
    "i do not know what to do": "english",
    "He went home yesterday and slept.": "english",
    "εν πολλά nice το party": "mixed",
    "να κάμω book το ticket online": "mixed",
    "δεν έχω time για shopping": "mixed",
    "το project εν έτοιμο τζιαι εννά το δούμεν αύριο": "cypriot",
    "Το Samsung Galaxy είναι ακριβό": "standard",
}


@pytest.mark.parametrize(("text", "dialect"), TAGGED.items())
def test_a_sentence_is_tagged(text: str, dialect: str) -> None:
    assert tag(text).dialect == dialect


@absent
def test_nine_in_ten_held_out_posts_and_sentences_are_tagged_right() -> None:
    lines = evaluate(POSTS).splitlines()
    shares = [float(line.split(" right, ")[1].split(" %")[0]) for line in lines if " right, " in line]
    assert len(shares) == 2
    assert min(shares) >= 95


@absent
def test_the_shipped_weights_are_nearly_those_of_the_posts_alone() -> None:
    refitted, shipped = fit(POSTS), markers()
    assert refitted.priors == shipped.priors
    strong = [i for i, weight in enumerate(shipped.weights) if abs(weight) > 1]
    assert len(strong) > 50
    assert all(refitted.weights[i] * shipped.weights[i] > 0 for i in strong)


def test_spellings_of_one_word_are_one_to_the_markers() -> None:
    assert plain_words("σ̆ύλλος") == plain_words("σ\u030cύλλος") == plain_words("ΣΙΎΛΛΟΣ") == ["σιυλλοσ"]
    assert plain_words("μιτσ̆ιά έσ̆σ̆ει τζ̆αι") == ["μιτσια", "εσσιει", "τζιαι"]


def test_the_explanation_adds_up_to_the_probability() -> None:
    import math

    text = "εν τζ̆αι ξέρω είντα που να κάμω"
    evidence = markers().intercept + sum(weight for _, weight, _ in explain(text))
    assert tag(text).cypriot == pytest.approx(1 / (1 + math.exp(-evidence)))


def test_addresses_names_and_tags_are_no_words() -> None:
    assert tag("@velis https://t.co/xyz #Cyprus δεν είναι εδώ") == tag("δεν είναι εδώ")
    assert tag("").dialect == "standard"
    assert tag("123 !!").cypriot == 0.5


def test_any_text_has_a_tag() -> None:
    draw = random.Random(5)
    for _ in range(2000):
        text = "".join(
            draw.choice("αβγδεσςτζιϊ\u0306\u030c\u0301 abcxyz'’-@#.<[\n😀\ufeff019") for _ in range(draw.randint(0, 30))
        )
        found = tag(text)
        assert found.dialect in {"cypriot", "standard", "english", "mixed"}
        assert 0 <= found.cypriot <= 1
        assert 0 <= found.english <= 1


def test_english_words_are_told_apart() -> None:
    assert is_english("weekend")
    assert not is_english("εν")


def small_corpus(folder: Path) -> Path:
    draw = random.Random(1)
    cypriot, standard = (
        ["τζιαι", "εν", "λαλεί", "μεν", "πάνω", "έννα", "δαμέ", "ούλλοι"],
        ["και", "δεν", "λέει", "μην", "πάνω", "θα", "εδώ", "όλοι"],
    )
    for name, words in (("cg_a.txt", cypriot), ("smg_a.txt", standard)):
        lines = [" ".join(draw.choices(words, k=6)) for _ in range(60)]
        (folder / name).write_text("\n".join(lines), encoding="utf-8")
    return folder


def test_weights_are_fitted_from_posts_not_held_out_and_the_table_keeps_its_comments(tmp_path: Path) -> None:
    folder = small_corpus(tmp_path)
    test = [text for text, _ in posts(folder) if held_out(text)]
    assert 20 < len(test) < 80
    before = fit(folder)
    for name in ("cg_a.txt", "smg_a.txt"):  # what is held out may go: the weights stay
        lines = [line for line in (folder / name).read_text(encoding="utf-8").splitlines() if not held_out(line)]
        (folder / name).write_text("\n".join(lines), encoding="utf-8")
    assert fit(folder).weights == pytest.approx(before.weights)
    table = table_with(before)
    assert table.startswith("# Markers")
    assert table.count("\n") == table_with(markers()).count("\n")


def test_a_folder_without_posts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no cg_\*\.txt"):
        posts(tmp_path)


def test_the_interval_is_wilsons() -> None:
    assert wilson(9, 10) == pytest.approx((0.5958, 0.9821), abs=1e-4)
    assert wilson(0, 0) == (0.0, 1.0)

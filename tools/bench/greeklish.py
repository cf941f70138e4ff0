"""How well Greeklish is read: `python -m tools.bench.greeklish --texts ../shared/data/text`.

1. Decisions: words of the romanised Cypriot tales of Multi-CAST taken for English, words of their translations not.
2. Sounds: phones of the tales as cyasr.text.greeklish spells them against those their scholarly romanisation stands for.
3. Spelling: Cypriot and Standard posts, romanised as three kinds of writers do, and read back: words spelled as they were
   (accents apart), and words that at least sound the same.
"""

from __future__ import annotations

import argparse
import csv
import random
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from cyasr.cli import UsageError, run
from cyasr.text.dialect_fit import posts
from cyasr.text.english import english
from cyasr.text.g2p import phone_errors, pronounce
from cyasr.text.greek_sounds import plain, sound
from cyasr.text.greeklish import to_greek, word_to_greek
from cyasr.text.greeklish_readings import style_of

SCHOLARLY = [
    ("dz", "dʒ"), ("dh", "ð"), ("gh", "ɣ"), ("th", "θ"), ("sh", "ʃ"), ("ch", "tʃ"), ("ks", "k s"), ("ts", "ts"), ("mb", "m b"),
    ("nd", "n d"), ("ng", "ŋ ɡ"), ("k'", "c"), ("x", "x"), ("j", "dʒ"), ("y", "ʝ"),
]  # fmt: skip
FRONTED = {"k": "c", "x": "ç", "ɣ": "ʝ", "ɡ": "ɟ"}
BY_LETTERS = "ου:ou αυ:au ευ:eu η:h υ:u ω:w ξ:3 θ:8 χ:x ψ:ps"
HALFWAY = "ου:ou αυ:av ευ:ev η:i υ:y ω:o ξ:ks θ:th χ:x ψ:ps"
BY_SOUNDS = "ου:ou αυ:af ευ:ef ει:i οι:i αι:e η:i υ:i ω:o ξ:x θ:th χ:h ψ:ps τζι:j τζ:j σσι:sh"
WRITERS = {"letters": BY_LETTERS, "halfway": HALFWAY, "sounds": BY_SOUNDS}
REST = dict(zip("αβγδεζικλμνοπρσςτφϊϋ", "avgdeziklmnoprsstfiu", strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=Path, required=True, help="the folder that holds multicast_cypriot_CC-BY and the posts")
    texts: Path = parser.parse_args().texts
    tales = texts / "multicast_cypriot_CC-BY" / "utterances.csv"
    if not tales.is_file():
        raise UsageError(f"{tales} is missing; the tales are Multi-CAST's, github.com/Multi-CAST/mccypgreek, cldf/")
    with tales.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    decisions([row["Primary_Text"] for row in rows], [row["Translated_Text"] for row in rows])
    sounds([row["Primary_Text"] for row in rows])
    for label, post in (("cypriot", "cg"), ("standard", "smg")):
        lines_of = [text for text, dialect in posts(texts / "cypriot_standard_social_MIT") if dialect == label]
        print(f"\n{post}: {len(lines_of)} {label} posts")
        for name, writer in WRITERS.items():
            spelling(lines_of, name, [(greek, latin) for greek, latin in (pair.split(":") for pair in writer.split())])


def decisions(romanised: Sequence[str], translated: Sequence[str]) -> None:
    for label, texts, meant in (("romanised Cypriot", romanised, False), ("English", translated, True)):
        wrong: list[str] = []
        total = 0
        for text in texts:
            words = re.findall(r"[A-Za-z][A-Za-z'’]*", text)
            total += len(words)
            wrong += [word for word, found in zip(words, english(words), strict=True) if found != meant]
        few = " ".join(sorted(set(random.Random(1).sample(wrong, min(15, len(wrong))))))
        print(f"{label}: {len(wrong)} of {total} words decided wrongly ({100 * len(wrong) / total:.2f} %), such as {few}")


def sounds(romanised: Sequence[str]) -> None:
    errors = phones = same = words = 0
    for text in romanised:
        style = style_of(text)
        for word in re.findall(r"[a-z][a-z']*", text.lower()):
            reference, read = scholarly(word), pronounced(word_to_greek(word, style))
            wrong = phone_errors(reference, read)
            errors, phones, same, words = errors + wrong, phones + len(reference), same + (wrong == 0), words + 1
    print(
        f"romanised Cypriot, sounds: PER {100 * errors / phones:.2f} %, {100 * same / words:.1f} % of {words} words without error"
    )


def pronounced(word: str) -> list[str]:
    """Without stress; Multi-CAST marks length where the speaker had it, spelling where it is usual: so without length."""
    return [symbol.removesuffix("ː") for symbol in pronounce(word) if symbol != "ˈ"]


def scholarly(word: str) -> list[str]:
    """Phones of a word in Multi-CAST's romanisation, without length."""
    phones: list[str] = []
    while word:
        chunk, phone = next(((c, p) for c, p in SCHOLARLY if word.startswith(c)), (word[0], word[0]))
        word = word[len(chunk) :]
        phones += {"g": "ɣ", "d": "d", "'": ""}.get(phone, phone).split()
    single = [p for i, p in enumerate(phones) if i == 0 or p != phones[i - 1] or p in "aeiou"]
    return [FRONTED.get(p, p) if after in {"e", "i"} else p for p, after in zip(single, [*single[1:], ""], strict=True)]


def spelling(lines: Sequence[str], name: str, writer: list[tuple[str, str]]) -> None:
    exact = alike = total = 0
    missed: list[str] = []
    for line in lines:
        words = re.findall("[α-ωϊϋ]+", plain(line))
        if not words:
            continue
        read = to_greek(" ".join(romanised_as(words, writer))).split()
        for word, found in zip(words, read, strict=True):
            total += 1
            exact += plain(found).replace("ς", "σ") == word.replace("ς", "σ")
            alike += sound(plain(found)) == sound(word)
            missed += [f"{word}/{found}"] * (sound(plain(found)) != sound(word))
    few = " ".join(random.Random(1).sample(missed, min(12, len(missed))))
    spelled, sounding = 100 * exact / total, 100 * alike / total
    print(f"  by {name}: {spelled:.1f} % spelled as they were, {sounding:.1f} % sound the same; not {few}")


def romanised_as(words: Sequence[str], writer: list[tuple[str, str]]) -> Iterator[str]:
    for word in words:
        for greek, latin in writer:
            word = word.replace(greek, latin)
        yield "".join(REST.get(letter, letter) for letter in word)


if __name__ == "__main__":
    run(main)

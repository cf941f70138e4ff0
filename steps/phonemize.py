"""Greek text in, its sounds out, line by line: `python -m steps.phonemize [--xsampa] [--dialect standard] < in > out`.

Symbols are a space apart and words " # " apart; a word that is not Greek (English, digits) becomes <unk>. Normalise first
(`steps.normalize --profile t1`, or t3 for Greeklish). --lexicon writes each word once with its sounds, as WFST lexicons
want it. --evaluate FILE prints the phone error rate against a pronunciation list (word, tab, symbols a space apart; its
broad IPA is taken as WikiPron writes it, without stress), and the confusions that make it.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import get_args

from cyasr.cli import UsageError, lines, run
from cyasr.text.g2p import Dialect, pronounce, xsampa

UNKNOWN = "<unk>"
BROAD = {
    "ɾ": "r", "t͡s": "t s", "d͡z": "d z", "t͡ʃ": "tʃ", "d͡ʒ": "dʒ", "ɱ": "m", "j": "ʝ", "i̯": "i", "ɛ": "e", "e̞": "e", "ɔ": "o",
    "o̞": "o", "ɐ": "a", "ɐˑ": "a", "ɑː": "a", "lː": "l", "i͜a": "ʝ a", "ð͜i": "ð i", "‿": "", "ts": "t s", "dz": "d z", "ˈ": "",
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dialect", choices=get_args(Dialect), default="cypriot")
    parser.add_argument(
        "--marked", action="store_true", help="the text has σ̆ τζ̆ τσ̆ throughout: σι τζι τσι are no sounds of theirs"
    )
    parser.add_argument("--xsampa", action="store_true", help="X-SAMPA, not IPA")
    parser.add_argument("--lexicon", action="store_true", help="each word of the input once, a tab, its sounds")
    parser.add_argument("--evaluate", type=Path, metavar="FILE", help="phone error rate against a list, and nothing else")
    args = parser.parse_args()

    @lru_cache(maxsize=1 << 18)
    def sounds(word: str) -> str:
        try:
            symbols = pronounce(word, args.dialect, args.marked)
        except ValueError:
            return UNKNOWN
        return xsampa(symbols) if args.xsampa else " ".join(symbols)

    try:
        if args.evaluate:
            print(evaluate(args.evaluate, args.dialect))
        elif args.lexicon:
            words = dict.fromkeys(word for line in lines(sys.stdin.buffer) for word in line.split())
            sys.stdout.writelines(f"{word}\t{sounds(word)}\n" for word in words if sounds(word))
        else:
            for line in lines(sys.stdin.buffer):
                sys.stdout.write(" # ".join(filter(None, map(sounds, line.split()))) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:  # its reader (head) has seen enough
        sys.stderr.close()


def evaluate(path: Path, dialect: Dialect) -> str:
    """Report; a word with several pronunciations counts with the nearest."""
    from rapidfuzz.distance import Levenshtein

    if not path.is_file():
        raise UsageError(f"{path} is no file; WikiPron's is data/scrape/tsv/ell_grek_broad.tsv of github.com/CUNY-CL/wikipron")
    listed: dict[str, list[list[str]]] = {}
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            word, tab, symbols = line.decode().partition("\t")
        except UnicodeDecodeError:
            raise UsageError(f"{path}, line {number}: not UTF-8; convert it, as with iconv -t UTF-8") from None
        if not tab:
            raise UsageError(f"{path}, line {number}: no tab; each line is a word, a tab, and its sounds a space apart")
        listed.setdefault(word, []).append(broad(symbols.split()))
    if not listed:
        raise UsageError(f"{path} is empty")
    errors = phones = right = 0
    confusions: Counter[str] = Counter()
    for word, references in listed.items():
        try:
            hypothesis = broad(symbol for symbol in pronounce(word, dialect) if symbol != " ")
        except ValueError:  # letters that are not Greek: nothing said
            hypothesis = []
        reference = min(references, key=lambda reference: Levenshtein.distance(reference, hypothesis))
        changes = Levenshtein.editops(reference, hypothesis)
        errors, phones, right = errors + len(changes), phones + len(reference), right + (not changes)
        for change in changes:
            meant = "-" if change.tag == "insert" else reference[change.src_pos]
            said = "-" if change.tag == "delete" else hypothesis[change.dest_pos]
            confusions[f"{meant}→{said}"] += 1
    top = ", ".join(f"{pair} {n}" for pair, n in confusions.most_common(20))
    words = f"{right} of {len(listed)} words ({100 * right / len(listed):.2f} %) without error"
    return f"PER {100 * errors / phones:.2f} % ({errors} of {phones} phones); {words}\n{top}"


def broad(symbols: Iterable[str]) -> list[str]:
    """A list's symbols and ours in one alphabet: no stress, no taps, affricates as two symbols."""
    return " ".join(BROAD.get(symbol, symbol) for symbol in symbols).split()


if __name__ == "__main__":
    run(main)

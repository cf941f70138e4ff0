"""Error rates with intervals: of every n-best list below a directory of exp/ (stage 8), or of two files of any toolkit."""

from __future__ import annotations

import argparse
from pathlib import Path

from cyasr.cli import UsageError, run

FILES = """Two files: trn, stm, ctm, Kaldi text, NeMo or plain JSON lines, or one text a line; the format is told from the
name or the contents. Both go through one normaliser (--profile none leaves words as they are)."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="steps.score", description=__doc__)
    parser.add_argument("--exp", type=Path, help="exp/<set>; folds are pooled for exp/<name> over all of them")
    files = parser.add_argument_group("two files", FILES)
    files.add_argument("--ref", type=Path, help="what was said")
    files.add_argument("--hyp", type=Path, help="what was recognised")
    files.add_argument("--ref-format", help="trn, stm, ctm, kaldi, nemo, jsonl or lines")
    files.add_argument("--hyp-format", help="the same for --hyp")
    files.add_argument("--profile", help="of the normaliser: t0, t1 (default), t2, t3, or none")
    files.add_argument("--out", type=Path, help="directory for score.json, utterances.jsonl.gz, variants.tsv, alignments.txt")
    files.add_argument("--write", metavar="FORMAT", help="both sides in this format too, in --out, as they were compared")
    files.add_argument("--utt2spk", type=Path, help="speakers, where the references do not name them")
    files.add_argument("--missing", choices=("error", "deleted", "skipped"), help="utterances without hypothesis; default: error")
    files.add_argument("--costs", choices=("levenshtein", "sclite"), help="fewest errors (default), or sclite's 4 3 3")
    files.add_argument("--translation", action="store_true", help="BLEU and chrF too, of the texts as written")
    arguments = parser.parse_args()
    given = {name for name, value in vars(arguments).items() if value and name != "exp"}
    if arguments.exp and given:
        raise UsageError(f"--exp is scored as its data says; leave out --{min(given).replace('_', '-')}")
    if arguments.exp:
        score_exp(arguments.exp)
    elif arguments.ref and arguments.hyp:
        score_two(arguments)
    else:
        raise UsageError("either --exp exp/<set>, or --ref FILE and --hyp FILE")


def score_exp(directory: Path) -> None:
    from cyasr.score.scoring import score_all

    if not directory.is_dir():
        raise UsageError(f"{directory} is no directory; run stages 5 and 6")
    made, standing = score_all(directory)
    if not made:
        print(f"steps.score: {standing} scores below {directory} are up to date")


def score_two(arguments: argparse.Namespace) -> None:
    from cyasr.score import bare, formats, printing
    from cyasr.score.references import normaliser

    if arguments.write and not arguments.out:
        raise UsageError("--write needs --out")
    if arguments.write and arguments.write not in formats.FORMATS:
        raise UsageError(f"--write {arguments.write}; there are {', '.join(formats.FORMATS)}")
    asked = bare.Request(
        bare.side(arguments.ref, arguments.ref_format),
        bare.side(arguments.hyp, arguments.hyp_format),
        normaliser(arguments.profile or "t1"),
        arguments.missing or "error",
        arguments.costs or "levenshtein",
        arguments.translation,
        arguments.out,
        arguments.write,
        arguments.utt2spk,
    )
    print("\n".join(printing.lines(bare.score_files(asked))))
    if arguments.out:
        print(f"\n{arguments.out}: score.json, utterances.jsonl.gz, variants.tsv, alignments.txt")


if __name__ == "__main__":
    run(main)

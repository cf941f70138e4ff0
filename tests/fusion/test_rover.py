"""Our ROVER against NIST's, on the same files."""

import random
import shutil
import subprocess

import pytest

from cyasr.fusion.rover import Conf, Rover
from cyasr.fusion.words import Speller
from cyasr.nbest import Hypothesis, Nbest, Word
from cyasr.score.references import normaliser

WORDS = [f"w{i}" for i in range(40)]


def rows(systems, seed, utterances=200):
    """One list of each system an utterance, of one hypothesis with times and confidences; words fill ten seconds."""
    draw = random.Random(seed)
    made = []
    for number in range(utterances):
        reference = draw.choices(WORDS, k=draw.randint(2, 9))
        row = []
        for _ in range(systems):
            heard = []
            for word in reference:
                kind = draw.random()
                heard += [[draw.choice(WORDS)], [], [word, draw.choice(WORDS)], [word]][
                    (kind > 0.15) + (kind > 0.25) + (kind > 0.35)
                ]
            heard = heard or [draw.choice(WORDS)]
            size = 10 / len(heard)
            words = [Word(word, i * size, (i + 1) * size, round(draw.random(), 3)) for i, word in enumerate(heard)]
            row.append(Nbest(f"u{number:04}", [Hypothesis(" ".join(heard), heard, {}, 0.0, words)], "toy"))
        made.append(row)
    return made


def ours(table, measure, alpha, null):
    conf = Conf([f"decode_{i}" for i in range(len(table[0]))], measure=measure)
    method = Rover(conf, Speller(normaliser("none")))
    settings = {"alpha": alpha, "null": null, "scale": 1.0} | {f"weight {name}": 1.0 for name in conf.lists}
    return {row[0].id: one.words for row, one in zip(table, method.decide(method.prepare(table), settings), strict=True)}


def nist(table, method, alpha, null, folder):
    arguments = []
    for system in range(len(table[0])):
        path = folder / f"{system}.ctm"
        lines = [
            f"{row[system].id} 1 {word.start:.3f} {word.end - word.start:.3f} {word.w} {word.conf}\n"
            for row in table
            for word in row[system].hyps[0].words
        ]
        path.write_text("".join(lines))
        arguments += ["-h", str(path), "ctm"]
    out = folder / "out.ctm"
    command = ["sctk", "rover", *arguments, "-o", str(out), "-m", method, "-a", str(alpha), "-c", str(null), "-f", "0"]
    subprocess.run(command, check=True, capture_output=True)
    found = {row[0].id: [] for row in table}
    for line in out.read_text().splitlines():
        name, _, _, _, word, _ = line.split()
        found[name].append(word)
    return found


@pytest.mark.skipif(not shutil.which("sctk"), reason="Debian's sctk is not installed: no rover to compare with")
@pytest.mark.parametrize(("method", "measure"), [("meth1", "mean"), ("maxconf", "highest")])
@pytest.mark.parametrize(("alpha", "null"), [(1.0, 0.0), (0.5, 0.4), (0.2, 0.5)])
def test_nists_rover_votes_the_same_words(method, measure, alpha, null, tmp_path):
    two = rows(2, seed=1)
    assert ours(two, measure, alpha, null) == nist(two, method, alpha, null, tmp_path)
    three = rows(3, seed=2)  # here some words could be aligned in several ways at one cost
    mine, theirs = ours(three, measure, alpha, null), nist(three, method, alpha, null, tmp_path)
    assert sum(mine[name] == theirs[name] for name in mine) >= 0.95 * len(mine)


def test_the_majority_wins_and_the_surest_may_outvote_it():
    def one(text, conf):
        return Nbest("u", [Hypothesis(text, [], {}, 0.0, [Word(word, None, None, conf) for word in text.split()])], "toy")

    table = [[one("ο κάττος", 0.2), one("ο σ̆ύλλος", 0.9), one("ο κάττος", 0.3)]]
    assert ours(table, "highest", 1.0, 0.0) == {"u": ["ο", "κάττος"]}
    assert ours(table, "highest", 0.0, 0.0) == {"u": ["ο", "σ̆ύλλος"]}

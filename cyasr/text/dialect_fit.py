"""Weights of the dialect markers from labelled posts, and how often the tags are right on posts held out.

The posts are those of github.com/hb20007/greek-dialect-classifier (Data/: cg_*.txt Cypriot, smg_*.txt Standard, one post a
line). A post is held out if the hash of its plain words says so: 40 %, fixed, whoever has the files in whatever order.
"""

from __future__ import annotations

import hashlib
import math
import random
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cyasr.cli import UsageError
from cyasr.text.dialect import MARKERS, Markers, markers, plain_words, split_languages, tag

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Labelled = tuple[str, str]  # text, its label

HELD_OUT = 40  # per cent
PENALTY = 1.0  # of the squared weights
PIECE = 0.3  # weight of a piece of a post beside the post
EXTRA = 0.2  # weight of a sentence from elsewhere
SENTENCE_END = re.compile(r"[.!?;;…]+(?:\s|$)")


def posts(directory: Path) -> list[Labelled]:
    """All posts with Greek words, no two alike, in the files' order. Raises UsageError where there are no such files."""
    found: dict[str, Labelled] = {}
    for pattern, label in (("cg_*.txt", "cypriot"), ("smg_*.txt", "standard")):
        files = sorted(directory.glob(pattern))
        if not files:
            raise UsageError(
                f"{directory} has no {pattern}; it should hold Data/ of github.com/hb20007/greek-dialect-classifier (MIT)"
            )
        for path in files:
            try:
                texts = path.read_text(encoding="utf-8-sig").splitlines()
            except UnicodeDecodeError as error:
                raise UsageError(f"{path}: not UTF-8 at byte {error.start + 1}; convert it, as with iconv -t UTF-8") from None
            for text in texts:
                found.setdefault(key(text), (text, label))
    found.pop("", None)
    return list(found.values())


def key(text: str) -> str:
    """What two posts share that are the same post."""
    return " ".join(split_languages(text)[0])


def held_out(text: str) -> bool:
    """Whether a post belongs to the test part."""
    return int(hashlib.sha256(" ".join(plain_words(text)).encode()).hexdigest()[:8], 16) % 100 < HELD_OUT


def evaluate(directory: Path) -> str:
    """Report: accuracy of the tag over held-out posts and over their sentences, with 95 % Wilson intervals."""
    everything = posts(directory)
    test = [post for post in everything if held_out(post[0])]
    pieces = [(piece, label) for text, label in test for piece in SENTENCE_END.split(text) if len(split_languages(piece)[0]) > 2]
    report = [f"{len(everything)} posts, {len(test)} held out by the hash of their words"]
    for name, cases in (("posts", test), ("sentences of three words or more", pieces)):
        counts = Counter((label, tag(text).dialect) for text, label in cases)
        right = sum(n for (label, said), n in counts.items() if label == said)
        low, high = wilson(right, len(cases))
        report.append(
            f"{name}: {right} of {len(cases)} right, {100 * right / len(cases):.1f} % [{100 * low:.1f}, {100 * high:.1f}]"
        )
        for label in ("cypriot", "standard"):
            said = {found: n for (meant, found), n in counts.most_common() if meant == label}
            report.append(f"  {label}: " + ", ".join(f"{found} {n}" for found, n in said.items()))
    return "\n".join(report)


def wilson(right: int, total: int, z: float = 1.959964) -> tuple[float, float]:
    """95 % interval of a proportion (Wilson 1927)."""
    if total == 0:
        return 0.0, 1.0
    share, spread = right / total, z * z / total
    centre = share + spread / 2
    half = z * math.sqrt(share * (1 - share) / total + spread / (4 * total))
    return (centre - half) / (1 + spread), (centre + half) / (1 + spread)


def fit(directory: Path, extra: Sequence[Labelled] = ()) -> Markers:
    """Markers with weights from the posts not held out, and from the same share of `extra` sentences.

    Posts are also cut into pieces of 4 to 12 words, since a post's length says too much; both labels weigh the same.
    """
    import numpy as np

    train = [post for post in posts(directory) if not held_out(post[0])]
    cases = [(split_languages(text)[0], label, 1.0) for text, label in train]
    cases += [(piece, label, PIECE) for words, label, _ in list(cases) for piece in pieces_of(words)]
    cases += [(split_languages(text)[0], label, EXTRA) for text, label in dict(extra).items() if not held_out(text)]
    table = markers()
    counts = np.zeros((len(cases), len(table.patterns) + 1))
    counts[:, -1] = 1.0
    for row, (words, _, _) in enumerate(cases):
        for word in words:
            counts[row, list(table.found(word))] += 1
    cypriot = np.array([label == "cypriot" for _, label, _ in cases])
    weight = np.array([weight for _, _, weight in cases])
    for label in (True, False):
        weight[cypriot == label] *= len(train) / weight[cypriot == label].sum()
    solution = logistic(counts, cypriot, weight, np.array([*table.priors, 0.0]))
    return Markers([p.pattern for p in table.patterns], [float(w) for w in solution[:-1]], float(solution[-1]), table.priors)


def pieces_of(words: Sequence[str]) -> Iterable[list[str]]:
    """Words in pieces of 4 to 12, the same ones each time."""
    draw = random.Random(" ".join(words))
    start = 0
    while start < len(words):
        end = start + draw.randint(4, 12)
        yield list(words[start:end])
        start = end


def logistic(
    x: NDArray[np.float64], y: NDArray[np.bool_], weight: NDArray[np.float64], prior: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(K,) weights w that minimise Σ weight·log-loss + PENALTY/2·Σ (w − prior)², by Newton; x's last column is unpenalised."""
    import numpy as np

    penalty = np.full(x.shape[1], PENALTY)
    penalty[-1] = 1e-6
    w = prior.copy()
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(x @ w, -30, 30)))
        gradient = x.T @ (weight * (p - y)) + penalty * (w - prior)
        curvature = (x * (weight * p * (1 - p))[:, None]).T @ x + np.diag(penalty)
        step = np.linalg.solve(curvature, gradient)
        w -= step
        if np.abs(step).max() < 1e-9:
            break
    return w


def table_with(table: Markers) -> str:
    """The text of dialect_markers.tsv with the weights of `table`; comments and order stay."""
    weights = {pattern.pattern: weight for pattern, weight in zip(table.patterns, table.weights, strict=True)}
    weights["intercept"] = table.intercept
    out = []
    for line in MARKERS.read_text(encoding="utf-8").splitlines():
        pattern, _, rest = line.partition("\t")
        kept = rest.rpartition("\t")[2]
        out.append(f"{pattern}\t{weights[pattern]:.3f}\t{kept}\n" if pattern in weights else f"{line}\n")
    return "".join(out)

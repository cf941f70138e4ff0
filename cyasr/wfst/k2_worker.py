"""Run by the Python that has k2, which need not be the recipe's: posteriors and a graph in, lattices out, all of them files.

    python k2_worker.py '{"text": "HLG.txt"}'                                    lines ["HLG.pt"] on standard input
    python k2_worker.py '{"graph": "HLG.pt", "beam": 16.0, "lattice_beam": 8.0, "max_active": 10000}'
                                                                                 lines ["out.npz", "in.npz"]

Each line is answered with `done`. in.npz: (T, V) scaled natural logs by number, 0 being blank. out.npz: `<number>.arcs`,
`.scores`, `.finals`, `.final_scores` as cyasr.wfst.lattice.Lattice has them. Imports nothing of the recipe.
"""

import json
import os
import sys
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import k2
import numpy as np
import torch

BATCH = 16  # utterances searched together, of like length
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def main() -> None:
    told = json.loads(sys.argv[1])
    graph = None
    if "graph" in told:
        graph = k2.Fsa.from_dict(torch.load(told["graph"], map_location=DEVICE))
    for line in sys.stdin:
        out, *posteriors = json.loads(line)
        if graph is None:
            convert(told["text"], out)
        else:
            search(graph, posteriors[0], out, told)
        print("done", flush=True)


def convert(text: str, out: str) -> None:
    """HLG in OpenFst's text as k2 takes it: no epsilons, labels that are columns of the posteriors, words in ragged lists."""
    with open(text, encoding="utf-8") as lines:
        graph = k2.Fsa.from_openfst(lines.read(), acceptor=False)
    graph = k2.arc_sort(k2.connect(k2.remove_epsilon(graph)))
    labels = graph.labels.clone()
    labels[labels > 0] -= 1
    graph.labels = labels
    torch.save(k2.arc_sort(graph).as_dict(), out)


def search(graph: Any, posteriors: str, out: str, told: dict[str, Any]) -> None:
    found = {}
    with np.load(posteriors) as arrays:
        longest_first = sorted(arrays.files, key=lambda name: -len(arrays[name]))
        for start in range(0, len(longest_first), BATCH):
            names = longest_first[start : start + BATCH]
            batch = [torch.from_numpy(arrays[name]) for name in names if len(arrays[name])]
            lattice = None
            if batch:
                padded = torch.nn.utils.rnn.pad_sequence(batch, batch_first=True).to(DEVICE)
                segments = torch.tensor([[i, 0, len(one)] for i, one in enumerate(batch)], dtype=torch.int32)
                dense = k2.DenseFsaVec(padded, segments)
                beams = (told["beam"], told["lattice_beam"])
                lattice = k2.intersect_dense_pruned(graph, dense, *beams, 1, int(told["max_active"])).to("cpu")
            for i, name in enumerate(names):  # those without a frame come last
                found.update({f"{name}.{part}": array for part, array in arrays_of(lattice, i, len(batch)).items()})
    np.savez(out, **found)


def arrays_of(lattices: Any, i: int, count: int) -> dict[str, Any]:
    """Lattice `i` of `count`, empty for others; an arc with several words becomes a chain of them."""
    arcs, scores, finals = [], [], set()
    if i < count and lattices[i].num_arcs:
        fsa = lattices[i]
        states = fsa.shape[0]
        rows = (fsa.arcs.values()[:, :3].tolist(), fsa.scores.tolist(), fsa.aux_labels.tolist())
        for (state, to, label), score, said in zip(*rows, strict=True):
            *before, last = [word for word in said if word > 0] or [0]
            for word in before:
                arcs.append((state, states, word))
                scores.append(0.0)
                state, states = states, states + 1
            arcs.append((state, to, last))
            scores.append(score)
            if label == -1:
                finals.add(to)
    return {
        "arcs": np.array(arcs, np.int64).reshape(-1, 3),
        "scores": np.array(scores, np.float64),
        "finals": np.array(sorted(finals), np.int64),
        "final_scores": np.zeros(len(finals)),
    }


if __name__ == "__main__":
    main()

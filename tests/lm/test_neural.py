"""Neural language models: trained on text by the one trainer, and the same to search, to rescoring and to ESPnet."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from cyasr.cli import RunError, UsageError
from cyasr.files import read_json, write_text
from cyasr.fusion.lm_scores import open_lm
from cyasr.lm.kinds import neural
from cyasr.modules.espnet_lm import stepping
from cyasr.search.conf import SearchConf
from cyasr.search.joint import joint_search
from cyasr.search.neural_fusion import NeuralFusion
from cyasr.search.token_lm import open_token_lm
from cyasr.text import tokenizer
from tests.conftest import ROOT
from tests.steps.conftest import Recipe

WORDS = ["τζ̆αι", "εν", "ο", "σ̆ύλλος", "έρκεται", "τωρά"]
TINY: dict[str, Any] = {
    "kind": "neural", "tokens": "char", "size": 16, "layers": 2, "embedding": 8, "heads": 2, "units": 16, "dropout": 0.1,
    "batch_tokens": 500, "buckets": 2, "epochs": 3, "lr": 1e-2, "average": 1, "ranks": 1, "save_minutes": 0, "longest": 60,
}  # fmt: skip
NETWORKS = {"lm_transformer": {}, "lm_lstm": {"network": "lstm"}}
DATA = Path("data/toy")


def cuts(split: str, count: int) -> list[dict[str, Any]]:
    """Words that follow one another in a circle: there is something to learn."""
    draw = random.Random(split)
    rows = []
    for i in range(count):
        first, length = draw.randrange(len(WORDS)), draw.randint(2, 7)
        rows.append({"id": f"{split}{i}", "text": " ".join(WORDS[(first + k) % len(WORDS)] for k in range(length))})
    return rows


def conf(name: str, **keys: Any) -> str:
    path = Path("conf") / f"{name}.yaml"
    write_text(path, yaml.safe_dump(TINY | keys, allow_unicode=True))
    return str(path)


def train(recipe: Recipe, name: str, *options: str, **keys: Any) -> Path:
    recipe.run("train_lm", "--data", str(DATA), "--conf", conf(name, **keys), "--ngpu", "0", *options)
    return Path("exp/toy") / name


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recipe]:
    """data/toy with a model of each network in exp/toy, and the working directory there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("neural"))
        recipe = Recipe(patch)
        recipe.data("toy", "train", [*cuts("train", 150), {"id": "long", "text": "τωρά " * 20}])
        for split in ("dev", "test"):  # of words in another order: near-duplicates would be dropped as leaks
            rows = cuts(split, 12)
            recipe.data("toy", split, [row | {"text": " ".join(row["text"].split()[:4])} for row in rows])
        tokenizer.train([*WORDS, "ο εν"], "char", DATA / "tokenizer_char")
        for name, keys in NETWORKS.items():
            train(recipe, name, **keys)
        yield recipe


@pytest.mark.parametrize("name", NETWORKS)
def test_a_model_learns_and_its_record_says_what_from(trained: Recipe, name: str) -> None:
    record = read_json(Path("exp/toy") / name / "run.json")
    assert record["status"] == "finished" and record["sentences"] == 150 and record["too_long"] == 1
    assert record["unknown_tokens"] == 0 and record["leaks_dropped"] == 0 and record["licences"] == ["unstated"]
    assert record["taint"] == "unknown licence" and record["parameters"] > 1000
    assert record["dev"]["sentences"] == 12 and record["dev"]["per_token"] < 0.6 * record["vocabulary"]
    losses = [one["loss"] for one in record["evaluations"]]
    assert record["dev"]["per_token"] == pytest.approx(np.exp(min(losses)), rel=1e-3)


@pytest.mark.parametrize("name", NETWORKS)
def test_espnets_own_language_model_reads_the_weights_and_scores_alike(trained: Recipe, name: str) -> None:
    from espnet2.lm.espnet_model import ESPnetLanguageModel

    system = neural.restore(Path("exp/toy") / name)
    peer = ESPnetLanguageModel(system.lm, len(system.vocabulary)).eval()
    peer.load_state_dict(torch.load(Path("exp/toy") / name / "model.pt", weights_only=True))
    texts = ["τζ̆αι εν ο", "τωρά", "ο σ̆ύλλος έρκεται τωρά"]
    ids = [system.tokenizer.encode(text) for text in texts]
    padded = torch.nn.utils.rnn.pad_sequence([torch.tensor(one) for one in ids], batch_first=True)
    with torch.inference_mode():
        nll, _ = peer.nll(padded, torch.tensor([len(one) for one in ids]))
    scores = open_lm(Path("exp/toy") / name, DATA)
    scores.load()
    assert scores.scores(texts, Path("x")) == pytest.approx((-nll.sum(1)).tolist(), abs=1e-4)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("rows", [8192, 3])
def test_search_hears_of_each_state_what_the_network_says_of_the_whole_beginning(trained: Recipe, name: str, rows: int) -> None:
    system = neural.restore(Path("exp/toy") / name)
    edge = system.tokenizer.sos_eos_id
    lm = NeuralFusion(stepping(system.lm), len(system.vocabulary), edge, nodes=5, rows=rows)
    for seed in range(2):  # the second search starts with a full tree, hence a new one
        draw = np.random.default_rng(seed)
        states, said = lm.start(3), [[edge] for _ in range(3)]
        for step in range(8):
            table, places = lm.rows(states)
            for n, beginning in enumerate(said):
                whole = system.logits(torch.tensor([beginning]))[0, -1].log_softmax(-1)
                np.testing.assert_allclose(table[places[n]], whole.detach().numpy(), atol=1e-4)
            tokens = draw.integers(1, edge, 3)
            parents = np.array([0, 0, 2]) if step == 3 else np.arange(3)  # two hypotheses go on from one
            said = [[*said[parent], int(token)] for parent, token in zip(parents, tokens, strict=True)]
            states = lm.advance(states[parents], tokens)
        shorter = lm.advance(np.zeros(1, np.int64), np.array([2]))  # states of several lengths in one call
        both = np.concatenate([states, shorter])
        table, places = lm.rows(both)
        whole = system.logits(torch.tensor([[edge, 2]]))[0, -1].log_softmax(-1)
        np.testing.assert_allclose(table[places[-1]], whole.detach().numpy(), atol=1e-4)


def test_positions_count_from_each_sentences_own_start() -> None:
    from cyasr.lm.network import build

    torch.manual_seed(0)
    options = {"pos_enc": "sinusoidal", "embed_unit": 8, "att_unit": 8, "head": 2, "unit": 8, "layer": 2}
    network = build("transformer", 7, options).eval()
    lm = NeuralFusion(stepping(network), 7, 6)
    one = lm.start(1)
    lm.rows(one)
    two = lm.advance(one, np.array([3]))
    lm.rows(two)
    table, places = lm.rows(np.concatenate([lm.advance(one, np.array([4])), lm.advance(two, np.array([5]))]))
    for place, beginning in zip(places, ([6, 4], [6, 3, 5]), strict=True):
        whole = network(torch.tensor([beginning]), None)[0][0, -1].log_softmax(-1)
        np.testing.assert_allclose(table[place], whole.detach().numpy(), atol=1e-4)


def test_joint_searchs_score_is_the_sentences(trained: Recipe) -> None:
    tokens = tokenizer.Tokenizer.load(DATA / "tokenizer_char").tokens
    lm = open_token_lm(Path("exp/toy/lm_transformer"), "char", tokens)
    log_probs = torch.randn(3, 12, len(tokens), generator=torch.Generator().manual_seed(1))
    log_probs[:, :, 0] += 4
    log_probs = log_probs.log_softmax(-1)
    search = SearchConf(beam=4, nbest=3, ctc_weight=1.0, lm_weight=0.7)
    lists = joint_search(search, log_probs, torch.tensor([12, 9, 11]), len(tokens) - 1, lm=lm)
    hyps = [hyp for hyps in lists for hyp in hyps if hyp.scores["length"] > len(hyp.tokens)]  # which came to their end
    whole = neural.restore(Path("exp/toy/lm_transformer")).token_scores([hyp.tokens for hyp in hyps])
    assert len(hyps) >= 6
    assert [hyp.scores["lm"] for hyp in hyps] == pytest.approx([float(one.sum()) for one in whole], abs=1e-3)


def test_a_killed_training_resumes_to_the_same_weights(trained: Recipe) -> None:
    command = [sys.executable, "-m", "steps.train_lm", "--data", str(DATA), "--conf", conf("lm_killed"), "--ngpu", "0"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": str(torch.get_num_threads())}
    directory = Path("exp/toy/lm_killed")
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None and not list(directory.glob("checkpoints/state_*.pt")):
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    train(trained, "lm_killed")
    assert "resumed" in (directory / "train.log").read_text()
    killed, whole = (torch.load(Path("exp/toy") / name / "model.pt") for name in ("lm_killed", "lm_transformer"))
    assert all(torch.equal(killed[name], whole[name]) for name in whole) and killed.keys() == whole.keys()


def test_a_finished_model_is_left_alone_and_a_changed_conf_asks_for_redo(
    trained: Recipe, capsys: pytest.CaptureFixture[str]
) -> None:
    train(trained, "lm_lstm", **NETWORKS["lm_lstm"])
    assert "exp/toy/lm_lstm is up to date" in capsys.readouterr().out
    status, message = trained.fails("train_lm", "--data", str(DATA), "--conf", conf("lm_lstm", network="lstm", size=8))
    assert status == 2 and "size: 16 -> 8" in message and "--redo" in message


def test_other_tokens_or_other_text_are_refused_in_one_line(trained: Recipe) -> None:
    tokens = tokenizer.Tokenizer.load(DATA / "tokenizer_char").tokens
    with pytest.raises(UsageError, match=r"over 'char' and the system over 'bpe_500' tokens"):
        open_token_lm(Path("exp/toy/lm_lstm"), "bpe_500", tokens)
    with pytest.raises(UsageError, match=r"not the same ones.*stage 4, --redo"):
        open_token_lm(Path("exp/toy/lm_lstm"), "char", [*tokens[:-1], "ξ", tokens[-1]])
    scorer = open_lm(Path("exp/toy/lm_lstm"), DATA)
    scorer.load()
    scorer.check(["ο σ̆ύλλος"], Path("dev"))
    with pytest.raises(RunError, match=r"knows \d+ of the \d+ units \(tokens\) in dev"):
        scorer.check(["shillies glossies"], Path("dev"))


def test_a_model_without_its_weights_or_with_anothers_says_so(trained: Recipe) -> None:
    source, copy = Path("exp/toy/lm_lstm"), Path("exp/toy/lm_copy")
    (copy / "tokenizer").mkdir(parents=True)
    write_text(copy / "tokenizer" / "tokens.txt", (source / "tokenizer" / "tokens.txt").read_text(encoding="utf-8"))
    write_text(copy / "conf.yaml", (source / "conf.yaml").read_text(encoding="utf-8"))
    with pytest.raises(UsageError, match=r"lm_copy/model.pt does not exist"):
        open_lm(copy, DATA)
    (copy / "model.pt").write_bytes((Path("exp/toy/lm_transformer") / "model.pt").read_bytes())
    with pytest.raises(UsageError, match=r"not this network's weights"):
        open_lm(copy, DATA).load()
    (copy / "model.pt").write_bytes(b"PK")
    with pytest.raises(UsageError, match=r"or damaged"):
        open_lm(copy, DATA).load()


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"kind": "nueral"}, "unknown kind of language model 'nueral'; did you mean 'neural'?"),
        ({"tokens": "word"}, "words are for n-grams"),
        ({"size": 15}, "size: 15 is no multiple of heads: 2"),
        ({"batch_tokens": 0}, "batch_tokens: from 1"),
        ({"lr": 0}, "lr: must be above 0"),
        ({"order": 3}, "unknown key 'order'"),
        ({"native": {"hed": 3}}, "ESPnet refuses the network"),
        ({"longest": 1}, "no sentence of at most 1 tokens"),
    ],
)
def test_what_cannot_be_is_one_line(trained: Recipe, keys: dict[str, Any], message: str) -> None:
    _, found = trained.fails("train_lm", "--data", str(DATA), "--conf", conf("lm_wrong", **keys), "--ngpu", "0", "--redo")
    assert message in found

"""A model behind a server gives the scores that it gives here; a server that is away, slow or of another kind is one line."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import tiny_models
import torch
import yaml

from cyasr.cli import RunError, UsageError
from cyasr.files import read_json, write_text
from cyasr.fusion.lm_scores import LmUnavailable, open_lm
from cyasr.nbest import read_nbest
from tests.steps.conftest import Recipe

TEXTS = ["ο σ̆ύλλος έρκεται τωρά", "πόψε", "τζ̆αι εν ο κάττος", "πόψε"]
CONF = {"kind": "endpoint", "model": "tiny", "licence": "MIT", "batch": 2, "retries": 1, "wait": 0.01, "timeout": 20}
FUSE = Path("exp/toy/train_a/fuse_llm")


class Server(ThreadingHTTPServer):
    """/v1/completions of a real model, as OpenAI's protocol has it, and what may be wrong with one."""

    daemon_threads = True

    def __init__(self, directory: Path) -> None:
        from transformers import AutoModelForCausalLM, AutoTokenizer

        self.model = AutoModelForCausalLM.from_pretrained(directory)
        self.tokenizer = AutoTokenizer.from_pretrained(directory)
        self.usual()
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/v1"

    def usual(self) -> None:
        self.busy = 0  # requests still to be answered with 503
        self.delay = 0.0  # seconds
        self.wrong = ""
        self.asked: list[list[str]] = []

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Quiet, where a client did not wait."""

    def choice(self, index: int, prompt: str) -> dict[str, Any]:
        ids = [0, *self.tokenizer.encode(prompt, add_special_tokens=False)]
        with torch.inference_mode():
            logits = self.model(torch.tensor([ids])).logits[0].log_softmax(-1)
        logs = [None, *(float(logits[n - 1, ids[n]]) for n in range(1, len(ids)))]
        if self.wrong != "ends at once" or index == 0:  # the one token more that was asked for
            logs.append(float(logits[-1].max()))
        if self.wrong == "nan":
            logs[1] = float("nan")
        kept = None if self.wrong == "no log-probabilities" else {"token_logprobs": logs}
        if self.wrong == "only what is generated":
            kept = {"token_logprobs": logs[-1:]}
        return {"index": index, "logprobs": kept, "prompt": len(ids)}


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        time.sleep(self.server.delay)
        if self.server.busy:
            self.server.busy -= 1
            return self.answer(503, {"error": "loading"})
        if self.server.wrong == "refuses":
            return self.answer(400, {"error": "Only no echo is supported"})
        assert self.path == "/v1/completions" and body["echo"] and body["logprobs"] and body["max_tokens"] == 1
        self.server.asked.append(body["prompt"])
        choices = [self.server.choice(n, prompt) for n, prompt in enumerate(body["prompt"])]
        usage = {"prompt_tokens": sum(choice.pop("prompt") for choice in choices)}
        if self.server.wrong == "only what is generated":
            usage["prompt_tokens"] = 0
        self.answer(200, {"choices": choices[::-1], "usage": usage})

    def answer(self, status: int, value: Any) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(b"<html>" if self.server.wrong == "no json" else json.dumps(value).encode())

    def log_message(self, format: str, *arguments: Any) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tiny_models.llama(tmp_path_factory.mktemp("llama"))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def server(running: Server) -> Server:
    running.usual()
    return running


def opened(recipe: Recipe, url: str, **keys: Any) -> Any:
    recipe.data("toy", "dev", [{"id": "d1", "text": TEXTS[0]}])
    write_text(Path("conf/lm_llm.yaml"), yaml.safe_dump(CONF | {"url": url} | keys))
    recipe.run("train_lm", "--data", "data/toy", "--conf", "conf/lm_llm.yaml")
    lm = open_lm(Path("exp/toy/lm_llm"), Path("data/toy"))
    lm.load()
    return lm


def expected(server: Server, prompts: list[str]) -> list[float]:
    from cyasr.modules.hf_lm import HfLm

    lm = HfLm(server.model, server.tokenizer, causal=True, end=False, batch_tokens=100)
    return lm.scores([lm.read(prompt) for prompt in prompts])


@pytest.mark.parametrize("wrong", ["", "ends at once"])
def test_the_scores_are_the_models_own_and_no_sentence_is_asked_twice(recipe: Recipe, server: Server, wrong: str) -> None:
    server.wrong = wrong
    lm = opened(recipe, server.url, prepare=["capital"], suffix=".")
    known = dict(zip(TEXTS, expected(server, [f"\n{text[0].upper()}{text[1:]}." for text in TEXTS]), strict=True))
    assert lm.scores(TEXTS, Path("x")) == pytest.approx([known[text] for text in TEXTS], abs=1e-3)
    asked = len(server.asked)
    lm.scores(TEXTS[::-1], Path("x"))
    assert len(server.asked) == asked
    if not wrong:
        assert [len(prompts) for prompts in server.asked] == [2, 1]


def test_a_busy_server_is_asked_again(recipe: Recipe, server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    server.busy = 1
    assert opened(recipe, server.url).scores(["πόψε"], Path("x")) == pytest.approx(expected(server, ["\nπόψε\n"]), abs=1e-3)
    assert "503 Service Unavailable; try 2 of 2" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("refuses", "refuses: 400 Bad Request: .*Only no echo is supported"),
        ("no log-probabilities", "answers without log-probabilities of the prompt"),
        ("only what is generated", "answers without log-probabilities of the prompt"),
        ("no json", "no JSON; is the url right"),
        ("nan", r"no number \(NaN\)"),
    ],
)
def test_a_server_that_cannot_serve_stops_the_run(recipe: Recipe, server: Server, wrong: str, message: str) -> None:
    server.wrong = wrong
    with pytest.raises(RunError, match=message) as caught:
        opened(recipe, server.url).scores(["πόψε"], Path("x"))
    assert not isinstance(caught.value, LmUnavailable) and "\n" not in str(caught.value)


def lists(recipe: Recipe) -> None:
    recipe.data("toy", "test", [{"id": "t1", "text": "πόψε"}])
    for split, name in (("dev", "d1"), ("test", "t1")):
        hyps = [("ο σ̆ύλλος", {"ctc": -1.0, "att": -1.0}), (TEXTS[0], {"ctc": -1.5, "att": -1.0})]
        recipe.nbest(f"toy/train_a/decode_joint/{split}", {name: hyps})
    fuse = {"nbest": "decode_joint", "lm": "lm_llm", "lm_weights": [0, 0.1], "word_weights": [0, 1]}
    write_text(Path("conf/fuse_llm.yaml"), yaml.safe_dump(fuse))


def fuse(recipe: Recipe) -> None:
    recipe.run("fuse", "--exp", "exp/toy/train_a", "--conf", "conf/fuse_llm.yaml")


def test_a_second_pass_goes_on_without_a_server_that_is_away_and_takes_it_when_it_is_back(
    recipe: Recipe, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    lists(recipe)
    server.busy = 2  # every try of the first request
    opened(recipe, server.url)
    fuse(recipe)
    said = capsys.readouterr().out
    assert f"lm_llm ({server.url}) cannot be reached (503 Service Unavailable; 2 tries); everything is done without it" in said
    assert said.rstrip().endswith("; without lm_llm")
    without = read_json(FUSE / "weights.json")
    assert list(without["without"]) == ["lm_llm"] and "lm_llm" not in without["changes"] and without["changes"]["words"] == 1
    assert list(read_json(FUSE / "run.json")["without"]) == ["lm_llm"]
    fuse(recipe)
    assert "lm_llm" in read_json(FUSE / "weights.json")["changes"] and "without" not in read_json(FUSE / "run.json")
    assert all("lm_llm" in hyp.scores for one in read_nbest(FUSE / "test.nbest.jsonl.gz") for hyp in one.hyps)


def test_a_required_server_that_is_slow_or_gone_stops_the_run(recipe: Recipe, server: Server) -> None:
    lists(recipe)
    server.delay = 0.5
    opened(recipe, server.url, required=True, timeout=0.05)
    status, message = recipe.fails("fuse", "--exp", "exp/toy/train_a", "--conf", "conf/fuse_llm.yaml")
    assert status == 1 and "no answer within 0.05 s; 2 tries" in message and "required: true" in message
    assert read_json(FUSE / "run.json")["status"] == "failed"
    opened(recipe, "http://127.0.0.1:9/v1", required=True)
    _, message = recipe.fails("fuse", "--exp", "exp/toy/train_a", "--conf", "conf/fuse_llm.yaml")
    assert "Connection refused" in message


def test_a_key_comes_from_the_environment_alone(recipe: Recipe, server: Server) -> None:
    with pytest.raises(UsageError, match="the environment has no LLM_KEY"):
        opened(recipe, server.url, key_variable="LLM_KEY").scores(["πόψε"], Path("x"))
    _, message = recipe.fails("train_lm", "--data", "data/toy", "--conf", bad_conf(url="localhost:8000"))
    assert "url: as http://localhost:8000/v1" in message


def bad_conf(**keys: Any) -> str:
    write_text(Path("conf/lm_bad.yaml"), yaml.safe_dump(CONF | keys))
    return "conf/lm_bad.yaml"

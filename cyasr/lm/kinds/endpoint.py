"""`kind: endpoint`: somebody's large language model behind an OpenAI-compatible `/v1/completions`.

It has to return the prompt's own log-probabilities for `echo` and `logprobs`: vLLM does, and llama-cpp-python's server
started with `logits_all`; llama.cpp's own `llama-server` refuses `echo` (ggml-org/llama.cpp#27174, open in August 2026).
"""

from __future__ import annotations

import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cyasr import conf as confs
from cyasr.cli import RunError, UsageError
from cyasr.conf import run_key
from cyasr.fusion.lm_scores import LmUnavailable, checked
from cyasr.lm.prepared import Change, prepared
from cyasr.lock import Lock
from cyasr.stage import Stage

if TYPE_CHECKING:
    from cyasr.fusion.lm_scores import SentenceLm

BUSY = {408, 425, 429, 500, 502, 503, 504}  # HTTP statuses worth another try


@dataclass(kw_only=True)
class Conf:
    """The score is that of prefix, text and suffix together; the prefix weighs the same in every hypothesis."""

    kind: Literal["endpoint"]
    url: str  # up to and with /v1
    model: str  # as the server calls it
    licence: str  # of the model; a non-commercial one shows in every result
    required: bool = run_key(False)  # true: stop where it cannot be reached; false: go on without it and say so
    prepare: list[Change] = field(default_factory=list)  # what is done to normalised text first
    prefix: str = "\n"  # what the sentence is said after; a model without a start token scores nothing that comes first
    suffix: str = "\n"  # what ends it
    key_variable: str | None = run_key(None)  # environment variable with the server's key
    batch: int = run_key(16)  # sentences a request; 1 for llama-cpp-python
    timeout: float = run_key(60.0)  # seconds of a request
    retries: int = run_key(3)  # further tries of a request
    wait: float = run_key(1.0)  # seconds before the first of them, twice as long before each next

    def __post_init__(self) -> None:
        if not self.url.startswith(("http://", "https://")):
            raise ValueError(f"url: as http://localhost:8000/v1, not {self.url!r}")
        if self.batch < 1 or self.timeout <= 0 or self.retries < 0 or self.wait < 0:
            raise ValueError("batch: from 1; timeout: above 0; retries and wait: from 0")

    def written(self, text: str) -> str:
        """A normalised text as the model reads it."""
        return self.prefix + prepared(text, self.prepare) + self.suffix


def make(data: Path, conf_path: Path, conf: Conf, ngpu: int | None, redo: bool) -> None:
    """Note what the model is; it is asked in stage 7."""
    from cyasr.experiment import surroundings
    from cyasr.files import write_json
    from cyasr.licences import taint

    directory = Path("exp") / data.relative_to("data") / conf_path.stem
    stage = Stage(directory / ".stamp.json", [], asdict(conf))
    if stage.fresh():
        return
    with Lock(directory):
        confs.freeze(conf, directory / "conf.yaml")
        record = {"conf": conf_path.stem, "data": str(data), "licences": [conf.licence], "taint": taint([conf.licence])}
        write_json(directory / "run.json", surroundings() | record)
        stage.done([directory / "conf.yaml", directory / "run.json"])
    print(f"{directory}: {conf.model} at {conf.url} is asked in stage 7")


def files(directory: Path) -> list[Path]:
    return [directory / "conf.yaml"]


def sentence_lm(directory: Path, data: Path) -> SentenceLm:
    return EndpointScorer(directory)


class EndpointScorer:
    """A SentenceLm."""

    parallel = False

    def __init__(self, directory: Path) -> None:
        """directory: exp/<set>/lm_<name>."""
        self.directory = directory
        self.conf = confs.load(directory / "conf.yaml", Conf)
        self.files = files(directory)
        self._known: dict[str, float] = {}  # what was asked already: utterances repeat one another's sentences

    def load(self) -> None:
        """Nothing is read: the model is elsewhere."""

    def check(self, texts: Iterable[str], source: Path) -> None:
        """Any text is the model's own; that the server answers rightly is seen at the first score."""

    def scores(self, texts: Sequence[str], source: Path) -> list[float]:
        asked = [text for text in dict.fromkeys(texts) if text not in self._known]
        for first in range(0, len(asked), self.conf.batch):
            batch = asked[first : first + self.conf.batch]
            self._known |= dict(zip(batch, self._score([self.conf.written(text) for text in batch]), strict=True))
        return checked(self.directory, texts, (self._known[text] for text in texts), source)

    def _score(self, prompts: list[str]) -> list[float]:
        """The log probability of each prompt, but for a first token that nothing comes before."""
        try:
            answer = self._ask(prompts)
            choices = sorted(answer["choices"], key=lambda choice: choice["index"])
            logs: list[list[float | None]] = [choice["logprobs"]["token_logprobs"] for choice in choices]
            usage = answer["usage"]
            generated = sum(map(len, logs)) - int(usage["prompt_tokens"])
        except (KeyError, TypeError) as error:
            raise self._no_log_probs(f"its answer has no {error}" if isinstance(error, KeyError) else "") from None
        if len(logs) != len(prompts):
            raise RunError(f"{self._where} answers {len(prompts)} prompts with {len(logs)} choices; set `batch: 1`")
        if generated not in (0, len(prompts)) and len(prompts) > 1:  # some ended at once: whose tokens these are is not said
            return [score for prompt in prompts for score in self._score([prompt])]
        kept = [row[: len(row) - generated // len(prompts)] for row in logs]
        if any(len(row) < 2 or any(one is None for one in row[1:]) for row in kept):
            raise self._no_log_probs("")
        return [sum(one for one in row if one is not None) for row in kept]

    def _ask(self, prompts: list[str]) -> Any:
        """The server's answer, tried again where it is busy, slow or away."""
        conf = self.conf
        body = {"model": conf.model, "prompt": prompts, "max_tokens": 1, "temperature": 0, "echo": True, "logprobs": 1}
        headers = {"Content-Type": "application/json"}
        if conf.key_variable:
            if conf.key_variable not in os.environ:
                raise UsageError(f"{self.directory}: the environment has no {conf.key_variable} (key_variable)")
            headers["Authorization"] = f"Bearer {os.environ[conf.key_variable]}"
        request = urllib.request.Request(f"{conf.url.rstrip('/')}/completions", json.dumps(body).encode(), headers)
        reason = ""
        for attempt in range(conf.retries + 1):
            if attempt:
                print(f"{self._where}: {reason}; try {attempt + 1} of {conf.retries + 1}", flush=True)
                time.sleep(conf.wait * 2 ** (attempt - 1))
            try:
                with urllib.request.urlopen(request, timeout=conf.timeout) as response:
                    return json.loads(response.read())
            except urllib.error.HTTPError as error:
                said = error.read().decode("utf-8", "replace").strip()[:200]
                if error.code not in BUSY:
                    raise RunError(f"{self._where} refuses: {error.code} {error.reason}: {said}") from None
                reason = f"{error.code} {error.reason}"
            except TimeoutError:
                reason = f"no answer within {conf.timeout:g} s"
            except (OSError, HTTPException) as error:  # URLError among them, which wraps time-outs too
                cause = getattr(error, "reason", None) or error
                slow = isinstance(cause, TimeoutError)
                reason = f"no answer within {conf.timeout:g} s" if slow else str(cause) or type(error).__name__
            except ValueError:
                raise RunError(f"{self._where} answers something that is no JSON; is the url right?") from None
        message = f"{self._where} cannot be reached ({reason}; {conf.retries + 1} tries)"
        if conf.required:
            raise RunError(f"{message}, and its conf says `required: true`")
        raise LmUnavailable(self.directory.name, message)

    def _no_log_probs(self, detail: str) -> RunError:
        found = f" ({detail})" if detail else ""
        return RunError(
            f"{self._where} answers without log-probabilities of the prompt{found}: vLLM gives them, and llama-cpp-python's "
            "server with logits_all; llama.cpp's llama-server does not"
        )

    @property
    def _where(self) -> str:
        return f"{self.directory.name} ({self.conf.url})"

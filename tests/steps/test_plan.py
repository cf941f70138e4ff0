"""Planning: the real architecture's figures, memory that grows as it should, a tree that refuses what cannot be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cyasr.cli import UsageError
from cyasr.planning.choose import CANDIDATES, Question, choose
from tests.steps.conftest import Recipe

ROOT = Path(__file__).parents[2]
TINY = str(ROOT / "conf" / "train_ebranchformer_tiny.yaml")


def test_published_sizes_give_the_published_numbers_of_parameters() -> None:
    import torch

    from cyasr.adaptation.adapt import count
    from cyasr.modules.hub import transformers
    from cyasr.planning.architecture import PUBLISHED, configuration

    for path in PUBLISHED.glob("*.json"):
        assert json.loads(path.read_text(encoding="utf-8"))["source"], path
    known = {"openai/whisper-tiny": 37_760_640, "openai/whisper-base": 72_593_920, "openai/whisper-large-v3": 1_543_490_560}
    for name, parameters in known.items():
        with torch.device("meta"):
            assert count(transformers().WhisperForConditionalGeneration(configuration(name)))[1] == parameters
    with torch.device("meta"):
        assert count(transformers().Wav2Vec2Model(configuration("facebook/wav2vec2-xls-r-300m")))[1] == 315_438_720
    with pytest.raises(UsageError, match=r"did you mean 'whisper-large-v3'.*conf/architectures"):
        configuration("openai/whisper-larg-v3")


def test_states_are_16_bytes_a_parameter_and_activations_grow_by_utterance() -> None:
    from cyasr.planning import trace
    from cyasr.planning.architecture import build
    from cyasr.planning.plan import HEAP, plan
    from cyasr.systems import load_conf

    conf = load_conf(Path(TINY))
    made = plan(conf, None, 5.0, gpu=False)
    assert made.trained == made.parameters
    assert 16 * made.parameters <= made.states < 17 * made.parameters + 10_000_000  # buffers: tables of positions
    three = trace.cost(build(conf, None), conf, 3, 5.0, low_precision=False)
    assert HEAP * three.memory == pytest.approx(made.peak(3) - made.states, rel=0.05)
    assert three.operations == pytest.approx(3 * 5.0 * made.operations, rel=1e-6)
    assert made.fitting((made.peak(4) + 1) / 0.92) == 4


def test_lora_needs_no_gradients_and_moments_for_what_is_frozen_and_qlora_fewer_weights() -> None:
    from cyasr.adaptation.conf import AdaptConf
    from cyasr.planning.architecture import build
    from cyasr.planning.plan import _weights
    from cyasr.systems.hf_seq2seq import Conf

    sizes = {}
    for kind in ("lora", "qlora"):
        adapt = AdaptConf(kind=kind, targets=["query_value"], rank=16)
        conf = Conf("hf_seq2seq", "pretrained", pretrained="openai/whisper-large-v3", adapt=adapt)
        sizes[kind] = _weights(build(conf, None))
    assert 6.1e9 < sizes["lora"] < 6.3e9
    assert 0.9e9 < sizes["qlora"] < 1.3e9


def test_the_step_prints_a_plan_or_refuses(recipe: Recipe, capsys: pytest.CaptureFixture[str]) -> None:
    recipe.run("plan", "--conf", TINY, "--gpu", "8G", "--hours", "2", "--seconds", "4")
    printed = capsys.readouterr().out
    assert "utterances, " in printed and "the conf fits" in printed and "epochs of 2 h of speech" in printed
    assert recipe.fails("plan", "--conf", TINY, "--gpu", "0.001", "--seconds", "4")[1].startswith("no room: an utterance of 4 s")
    assert "memory as 24G" in recipe.fails("plan", "--conf", TINY, "--gpu", "big")[1]
    assert "either --conf" in recipe.fails("plan")[1]
    assert "run stage 2" in recipe.fails("plan", "--conf", TINY, "--data", "data/none")[1]
    assert "should be above 0" in recipe.fails("plan", "--conf", TINY, "--hours", "-1")[1]


@pytest.mark.parametrize(
    "question, first",
    [
        (Question(hours=10), "whisper_large_v3"),
        (Question(hours=0.5), "whisper_large_v3_lora"),
        (Question(hours=0.5, streaming=True), "xlsr53_greek"),
        (Question(hours=10, streaming=True, greek=True, commercial=True), "xlsr53_greek"),
        (Question(hours=0.5, cpu=True), "mhubert147"),
        (Question(hours=0.5, cpu=True, commercial=True), "ebranchformer_mini"),
        (Question("translation", hours=0.5), "whisper_large_v3_lora"),
        (Question("translation", hours=0.5, published_data=True), "canary_1b_v2_lora"),
    ],
)
def test_the_tree_leads_to(question: Question, first: str) -> None:
    candidates, reasons = choose(question)
    assert candidates[0].name == first
    assert any(reason.startswith("--hours") for reason in reasons)


@pytest.mark.parametrize(
    "question, message",
    [
        (Question("dialogue"), "speech-to-speech"),
        (Question("understanding"), "audio language model"),
        (Question("translation", streaming=True), "--task translation and --hours 10 and --streaming together"),
        (Question(hours=0.05, streaming=True, cpu=True), "--hours 0.05"),
        (Question(hours=0), "nothing to train on"),
    ],
)
def test_the_tree_refuses(question: Question, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        choose(question)


def test_under_an_hour_no_whisper_is_trained_in_full() -> None:
    assert all(one.name.endswith("_lora") for one in choose(Question(hours=0.9))[0] if one.name.startswith("whisper"))
    assert len({one.name for one in CANDIDATES}) == len(CANDIDATES)

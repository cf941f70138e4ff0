"""Every term with every family: refused in a line where the two cannot meet, and learnt from where they can."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from cyasr.cli import UsageError
from cyasr.losses.conf import NEEDS
from tests.losses import tiny

CAN = {
    "espnet": {"ctc", "cross_entropy", "focal", "frame_distillation", "token_distillation", "text"},
    "hf_ctc": {"ctc", "frame_distillation", "contrastive"},
    "hf_seq2seq": {"cross_entropy", "focal", "token_distillation", "translation", "text"},
    "nemo": {"ctc", "cross_entropy", "focal", "frame_distillation", "token_distillation", "translation", "text"},
    "nemo_transducer": {"transducer"},
}
PAIRS = [(family, term) for family in CAN for term in NEEDS]
SETTINGS: dict[str, dict[str, Any]] = {
    "focal": {"focal_alpha": {"τζ̆αι": 2.0}},
    "contrastive": {"diversity": 0.0, "negatives": 10},
}


@pytest.fixture(autouse=True)
def here(tones: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny.workplace(tones, tmp_path)
    monkeypatch.chdir(tmp_path)


def loss(term: str, teacher: str = "exp/x") -> dict[str, Any]:
    settings = {"teacher": teacher, "top": 8} if term.endswith("distillation") else SETTINGS.get(term, {})
    return {term: 1.0, **settings}


@pytest.mark.parametrize(("family", "term"), PAIRS)
def test_a_conf_loads_or_names_what_the_term_needs(family: str, term: str) -> None:
    if term in CAN[family]:
        assert tiny.conf(family, loss=loss(term), select="loss").loss.terms == [term]
        return
    with pytest.raises(UsageError) as error:
        tiny.conf(family, loss=loss(term), select="loss")
    message = str(error.value)
    assert f"loss: {term} needs {NEEDS[term]}, which {family} does not give" in message and "\n" not in message
    assert all(name in message for name in CAN[family])


@pytest.mark.parametrize(("family", "term"), [(family, term) for family, term in PAIRS if term in CAN[family]])
def test_a_pair_that_meets_learns_and_a_batch_costs_what_its_utterances_cost(family: str, term: str) -> None:
    both = {"loss": {"ctc": 0.5, "cross_entropy": 0.5}} if family == "nemo" else {}  # its CTC head is no part of the model
    teacher = tiny.experiment(family, **both) if term.endswith("distillation") else ""
    system = tiny.system(tiny.conf(family, loss=loss(term, teacher), select="loss"))
    cuts = tiny.some_cuts(3)
    losses = system.train()(system.collator(train=True)(cuts, epoch=3))
    losses.total.backward()
    assert losses.count == 3 and losses.total.item() > 0
    without = [name for name, one in system.named_parameters() if one.requires_grad and one.grad is None]
    assert not without, "processes would wait for these gradients"
    assert all(one.grad.isfinite().all() for one in system.parameters() if one.grad is not None)
    collate = system.eval().collator(train=False)
    with torch.no_grad():
        whole, parts = system(collate(cuts)), [system(collate([cut])) for cut in cuts]
    assert float(whole.total) == pytest.approx(sum(float(one.total) for one in parts), rel=1e-4)


def test_terms_add_up_by_their_weights() -> None:
    cuts = tiny.some_cuts(2)
    weights = {"ctc": 0.2, "cross_entropy": 0.5, "text": 0.3}
    system = tiny.system(tiny.conf("espnet", loss={**weights, "label_smoothing": 0.1})).eval()
    with torch.no_grad():
        losses = system(system.collator(train=False)(cuts))
    assert float(losses.total) == pytest.approx(sum(weight * float(losses.parts[name]) for name, weight in weights.items()))
    assert {"errors", "reference", "infeasible", "correct", "tokens"} < losses.parts.keys()


def test_a_translation_counts_only_where_a_cut_has_one_and_under_its_own_task() -> None:
    cuts = tiny.some_cuts(2)
    cuts[1].supervisions[0].custom = None
    system = tiny.system(tiny.conf("hf_seq2seq", loss={"cross_entropy": 1.0, "translation": 0.5})).eval()
    batch = system.collator(train=False)(cuts)
    spoken, translated = (
        system.processor.tokenizer.decode(one[0][one[0] >= 0]) for one in (batch.tokens, batch.extra.translation)
    )
    assert spoken.startswith("<|startoftranscript|><|el|><|transcribe|><|notimestamps|>")
    assert translated.startswith("<|startoftranscript|><|el|><|translate|><|notimestamps|>") and translated.endswith(
        "<|endoftext|>"
    )
    assert (batch.extra.translation[1] < 0).all()
    with torch.no_grad():
        both, first = (system(system.collator(train=False)(part)).parts["translation"] for part in (cuts, cuts[:1]))
    assert float(both) == pytest.approx(float(first), rel=1e-5)


def test_text_alone_is_predicted_without_audio() -> None:
    for family in ("espnet", "hf_seq2seq"):
        system = tiny.system(tiny.conf(family, loss={"cross_entropy": 1.0, "text": 1.0})).eval()
        one, other = tiny.some_cuts(2)
        other.supervisions[0].text = one.supervisions[0].text
        with torch.no_grad():
            first, second = (system(system.collator(train=False)([cut])).parts for cut in (one, other))
        assert float(first["text"]) == float(second["text"])
        assert float(first["cross_entropy"]) != float(second["cross_entropy"])


def test_contrast_needs_the_quantiser_of_wav2vec_2() -> None:
    made = tiny.conf("hf_ctc", loss=loss("contrastive"), select="loss", pretrained="bases/mhubert")
    with pytest.raises(UsageError, match=r"bases/mhubert is a hubert model without one"):
        tiny.system(made)


@pytest.mark.parametrize(
    ("family", "keys", "line"),
    [
        ("espnet", {"loss": {}}, "loss: no term has a weight; there are ctc, cross_entropy"),
        ("espnet", {"loss": {"ctc": -1.0}}, "ctc: a weight from 0, not -1.0"),
        ("espnet", {"loss": {"ctcc": 1.0}}, "unknown key 'ctcc'; did you mean 'ctc'?"),
        ("espnet", {"loss": {"ctc": 1.0, "label_smoothing": 0.1}}, "label_smoothing: is a setting of cross_entropy"),
        ("espnet", {"loss": {"ctc": 0.5, "frame_distillation": 0.5}}, "teacher: is missing"),
        ("espnet", {"loss": {"ctc": 1.0, "teacher": "exp/x"}}, "teacher: is a setting of frame_distillation and token_"),
        ("espnet", {"loss": {"cross_entropy": 1.0, "text": 0.1, "text_files": ["a.txt"]}}, "say under which licence a.txt"),
        ("espnet", {"loss": "ctc"}, "loss: expected a mapping, got 'ctc'"),
        ("hf_ctc", {"loss": {"contrastive": 1.0}}, "select: contrastive alone have no error rate; write `select: loss`"),
        ("hf_ctc", {"loss": {"contrastive": 1.0, "negatives": 0}}, "negatives: from 1"),
    ],
)
def test_what_is_wrong_in_a_loss_is_one_clear_line(family: str, keys: dict[str, Any], line: str) -> None:
    with pytest.raises(UsageError) as error:
        tiny.conf(family, **keys)
    assert line in str(error.value) and "train_small.yaml" in str(error.value) and "\n" not in str(error.value)

"""What a teacher says is kept on disk, read by cut, and learnt from through the recipe's own step."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from lhotse import CutSet

from cyasr.cli import UsageError
from cyasr.losses.conf import FRAMES, TOKENS
from cyasr.losses.extra import Extras
from cyasr.losses.teacher import Cache, ask, cache
from cyasr.systems import restore
from tests.losses import tiny
from tests.systems.running import step


@pytest.fixture(autouse=True)
def here(tones: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    tiny.workplace(tones, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def asking(teacher: str, kind: str, **keys: Any) -> Any:
    return tiny.conf("espnet", loss={f"{kind}_distillation": 1.0, "teacher": teacher, "temperature": 2.0, **keys}).loss


@pytest.mark.parametrize("kind", ["frames", "tokens"])
def test_each_cut_has_its_own_places_whatever_batch_it_was_in(kind: str) -> None:
    conf = asking(tiny.experiment("espnet"), kind[:-1], top=100)
    ask(conf, tiny.DATA)
    teacher = restore(Path(conf.teacher))
    kept = Cache(cache(conf, tiny.DATA, "train", kind), teacher.vocabulary)  # type: ignore[arg-type]
    for cut in list(CutSet.from_file(tiny.DATA / "train.jsonl.gz"))[::7]:
        with torch.no_grad():
            made = teacher.outputs(teacher.collator(train=False)([cut]), {FRAMES, TOKENS})
        scores = made.frames.log_probs[0] if kind == "frames" else made.tokens.logits[0]
        expected = (scores / 2).log_softmax(-1)
        places = kept.get(cut.id)
        assert places is not None and places.ids.shape == expected.shape
        found = torch.zeros_like(expected).scatter(-1, torch.from_numpy(places.ids), torch.from_numpy(places.log_probs))
        assert torch.allclose(found, expected, atol=5e-3)  # kept in 16 bits
        assert np.allclose(np.exp(places.log_probs).sum(1) + np.exp(places.rest), 1.0, atol=1e-6)
        if kind == "tokens":
            assert places.targets.tolist() == made.tokens.targets[0].tolist()
    assert kept.get("no such cut") is None


def test_the_best_few_and_the_rest_add_up_to_one() -> None:
    conf = asking(tiny.experiment("espnet"), "frame", top=3)
    ask(conf, tiny.DATA)
    kept = Cache(cache(conf, tiny.DATA, "dev", "frames"), restore(Path(conf.teacher)).vocabulary)
    places = kept.get("dev-003")
    assert places is not None and places.ids.shape[1] == 3 and (places.rest > np.log(0.01)).all()
    assert np.allclose(np.exp(places.log_probs).sum(1) + np.exp(places.rest), 1.0, atol=1e-6)


def test_a_teacher_is_asked_once_and_again_only_when_it_changed(capsys: pytest.CaptureFixture[str]) -> None:
    teacher = tiny.experiment("espnet")
    ask(asking(teacher, "frame"), tiny.DATA)
    assert "48 cuts" in capsys.readouterr().out
    ask(asking(teacher, "frame"), tiny.DATA)
    assert capsys.readouterr().out == ""
    weights = torch.load(f"{teacher}/model.pt")
    torch.save({name: value * 1.01 for name, value in weights.items()}, f"{teacher}/model.pt")
    ask(asking(teacher, "frame"), tiny.DATA)
    assert "48 cuts" in capsys.readouterr().out


def test_tokens_are_matched_by_spelling_not_by_number() -> None:
    conf = asking(tiny.experiment("espnet"), "frame", top=100)
    ask(conf, tiny.DATA)
    theirs = restore(Path(conf.teacher)).vocabulary
    ours = ["<blank>", *reversed(theirs[1:-3]), "new"]  # another order, two less, one more
    straight = Cache(cache(conf, tiny.DATA, "dev", "frames"), theirs).get("dev-000")
    turned = Cache(cache(conf, tiny.DATA, "dev", "frames"), ours).get("dev-000")
    assert straight is not None and turned is not None
    for place in range(5):
        expected = {theirs[i]: p for i, p in zip(straight.ids[place], np.exp(straight.log_probs[place]), strict=True)}
        found = {ours[i]: p for i, p in zip(turned.ids[place], np.exp(turned.log_probs[place]), strict=True) if i >= 0}
        assert found == pytest.approx({token: expected[token] for token in found}, rel=1e-4)
        assert np.exp(turned.rest[place]) == pytest.approx(sum(expected[token] for token in theirs[-3:]), rel=1e-3)


def test_a_student_may_hear_other_frames_than_its_teacher() -> None:
    """A CTC student of 20 ms frames, at another speed, under a joint teacher of 40 ms frames."""
    teacher = tiny.experiment("espnet")
    made = tiny.conf("hf_ctc", loss={"ctc": 0.5, "frame_distillation": 0.5, "teacher": teacher}, speed=[0.9])
    system = tiny.system(made).train()
    losses = system(system.collator(train=True)(tiny.some_cuts(3), epoch=1))
    losses.total.backward()
    assert losses.parts["frame_distillation"].item() > 0 and losses.total.isfinite()


def test_what_is_learnt_from_a_cut_does_not_depend_on_its_batch_or_epoch() -> None:
    teacher = tiny.experiment("espnet")
    conf = tiny.conf("espnet", loss={"cross_entropy": 0.5, "token_distillation": 0.5, "teacher": teacher, "text": 0.1})
    ask(conf.loss, tiny.DATA)
    extras = Extras(conf.loss, 1, tiny.DATA, Path("exp"), restore(Path(teacher)).vocabulary)
    cuts = tiny.some_cuts(4)
    labels = tiny.system(conf).collator(train=True)._labels
    whole, alone = extras(cuts, 2, labels), extras(cuts[2:3], 2, labels)
    assert whole.tokens is not None and alone.tokens is not None
    length = int(alone.tokens.lengths[0])
    assert int(whole.tokens.lengths[2]) == length
    assert torch.equal(whole.tokens.log_probs[2, :length], alone.tokens.log_probs[0])


def test_a_teacher_without_what_is_asked_for_is_refused() -> None:
    teacher = tiny.experiment("hf_ctc")
    with pytest.raises(UsageError, match="token_distillation: exp/tones/train_hf_ctc has not learnt to give token logits"):
        ask(asking(teacher, "token"), tiny.DATA)
    seq2seq = tiny.experiment("hf_seq2seq")
    conf = asking(seq2seq, "token")
    ask(conf, tiny.DATA)
    with pytest.raises(UsageError, match="take one with this tokenizer"):
        Extras(conf, 1, tiny.DATA, Path("exp"), Path(tiny.DATA / "tokenizer_char/tokens.txt").read_text().split())


def test_a_student_is_trained_by_its_teacher_and_a_changed_teacher_is_refused(here: Path) -> None:
    teacher = tiny.experiment("espnet")
    loss = {"ctc": 0.15, "cross_entropy": 0.35, "frame_distillation": 0.15, "token_distillation": 0.35, "teacher": teacher}
    keys = tiny.ESPNET | {"batch_seconds": 20, "buckets": 2, "epochs": 1, "ranks": 2, "workers": 1, "speed": [0.9, 1.1]}
    (here / "train_student.yaml").write_text(yaml.safe_dump(keys | {"loss": loss}))
    command = ["steps.train", "--data", "data/tones", "--conf", "train_student.yaml", "--ngpu", "0"]
    done = step(here, *command)
    assert done.returncode == 0, done.stdout
    assert all(f"{term} " in done.stdout for term in loss if term != "teacher")
    weights = torch.load(f"{teacher}/model.pt")
    torch.save({name: value * 1.01 for name, value in weights.items()}, f"{teacher}/model.pt")
    refused = step(here, *command)
    assert refused.returncode == 2 and "train_espnet/model.pt: its content changed" in refused.stdout
    shutil.rmtree(teacher)
    missing = step(here, *command)
    assert missing.returncode == 2 and "needs exp/tones/train_espnet/conf.yaml" in missing.stdout

"""Canary and Parakeet on tiny models of their real classes, through the recipe's own steps, and beside NeMo itself."""

from __future__ import annotations

import contextlib
import dataclasses
import gzip
import importlib
import json
import os
import re
import signal
import subprocess
import sys
import tarfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from lhotse import CutSet
from lhotse.cut import Cut

from cyasr import conf as confs
from cyasr.cli import UsageError
from cyasr.data.sampler import GlobalBatches
from cyasr.modules import nemo_architecture, nemo_extension, nemo_models, nemo_transducer
from cyasr.modules.nemo_audio import encode, pieces
from cyasr.search.conf import DecodeConf
from cyasr.systems import family, load_conf, restore
from tests.conftest import ROOT, WORDS
from tests.systems import nemo_checkpoint, running
from tests.test_recipe import checkout

TO_ENGLISH = dict(zip(WORDS, nemo_checkpoint.ENGLISH, strict=True))
KEYS: dict[str, Any] = {
    "system": "nemo", "tokenizer": "pretrained", "pretrained": "bases/canary.nemo", "batch_seconds": 6, "buckets": 2,
    "epochs": 55, "evaluate_epochs": 20, "lr": 2e-3, "average": 1, "ranks": 1, "weight_decay": 0.0, "time_masks": 0,
    "frequency_masks": 0,
}  # fmt: skip
PARAKEET: dict[str, Any] = KEYS | {
    "system": "nemo_transducer", "pretrained": "bases/parakeet.nemo", "lr": 4e-3, "select": "loss",
}  # fmt: skip
BEAM, GREEDY = DecodeConf(beam=4, nbest=4, ctc_weight=0.0), DecodeConf(search="greedy")
TRAIN = ("--data", "data/twenty", "--ngpu", "0", "--conf")


@pytest.fixture(scope="module")
def work(tones: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """bases/*.nemo, and data/twenty: train, dev and test are the same twenty utterances, each with a translation.

    Those with an even number are Greek with an English translation, the others the other way round.
    """
    work = tmp_path_factory.mktemp("nemo")
    (work / "bases").mkdir()
    nemo_checkpoint.canary(work / "bases" / "canary.nemo")
    nemo_checkpoint.canary_unified(work / "bases" / "unified.nemo")
    nemo_checkpoint.parakeet(work / "bases" / "parakeet.nemo")
    (work / "data").mkdir()
    (work / "data" / "tones").symlink_to(tones / "data" / "tones")
    (work / "data" / "twenty").mkdir()
    (work / "data" / "twenty" / "conf.yaml").write_text((ROOT / "conf" / "data_mini.yaml").read_text() + "profile: t1\n")
    rows = []
    with gzip.open(tones / "data" / "tones" / "train.jsonl.gz", "rt", encoding="utf-8") as lines:
        for number in range(20):
            row = json.loads(next(lines))
            spoken = row["supervisions"][0]
            greek, english = spoken["text"], " ".join(TO_ENGLISH[word] for word in spoken["text"].split())
            one, other = ("el-CY", "en") if number % 2 == 0 else ("en", "el")
            texts = {"el-CY": greek, "el": greek, "en": english}
            spoken |= {"language": one, "text": texts[one], "custom": {"translation": {other: texts[other]}}}
            rows.append(json.dumps(row, ensure_ascii=False) + "\n")
    for split in ("train", "dev", "test"):
        with gzip.open(work / "data" / "twenty" / f"{split}.jsonl.gz", "wt", encoding="utf-8") as out:
            out.writelines(rows)
    return work


@pytest.fixture
def cuts(work: Path, monkeypatch: pytest.MonkeyPatch) -> list[Cut]:
    monkeypatch.chdir(work)
    return list(CutSet.from_file("data/twenty/train.jsonl.gz"))


def step(work: Path, module: str, *options: str) -> None:
    """A step's own main function, in this process: NeMo is imported once."""
    with contextlib.chdir(work), pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [module, *options])
        patch.setenv("OMP_NUM_THREADS", "1")
        importlib.import_module(module).main()


def decode(work: Path, exp: str, *names: str) -> None:
    for name in names:
        for gather in ([], ["--gather"]):
            conf = str(ROOT / "conf" / f"decode_{name}.yaml")
            step(work, "steps.decode", "--exp", exp, "--conf", conf, "--splits", "test", *gather)


def score(path: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((path / "test.score.json").read_text())
    return read


@pytest.fixture(scope="module")
def trained(work: Path) -> Path:
    """A Canary that has learnt to transcribe and to translate, both ways."""
    loss = {"cross_entropy": 1.0, "translation": 1.0, "translate_to": "en el"}
    (work / "train_whole.yaml").write_text(yaml.safe_dump(KEYS | {"loss": loss}))
    step(work, "steps.train", *TRAIN, "train_whole.yaml")
    return work / "exp" / "twenty" / "train_whole"


def build(name: str = "canary", system: str = "nemo", **keys: Any) -> Any:
    """In the working directory of `cuts`."""
    Path("train_built.yaml").write_text(yaml.safe_dump(KEYS | {"system": system, "pretrained": f"bases/{name}.nemo"} | keys))
    torch.manual_seed(1)
    return family(system).build(load_conf(Path("train_built.yaml")), Path("data/twenty"))


def test_canary_learns_twenty_utterances_and_their_translations_both_ways(work: Path, trained: Path) -> None:
    decode(work, "exp/twenty/train_whole", "canary", "canary_greedy", "canary_translate")
    step(work, "steps.score", "--exp", "exp/twenty/train_whole")
    for name in ("canary", "canary_greedy", "canary_translate"):
        assert score(trained / f"decode_{name}")["wer"] < 5, name
    assert score(trained / "decode_canary_translate")["metrics"]["bleu"]["score"] > 90
    assert score(trained / "decode_canary_translate")["metrics"]["chrf"]["score"] > 90
    assert "bleu" not in score(trained / "decode_canary")["metrics"]
    with gzip.open(trained / "decode_canary" / "test.nbest.jsonl.gz", "rt", encoding="utf-8") as rows:
        lists = [json.loads(row)["hyps"] for row in rows]
    assert all(len(hyps) > 1 and hyps[0]["total"] >= hyps[1]["total"] for hyps in lists)


def test_what_nemo_transcribes_itself_is_the_same_text(work: Path, trained: Path, cuts: list[Cut]) -> None:
    system = restore(trained)
    ours = [nbest.hyps[0].text for nbest, _ in system.transcribe(cuts[::2], GREEDY, None)]
    paths = [cut.recording.sources[0].source for cut in cuts[::2]]
    with nemo_models.quiet():
        theirs = system.model.transcribe(paths, batch_size=4, verbose=False, source_lang="el", target_lang="el", pnc="no")
    assert ours == [one.text.strip() for one in theirs]
    assert ours == [cut.supervisions[0].text for cut in cuts[::2]]


def test_two_processes_need_not_have_as_many_batches(work: Path) -> None:
    keys = KEYS | {"ranks": 2, "epochs": 0.5, "micro_batch_seconds": 2}
    dev = GlobalBatches(work / "data" / "twenty" / "dev.jsonl.gz", keys["batch_seconds"], keys["buckets"], 0, shuffle=False)
    assert sum(1 for _ in dev.epoch(0)) % 2 == 1
    (work / "train_two.yaml").write_text(yaml.safe_dump(keys))
    done = running.step(work, "steps.train", *TRAIN, "train_two.yaml")
    assert done.returncode == 0, done.stdout


def test_killed_in_run_sh_it_resumes_to_the_same_weights_and_is_scored(work: Path, tmp_path: Path) -> None:
    moving = {"speed": [0.9, 1.0, 1.1], "time_masks": 2, "native": {"encoder.dropout": 0.1}, "micro_batch_seconds": 3}
    keys = KEYS | moving | {"epochs": 3, "evaluate_epochs": 1}
    (work / "train_brief.yaml").write_text(yaml.safe_dump(keys))
    step(work, "steps.train", *TRAIN, "train_brief.yaml")
    there = checkout(tmp_path)
    (there / "data").mkdir(exist_ok=True)
    for name in ("tones", "twenty"):
        (there / "data" / name).symlink_to((work / "data" / name).resolve())
    (there / "bases").symlink_to(work / "bases")
    (there / "conf" / "data_twenty.yaml").write_text((ROOT / "conf" / "data_mini.yaml").read_text())
    (there / "conf" / "train_small.yaml").write_text(yaml.safe_dump(keys | {"save_minutes": 0.001}))
    run = ["egs/cypriot/run.sh", "--corpus", "twenty", "--systems", "small", "--decodes", "canary", "--nj", "1", "--ngpu", "0"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    exp = there / "exp" / "twenty" / "train_small"
    with subprocess.Popen(
        [*run, "--stage", "5", "--stop-stage", "5"], cwd=there, env=environment, stdout=subprocess.DEVNULL, start_new_session=True
    ) as process:
        while process.poll() is None and not list((exp / "checkpoints").glob("state_*.pt")):
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGKILL)
    assert not (exp / "model.pt").exists()
    for stages in (["--stage", "5", "--stop-stage", "6"], ["--stage", "8", "--stop-stage", "9"]):
        done = subprocess.run([*run, *stages], cwd=there, env=environment, text=True, capture_output=True, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
    assert "resumed from" in (exp / "train.log").read_text()
    whole = work / "exp" / "twenty" / "train_brief"
    expected, found = (torch.load(one / "model.pt", weights_only=True) for one in (whole, exp))
    assert expected.keys() == found.keys() and all(torch.equal(expected[name], found[name]) for name in expected)
    assert score(exp / "decode_canary")["utterances"] == 20
    assert "decode_canary" in (there / "egs" / "cypriot" / "RESULTS.md").read_text()


def test_parakeet_learns_twenty_utterances_and_times_its_words(work: Path) -> None:
    with gzip.open(work / "data" / "twenty" / "train.jsonl.gz", "rt", encoding="utf-8") as lines:
        greek = [line for line in lines if '"el-CY"' in line]
    (work / "data" / "ten").mkdir()
    (work / "data" / "ten" / "conf.yaml").write_text((work / "data" / "twenty" / "conf.yaml").read_text())
    for split in ("train", "dev", "test"):
        with gzip.open(work / "data" / "ten" / f"{split}.jsonl.gz", "wt", encoding="utf-8") as out:
            out.writelines(greek)
    (work / "train_parakeet.yaml").write_text(yaml.safe_dump(PARAKEET | {"epochs": 60}))
    step(work, "steps.train", "--data", "data/ten", "--ngpu", "0", "--conf", "train_parakeet.yaml")
    decode(work, "exp/ten/train_parakeet", "parakeet", "parakeet_greedy")
    step(work, "steps.score", "--exp", "exp/ten")
    exp = work / "exp" / "ten" / "train_parakeet"
    for name in ("parakeet", "parakeet_greedy"):
        assert score(exp / f"decode_{name}")["wer"] < 5, name
    cuts = list(CutSet.from_file(work / "data" / "ten" / "test.jsonl.gz"))
    with contextlib.chdir(work), nemo_models.quiet():
        paths = [cut.recording.sources[0].source for cut in cuts]
        theirs = restore(Path("exp/ten/train_parakeet")).model.transcribe(paths, batch_size=4, verbose=False)
    with gzip.open(exp / "decode_parakeet_greedy" / "test.nbest.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    assert [one.text for one in theirs] == [row["hyps"][0]["text"] for row in rows]
    for row in rows:
        words = row["hyps"][0]["words"]
        assert [word["w"] for word in words] == row["hyps"][0]["text"].split()
        starts = [word["start"] for word in words]
        assert starts == sorted(starts) and words[-1]["end"] <= row["audio_seconds"] + 1


@pytest.mark.parametrize("name", ["canary", "unified"])
@pytest.mark.parametrize("search", [BEAM, GREEDY], ids=["beam", "greedy"])
def test_a_score_is_what_nemos_own_decoder_gives_text_and_end(cuts: list[Cut], name: str, search: DecodeConf) -> None:
    system = build(name).eval()
    with torch.no_grad():  # an end that random weights choose within a few steps
        system.model.log_softmax.mlp.layer0.bias[system.writer.prompt.end] += 3
    for cut, (nbest, _) in zip(cuts[:4], system.transcribe(cuts[:4], search, None), strict=True):
        batch = system.collator(train=False)([cut])
        prompt = system.writer.prompt_of(cut)
        totals = [hyp.total for hyp in nbest.hyps]
        assert totals == sorted(totals, reverse=True)
        for hyp in nbest.hyps[:2]:
            ids = [*prompt, *map(system.vocabulary.index, hyp.tokens), system.writer.prompt.end]
            if len(hyp.tokens) > 60:
                continue
            with torch.no_grad():
                log_probs, *_ = system.model(
                    processed_signal=batch.features.transpose(1, 2), processed_signal_length=batch.lengths,
                    transcript=torch.tensor([ids[:-1]]), transcript_length=torch.tensor([len(ids) - 1]),
                )  # fmt: skip
            expected = log_probs[0, torch.arange(len(ids) - 1), torch.tensor(ids[1:])][len(prompt) - 1 :].sum()
            assert hyp.total == pytest.approx(float(expected), abs=1e-3)


def test_a_list_without_the_decoders_own_language_model(trained: Path, cuts: list[Cut]) -> None:
    system, weight = restore(trained), 0.7
    plain = [nbest for nbest, _ in system.transcribe(cuts[:6], BEAM, None)]
    weighed = [nbest for nbest, _ in system.transcribe(cuts[:6], dataclasses.replace(BEAM, ilm_weight=weight), None)]
    for cut, one, other in zip(cuts[:6], weighed, plain, strict=True):
        assert one.weights == {"att": 1.0, "ilm": -weight}
        assert {hyp.text: hyp.scores["att"] for hyp in one.hyps} == {hyp.text: hyp.scores["att"] for hyp in other.hyps}
        assert [hyp.total for hyp in one.hyps] == sorted((hyp.total for hyp in one.hyps), reverse=True)
        prompt = system.writer.prompt_of(cut)
        for hyp in one.hyps:
            ids = torch.tensor([[*prompt, *map(system.vocabulary.index, hyp.tokens), system.writer.prompt.end]])
            with torch.no_grad():
                states = system.model.transf_decoder(
                    input_ids=ids[:, :-1], decoder_mask=torch.ones_like(ids[:, :-1]),
                    encoder_embeddings=torch.zeros(1, 40, nemo_checkpoint.SMALL), encoder_mask=torch.ones(1, 40),
                )  # fmt: skip
                log_probs = system.model.log_softmax(hidden_states=states)[0, len(prompt) - 1 :]
            expected = float(log_probs.gather(-1, ids[0, len(prompt) :, None]).sum())
            assert hyp.scores["ilm"] == pytest.approx(expected, abs=1e-3)
            assert hyp.total == pytest.approx(hyp.scores["att"] - weight * expected, abs=1e-3)
    with pytest.raises(UsageError, match="hears nothing: `ilm: zero`"):
        system.transcribe(cuts[:1], dataclasses.replace(BEAM, ilm_weight=weight, ilm="mean"), None)


@pytest.mark.parametrize(("name", "system"), [("canary", "nemo"), ("parakeet", "nemo_transducer")])
def test_a_list_does_not_depend_on_its_neighbours(cuts: list[Cut], name: str, system: str) -> None:
    built = build(name, system).eval()
    for search in (BEAM, GREEDY):
        together = [nbest for nbest, _ in built.transcribe(cuts[:5], search, None)]
        alone = [built.transcribe([cut], search, None)[0][0] for cut in cuts[:5]]
        for one, other in zip(together, alone, strict=True):
            assert one.id == other.id and [hyp.text for hyp in one.hyps] == [hyp.text for hyp in other.hyps]
            assert [hyp.total for hyp in one.hyps] == pytest.approx([hyp.total for hyp in other.hyps], abs=1e-3)


def test_the_transducer_loss_is_that_of_nemos_tdt_pytorch(cuts: list[Cut], monkeypatch: pytest.MonkeyPatch) -> None:
    from nemo.collections.asr.losses.rnnt_pytorch import TDTLossPytorch

    from cyasr.losses.transducer import log_likelihood

    monkeypatch.setattr(torch.Tensor, "cuda", lambda self: self)  # it has no other way to run on a CPU
    system = build("parakeet", "nemo_transducer").eval()
    batch, model = system.collator(train=False)(cuts[:2]), system.model
    with torch.no_grad():
        encoded, frames = encode(model, batch.features, batch.lengths)
        made = nemo_transducer.lattice(model, encoded, frames, batch.tokens, batch.token_lengths)
        targets = batch.tokens.clamp(min=0)
        predicted, _ = model.decoder.predict(targets, add_sos=True)
        acts = nemo_transducer._outputs(model.joint, model.joint.project_encoder(encoded), model.joint.project_prednet(predicted))
        for sigma in (0.0, 0.05):
            theirs = TDTLossPytorch(blank=model.decoder.blank_idx, durations=[0, 1, 2, 3, 4], reduction="none", sigma=sigma)
            expected = theirs(acts=acts, labels=targets, act_lens=frames, label_lens=batch.token_lengths)
            assert (-log_likelihood(made, sigma)).tolist() == pytest.approx(expected.tolist(), rel=1e-4)


@pytest.mark.parametrize(("name", "system"), [("canary", "nemo"), ("parakeet", "nemo_transducer")])
@pytest.mark.parametrize("adapt", [{}, {"kind": "lora", "targets": ["attention"], "rank": 2}], ids=["full", "lora"])
@pytest.mark.parametrize("unspellable", ["refuse", "extend"])
def test_what_is_restored_writes_the_same(
    cuts: list[Cut], markless: dict[str, str], tmp_path: Path, name: str, system: str, adapt: dict[str, Any], unspellable: str
) -> None:
    from cyasr.adaptation.adapt import saved_state

    keys: dict[str, Any] = {"adapt": adapt} if adapt else {}
    if unspellable == "extend":
        keys |= {"unspellable": unspellable, "pretrained": markless[name]}
    built = build(name, system, **keys)
    with torch.no_grad():
        for parameter in built.parameters():
            if parameter.requires_grad:
                parameter.add_(0.05 * torch.randn_like(parameter))
    expected = [nbest for nbest, _ in built.eval().transcribe(cuts[:2], BEAM, None)]
    built.save_assets(tmp_path)
    torch.save(saved_state(built, built.conf.adapt), tmp_path / "model.pt")
    confs.freeze(built.conf, tmp_path / "conf.yaml")
    again = restore(tmp_path)
    found = [nbest for nbest, _ in again.transcribe(cuts[:2], BEAM, None)]
    for one, other in zip(found, expected, strict=True):
        assert [hyp.text for hyp in one.hyps] == [hyp.text for hyp in other.hyps]
        assert [hyp.total for hyp in one.hyps] == pytest.approx([hyp.total for hyp in other.hyps], rel=1e-4)
    if not adapt:
        again.export(tmp_path / "exported")
        with nemo_models.quiet():
            theirs = type(again.model).restore_from(str(tmp_path / "exported" / "model.nemo"), map_location="cpu").state_dict()
        assert all(torch.equal(value, theirs[key]) for key, value in again.model.state_dict().items())
        exported = build(name, system, pretrained=str(tmp_path / "exported" / "model.nemo")).eval()
        assert [nbest.hyps[0].text for nbest, _ in exported.transcribe(cuts[:2], BEAM, None)] == [
            nbest.hyps[0].text for nbest in found
        ]


def test_a_frozen_encoder_keeps_its_weights_and_its_statistics(cuts: list[Cut]) -> None:
    built = build(freeze_encoder=True).train()
    before = {name: value.clone() for name, value in built.model.encoder.state_dict().items()}
    built(built.collator(train=True)(cuts[:3])).total.backward()
    assert all(torch.equal(value, before[name]) for name, value in built.model.encoder.state_dict().items())
    assert all(parameter.grad is None for parameter in built.model.encoder.parameters())


def test_languages_come_from_the_cut_and_open_the_labels(cuts: list[Cut]) -> None:
    system = build()
    batch = system.collator(train=False)(cuts[:2])
    for row, (source, target) in zip(batch.tokens.tolist(), (("el", "el"), ("en", "en")), strict=True):
        opening = [system.vocabulary[i] for i in row if i >= 0][:9]
        assert opening[3:5] == [f"<|{source}|>", f"<|{target}|>"] and opening[5] == "<|nopnc|>"
    translated = system.writer.labels("one two", cuts[0], "en")
    assert [system.vocabulary[i] for i in translated[3:5]] == ["<|el|>", "<|en|>"]
    assert system.writer.prompt.text(translated[9:]) == "one two"
    assert build(punctuation=True).collator(train=False)(cuts[:1]).tokens[0, 5] == system.vocabulary.index("<|pnc|>")


def test_letters_that_the_tokenizer_lacks_are_listed_or_folded(
    work: Path, cuts: list[Cut], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = nemo_checkpoint.canary(tmp_path / "plain.nemo", [word.replace("̆", "") for word in WORDS])
    with pytest.raises(UsageError, match=r"cannot write 2 of train's \d+ letters: .*σ̆ \(\d+, σ\).*`unspellable: fold`"):
        build(pretrained=str(plain))
    system = build(pretrained=str(plain), unspellable="fold")
    assert "folded: " in capsys.readouterr().out
    assert system.writer.spell("τζ̆αι σ̆ύλλος", "el") == "τζαι σύλλος"
    build()
    assert "writes all" in capsys.readouterr().out


@pytest.fixture(scope="module")
def markless(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Models whose tokenizers know nothing of σ̆ and ζ̆; `unified` has one for all languages, `canary` one for each."""
    plain, bases = [word.replace("\u0306", "") for word in WORDS], tmp_path_factory.mktemp("markless")
    makers = {
        "canary": nemo_checkpoint.canary, "unified": nemo_checkpoint.canary_unified, "parakeet": nemo_checkpoint.parakeet,
    }  # fmt: skip
    return {name: str(make(bases / f"{name}.nemo", plain)) for name, make in makers.items()}


@pytest.mark.parametrize("name", ["canary", "unified", "parakeet"])
def test_a_tokenizer_gets_what_it_lacks_and_the_model_forgets_nothing(
    cuts: list[Cut], markless: dict[str, str], name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    system = "nemo_transducer" if name == "parakeet" else "nemo"
    before = build(name, system, pretrained=markless[name], unspellable="fold").eval()
    capsys.readouterr()
    after = build(name, system, pretrained=markless[name], unspellable="extend").eval()
    assert "gets tokens for U+0306\n" in capsys.readouterr().out
    assert "\u0306" in after.vocabulary
    text = "τζ̆αι σ̆ύλλος"
    if name == "parakeet":
        assert after.model.tokenizer.ids_to_text(after.speller.encode(after.speller.spell(text))) == text
    else:
        assert after.writer.prompt.text(after.writer.labels(text, cuts[0], None)) == text
    size, at = before.model.tokenizer.vocab_size, nemo_extension._rows(before.model, after.model)
    assert [after.vocabulary[i] for i in at] == before.vocabulary[:size]
    old, grown = before.model.state_dict(), after.model.state_dict()
    for key, value in old.items():
        table = any(part in key for part in ("token_embedding", "log_softmax", "prediction.embed", "joint_net"))
        assert torch.equal(grown[key][at], value[:size]) if table else torch.equal(grown[key], value), key
    if name == "parakeet":  # blank and durations
        last = next(key for key in old if key.startswith("joint.joint_net.") and key.endswith("bias"))
        assert torch.equal(grown[last][-6:], old[last][-6:])
    found, expected = (built.transcribe(cuts[:3], GREEDY, None) for built in (after, before))
    for (new, _), (old, _) in zip(found, expected, strict=True):  # a new token is as likely as the average one
        assert new.hyps[0].text == old.hyps[0].text


def spoken(cut: Cut, **changes: Any) -> Cut:
    return dataclasses.replace(cut, supervisions=[dataclasses.replace(cut.supervisions[0], **changes)])


def test_what_it_cannot_learn_from_is_left_out_with_the_reason(cuts: list[Cut]) -> None:
    system = build(window_seconds=3.0)
    mixed = dataclasses.replace(cuts[0], supervisions=[cuts[0].supervisions[0], cuts[1].supervisions[0]])
    reasons = {
        "longer than window_seconds, 3 s: 4.0 s": dataclasses.replace(cuts[0], duration=4.0),
        f"no one language: {cuts[0].id} does not say its language": spoken(cuts[0], language=None),
        f"no one language: {cuts[0].id} speaks el-CY and en": mixed,
        "the model has no language 'de'": spoken(cuts[0], language="de-DE"),
        "more labels than the decoder's 120": spoken(cuts[0], text="ένα δύο " * 80),
    }
    for reason, cut in reasons.items():
        assert str(system.unusable(cut)).startswith(reason)
    assert system.unusable(cuts[0]) is None
    with pytest.raises(UsageError, match="speaks el-CY and en; give its supervision one, or the conf `language:`"):
        system.transcribe([mixed], GREEDY, None)
    assert build(language="el", unspellable="fold").unusable(mixed) is None


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ({"language": "xx"}, "language: the model has no language 'xx' (it has el, en)"),
        ({"pretrained": "bases/parakeet.nemo"}, "holds EncDecRNNTBPEModel; system: nemo takes EncDecMultiTaskModel"),
        ({"pretrained": "bases/none.nemo"}, "pretrained: bases/none.nemo does not exist"),
        ({"pretrained": "bases"}, "bases is a directory; give the .nemo file"),
        ({"pretrained": "train_built.yaml"}, "train_built.yaml: no .nemo file"),
        ({"pretrained": "bare.nemo"}, "bare.nemo: cannot be restored: its tokenizer is missing"),
        ({"native": {"encoder.dropuot": 0.1}}, "native: the model's config has no 'encoder.dropuot'; did you mean 'dropout'?"),
        ({"adapt": {"kind": "lora", "targets": ["q_proj"]}}, "no linear layer is called 'q_proj'"),
    ],
)
def test_what_is_wrong_with_a_model_is_one_line(cuts: list[Cut], keys: dict[str, Any], line: str) -> None:
    with tarfile.open("bases/canary.nemo") as whole, tarfile.open("bare.nemo", "w") as bare:
        for member in whole.getmembers():
            if member.isfile() and "tokenizer.model" not in member.name:
                bare.addfile(member, whole.extractfile(member))
    with pytest.raises(UsageError) as error:
        build(**keys)
    assert line in str(error.value) and "\n" not in str(error.value)


def test_a_search_by_what_it_has_not_is_refused(cuts: list[Cut]) -> None:
    for name, system in (("canary", "nemo"), ("parakeet", "nemo_transducer")):
        built = build(name, system)
        for search, line in ((DecodeConf(), "set ctc_weight: 0"), (DecodeConf(search="greedy", posteriors=True), "leave `post")):
            with pytest.raises(UsageError, match=line):
                built.transcribe(cuts[:1], search, None)
    with pytest.raises(UsageError, match="translate_to: the model has no language 'fr'"):
        build().transcribe(cuts[:1], DecodeConf(search="greedy", translate_to={"el": "fr"}), None)


def test_a_missing_nemo_is_one_line_with_the_command(cuts: list[Cut], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"NeMo is not installed here; tools/install.sh nemo"):
        build()


def test_nothing_imports_nemo_before_a_model_is_loaded() -> None:
    code = (
        "import sys, steps.train, steps.decode, cyasr.systems.nemo, cyasr.systems.nemo_transducer; print('nemo' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_long_audio_is_cut_where_it_is_quiet_and_its_words_are_timed(trained: Path, cuts: list[Cut]) -> None:
    random = np.random.default_rng(1)
    audio = 0.1 * random.standard_normal(16_000 * 7).astype(np.float32)
    audio[44_000:50_000] = 0
    parts = pieces(audio, 3.0)
    assert parts[0][0] == 0 and parts[-1][1] == len(audio) and 44_000 < parts[0][1] < 50_000
    assert all(end == start for (_, end), (start, _) in pairwise(parts))
    assert all(end - start <= 48_000 for start, end in parts)
    system = restore(trained)
    system.conf = dataclasses.replace(system.conf, window_seconds=1.3)
    ((nbest, _),) = system.transcribe([max(cuts[::2], key=lambda cut: cut.duration)], BEAM, None)
    (hyp,) = nbest.hyps
    assert hyp.words is not None and [word.w for word in hyp.words] == hyp.text.split()
    assert hyp.words[-1].end <= nbest.audio_seconds + 0.01


@pytest.mark.parametrize(
    ("name", "published", "exact"),
    [("canary-1b-v2", 978, 978_932_736), ("parakeet-tdt-0.6b-v3", 600, 627_008_134)],
)
def test_the_full_size_has_the_published_parameters_and_the_tiny_model_its_tensors(
    cuts: list[Cut], name: str, published: int, exact: int
) -> None:
    full = nemo_architecture.sizes(name)
    parameters = sum(parameter.numel() for parameter in full.parameters())
    assert parameters == exact and parameters / 1e6 == pytest.approx(published, rel=0.05)
    tiny = build("unified") if name.startswith("canary") else build("parakeet", "nemo_transducer")
    assert tensors(full) == tensors(tiny.model) | missing_biases(full)


def tensors(model: torch.nn.Module) -> set[str]:
    """Names, and how many dimensions each has, whatever the layer."""
    return {f"{re.sub(r'[.][0-9]+[.]', '.N.', name)} {value.dim()}" for name, value in model.state_dict().items()}


def missing_biases(full: torch.nn.Module) -> set[str]:
    """Parakeet's second LSTM layer, which the tiny one does without."""
    return {one for one in tensors(full) if "_l1" in one}

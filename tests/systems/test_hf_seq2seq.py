"""Whisper on a tiny model of its real architecture: what is searched, scored, told and refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from lhotse import CutSet
from lhotse.cut import Cut

from cyasr import conf as confs
from cyasr.cli import UsageError
from cyasr.losses.cross_entropy import IGNORE
from cyasr.search.conf import DecodeConf
from cyasr.systems import hf_seq2seq, load_conf, restore
from tests.systems.whisper_checkpoint import WINDOW, whisper

BEAM = DecodeConf(beam=4, nbest=4, ctc_weight=0.0)
GREEDY = DecodeConf(search="greedy")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return whisper(tmp_path_factory.mktemp("whisper") / "base")


@pytest.fixture
def cuts(tones: Path, monkeypatch: pytest.MonkeyPatch) -> list[Cut]:
    monkeypatch.chdir(tones)
    return list(CutSet.from_file("data/tones/train.jsonl.gz"))[:5]


def conf(base: Path, directory: Path, **keys: Any) -> hf_seq2seq.Conf:
    path = directory / "train_small.yaml"
    path.write_text(yaml.safe_dump({"system": "hf_seq2seq", "tokenizer": "pretrained", "pretrained": str(base)} | keys))
    made: hf_seq2seq.Conf = load_conf(path)
    return made


def system(base: Path, directory: Path, **keys: Any) -> hf_seq2seq.System:
    """With an end that random weights choose within a few steps."""
    built = hf_seq2seq.build(conf(base, directory, **keys), Path("data/tones"))
    with torch.no_grad():
        embeddings = built.model.model.decoder.embed_tokens.weight
        end = built.model.config.eos_token_id
        drawn = torch.Generator().manual_seed(1)
        embeddings[end] = 3 * torch.randn(embeddings.shape[1], generator=drawn)
    return built.eval()


def taught(built: hf_seq2seq.System, cut: Cut, tokens: list[int]) -> float:
    """The sum of natural logs of `tokens` after the prefix, one forward pass for each of them."""
    features = built.collator(train=False)([cut]).features
    history, total = list(built.processor.tokenizer.prefix_tokens), 0.0
    for token in tokens:
        with torch.no_grad():
            logits = built.model(input_features=features, decoder_input_ids=torch.tensor([history])).logits
        total += float(logits[0, -1].double().log_softmax(-1)[token])
        history.append(token)
    return total


@pytest.mark.parametrize("search", [BEAM, GREEDY], ids=["beam", "greedy"])
def test_a_score_is_that_of_the_text_and_its_end(base: Path, cuts: list[Cut], tmp_path: Path, search: DecodeConf) -> None:
    built = system(base, tmp_path)
    end, most = built.model.config.eos_token_id, built.model.config.max_target_positions
    ended = 0
    for cut, (nbest, _) in zip(cuts, built.transcribe(cuts, search, None), strict=True):
        assert nbest.id == cut.id
        totals = [hyp.total for hyp in nbest.hyps]
        assert totals == sorted(totals, reverse=True)
        for hyp in nbest.hyps[:2]:
            tokens = built.processor.tokenizer.convert_tokens_to_ids(hyp.tokens)
            if len(tokens) < most - 4:
                ended += 1
                assert hyp.total == pytest.approx(taught(built, cut, [*tokens, end]), abs=1e-3)
    assert ended


def test_a_list_without_the_decoders_own_language_model(base: Path, cuts: list[Cut], tmp_path: Path) -> None:
    from transformers.modeling_outputs import BaseModelOutput

    built, weight = system(base, tmp_path), 0.7
    plain = [nbest for nbest, _ in built.transcribe(cuts, BEAM, None)]
    weighed = [nbest for nbest, _ in built.transcribe(cuts, dataclasses.replace(BEAM, ilm_weight=weight), None)]
    prefix, end = built.processor.tokenizer.prefix_tokens, built.model.config.eos_token_id
    nothing = BaseModelOutput(torch.zeros(1, built.model.config.max_source_positions, built.model.config.d_model))
    for one, other in zip(weighed, plain, strict=True):
        assert one.weights == {"att": 1.0, "ilm": -weight}
        assert {hyp.text: hyp.scores["att"] for hyp in one.hyps} == {hyp.text: hyp.scores["att"] for hyp in other.hyps}
        assert [hyp.total for hyp in one.hyps] == sorted((hyp.total for hyp in one.hyps), reverse=True)
        for hyp in one.hyps:
            tokens = built.processor.tokenizer.convert_tokens_to_ids(hyp.tokens)
            written = [*tokens, end][: built.model.config.max_target_positions - len(prefix)]
            with torch.no_grad():
                inputs = torch.tensor([[*prefix, *written[:-1]]])
                logits = built.model(encoder_outputs=nothing, decoder_input_ids=inputs).logits[0, len(prefix) - 1 :]
            expected = float(logits.double().log_softmax(-1)[torch.arange(len(written)), written].sum())
            assert hyp.scores["ilm"] == pytest.approx(expected, abs=1e-3)
            assert hyp.total == pytest.approx(hyp.scores["att"] - weight * expected, abs=1e-3)
    assert [one.hyps[0].text for one in weighed] != [one.hyps[0].text for one in plain]


def test_a_list_does_not_depend_on_its_neighbours(base: Path, cuts: list[Cut], tmp_path: Path) -> None:
    built = system(base, tmp_path)
    together = [nbest for nbest, _ in built.transcribe(cuts, BEAM, None)]
    alone = [built.transcribe([cut], BEAM, None)[0][0] for cut in cuts]
    for one, other in zip(together, alone, strict=True):
        assert [hyp.text for hyp in one.hyps] == [hyp.text for hyp in other.hyps]
        assert [hyp.total for hyp in one.hyps] == pytest.approx([hyp.total for hyp in other.hyps], abs=1e-3)


def test_a_wider_beam_finds_nothing_worse_than_greedy(base: Path, cuts: list[Cut], tmp_path: Path) -> None:
    built = system(base, tmp_path)
    best = [nbest.hyps[0].total for nbest, _ in built.transcribe(cuts, BEAM, None)]
    greedy = [nbest.hyps[0].total for nbest, _ in built.transcribe(cuts, GREEDY, None)]
    assert sum(best) >= sum(greedy) - 1e-3


@pytest.mark.parametrize(("language", "task"), [("el", "transcribe"), ("el", "translate"), ("tr", "transcribe")])
def test_language_and_task_open_labels_and_search_alike(
    base: Path, cuts: list[Cut], tmp_path: Path, language: str, task: str
) -> None:
    built = system(base, tmp_path, language=language, task=task)
    batch = built.collator(train=False)(cuts)
    spoken = ["<|startoftranscript|>", f"<|{language}|>", f"<|{task}|>", "<|notimestamps|>"]
    for row in batch.tokens.tolist():
        assert built.processor.tokenizer.convert_ids_to_tokens(row[:4]) == spoken
    seen: list[list[int]] = []
    hook = built.model.model.decoder.register_forward_pre_hook(
        lambda _, __, given: seen.append(given["input_ids"][0].tolist()), with_kwargs=True
    )
    built.transcribe(cuts[:1], GREEDY, None)
    hook.remove()
    assert built.processor.tokenizer.convert_ids_to_tokens(seen[0]) == spoken


def test_labels_end_once_and_only_padding_is_ignored(base: Path, cuts: list[Cut], tmp_path: Path) -> None:
    built = system(base, tmp_path)
    end = built.model.config.eos_token_id
    for cut, row in zip(cuts, built.collator(train=False)(cuts).tokens.tolist(), strict=True):
        labels = [token for token in row if token != IGNORE]
        assert labels.count(end) == 1 and labels[-1] == end and row[: len(labels)] == labels
        assert built.processor.tokenizer.decode(labels[4:-1]) == cut.supervisions[0].text


def test_nothing_but_text_is_written(cuts: list[Cut], tmp_path: Path) -> None:
    built = system(whisper(tmp_path / "base", suppress_tokens=[5, 6, 7]), tmp_path)
    for nbest, _ in built.transcribe(cuts, BEAM, None):
        for hyp in nbest.hyps:
            ids = built.processor.tokenizer.convert_tokens_to_ids(hyp.tokens)
            assert all(one < built.model.config.eos_token_id and one not in {5, 6, 7} for one in ids)


@pytest.mark.parametrize("adapt", [{}, {"kind": "lora", "targets": ["query_value"], "rank": 2}], ids=["full", "lora"])
def test_what_is_restored_writes_the_same_in_its_own_language(
    base: Path, cuts: list[Cut], tmp_path: Path, adapt: dict[str, Any]
) -> None:
    from cyasr.adaptation.adapt import saved_state

    made = conf(base, tmp_path, **({"adapt": adapt} if adapt else {}))
    torch.manual_seed(1)
    built = hf_seq2seq.build(made, Path("data/tones"))
    with torch.no_grad():
        for parameter in built.parameters():
            if parameter.requires_grad:
                parameter.add_(0.01 * torch.randn_like(parameter))
    expected = [nbest for nbest, _ in built.eval().transcribe(cuts[:2], BEAM, None)]
    built.save_assets(tmp_path)
    torch.save(saved_state(built, made.adapt), tmp_path / "model.pt")
    confs.freeze(made, tmp_path / "conf.yaml")
    again = restore(tmp_path)
    assert again.processor.tokenizer.prefix_tokens == built.processor.tokenizer.prefix_tokens
    found = [nbest for nbest, _ in again.transcribe(cuts[:2], BEAM, None)]
    assert [[hyp.text for hyp in one.hyps] for one in found] == [[hyp.text for hyp in one.hyps] for one in expected]
    for one, other in zip(found, expected, strict=True):
        assert [hyp.total for hyp in one.hyps] == pytest.approx([hyp.total for hyp in other.hyps], rel=1e-4)


def test_masks_stay_on_what_is_spoken(base: Path, cuts: list[Cut], tmp_path: Path) -> None:
    keys = {"time_masks": 8, "time_mask_share": 0.5, "frequency_masks": 0}
    built = system(base, tmp_path, **keys)
    plain = built.collator(train=False)(cuts).features
    masked = built.collator(train=True)(cuts).features
    frames = [round(cut.duration * 100) + 1 for cut in cuts]
    assert masked.shape == plain.shape == (len(cuts), 80, 100 * WINDOW)
    for before, after, count in zip(plain, masked, frames, strict=True):
        assert torch.equal(before[:, count:], after[:, count:])
    assert not torch.equal(plain, masked)


def test_what_does_not_fit_is_left_out_with_its_size(base: Path, cuts: list[Cut], tmp_path: Path) -> None:
    built = system(base, tmp_path)
    assert built.unusable(cuts[0]) is None
    long = dataclasses.replace(cuts[0], duration=WINDOW + 1.0)
    assert built.unusable(long) == f"longer than Whisper's window of {WINDOW} s: {WINDOW + 1:.1f} s"
    wordy = dataclasses.replace(cuts[0], supervisions=[dataclasses.replace(cuts[0].supervisions[0], text="ένα δύο " * 300)])
    assert str(built.unusable(wordy)).startswith("more labels than the decoder's 448: ")


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ({"language": "xx"}, "language: the model has no 'xx'; it has af, am"),
        ({"pretrained": "nowhere/whisper"}, "'nowhere/whisper' is no model's directory"),
        ({"native": {"dropuot": 0.1}}, "native: a whisper config has no 'dropuot'"),
        ({"adapt": {"kind": "lora", "targets": ["o_proj"]}}, "o_proj"),
    ],
)
def test_what_the_model_lacks_is_named(base: Path, tmp_path: Path, keys: dict[str, Any], line: str) -> None:
    with pytest.raises(UsageError) as error:
        hf_seq2seq.build(conf(base, tmp_path, **keys), tmp_path)
    assert line in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("search", "line"),
    [
        (DecodeConf(), "set ctc_weight: 0"),
        (DecodeConf(search="greedy", posteriors=True), "leave `posteriors` out"),
        (DecodeConf(ctc_weight=0.0, ilm_weight=0.1, ilm="mean"), "hears nothing: `ilm: zero`"),
    ],
)
def test_a_search_by_what_it_has_not_is_refused(
    base: Path, cuts: list[Cut], tmp_path: Path, search: DecodeConf, line: str
) -> None:
    with pytest.raises(UsageError, match=line):
        system(base, tmp_path).transcribe(cuts, search, None)

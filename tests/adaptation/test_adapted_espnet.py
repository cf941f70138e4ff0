"""ESPnet's models take low-rank updates too: on ours of its layers, merged for the search, exported under its names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from lhotse import CutSet

from cyasr.adaptation.adapt import count, merge
from cyasr.adaptation.conf import AdaptConf
from cyasr.search.conf import DecodeConf
from cyasr.systems import family, restore

LORA = AdaptConf(kind="lora", targets=["attention", "feed_forward"], rank=4, train=["ctc_lo"])


def test_a_low_rank_update_is_trained_merged_and_exported(tones: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tones)
    espnet = family("espnet")
    sizes = {"size": 32, "heads": 2, "encoder_layers": 1, "encoder_units": 48, "kernel": 7, "decoder_layers": 1}
    plain = espnet.Conf(system="espnet", tokenizer="char", decoder_units=40, dropout=0.0, **sizes)
    data = Path("data/tones")
    base = espnet.build(plain, data)
    start = Path("exp/tones/train_base")
    start.mkdir(parents=True)
    base.export(start)
    (start / "tokenizer").symlink_to((data / "tokenizer_char").resolve())
    system = espnet.build(replace(plain, adapt=LORA, init_from=str(start)), data)

    cuts = list(CutSet.from_file(data / "test.jsonl.gz"))[:3]
    batch = system.collator(train=False)(cuts)
    assert torch.equal(system.eval()(batch).total, base.eval()(batch).total)
    attentions, feed_forwards = 3 * 4 * 4 * (32 + 32), 2 * 2 * 4 * (32 + 48) + 2 * 4 * (32 + 40)  # the encoder's are two
    assert count(system)[0] == attentions + feed_forwards + system.ctc.ctc_lo.weight.numel() + system.ctc.ctc_lo.bias.numel()

    optimizer = torch.optim.AdamW([one for one in system.parameters() if one.requires_grad], lr=1e-2)
    losses = []
    for _ in range(10):
        loss = system.train()(batch).total
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.9 * losses[0]
    before = system.eval()(batch).total.item()
    merge(system)
    assert system(batch).total.item() == pytest.approx(before, rel=1e-5)

    search = DecodeConf(beam=3, nbest=2)
    found = [nbest.hyps[0].text for nbest, _ in system.transcribe(cuts, search, None)]
    system.export(tmp_path)
    (tmp_path / "tokenizer").symlink_to((data / "tokenizer_char").resolve())
    again = restore(tmp_path)
    assert again.state_dict().keys() == base.state_dict().keys()
    assert [nbest.hyps[0].text for nbest, _ in again.transcribe(cuts, search, None)] == found

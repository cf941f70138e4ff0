"""A part of a corpus by what is known of its utterances: the rest is listed, and no fault."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from cyasr.data.corpus import DataConf, Reject, Utterance, write_raw
from cyasr.data.cuts import usable_cuts
from cyasr.data.rejects import UNASKED, RejectList, writing_rejects

CONF = DataConf(corpus="toy", licence="CC0-1.0", language="el", only={"domain": "commands"}, max_reject_rate=0.0)


def test_what_only_does_not_ask_for_is_listed_and_expected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for number in range(3):
        soundfile.write(f"u{number}.wav", np.random.default_rng(number).uniform(-0.3, 0.3, 16_000), 16_000)
    domains = ("commands", None, "news")
    utterances = [Utterance(f"u{n}", Path(f"u{n}.wav"), "έλα δαμέ", speaker="s", domain=one) for n, one in enumerate(domains)]
    write_raw(utterances, Path("data/toy/raw"), replace(CONF, only={}))
    items = list(usable_cuts(Path("data/toy/raw"), CONF))
    left_out = [item for item in items if isinstance(item, Reject)]
    assert [item.id for item in left_out] == ["u1", "u2"]
    assert [item.reason for item in left_out] == ["not asked for: domain None", "not asked for: domain news"]
    with writing_rejects(Path("rejects.tsv"), CONF.max_reject_rate, [UNASKED]) as listed:
        assert isinstance(listed, RejectList)
        for item in left_out:
            listed.add(item)
        listed.taken += 1
    assert len(Path("rejects.tsv").read_text().splitlines()) == 3

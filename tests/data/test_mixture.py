"""Mixtures: weights, temperature, who may judge, and that no part teaches what another tests."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest

from cyasr import conf as confs
from cyasr.cli import UsageError
from cyasr.data import mixture
from cyasr.data.conf import DataConf
from cyasr.data.cut_sets import writing_cut_sets
from cyasr.data.split import Plan
from cyasr.files import read_jsonl_gz, write_json

WORDS = ["ένα", "δύο", "τρία", "τέσσερα", "πέντε", "έξι", "εφτά", "οχτώ", "εννιά", "δέκα"]


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("conf").mkdir()


def part(
    name: str, sizes: dict[str, int], seconds: float = 2.0, *, label: str = "gold", split: str = "official", **keys: Any
) -> None:
    """data/<name> as stage 2 leaves it: numbered cuts, each of its own speaker and audio, sentences of two words.

    keys: cut name, as "train3", -> what differs: speaker, audio, text.
    """
    conf = DataConf(corpus=name, licence="CC0-1.0", language="el", label=label, split=split)  # type: ignore[arg-type]
    confs.freeze(conf, Path("conf", f"data_{name}.yaml"))
    with writing_cut_sets([Plan(name)], conf) as (out,):
        for split_name, count in sizes.items():
            for number in range(count):
                identity = f"{split_name}{number}"
                own = {"speaker": f"s-{identity}", "audio": f"{name} {identity}", "text": WORDS[number % 9]} | keys.get(
                    identity, {}
                )
                custom = {
                    "corpus": own.get("corpus", name),
                    "licence": "CC0-1.0",
                    "dialect": "standard",
                    "label": label,
                    "split": split_name,
                }
                custom |= {"label": own.get("label", label), "text_raw": own["text"], "split_source": "official"}
                source = {"type": "file", "channels": [0], "source": f"data/{name}/raw/{identity}.wav"}
                recording = {"id": identity, "sources": [source], "sampling_rate": 16000, "duration": seconds}
                supervision = {"id": identity, "recording_id": identity, "start": 0.0, "duration": seconds, "channel": 0}
                supervision |= {"text": own["text"], "language": "el", "speaker": own["speaker"], "custom": custom}
                cut = {"id": identity, "start": 0.0, "duration": seconds, "channel": 0, "supervisions": [supervision]}
                cut |= {"recording": recording | {"num_samples": int(16000 * seconds)}, "type": "MonoCut"}
                cut |= {"custom": {"audio": own["audio"], "label": custom["label"]}}
                out.add(cut, json.dumps(cut, ensure_ascii=False) + "\n", 16000)
    write_json(Path("data", name, "report.json"), out.report())
    confs.freeze(conf, Path("data", name, "conf.yaml"))


def mix(parts: dict[str, float], **keys: Any) -> dict[str, Any]:
    """Make data/mix of `parts`; its report."""
    mixture.make(DataConf(mixture=parts, **keys), "mix")
    return json.loads(Path("data/mix/report.json").read_text())


def cuts(split: str) -> list[dict[str, Any]]:
    return list(read_jsonl_gz(Path("data/mix", f"{split}.jsonl.gz")))


def test_weights_and_temperature_set_how_often_an_epoch_has_a_cut() -> None:
    part("small", {"train": 10, "dev": 2, "test": 2})
    part("large", {"train": 90, "dev": 2, "test": 2})
    shares = {}
    for temperature in (1, 2, 1e9):
        report = mix({"small": 1, "large": 1}, temperature=temperature)["mixture"]
        shares[temperature] = report["small"]["share"]
        hours = sum(row["hours"] * row["repeat"] for row in report.values())
        assert hours == pytest.approx(100 * 2 / 3600, rel=1e-2)
    assert shares == {1: 0.1, 2: 0.25, 1e9: 0.5}
    report = mix({"small": 3, "large": 0.5})["mixture"]
    assert (report["small"]["repeat"], report["large"]["repeat"]) == (3, 0.5)
    assert {cut["custom"]["part"]: cut["custom"]["repeat"] for cut in cuts("train")} == {"small": 3, "large": 0.5}
    assert not any("repeat" in cut["custom"] for split in ("dev", "test") for cut in cuts(split))


def test_ids_and_speakers_of_parts_that_share_names_stay_apart() -> None:
    for name in ("one", "two"):
        part(name, {"train": 5, "dev": 2, "test": 2})
    mix({"one": 1, "two": 1})
    train = cuts("train")
    assert sorted(cut["id"] for cut in train) == sorted(f"{name}-train{n}" for name in ("one", "two") for n in range(5))
    for cut in train:
        supervision = cut["supervisions"][0]
        assert supervision["id"] == cut["id"] and supervision["recording_id"] == cut["recording"]["id"]
    assert len({cut["supervisions"][0]["speaker"] for cut in train}) == 10


def test_every_part_is_spread_over_the_whole_of_train() -> None:
    part("small", {"train": 10, "dev": 1, "test": 1})
    part("large", {"train": 90, "dev": 1, "test": 1})
    mix({"small": 1, "large": 1})
    order = [cut["custom"]["part"] for cut in cuts("train")]
    assert all(order[start : start + 20].count("small") == 2 for start in range(0, 100, 20))


def test_silver_and_synthetic_labels_teach_and_do_not_judge() -> None:
    part("gold", {"train": 5, "dev": 2, "test": 2}, dev1={"label": "silver"})
    part("silver", {"train": 20, "dev": 3, "test": 3}, label="silver")
    report = mix({"gold": 1, "silver": 1})
    assert [cut["id"] for cut in cuts("dev")] == ["gold-dev0"]
    assert [cut["id"] for cut in cuts("test")] == ["gold-test0", "gold-test1"]
    assert report["unused"] == 7 and report["splits"]["train"]["labels"] == {"gold": 5, "silver": 20}
    assert report["gold"] == {"dev": True, "test": True}
    assert [report["mixture"][name]["judges"] for name in ("gold", "silver")] == [{"dev": 1, "test": 2}, {"dev": 0, "test": 0}]


def test_without_any_gold_part_the_others_judge_and_the_report_says_so() -> None:
    part("a", {"train": 5, "dev": 2, "test": 2}, label="synthetic")
    report = mix({"a": 1})
    assert report["gold"] == {"dev": False, "test": False} and len(cuts("test")) == 2


HASHED = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("held", "taught", "removed"),
    [
        ({"test0": {"audio": "same"}}, {"train3": {"audio": "same"}}, {"audio of another part's test": 1}),
        (
            {"dev0": {"text": "μια δυο τρεις τέσσερις πέντε"}},
            {"train1": {"text": "μια δυο τρεις τέσσερις πέντε"}, "train2": {"text": "μια δυο τρεις τέσσερις"}},
            {"sentence of another part's dev": 1},
        ),
        (
            {"test1": {"speaker": HASHED}},
            {"train1": {"speaker": HASHED}, "train2": {"speaker": HASHED}, "dev0": {"speaker": HASHED}},
            {"speaker of another part's test": 3},
        ),
        ({"test1": {"speaker": "maria"}}, {"train1": {"speaker": "maria"}}, {}),
        (
            {"test1": {"speaker": "maria"}},
            {"train1": {"speaker": "maria", "corpus": "one"}},
            {"speaker of another part's test": 1},
        ),
        ({"train1": {"audio": "same"}}, {"train3": {"audio": "same"}}, {"duplicate audio": 1}),
        ({"test1": {"audio": "same"}}, {"test0": {"audio": "same"}}, {"duplicate audio": 1}),
    ],
    ids=["audio", "sentence", "hashed speaker", "same name elsewhere", "same corpus", "train twice", "test twice"],
)
def test_what_one_part_tests_is_taken_out_of_what_another_teaches_and_listed(
    held: dict[str, Any], taught: dict[str, Any], removed: dict[str, int]
) -> None:
    part("one", {"train": 5, "dev": 2, "test": 2}, **held)
    part("two", {"train": 5, "dev": 2, "test": 2}, **taught)
    report = mix({"one": 1, "two": 1})
    assert report["mixture"]["two"]["removed"] == report["rejected"] == removed
    assert report["mixture"]["one"]["removed"] == {}
    kept = sum(report["splits"][split]["utterances"] for split in ("train", "dev", "test"))
    assert kept + sum(removed.values()) + report["unused"] == report["utterances_in"] == 18
    left_out = {line.split("\t")[0] for line in Path("data/mix/rejects.tsv").read_text().splitlines()[1:]}
    assert len(left_out) == sum(removed.values()) and all(name.startswith("two-") for name in left_out)
    for split in ("train", "dev"):
        for kind in ("speakers", "audio", "sentences"):
            assert report["overlap"].get(kind, {}).get(f"{split}-test", {"shared": 0})["shared"] == 0


def test_overlaps_within_a_part_are_its_publishers_and_stay() -> None:
    part("one", {"train": 5, "dev": 2, "test": 2}, train0={"speaker": "both"}, test0={"speaker": "both"})
    part("two", {"train": 5, "dev": 2, "test": 2})
    report = mix({"one": 1, "two": 1})
    assert report["rejected"] == {} and report["overlap"]["speakers"]["train-test"]["shared"] == 1


def test_only_the_parts_named_are_evaluated_and_the_others_still_guarded() -> None:
    part("one", {"train": 5, "dev": 2, "test": 2}, train0={"audio": "same"})
    part("two", {"train": 5, "dev": 2, "test": 2}, test0={"audio": "same"})
    report = mix({"one": 1, "two": 1}, options={"evaluate": ["one"]})
    assert {cut["custom"]["part"] for cut in cuts("dev") + cuts("test")} == {"one"}
    assert report["unused"] == 4 and report["rejected"] == {"audio of another part's test": 1}


def test_a_mixture_is_remade_when_a_part_changes_and_else_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    part("one", {"train": 5, "dev": 2, "test": 2})
    mix({"one": 1})
    before = Path("data/mix/train.jsonl.gz").read_bytes()
    capsys.readouterr()
    mix({"one": 1})
    assert "up to date" in capsys.readouterr().out
    part("one", {"train": 6, "dev": 2, "test": 2})
    mix({"one": 1})
    assert "data/one/conf.yaml changed" in capsys.readouterr().out or len(cuts("train")) == 6
    part("one", {"train": 5, "dev": 2, "test": 2})
    mix({"one": 1})
    assert Path("data/mix/train.jsonl.gz").read_bytes() == before


def make_fold() -> None:
    part("folds", {"train": 2, "dev": 1, "test": 1})
    Path("data/folds/s1").mkdir()
    Path("data/folds/report.json").rename("data/folds/s1/report.json")


@pytest.mark.parametrize(
    ("parts", "keys", "message"),
    [
        ({"one": 1, "absent": 1}, {}, "there is no conf/data_absent.yaml"),
        ({"one": 1, "onne": 1}, {}, "did you mean 'one'?"),
        ({"one": 1, "unmade": 1}, {}, "data/unmade is not there; make it: ./run.sh --corpus unmade --stop-stage 2 --corpus-dir"),
        ({"one": 1, "folds": 1}, {}, "data/folds is in folds"),
        ({"one": 1, "mix": 1}, {}, "a mixture cannot hold itself"),
        ({"one": 1, "nested": 1}, {}, "is a mixture itself; name its parts: one"),
        ({"one": 1, "one-more": 1}, {}, "ids of one and one-more could meet"),
        ({"one": 1}, {"options": {"evaluate": ["two"]}}, "evaluate: 'two' is no part"),
        ({"one": 1}, {"options": {"evaluates": ["one"]}}, "unknown key 'evaluates'; did you mean 'evaluate'?"),
        ({"one": 1}, {"split": "folds"}, "a mixture takes its parts' splits"),
        ({"bare": 1}, {}, "none of its parts has a dev set"),
        ({"one": 1, "unlabelled": 1}, {}, "has no transcripts"),
    ],
)
def test_what_cannot_be_mixed_is_one_clear_line(parts: dict[str, float], keys: dict[str, Any], message: str) -> None:
    part("one", {"train": 5, "dev": 2, "test": 2})
    part("one-more", {"train": 5, "dev": 2, "test": 2})
    Path("conf/data_unmade.yaml").touch()
    if "folds" in parts:
        make_fold()
    if "nested" in parts:
        mixture.make(DataConf(mixture={"one": 1}), "nested")
    for name, label in (("bare", "gold"), ("unlabelled", "none")):
        Path("data", name).mkdir()
        write_json(
            Path("data", name, "report.json"), {"splits": {s: {"utterances": 0, "labels": {}} for s in ("train", "dev", "test")}}
        )
        confs.freeze(
            DataConf(corpus=name, licence="CC0-1.0", language="el", label=label, split="train"), Path("data", name, "conf.yaml")
        )  # type: ignore[arg-type]
        for split in ("train", "dev", "test"):
            with gzip.open(Path("data", name, f"{split}.jsonl.gz"), "wt"):
                pass
    with pytest.raises(UsageError, match=re.escape(message)):
        mix(parts, **keys)
    assert not Path("data/mix/train.jsonl.gz").exists()

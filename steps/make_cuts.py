"""Stage 2: raw recordings and supervisions into checked, normalised, split Lhotse cuts.

Makes data/<name>/{train,dev,test}.jsonl.gz, or data/<name>/<fold>/… for each fold, with report.json, rejects.tsv and
the frozen conf.yaml beside them. Every audio file is decoded once; what cannot be used is listed with its reason.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from cyasr import conf as confs
from cyasr.cli import run
from cyasr.data.corpus import SPLITS, DataConf, name_of, raw_dir, remaking
from cyasr.data.split import Plan, plan
from cyasr.files import read_json, write_json
from cyasr.stage import Stage
from cyasr.text.normalize import signature

MANIFESTS = ("recordings.jsonl.gz", "supervisions.jsonl.gz", "summary.json", ".stamp.json")
PRODUCTS = (*(f"{split}.jsonl.gz" for split in SPLITS), "rejects.tsv", "report.json", "conf.yaml")


def main() -> None:
    parser = argparse.ArgumentParser(description="Stage 2: make checked, normalised and split cuts.")
    parser.add_argument("--conf", type=Path, required=True, help="conf/data_<name>.yaml")
    parser.add_argument("--list-sets", action="store_true", help="print the sets it makes, one a line, and make nothing")
    args = parser.parse_args()
    conf = confs.load(args.conf, DataConf)
    name, raw = name_of(args.conf), raw_dir(args.conf, conf)
    if args.list_sets and conf.split != "folds":
        print(name)
        return
    plans = plan(conf, name, read_json(raw / "summary.json"))
    if args.list_sets:
        print("\n".join(each.name for each in plans))
        return
    params = vars(conf) | {"text": signature(conf.profile), "sets": [each.name for each in plans]}
    stage = Stage(Path("data", name, ".stamp.json"), [raw / manifest for manifest in MANIFESTS], params)
    if stage.fresh():
        return
    with remaking(stage, [Path("data", each.name) for each in plans]):
        make_cuts(raw, plans, conf)
        stage.done(Path("data", each.name, product) for each in plans for product in PRODUCTS)


def make_cuts(raw: Path, plans: list[Plan], conf: DataConf) -> None:
    """Stream `raw` into all sets of `plans`, then write their reports and frozen confs."""
    from cyasr.data.corpus import Reject
    from cyasr.data.cut_sets import writing_cut_sets
    from cyasr.data.cuts import usable_cuts
    from cyasr.data.progress import progress

    total = read_json(raw / "summary.json")["utterances"]
    with writing_cut_sets(plans, conf) as sets:
        for item in progress(usable_cuts(raw, conf), f"data/{sets[0].plan.name}: cuts", total):
            if isinstance(item, Reject):
                for each in sets:
                    each.rejects.add(item)
                continue
            cut, rate = item
            line = json.dumps(cut, ensure_ascii=False) + "\n"
            for each in sets:
                each.add(cut, line, rate)
        for each in sets:
            each.check()
    for each in sets:
        folder = Path("data", each.plan.name)
        write_json(folder / "report.json", each.report())
        confs.freeze(conf, folder / "conf.yaml")
        print(each.summary())


if __name__ == "__main__":
    run(main)

"""Stage 2: raw recordings and supervisions into checked, normalised, split Lhotse cuts.

Makes data/<name>/{train,dev,test}.jsonl.gz, or data/<name>/<fold>/… for each fold, with report.json, rejects.tsv and
the frozen conf.yaml beside them; utterances without audio go to data/<name>/text.jsonl.gz. Every audio file is decoded
once (or as many as `decode:` says); what cannot be used is listed with its reason.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from cyasr import conf as confs
from cyasr.cli import run
from cyasr.data.conf import SPLITS, DataConf
from cyasr.data.corpus import name_of, raw_dir, remaking
from cyasr.data.split import Plan, plan
from cyasr.data.utterance import Reject
from cyasr.files import read_json, write_json
from cyasr.stage import Stage
from cyasr.text.normalize import signature

MANIFESTS = ("recordings.jsonl.gz", "supervisions.jsonl.gz", "text.jsonl.gz", "summary.json", ".stamp.json")
PRODUCTS = (*(f"{split}.jsonl.gz" for split in SPLITS), "rejects.tsv", "report.json", "conf.yaml")


def main() -> None:
    parser = argparse.ArgumentParser(description="Stage 2: make checked, normalised and split cuts.")
    parser.add_argument("--conf", type=Path, required=True, help="conf/data_<name>.yaml")
    parser.add_argument("--list-sets", action="store_true", help="print the sets it makes, one a line, and make nothing")
    args = parser.parse_args()
    conf = confs.load(args.conf, DataConf)
    name = name_of(args.conf)
    if args.list_sets and conf.split != "folds":
        print(name)
        return
    if conf.mixture:
        from cyasr.data.mixture import make

        make(conf, name)
        return
    raw = raw_dir(args.conf, conf)
    summary = read_json(raw / "summary.json")
    plans = plan(conf, name, summary) if summary["utterances"] or not summary["texts"] else []  # text alone is not split
    if args.list_sets:
        print("\n".join(each.name for each in plans))
        return
    from cyasr.data import texts

    folder = Path("data", name)
    made = [Path("data", each.name, product) for each in plans for product in PRODUCTS]
    if summary["texts"]:
        made += [*texts.products(folder, alone=not plans), *(() if plans else (folder / "conf.yaml",))]
    params = {key: value for key, value in vars(conf).items() if key != "card" and (value or key != "only")}
    params |= {"text": signature(conf.profile), "sets": [each.name for each in plans]}
    aligner = [Path(conf.segment.aligner, "model.pt")] if conf.segment and conf.segment.aligner else []
    stage = Stage(folder / ".stamp.json", [*(raw / manifest for manifest in MANIFESTS), *aligner], params)
    if stage.fresh():
        return
    with remaking(stage, [folder, *(Path("data", each.name) for each in plans)]):
        if plans:
            make_cuts(raw, plans, conf)
        if summary["texts"]:
            texts.write_texts(raw, folder, conf, alone=not plans)
        if not plans:
            confs.freeze(conf, folder / "conf.yaml")
        for left in {folder / product for product in (*PRODUCTS, "text.jsonl.gz")} - set(made):  # of another conf before
            left.unlink(missing_ok=True)
        stage.done(made)


def make_cuts(raw: Path, plans: list[Plan], conf: DataConf) -> None:
    """Stream `raw` into all sets of `plans`, then write their reports and frozen confs."""
    from cyasr.data.ahead import Ahead
    from cyasr.data.cut_sets import writing_cut_sets
    from cyasr.data.cuts import usable_cuts
    from cyasr.data.progress import progress

    encode = json.JSONEncoder(ensure_ascii=False).encode
    total = read_json(raw / "summary.json")["utterances"]
    cuts = Ahead(usable_cuts(raw, conf))
    with writing_cut_sets(plans, conf) as sets:
        for item in progress(cuts, f"data/{plans[0].name}: cuts", total):
            if isinstance(item, Reject):
                for each in sets:
                    each.rejects.add(item)
                continue
            line = encode(item.cut) + "\n"
            for each in sets:
                each.add(item.cut, line, item.rate, item.measures)
        tally = cuts.returned
        for each in sets:
            tally.prove(total, each.rejects.taken + each.rejects.count)
            each.check()
        tally.trust(conf.max_reject_rate)
    for each in sets:
        folder = Path("data", each.plan.name)
        write_json(folder / "report.json", each.report() | tally.report())
        confs.freeze(conf, folder / "conf.yaml")
        print("\n".join(filter(None, [tally.summary(), each.summary()])))


if __name__ == "__main__":
    run(main)

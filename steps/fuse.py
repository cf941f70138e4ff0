"""Stage 7: rank a system's n-best lists anew with a language model; weights are tuned on dev only."""

from __future__ import annotations

import argparse
from pathlib import Path

from cyasr import conf as confs
from cyasr.cli import UsageError, run
from cyasr.fusion.rescore import FuseConf, Rescoring


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--exp", type=Path, required=True, help="exp/<set>/<train stem>")
    parser.add_argument("--conf", type=Path, required=True, help="conf/fuse_<name>.yaml")
    arguments = parser.parse_args()
    if not arguments.conf.name.startswith("fuse_"):
        raise UsageError(f"{arguments.conf}: a fuse conf is named fuse_<name>.yaml")
    if not arguments.exp.is_dir():
        raise UsageError(f"{arguments.exp} is no directory; run stage 5")
    rescoring = Rescoring(arguments.exp, confs.load(arguments.conf, FuseConf), arguments.conf.stem)
    if not rescoring.stage().fresh():
        print(rescoring.run())


if __name__ == "__main__":
    run(main)

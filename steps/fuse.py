"""Stage 7: a second pass over what a system left, as the conf's `kind` says; weights are tuned on dev only."""

from __future__ import annotations

import argparse
from pathlib import Path

from cyasr.cli import UsageError, run
from cyasr.fusion import load_conf, method


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--exp", type=Path, required=True, help="exp/<set>/<train stem>")
    parser.add_argument("--conf", type=Path, required=True, help="conf/fuse_<name>.yaml")
    arguments = parser.parse_args()
    if not arguments.conf.name.startswith("fuse_"):
        raise UsageError(f"{arguments.conf}: a fuse conf is named fuse_<name>.yaml")
    if not arguments.exp.is_dir():
        raise UsageError(f"{arguments.exp} is no directory; run stage 5")
    conf = load_conf(arguments.conf)
    fusion = method(conf.kind).Fusion(arguments.exp, conf, arguments.conf.stem)
    if not fusion.stage().fresh():
        print(fusion.run())


if __name__ == "__main__":
    run(main)

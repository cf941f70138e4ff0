"""What this machine has to give: programs, cores, memory, GPUs."""

from __future__ import annotations

import glob
import os
import re
from pathlib import Path


def executable(program: str) -> str:
    """The file a command name stands for, as a path from the root; "" where there is none."""
    places = [""] if "/" in program else os.get_exec_path()
    for place in places:
        path = os.path.join(os.path.abspath(place or "."), program)
        if os.access(path, os.X_OK) and os.path.isfile(path):
            return path
    return ""


def cores() -> int:
    """Cores this process may use: its affinity, or the container's share where that is less."""
    usable = len(os.sched_getaffinity(0))
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        return max(1, min(usable, round(int(quota) / int(period))))
    except (OSError, ValueError):
        return usable


def available_memory() -> int:
    """Bytes that can be had without swapping."""
    meminfo = Path("/proc/meminfo").read_text(encoding="ascii")
    return int(re.search(r"MemAvailable:\s+(\d+)", meminfo)[1]) * 1024  # type: ignore[index]


def visible_gpus() -> list[str]:
    """The GPUs jobs may use, as CUDA_VISIBLE_DEVICES names them."""
    if "CUDA_VISIBLE_DEVICES" in os.environ:
        return [name for name in os.environ["CUDA_VISIBLE_DEVICES"].split(",") if name not in {"", "-1"}]
    count = len(glob.glob("/proc/driver/nvidia/gpus/*")) or len(glob.glob("/dev/nvidia[0-9]*"))
    return [str(index) for index in range(count)]

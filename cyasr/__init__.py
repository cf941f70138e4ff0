"""The library behind the recipe's steps: data, text, systems, language models, search, scores.

Thread settings have to stand in the environment before torch loads, so they are made here, where every
entry point passes. Spinning OpenMP workers make two busy processes on two cores many times slower; oneDNN and
torch's layer above it each keep what they compiled for the last 1024 shapes, which with batches of ever other lengths is
over a gigabyte and finds nothing again.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "32")
os.environ.setdefault("LRU_CACHE_CAPACITY", "32")
os.environ.setdefault("OMP_NUM_THREADS", str(len(os.sched_getaffinity(0))))

"""The hand-written job: all frames together, described."""

import sys

import pandas as pd

from benchmarks.peers.frames import frames
from benchmarks.reading import say

if __name__ == "__main__":
    table = pd.concat(list(frames(sys.argv[1])), ignore_index=True)
    say(len(table), mean=float(table.describe().loc["mean", "_c0"]))

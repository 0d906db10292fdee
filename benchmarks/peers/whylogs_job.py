"""whylogs: frames tracked one after the other in one profile: counts, moments, KLL quantiles, cardinality."""

import sys

from whylogs.core import DatasetProfile

from benchmarks.peers.frames import frames
from benchmarks.reading import say

if __name__ == "__main__":
    profile = DatasetProfile()
    for frame in frames(sys.argv[1]):
        profile.track(frame)
    column = profile.view().to_pandas().loc["_c0"]
    say(int(column["counts/n"]), mean=float(column["distribution/mean"]))

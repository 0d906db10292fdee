"""Evidently: the statistics of every column in one report: counts, moments, quantiles, distinct values."""

import sys

import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.presets import ValueStats

from benchmarks.peers.frames import frames
from benchmarks.reading import say

if __name__ == "__main__":
    table = pd.concat(list(frames(sys.argv[1])), ignore_index=True)
    columns = list(table.columns)
    data = Dataset.from_pandas(table, data_definition=DataDefinition(numerical_columns=columns))
    snapshot = Report([ValueStats(column=column) for column in columns]).run(data, None)
    say(len(table), metrics=len(snapshot.dict()["metrics"]))

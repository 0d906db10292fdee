from __future__ import annotations
from typing import Annotated
from cyclopts import Parameter
from open_model_monitor.cli.parameters import *

def suggest(
    data: str,
    *,
    output: Annotated[str | None, Parameter(name=["--output", "-o"], group=OUTPUT, help="Folder or address to write to.")] = None,
    like: Like = "recommended",
    reading: Reading = Reading(),
    cleaning: Cleaning = Cleaning(),
    running: Running = Running(),
    settings: ScriptSettings = ScriptSettings(),
    common: Common = Common(),
) -> int:
    """Make a baseline of data you trust: statistics.json and constraints.json.

    Examples:

        omm suggest train.csv -o baseline/
        omm suggest s3://bucket/train.parquet -o s3://bucket/baseline/
        omm suggest train.csv --like sagemaker --missing NA --missing age=-1
    
    Parameters
    ----------
    data
        A file, a folder, or an address such as s3://bucket/train.csv.
    """
    print(output, reading, cleaning, running)
    return 0
inspect=try_=check=explain=run=suggest

"""Race our lanes with floors, a yardstick and peers, and show the results as Markdown."""

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path

from benchmarks import table
from benchmarks.groups import GROUPS, Settings

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "open-model-monitor" / "benchmarks"


def main() -> None:
    arguments = _parser().parse_args()
    settings = _settings(arguments)
    for group in arguments.only:
        text = f"{GROUPS[group](settings)}\n\nRounds: {settings.rounds}. {table.machine()}"
        print(f"{text}\n", flush=True)
        if arguments.page:
            table.put(arguments.page, group, text)


def _settings(arguments: argparse.Namespace) -> Settings:
    settings = Settings(
        cache=arguments.cache.resolve(),
        records=arguments.records,
        peer_records=arguments.peer_records,
        spark_records=arguments.spark_records,
        spark_masters=tuple(arguments.spark_master or ["local[2]"]),
        rounds=arguments.rounds,
        tell=lambda text: print(text, file=sys.stderr, flush=True),
    )
    if not arguments.smoke:
        return settings
    return replace(settings, records=(300,), peer_records=300, spark_records=300, rounds=1, blocks=(2 << 20,))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        epilog="groups:\n" + "\n".join(f"  {name:8} {group.__doc__}" for name, group in GROUPS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    given, option = Settings(CACHE), parser.add_argument
    sizes = ",".join(map(str, given.records))
    option(
        "--only", type=_groups, default=list(GROUPS), metavar="GROUPS", help="some of the groups: fast,script"
    )
    option("--smoke", action="store_true", help="prove that the commands work: few captures, one round")
    option(
        "--rounds",
        type=int,
        default=given.rounds,
        metavar="N",
        help="of which medians are taken; 5 unless told",
    )
    option(
        "--records",
        type=_numbers,
        default=given.records,
        metavar="N,N",
        help=f"captures, a table for each number; {sizes} unless told. A million take 0.8 GB of disk, twice",
    )
    option(
        "--peer-records",
        type=int,
        default=given.peer_records,
        metavar="N",
        help="captures in the group peers",
    )
    option(
        "--spark-records",
        type=int,
        default=given.spark_records,
        metavar="N",
        help="captures in the group spark",
    )
    option("--spark-master", action="append", metavar="URL", help="local[2] unless told; repeatable")
    option(
        "--cache", type=Path, default=CACHE, metavar="DIR", help="keeps captures and the peers' environments"
    )
    option(
        "--page",
        type=Path,
        metavar="FILE",
        help="a Markdown page, between whose markers results are put as well",
    )
    return parser


def _groups(text: str) -> list[str]:
    names = text.split(",")
    if unknown := [name for name in names if name not in GROUPS]:
        raise argparse.ArgumentTypeError(
            f"there is no group {', '.join(unknown)}; there are {', '.join(GROUPS)}"
        )
    return names


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(sorted(map(int, text.split(","))))


if __name__ == "__main__":
    main()

"""A standalone cluster: a master, two workers and the driver, each a process of its own."""

import functools
import os
import subprocess
import sys

import pytest

import open_model_monitor as omm
from open_model_monitor.capture import layout
from open_model_monitor.jobs import run

pytestmark = pytest.mark.xdist_group("spark")

DRIVER = """
import functools, sys
from open_model_monitor.capture import layout
from open_model_monitor.cli.app import main
from open_model_monitor.jobs import run
run.plan = functools.partial(layout.plan, part_bytes=1)  # so that each file is a part
sys.exit(main())
"""
SCRIPT = """
import os
def preprocess_handler(line, logger):
    logger.info("of %s", os.getppid())
    return line
"""


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "plan", functools.partial(layout.plan, part_bytes=1))
    folder = tmp_path / "data"
    folder.mkdir()
    for file in range(4):
        rows = "".join(f"{row * 31 % 97 / 4},{'xyz'[row % 3]}\n" for row in range(500 + file))
        (folder / f"{file}.csv").write_text(f"a,b\n{rows}")
    (tmp_path / "p.py").write_text(SCRIPT)
    return folder


def on(cluster, *words):
    return subprocess.run(
        [sys.executable, "-c", DRIVER, *words, "--engine", "spark", "--spark-master", cluster],
        env=os.environ | {"SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_a_cluster_gives_the_documents_of_one_process(cluster, files, tmp_path):
    words = ["--header", "--preprocess", str(tmp_path / "p.py"), "-o", str(tmp_path / "there")]
    done = on(cluster, "suggest", str(files), *words)
    assert done.returncode == 0, done.stderr
    omm.suggest(files, tmp_path / "here", format="csv", preprocess=tmp_path / "p.py")
    for name in ("statistics.json", "constraints.json"):
        assert (tmp_path / "there" / name).read_bytes() == (tmp_path / "here" / name).read_bytes()
    log = (tmp_path / "there" / "script.log").read_text().splitlines()
    assert len({line.rpartition(" ")[2] for line in log}) >= 2  # Python processes of several executors

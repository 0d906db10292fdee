import json
import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from open_model_monitor.errors import UsageError
from open_model_monitor.results import delivery
from open_model_monitor.results.delivery import SUMMARY, add, check_destination, deliver
from open_model_monitor.storage import Storage


def finished(tmp_path, name, **files):
    folder = tmp_path / name
    folder.mkdir()
    for file, text in files.items():
        (folder / f"{file}.json").write_text(text)
    (folder / SUMMARY).write_text(json.dumps({"files": [f"{file}.json" for file in files]}))
    return folder


def content(folder):
    return {p.relative_to(folder).as_posix(): p.read_text() for p in folder.rglob("*") if p.is_file()}


def test_a_new_folder_appears_whole(tmp_path):
    deliver(finished(tmp_path, "new", a="1"), str(tmp_path / "out"), Storage())
    assert content(tmp_path / "out")["a.json"] == "1"


@pytest.mark.parametrize("swap", [True, False])
def test_a_former_run_is_replaced_and_additions_stay(tmp_path, monkeypatch, swap):
    if not swap:
        monkeypatch.setattr(delivery, "_exchange", delivery._replace_files)
    out = tmp_path / "out"
    deliver(finished(tmp_path, "one", a="1", gone="x"), str(out), Storage())
    (out / "notes").mkdir()
    (out / "notes" / "mine.txt").write_text("keep")
    deliver(finished(tmp_path, "two", a="2", b="3"), str(out), Storage())
    left = content(out)
    assert left.pop(SUMMARY)
    assert left == {"a.json": "2", "b.json": "3", "notes/mine.txt": "keep"}


def test_an_edited_summary_cannot_reach_outside(tmp_path, monkeypatch):
    monkeypatch.setattr(delivery, "_exchange", delivery._replace_files)
    victim = tmp_path / "victim.txt"
    victim.write_text("here")
    out = tmp_path / "out"
    deliver(finished(tmp_path, "one", a="1"), str(out), Storage())
    (out / SUMMARY).write_text(json.dumps({"files": ["../victim.txt", str(victim)]}))
    deliver(finished(tmp_path, "two", a="2"), str(out), Storage())
    assert victim.read_text() == "here"


def test_somebody_elses_folder_is_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("…")
    with pytest.raises(UsageError, match="not of a former run"):
        check_destination(str(tmp_path))
    with pytest.raises(UsageError, match="is a file"):
        check_destination(str(tmp_path / "thesis.tex"))
    check_destination(str(tmp_path / "new"))
    (tmp_path / "empty").mkdir()
    check_destination(str(tmp_path / "empty"))


def test_single_files_join_what_is_there(tmp_path):
    out = tmp_path / "out"
    deliver(finished(tmp_path, "one", a="1"), str(out), Storage())
    extra = tmp_path / "extra"
    (extra / "logs").mkdir(parents=True)
    (extra / "script_error.json").write_text("{}")
    (extra / "logs" / "mine.log").write_text("x")
    add(extra, str(out), Storage())
    assert set(content(out)) == {"a.json", SUMMARY, "script_error.json", "logs/mine.log"}


def test_an_object_store_gets_the_summary_last(tmp_path):
    storage, written = Storage(), []
    write = storage.write
    storage.write = lambda address, data: (written.append(address), write(address, data))
    deliver(finished(tmp_path, "one", z="1", a="2"), "memory://bucket/out", storage)
    assert written[-1] == f"memory://bucket/out/{SUMMARY}"
    assert storage.read("memory://bucket/out/a.json") == b"2"


SWAPPER = """
    import itertools, json, sys
    from pathlib import Path
    from open_model_monitor.results.delivery import deliver
    from open_model_monitor.storage import Storage
    root = Path(sys.argv[1])
    for number in itertools.count():
        new = root / f"new{number}"
        new.mkdir()
        for name in "abcdefgh":
            (new / f"{name}.json").write_text(str(number))
        (new / "run_summary.json").write_text(json.dumps({"files": [f"{n}.json" for n in "abcdefgh"]}))
        deliver(new, str(root / "out"), Storage())
        print(number, flush=True)
"""


def test_killed_at_any_moment_the_output_is_of_one_run(tmp_path):
    for wait in (0.001, 0.004, 0.009, 0.02):
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(SWAPPER), str(tmp_path)], stdout=subprocess.PIPE
        )
        with process, process.stdout:
            process.stdout.readline()
            time.sleep(wait)
            os.kill(process.pid, signal.SIGKILL)
        numbers = {(tmp_path / "out" / f"{name}.json").read_text() for name in "abcdefgh"}
        assert len(numbers) == 1
        subprocess.run(["rm", "-rf", *map(str, tmp_path.glob("new*"))], check=True)

from pathlib import Path

from open_model_monitor.capture.record import Block, Format
from open_model_monitor.jobs.sandbox import ScriptLimits
from open_model_monitor.jobs.script_setup import ScriptSetup


def test_the_process_is_started_and_its_log_kept(tmp_path: Path) -> None:
    script = tmp_path / "p.py"
    script.write_text("def preprocess_handler(record):\n    print('seen')\n    return {'a': record}\n")
    tree = tmp_path / "tree"
    tree.mkdir()
    setup = ScriptSetup(script, {"PATH": "/usr/bin"}, tmp_path, tree, tmp_path / "script.log", ScriptLimits())
    with setup.sandbox("preprocessor") as sandbox:
        sandbox.start(Format("csv"))
        (answer,) = sandbox.answers([Block("a.csv", 1, b"7\n")])
    assert answer.counts.rows_out == 1
    assert "seen" in setup.log.read_text()

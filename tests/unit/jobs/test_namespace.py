import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

PROGRAM = """
    import sys
    from pathlib import Path
    from open_model_monitor.jobs.namespace import enter
    if not enter(Path(sys.argv[1])):
        sys.exit(77)
    Path("/opt/ml/new.txt").write_text("seen")
    print(sorted(path.name for path in Path("/opt").iterdir()))
"""


def test_one_process_sees_its_own_opt_ml_and_nobody_else_does(tmp_path):
    (tmp_path / "opt" / "ml").mkdir(parents=True)
    before = sorted(os.listdir("/opt"))
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(PROGRAM), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 77:
        pytest.skip("this system grants no mount namespace; scripts are redirected instead")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "opt" / "ml" / "new.txt").read_text() == "seen"
    assert eval(done.stdout) == sorted({*before, "ml"})
    assert sorted(os.listdir("/opt")) == before
    assert Path("/opt/ml/new.txt").exists() is False

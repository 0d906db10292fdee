import subprocess
import sys
import textwrap

PROGRAM = """
    import os, shutil, sys
    from pathlib import Path
    from open_model_monitor.jobs.redirect import redirect
    redirect(Path(sys.argv[1]))
    out = Path("/opt/ml/processing/output")
    out.mkdir(parents=True, exist_ok=True)
    (out / "a.txt").write_text("one")
    with open("/opt/ml/processing/output/a.txt", "a") as file:
        file.write(" two")
    shutil.copy(out / "a.txt", out / "b.txt")
    os.rename("/opt/ml/processing/output/b.txt", out / "c.txt")
    assert sorted(os.listdir(out)) == ["a.txt", "c.txt"]
    assert sorted(path.name for path in out.iterdir()) == ["a.txt", "c.txt"]
    assert (out / "c.txt").exists() and os.path.isfile("/opt/ml/processing/output/c.txt")
    assert os.stat(b"/opt/ml/processing/output/c.txt").st_size == 7
    assert not os.path.exists("/opt/mlx")
    for path in ("//opt/ml/", "/opt//ml/", "/opt/./ml/", "/opt/ml/../ml/", "/etc/../opt/ml/", b"//opt//ml/"):
        end = b"processing/output/c.txt" if isinstance(path, bytes) else "processing/output/c.txt"
        open(path + end).close()
        assert os.stat(path + end).st_size == 7
    open(file="/opt/ml/processing/output/c.txt").close()
    os.rename(src="/opt/ml/processing/output/c.txt", dst="/opt/ml/processing/output/d.txt")
    assert sorted(os.listdir(path="/opt/ml/processing/output/")) == ["a.txt", "d.txt"]
    assert os.stat(path="/opt/ml/processing/output/d.txt").st_size == 7
    os.makedirs(name="/opt/ml/processing/output/kw/x")
    shutil.rmtree(path="/opt/ml/processing/output/kw")
    os.replace("/opt/ml/processing/output/d.txt", dst=out / "c.txt")
    os.remove(path=out / "c.txt")
    assert os.path.isdir("/") and os.listdir(path="/")
    print(open("/etc/hostname").read() is not None)
"""


def test_python_sees_the_private_tree(tmp_path):
    (tmp_path / "opt" / "ml").mkdir(parents=True)
    subprocess.run([sys.executable, "-c", textwrap.dedent(PROGRAM), str(tmp_path)], check=True)
    output = tmp_path / "opt" / "ml" / "processing" / "output"
    assert [(path.name, path.read_text()) for path in output.iterdir()] == [("a.txt", "one two")]

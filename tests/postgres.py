"""A PostgreSQL server of the tests' own: a new data folder, a free port, gone afterwards."""

import contextlib
import glob
import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path


@contextlib.contextmanager
def server():
    """Yield the URL of a running server; its folder is nobody else's, for other test runs tidy up pytest's."""
    folder = Path(tempfile.mkdtemp(prefix="omm-postgres-"))
    data, port = folder / "data", _free_port()
    try:
        _as_server(
            "initdb", "-D", str(data), "-U", "omm", "-A", "trust", "-E", "UTF8", "--no-sync", folder=folder
        )
        settings = f"-p {port} -k '' -h 127.0.0.1 -c fsync=off -c max_connections=200"
        control = ("pg_ctl", "-D", str(data), "-w", "-l", str(folder / "log"))
        _as_server(*control, "-o", settings, "start", folder=folder)
        try:
            yield f"postgresql+psycopg://omm@127.0.0.1:{port}/postgres"
        finally:
            _as_server(*control, "-m", "immediate", "stop", folder=folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _as_server(program, *arguments, folder):
    """Run a program of PostgreSQL; root may not, so as somebody else then."""
    command = [_program(program), *arguments]
    if os.geteuid() == 0:
        user = "postgres" if _exists("postgres") else "nobody"
        shutil.chown(folder, user)
        command = ["setpriv", f"--reuid={user}", "--clear-groups", *command]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    log = folder / "log"
    assert done.returncode == 0, done.stderr + (log.read_text() if log.exists() else "")


def _program(name):
    found = shutil.which(name) or next(
        iter(sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"))[::-1]), None
    )
    assert found, f"{name} is not installed; tools/install_postgres.sh does"
    return found


def _exists(user):
    import pwd

    return any(entry.pw_name == user for entry in pwd.getpwall())


def _free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]

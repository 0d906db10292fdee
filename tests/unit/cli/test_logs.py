import json
import logging
import subprocess
import sys

from open_model_monitor.cli.logs import JsonLines


def test_one_json_object_per_record():
    record = logging.LogRecord("script", logging.INFO, "p.py", 1, "a %s\nb", ("line",), None)
    record.tag = "stdout"
    told = json.loads(JsonLines().format(record))
    assert (told["message"], told["level"], told["tag"]) == ("a line\nb", "INFO", "stdout")
    assert "\n" not in JsonLines().format(record)


def test_where_it_goes():
    program = (
        "import logging; from open_model_monitor.cli.logs import *\n"
        "log_to_stdout(); logging.info('out'); logging.debug('no'); log_to_stderr(); logging.debug('err')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["message"] == "out"
    assert done.stderr.endswith("DEBUG root: err\n")

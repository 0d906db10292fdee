"""The bytes of a packed state: `python -m benchmarks.state FOLDER`."""

import sys

from benchmarks.reading import say
from open_model_monitor.capture.layout import plan
from open_model_monitor.capture.record import Format
from open_model_monitor.jobs.part_state import PartState, ProfileSettings
from open_model_monitor.jobs.profile_parts import ProfileParts, merge_parts
from open_model_monitor.profiling.state import loads
from open_model_monitor.storage import Storage


def main(folder: str) -> None:
    format_ = Format("capture")
    parts = plan(Storage(), folder, format_, None).parts
    with ProfileParts(format_, None, (), ProfileSettings(), None)() as profile:
        packed = merge_parts(map(profile, parts))
    say(loads(packed, PartState).profile.rows, bytes=len(packed))


if __name__ == "__main__":
    main(sys.argv[1])

"""`python -m open_model_monitor` is `omm`."""

import sys

from open_model_monitor.cli.app import main

if __name__ == "__main__":
    sys.exit(main())

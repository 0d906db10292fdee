"""Our lane: a check without a baseline over captures; argument 2 names a preprocessor, or `-` for none."""

import sys

import open_model_monitor as omm


def main(folder: str, script: str) -> None:
    script_of = None if script == "-" else script
    report = omm.check(folder, format="capture", preprocess=script_of, options={"workers": 1})
    print(report.rows)


if __name__ == "__main__":
    main(*sys.argv[1:])

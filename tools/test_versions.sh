#!/usr/bin/env bash
# Unit and law tests under every Python at hand, with the oldest allowed dependencies and with the newest.
#
#   tools/test_versions.sh              every Python from 3.11 to 3.14 that is installed
#   tools/test_versions.sh 3.11 3.13    these
#
# "Oldest" is, for each Python, the oldest allowed release that has a wheel for it. Nothing is left behind.
set -euo pipefail
cd "$(dirname "$0")/.."

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
if ! uv=$(command -v uv); then
    "${PYTHON:-python3}" -m venv "$scratch/uv"
    "$scratch/uv/bin/pip" install --quiet uv
    uv=$scratch/uv/bin/uv
fi
export UV_PYTHON_DOWNLOADS=never
tools=(scikit-learn pytest pytest-xdist pytest-randomly hypothesis jsonschema polars httpx httpx2 aws-croniter pyyaml "moto[s3]" flask flask-cors)
extras=(scripts server postgres alerts otel aws)

# Prints the path of a Python: one on the path, else one of pyenv's that is not activated.
find_python() {
    "$uv" python find --system "$1" 2>/dev/null && return
    local each
    for each in "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$1".*/bin/python; do
        [[ -x $each ]] && echo "$each" && return
    done
    return 1
}

"$uv" build --quiet --wheel --out-dir "$scratch/dist" .
wheel=$(ls "$scratch"/dist/*.whl)

failed=()
tested=0
wanted=("$@")
[[ $# -gt 0 ]] || wanted=(3.11 3.12 3.13 3.14)
for python in "${wanted[@]}"; do
    if ! interpreter=$(find_python "$python"); then
        echo "== Python $python: not installed, not tested"
        [[ $# -eq 0 ]] || failed+=("$python")
        continue
    fi
    for end in lowest-direct highest; do
        here=$scratch/$python-$end
        "$uv" pip compile --quiet --no-header --no-annotate --python "$interpreter" --only-binary :all: \
            --resolution "$end" "${extras[@]/#/--extra=}" pyproject.toml --output-file "$here.txt" >/dev/null
        "$uv" venv --quiet --python "$interpreter" "$here"
        "$uv" pip install --quiet --python "$here" --only-binary :all: --constraint "$here.txt" \
            "$wheel[$(IFS=,; echo "${extras[*]}")]" "${tools[@]}"
        "$uv" pip install --quiet --python "$here" awssig # which has no wheel
        echo "== Python $python, $end: $(grep -E '^(numpy|pyarrow|msgspec|obstore|cyclopts|rich|pandas|sqlalchemy|alembic|starlette|uvicorn)=' \
            "$here.txt" | paste -sd' ')"
        # Old releases warn of what newer Pythons will drop; that is their business.
        warnings=()
        [[ $end == highest ]] || warnings=(-o filterwarnings=default)
        "$here/bin/python" -m pytest -q "${warnings[@]}" tests/unit tests/laws || failed+=("$python-$end")
        tested=$((tested + 1))
    done
done

if [[ ${#failed[@]} -gt 0 || $tested -eq 0 ]]; then
    echo "failed: ${failed[*]:-no Python was found}" >&2
    exit 1
fi

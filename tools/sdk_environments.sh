#!/usr/bin/env bash
# The clients that the server must satisfy, each generation of SageMaker's SDK in a virtual environment of its own:
#
#   .venv-sdk2   sagemaker 2.257, the last of generation 2, with boto3 and the AWS CLI
#   .venv-sdk3   sagemaker-core 2, which is generation 3
#
#   tools/sdk_environments.sh        both
#   tools/sdk_environments.sh 2      one of them
#
# An environment is built anew only when its requirements below change.
set -euo pipefail
cd "$(dirname "$0")/.."

sdk2="sagemaker>=2.257.6,<2.258 boto3>=1.44 awscli>=1.46,<2 pytest>=9 pytest-xdist>=3.8"
sdk3="sagemaker-core>=2,<3 boto3>=1.44 pytest>=9 pytest-xdist>=3.8"

build() { # generation, requirements
    local folder=.venv-sdk$1 marker=.venv-sdk$1/.requirements
    if [[ -f $marker && $(<"$marker") == "$2" ]]; then
        return
    fi
    echo "installing the SageMaker SDK of generation $1 in $folder"
    "${PYTHON:-python3}" -m venv --clear "$folder"
    local wanted
    read -ra wanted <<<"$2"
    "$folder/bin/python" -m pip install --quiet --disable-pip-version-check "${wanted[@]}"
    echo "$2" >"$marker"
}

[[ ${1:-2} != 2 ]] || build 2 "$sdk2"
[[ ${1:-3} != 3 ]] || build 3 "$sdk3"

#!/usr/bin/env bash
# Holds what nn/onnx writes against onnxruntime and ONNX's own checker:
#
#	bench/onnx/run.sh [FOLDER]
#
# Needs Go and Python 3.10 or later with venv; downloads about 50 MB, and takes a
# quarter of a minute besides. The files and the environment go into FOLDER, which is
# kept; without one, into a new one, which is not.
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=${1:-}
if [ -z "$folder" ]; then
	folder=$(mktemp -d)
	trap 'rm -rf "$folder"' EXIT
fi
python=$folder/venv/bin/python
[ -x "$python" ] || python3 -m venv "$folder/venv"
"$python" -m pip install --quiet --disable-pip-version-check -r bench/onnx/requirements.txt
rm -rf "$folder/models"

# The table of operators is the one of this version of ONNX.
"$python" bench/onnx/opsets.py | gofmt | diff - nn/onnx/opsets.go

go test ./nn/onnx -count 1 -write "$(realpath "$folder")/models"
"$python" bench/onnx/check.py "$folder/models"

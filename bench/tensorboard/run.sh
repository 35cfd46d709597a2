#!/usr/bin/env bash
# Reads event files with TensorBoard's own reader: the golden file of gan/tensorboard,
# or a run (bench/tensorboard/run.sh runs/ring). Needs Python 3.9 or later with venv.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
env=${XDG_CACHE_HOME:-$HOME/.cache}/gander-tensorboard
if ! cmp -s "$here/requirements.txt" "$env/requirements.txt"; then
	python3 -m venv "$env"
	"$env/bin/pip" install -q -r "$here/requirements.txt"
	cp "$here/requirements.txt" "$env/requirements.txt"
fi
"$env/bin/python" "$here/read.py" "$@"

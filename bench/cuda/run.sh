#!/usr/bin/env bash
# Tests and times Gander on the first GPU, beside PyTorch if it is there. It takes less than eight minutes and no network.
#
# Run:    bench/cuda/run.sh [FOLDER]     where there is Go: builds, then measures
#         bench/cuda/run.sh build FOLDER where there is Go and no GPU: builds into FOLDER, which can be carried
#         FOLDER/run.sh FOLDER           on the machine with the GPU: measures, and needs no Go
# Needs:  for building Go and gcc; for measuring an NVIDIA driver. PYTHON names the interpreter with torch.
#
# It writes FOLDER/conformance.txt, gander.txt and torch.txt (default: bench/cuda/out), and prints what failed.
set -u -o pipefail
build() {
    cd "$(dirname "$0")/../.." || exit 1
    mkdir -p "$1"
    go test -c -tags cuda -o "$1/conformance" ./internal/backend/cuda &&
        go build -tags cuda -o "$1/bench" ./bench/cuda &&
        cp bench/cuda/run.sh bench/cuda/torch_bench.py "$1/"
}
if [ "${1:-}" = build ]; then
    build "$2"
    exit
fi
here=$(cd "$(dirname "$0")" && pwd)
out=$(mkdir -p "${1:-$here/out}" && cd "${1:-$here/out}" && pwd)
[ -x "$out/conformance" ] || (build "$out") || exit 1
cd "$out" || exit 1
status=0
step() { # name, seconds, command
    local name=$1 limit=$2
    shift 2
    printf '== %s (%ss)\n' "$name" "$SECONDS"
    timeout "$limit" "$@" >"$name.txt" 2>&1
    local result=$?
    if [ $result -ne 0 ]; then
        status=1
        echo "$name ended with $result:"
        grep -m 20 -E -- '--- FAIL|panic|Error|error' "$name.txt" || tail -5 "$name.txt"
    fi
}
nvidia-smi --query-gpu=name,driver_version,clocks.max.sm,clocks.max.mem,memory.total --format=csv >device.txt 2>&1 || true
cat device.txt
step conformance 200 ./conformance -test.run TestDevice -test.v
grep -q -- '--- SKIP' conformance.txt && { echo "the tests were skipped:"; grep -m 3 cuda: conformance.txt; status=1; }
step gander 100 ./bench
cat gander.txt
if ${PYTHON:-python3} -c 'import torch; assert torch.cuda.is_available()' 2>/dev/null; then
    step torch 170 "${PYTHON:-python3}" torch_bench.py
    cat torch.txt
else
    echo "torch is not there"
fi
exit $status

#!/usr/bin/env bash
# Tests and times Gander on the first GPU, beside PyTorch if it is there. It takes less than eight minutes and no network.
#
# Run:    bench/cuda/run.sh [FOLDER]     where there is Go: builds, then measures
#         bench/cuda/run.sh build FOLDER where there is Go and no GPU: builds into FOLDER, which can be carried
#         FOLDER/run.sh FOLDER [OUT]     on the machine with the GPU: measures, and needs no Go
#         bench/cuda/run.sh dry [FOLDER] where there is no GPU: the same stages on a fake driver, to try the script
# Needs:  for building Go and gcc; for measuring an NVIDIA driver, and the C library of where it was built or a later one.
#         PYTHON names the interpreter with torch, GANDER_CUBLAS the cuBLAS to use (else PyTorch's, or where the loader finds
#         it), SECONDS_IN_ALL how long all may take (450).
#
# Each stage is a process of its own with a limit of time: one that fails, hangs or loses the device does not keep the next
# from its turn. OUT (default: FOLDER) gets five files, device.txt, tests.txt, gander.txt, torch.txt and table.md, also if
# this script is interrupted. Its status tells of Gander's stages alone.
set -u -o pipefail
build() {
    local folder
    folder=$(mkdir -p "$1" && cd "$1" && pwd) && cd "$here/../.." || exit 1
    export CGO_ENABLED=1 # else Go builds without CUDA where there is no C compiler, and does not say so
    go test -c -tags cuda -ldflags '-s -w' -o "$folder/conformance" ./internal/backend/cuda &&
        go build -tags cuda -ldflags '-s -w' -o "$folder/bench" ./bench/cuda &&
        cp bench/cuda/run.sh bench/cuda/torch_bench.py "$folder/"
}
# absolute prints a path that may be relative, or the name of a program.
absolute() {
    case $1 in /*) echo "$1" ;; */*) echo "$PWD/$1" ;; *) echo "$1" ;; esac
}
main() {
    here=$(cd "$(dirname "$0")" && pwd)
    if [ "${1:-}" = build ]; then
        build "${2:?names no folder}"
        exit
    fi
    dry=
    if [ "${1:-}" = dry ]; then
        dry=1
        shift
    fi
    folder=$(mkdir -p "${1:-$here/out}" && cd "${1:-$here/out}" && pwd)
    out=$(mkdir -p "${2:-$folder}" && cd "${2:-$folder}" && pwd)
    # Beside its sources, and Go, this script measures what they are now.
    if { [ -f "$here/main.go" ] && command -v go >/dev/null; } || [ ! -f "$folder/conformance" ] || [ ! -f "$folder/bench" ]; then
        (build "$folder") || exit 1
    fi
    [ -n "${PYTHON:-}" ] && PYTHON=$(absolute "$PYTHON")
    [ -n "${GANDER_CUBLAS:-}" ] && GANDER_CUBLAS=$(absolute "$GANDER_CUBLAS")
    chmod +x "$folder/conformance" "$folder/bench" # which may have been lost on the way
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    cd "$work" || exit 1
    all=${SECONDS_IN_ALL:-450}
    status=0
    rm -f "$out"/{device,tests,gander,torch}.txt "$out/table.md"
    export CUDA_CACHE_PATH=${CUDA_CACHE_PATH:-$work/cache} CUDA_CACHE_MAXSIZE=1073741824 CUDA_CACHE_DISABLE=0 PYTHONUNBUFFERED=1
    export TRITON_CACHE_DIR=$work/triton TORCHINDUCTOR_CACHE_DIR=$work/inductor
    mkdir -p "$CUDA_CACHE_PATH"
    # While somebody has them open, the driver need not initialise the GPUs for each process, which takes it seconds.
    for gpu in /dev/nvidia[0-9]*; do
        { [ -r "$gpu" ] && exec {held}<"$gpu"; } 2>/dev/null
    done
    # Where containers have the driver, if the loader does not know of it.
    [ -d /usr/local/nvidia/lib64 ] && export LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}/usr/local/nvidia/lib64
    python=${PYTHON:-python3}
    benchFlags=
    if [ -n "$dry" ]; then
        fake=$here/../../internal/backend/cuda/driver/real/testdata/fake.c
        gcc -shared -fPIC -O1 -o libcuda.so.1 "$fake" -lpthread && gcc -DBLAS -shared -fPIC -O1 -o libcublas.so.12 "$fake" -lpthread || exit 1
        export LD_LIBRARY_PATH=$work GANDER_FAKE_CUDA=1
        benchFlags="-large 65536 -seconds 0.001"
    fi

    # left prints a limit, or what time is left if that is less. On the fake driver, stages are only begun.
    left() {
        local limit=$1
        [ -n "$dry" ] && [ "$limit" -gt 25 ] && limit=25
        echo $((all - SECONDS < limit ? all - SECONDS : limit))
    }

    # failed notes that a stage of Gander's failed.
    failed() { [ "$1" = torch.txt ] || status=1; }

    # stage runs a command, whose output goes to a file as well, and says in a few lines what failed.
    stage() { # file, name, seconds, command
        local file=$1 name=$2 limit result
        limit=$(left "$3")
        shift 3
        if [ "$limit" -lt 5 ]; then
            echo "== $name: NOT RUN, no time was left" | tee -a "$out/$file"
            failed "$file"
            return
        fi
        local start=$SECONDS
        echo "$file" >"$name.running"
        # The outer one ends the inner one if that cannot end what hangs in the kernel's driver, where no signal reaches.
        timeout -s KILL $((limit + 10)) timeout -k 5 "$limit" "$@" >"$name.log" 2>&1 &
        [ $BASHPID = $$ ] || trap 'kill $!; exit' TERM
        wait $! # which signals interrupt
        result=$?
        { echo "== $name: status $result after $((SECONDS - start)) s"; head -c 400000 "$name.log"; } >>"$out/$file"
        rm -f "$name.running"
        if [ $result -eq 0 ] && ! grep -q '^# failed' "$name.log"; then
            echo "== $name: $((SECONDS - start)) s $(grep -m 1 -B 1 -E -- '--- SKIP' "$name.log" | cut -c 1-200 | paste -sd ' ')"
        else
            failed "$file"
            echo "== $name FAILED with status $result after $((SECONDS - start)) s (124 or 137: it took too long)"
            { grep -m 6 -E -A 4 -- '--- FAIL|^panic|^# failed|Error Trace|SIG|^cuda:' "$name.log" || tail -4 "$name.log"; } | cut -c 1-300 | head -n 16
        fi
    }
    tests() { # seconds, tests: all at a time, if the GPU lets processes share it
        local limit=$1 t
        shift
        for t in "$@"; do
            stage tests.txt "$t" "$limit" "$folder/conformance" -test.run "^TestDevice$t\$" -test.v >"$t.said" &
            [ "$mode" = Default ] || wait
        done
        wait
        for t in "$@"; do cat "$t.said"; done
        grep -q -e FAILED -e 'NOT RUN' -- $(printf '%s.said ' "$@") && status=1
    }

    # finish writes what there is, at the end or when this is interrupted.
    finish() {
        trap '' INT TERM HUP
        local running file children
        children=$(jobs -p)
        if [ -n "$children" ]; then
            kill $children 2>/dev/null
            sleep 1
        fi
        for running in *.running; do
            [ -f "$running" ] || continue
            file=$(cat "$running")
            { echo "== ${running%.running}: INTERRUPTED"; head -c 400000 "${running%.running}.log"; } >>"$out/$file"
        done
        touch "$out/gander.txt" "$out/torch.txt"
        {
            echo "$(date -u +%F), $(sed -n 's/^# device //p' "$out/gander.txt" "$out/torch.txt" | head -n 1)"
            echo
            if ! "$folder/bench" -table "$out/gander.txt" "$out/torch.txt" 2>&1; then
                [ $status -ne 0 ] || status=1
            fi
        } >"$out/table.md"
        cat "$out/table.md"
        [ -f "$out/tests.txt" ] && grep -E '^BenchmarkDevice' "$out/tests.txt" | sed -E 's/BenchmarkDeviceProducts.//; s/-[0-9]+[[:space:]].*[[:space:]]([0-9.]+) us.product/ \1 us/' | head -n 60
        echo "== done after $SECONDS s, status $status; everything is in $out"
        cd /
        rm -rf "$work"
        exit $status
    }

    trap finish EXIT
    trap 'status=130; exit' INT TERM HUP

    # Asking may take long on a machine that was just started, and must not take all the time.
    {
        timeout -k 5 20 nvidia-smi --query-gpu=name,driver_version,clocks.max.sm,clocks.max.mem,memory.total --format=csv
        uname -srm
        grep -m 1 'model name' /proc/cpuinfo
    } >"$out/device.txt" 2>&1
    # What would change the numbers of cuBLAS, and of PyTorch with it, unnoticed.
    for name in NVIDIA_TF32_OVERRIDE CUBLAS_EMULATE_SINGLE_PRECISION CUBLAS_EMULATE_DOUBLE_PRECISION; do
        [ -n "${!name+set}" ] && echo "$name=${!name} is taken out of the environment" >>"$out/device.txt"
        unset "$name"
    done
    mode=$(timeout -k 5 20 nvidia-smi --query-gpu=compute_mode --format=csv,noheader 2>/dev/null | head -n 1)
    case $mode in Exclusive*) echo "one process at a time" >>"$out/device.txt" ;; *) mode=Default ;; esac
    torch=
    if [ -z "$dry" ]; then
        # One line on PyTorch, and one with its cuBLAS, so that both measure the same.
        timeout -k 5 90 $python - >torch.said 2>torch.err <<'PYTHON'
import glob, os, torch
print("torch", torch.__version__, "CUDA", torch.version.cuda, "sees a GPU" if torch.cuda.is_available() else "sees no GPU", flush=True)
root = os.path.dirname(os.path.dirname(torch.__file__))
name = "libcublas.so." + str(torch.version.cuda).split(".")[0]
for pattern in ("/nvidia/cu*/lib/", "/nvidia/cublas/lib/", "/torch/lib/"):
    for path in glob.glob(root + pattern + name):
        print("cublas", path)
PYTHON
        grep '^torch ' torch.said >>"$out/device.txt" || tail -n 1 torch.err >>"$out/device.txt"
        grep -q '^torch .* sees a GPU$' torch.said && torch=1
        found=$(sed -n 's/^cublas //p' torch.said | head -n 1)
        [ -z "${GANDER_CUBLAS:-}" ] && [ -n "$found" ] && export GANDER_CUBLAS=$found
    fi
    cut -c 1-200 "$out/device.txt"
    echo "cuBLAS: ${GANDER_CUBLAS:-where the loader finds it}" | tee -a "$out/device.txt"

    # The first process has the driver compile all kernels, which the others find in its cache.
    stage gander.txt start 90 "$folder/bench" -only start
    grep -q '^== start: status 0' "$out/gander.txt" && export GANDER_REQUIRE=cuda # a test that finds no GPU now has failed
    tests 120 Bits Conformance Library Reopen Tiles Sequences Graphs Trajectories Operations
    GANDER_CUBLAS=none stage gander.txt own 60 "$folder/bench" $benchFlags -as own
    stage gander.txt cublas 40 "$folder/bench" $benchFlags -as cublas -only products,steps
    stage gander.txt cublas-tf32 40 "$folder/bench" $benchFlags -as cublas-tf32 -tf32 -only products,steps
    stage tests.txt rule 40 "$folder/conformance" -test.run '^$' -test.bench DeviceProducts -test.benchtime "$([ -n "$dry" ] && echo 1x || echo 20x)"
    if [ -n "$torch" ]; then
        for part in products steps memory convolutions; do
            stage torch.txt "torch-$part" 75 $python "$folder/torch_bench.py" $part
        done
        stage torch.txt torch-compiled 120 $python "$folder/torch_bench.py" compiled
    else
        echo "torch is not there, or sees no GPU, or takes too long to say so" | tee -a "$out/torch.txt"
    fi
    tests 30 Memory
    GANDER_LOSE_DEVICE=1 tests 30 Lost
    exit
}
main "$@" # read whole before anything runs

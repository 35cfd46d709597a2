#!/usr/bin/env bash
# Compares Gander with its peers on this machine and writes the table.
#
# Run:    bench/peers/run.sh [-data MNIST_DIR] [-rounds 5] [-out bench/peers/RESULTS.md] [-only REGEXP]
# Needs:  Go; Python 3 with torch (else it makes a venv in bench/peers/.venv); a C compiler and OpenBLAS's
#         headers (Debian: libopenblas-dev); MNIST's four .gz files (-data or $MNIST_DIR).
#         A peer whose needs are missing is left out, with a message.
#
# Every program runs once per round, next to those it is compared with, and the rounds are interleaved, so that a
# change in the machine's speed meets them all. -only keeps the programs whose names, printed as they run, match in
# either case: 'gander|torch' keeps two of gander, openblas, torch and gomlx; conv keeps the convolutions.
# PYTHON names the interpreter to use. The raw lines stay in bench/peers/.build/results.txt, which benchstat reads.
set -u -o pipefail
cd "$(dirname "$0")/../.."
peers=bench/peers build=$PWD/bench/peers/.build
data=${MNIST_DIR:-} rounds=5 out=$peers/RESULTS.md only=.
while [ $# -gt 0 ]; do
    case $1 in
    -data) data=$2 ;;
    -rounds) rounds=$2 ;;
    -out) out=$2 ;;
    -only) only=$2 ;;
    *) sed -n '2,14s/^# \{0,1\}//p' "$0"; exit 2 ;;
    esac
    shift 2 || exit 2
done
mkdir -p "$build"
[ -n "$data" ] && data=$(realpath "$data") && export MNIST_DIR=$data
log=$build/results.txt

say() { printf '%s\n' "$*" >&2; }
skip() { say "left out: $1 ($2)"; }

# Programs to run in each round: their names, and their command lines.
names=() lines=()
add() { if wanted "$1"; then names+=("$1"); shift; lines+=("$*"); fi; }
wanted() { # whether one of some names matches
    local name
    shopt -s nocasematch
    for name; do [[ $name =~ $only ]] && break; done
    local found=$?
    shopt -u nocasematch
    return $found
}
quote() { printf '%q' "$1"; }

cores=$(nproc)
threads=1
[ "$cores" -gt 1 ] && threads="1 $cores"
python=${PYTHON:-python3}
malloc="env MALLOC_MMAP_THRESHOLD_=1073741824 MALLOC_TRIM_THRESHOLD_=4294967296 MALLOC_TOP_PAD_=67108864"

# What of ./bench is compared: name, time, sub-benchmarks.
ours='
ClassicStep 60x  .
QuickStep   60x  .
GEMM        0.1s .
DGEMM       0.5s ./op=nn/m=1024
Conv        0.1s .
Elementwise 0.1s ./^op=tanh$/n=32768
Adam        0.2s .
Epoch       1x   .'
if wanted gander\ {ClassicStep,QuickStep,GEMM,DGEMM,avx2,Conv,Elementwise,Adam,Epoch}; then
    if go test -c -o "$build/gander.test" ./bench 2>"$build/gander.err" && [ -x "$build/gander.test" ]; then
        bench="cd bench && $(quote "$build/gander.test") -test.run ^\$"
        while read -r name time parts; do
            [ -n "$name" ] && add "gander $name" "$bench -test.bench '^Benchmark$name\$/$parts' -test.benchtime $time"
        done <<<"$ours"
        grep -q avx512f /proc/cpuinfo &&
            add "gander avx2" "export GANDER_CPU=avx2; $bench -test.bench '^BenchmarkGEMM\$/impl=gander/././././threads=1' -test.benchtime 0.1s" \
                "| sed 's/impl=gander/impl=gander-avx2/'"
    else
        skip gander "./bench does not build: $build/gander.err"
    fi
fi

openblas=
if wanted openblas; then
    if cc -O2 -o "$build/gemm" $peers/gemm.c -lopenblas 2>"$build/gemm.err"; then
        # A core type forced on OpenBLAS from outside would not be its best.
        gemm="env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE $(quote "$build/gemm")"
        openblas=$(eval "$gemm")
        for t in $threads; do
            add "openblas threads=$t" "$gemm" "$t"
        done
    else
        skip openblas "no compiler or no libopenblas-dev: $build/gemm.err"
    fi
fi

torch=
if wanted torch\ {classic,foreach,fused,compile,epoch,conv,quick}; then
    imports="import numpy, torch, torchvision, tqdm; print(torch.__version__)"
    if ! torch=$($python -c "$imports" 2>/dev/null); then
        say "$python cannot import torch: making $peers/.venv"
        python=$PWD/$peers/.venv/bin/python
        [ -x "$python" ] || python3 -m venv $peers/.venv
        torch=$($python -c "$imports" 2>/dev/null) ||
            { $python -m pip install -q -r $peers/requirements.txt && torch=$($python -c "$imports"); }
    fi
    if [ -z "$torch" ]; then
        skip torch "pip install -r $peers/requirements.txt failed"
    else
        for t in $threads; do
            add "torch conv threads=$t" "$malloc $(quote "$python") $peers/conv.py $t"
        done
    fi
    if [ -n "$torch" ] && [ ! -f "$data/train-images-idx3-ubyte.gz" ]; then
        skip "torch's steps and epoch" "no train-images-idx3-ubyte.gz: give -data or MNIST_DIR"
    elif [ -n "$torch" ]; then
        step="$(quote "$python") $peers/step.py $(quote "$data")"
        for t in $threads; do
            add "torch classic threads=$t" "$step classic $t"
            for variant in foreach fused compile; do
                if [ $variant = compile ] && ! command -v c++ >/dev/null; then
                    skip "torch compile" "no C++ compiler"
                else
                    add "torch $variant threads=$t" "$malloc $step $variant $t"
                fi
            done
        done
        quick="$(quote "$python") $peers/quick.py $(quote "$data")"
        for t in $threads; do
            for variant in double fused exact compile; do
                [ $variant = compile ] && ! command -v c++ >/dev/null && continue
                add "torch quick $variant threads=$t" "$malloc $quick $variant $t"
            done
        done
        add "torch epoch" "$(quote "$python") $peers/classic_gan.py $(quote "$data")"
    fi
fi

if wanted gomlx; then
    if (cd $peers/gomlx && go build -o "$build/gomlx" .) 2>"$build/gomlx.err"; then
        for t in $threads; do
            add "gomlx threads=$t" "env GOMAXPROCS=$t $(quote "$build/gomlx")"
            add "gomlx manual threads=$t" "env GOMAXPROCS=$t $(quote "$build/gomlx") -manual -steps 10"
        done
    else
        skip gomlx "does not build: $build/gomlx.err"
    fi
fi

# Programs that are compared with each other run one after the other: the speed of a shared machine changes within a
# minute.
order=$(for i in "${!names[@]}"; do
    case ${names[i]} in
    *ClassicStep | torch\ classic* | torch\ foreach* | torch\ fused* | torch\ compile*) topic=1 ;;
    *QuickStep | torch\ quick*) topic=2 ;;
    *[Ee]poch) topic=3 ;;
    *GEMM | *avx2 | openblas*) topic=4 ;;
    *[Cc]onv*) topic=5 ;;
    *) topic=6 ;;
    esac
    echo "$topic $i"
done | sort -s -n -k 1,1 | cut -d ' ' -f 2)

{
    echo "command: bench/peers/run.sh -rounds $rounds -only '$only', MNIST_DIR set"
    echo "date: $(date -u +%Y-%m-%d)"
    echo "commit: $(git describe --always --dirty 2>/dev/null || echo unknown)"
    echo "cpu: $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1), $cores cores"
    echo "load: $(cut -d' ' -f1 /proc/loadavg) when it began"
    echo "go: $(go env GOVERSION)"
    [ -n "$torch" ] && echo "torch: $torch"
    [ -n "$openblas" ] && echo "openblas: $openblas"
    wanted gomlx && [ -x "$build/gomlx" ] && echo "gomlx: $(sed -n 's/.*gomlx\/gomlx //p' $peers/gomlx/go.mod)"
} >"$log"

failed=" "
for ((round = 1; round <= rounds; round++)); do
    for i in $order; do
        [[ $failed == *" $i "* ]] && continue
        say "round $round/$rounds: ${names[i]}"
        if ! timeout 600 bash -c "${lines[i]}" 2>"$build/stderr" | grep '^Benchmark' >>"$log"; then
            skip "${names[i]}" "failed: $(tail -1 "$build/stderr")"
            failed+="$i "
        fi
    done
done
python3 $peers/table.py "$log" >"$out" && say "wrote $out"

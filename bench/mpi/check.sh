#!/usr/bin/env bash
# Tests package gan/mpi and examples/mnist with real processes.
#
# Run:    bench/mpi/check.sh [FOLDER]    for its files; default: a new one that is removed
# Needs:  Go, Open MPI with its headers (Debian: libopenmpi-dev openmpi-bin pkg-config)
#
# Groups of 1, 2 and 3 train what a single process trains; a signal at any process ends all after the same step, with a
# checkpoint and status 143; the same command goes on, with more or fewer processes; a process that dies takes the
# others along within seconds, and the run goes on from its last checkpoint.
set -eu -o pipefail
cd "$(dirname "$0")/../.."
folder=${1:-$(mktemp -d)}
[ $# -gt 0 ] || trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder"
folder=$(realpath "$folder")
go test -tags mpi -c -o "$folder/mpi.test" ./gan/mpi
go build -tags mpi -o "$folder/mnist" ./examples/mnist
cd "$folder"
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fail() { echo "FAIL: $*" >&2; exit 1; }
group() { # processes, and what they run
    local n=$1
    shift
    mpirun --oversubscribe --bind-to none -np "$n" "$@"
}
for n in 1 2 3; do
    echo "tests, $n"
    group $n ./mpi.test -processes $n >tests.txt 2>&1 || { cat tests.txt; fail "tests with $n processes"; }
done

run="./mnist -group mpi -preset classic -batch 32 -steps 2000 -threads 1 -looks 0 -out run"
wait_for() { # a checkpoint of a later step than this
    for _ in $(seq 1200); do
        [ "$(newest)" -gt "$1" ] && return
        sleep 0.1
    done
    cat log.txt
    fail "no checkpoint for two minutes"
}
newest() { # the step of the newest checkpoint
    ls run/checkpoints 2>/dev/null | sed -n 's/^checkpoint-0*\([0-9][0-9]*\)\.safetensors$/\1/p' | sort -n | tail -1 | grep . || echo 0
}
processes() { pgrep -f '^\./mnist -group mpi'; }
alone() { ! processes >/dev/null || fail "processes are left"; }

resume=
for signal in TERM USR1; do
    echo "SIG$signal at one of two processes"
    group 2 $run $resume >log.txt 2>&1 &
    job=$!
    wait_for "$(newest)"
    kill -$signal "$(processes | tail -1)"
    status=0
    wait $job || status=$?
    [ $status = 143 ] || { cat log.txt; fail "status $status after SIG$signal, not 143"; }
    grep -q 'stopped, saved in' log.txt || { cat log.txt; fail "nothing was saved after SIG$signal"; }
    alone
    resume="-resume auto"
done

echo "three go on, and one of them is killed"
step=$(newest)
group 3 $run -resume auto >log.txt 2>&1 &
job=$!
wait_for "$step"
kill -9 "$(processes | tail -1)"
began=$SECONDS status=0
wait $job || status=$?
[ $status != 0 ] || { cat log.txt; fail "one was killed, and mpirun says that all is well"; }
[ $((SECONDS - began)) -lt 30 ] || fail "it took $((SECONDS - began)) s until a process that was killed ended the others"
alone

echo "two go on from its last checkpoint to the end"
step=$(newest)
[ "$step" -lt 2000 ] || fail "the run was over before anything was killed"
group 2 $run -resume auto >log.txt 2>&1 || { cat log.txt; fail "the run does not go on after step $step"; }
grep -q '^trained to step 2000 ' log.txt || { cat log.txt; fail "not all steps were done"; }
echo ok

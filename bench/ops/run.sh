#!/usr/bin/env bash
# Times operations and layers on a million numbers beside PyTorch, on one thread, and writes the table.
#
# Run:    bench/ops/run.sh [REGEXP] [ROUNDS] > bench/ops/RESULTS.md
# Needs:  Go; Python 3 with torch. PYTHON names the interpreter to use.
#
# The programs run by turns, ROUNDS times each (5), and the least time of each row counts.
set -eu -o pipefail
cd "$(dirname "$0")/../.."
only=${1:-.} rounds=${2:-5} python=${PYTHON:-python3}
tmp=$(mktemp -d)
trap 'rm -r "$tmp"' EXIT
go build -o "$tmp/ops" ./bench/ops
for _ in $(seq "$rounds"); do
    "$tmp/ops" -only "$only" | sed 's/^/gander /' >>"$tmp/times"
    "$python" bench/ops/ops.py "$only" | sed 's/^/torch /' >>"$tmp/times"
done
cat <<'END'
# Operations and layers beside PyTorch

Made by `bench/ops/run.sh`: milliseconds for a million numbers in float32 on one thread, the least of all rounds; of the value, and of the value with its gradient by the input. A ratio above 1 is a time longer than PyTorch's.

| row | Gander | PyTorch | ratio | with gradient | PyTorch | ratio |
|---|---|---|---|---|---|---|
END
awk '{ if (!($2 in seen)) { seen[$2] = 1; order[++n] = $2 }
       for (k = 3; k <= 4; k++) { i = $1 " " $2 " " k; if (!(i in t) || $k < t[i]) t[i] = $k } }
     END { for (j = 1; j <= n; j++) { r = order[j]; printf "| %s", r
           for (k = 3; k <= 4; k++) { g = t["gander " r " " k]; p = t["torch " r " " k]; printf " | %.2f | %.2f | %.2f", g, p, g / p }
           print " |" } }' "$tmp/times"

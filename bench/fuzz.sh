#!/usr/bin/env bash
# Fuzzes each target of the repository in turn:
#
#	bench/fuzz.sh [TIME [PATTERN]]
#
# TIME is for each target, as -fuzztime takes it; the default of 6m makes nearly two
# hours of them all. PATTERN is a regular expression of the targets' names; the default
# is all. An input that fails is left in the package's testdata/fuzz, where go
# test runs it from then on, and the script goes on with the next target.
set -euo pipefail
cd "$(dirname "$0")/.."
time=${1:-6m} pattern=${2:-.}

failed=()
out=$(mktemp)
trap 'rm -f "$out"' EXIT
# fuzz succeeds unless an input fails. At the end of the time, package testing sometimes
# takes that for a failure of the target ("context deadline exceeded"), of which there is
# no input then (golang.org/issue/75804).
fuzz() {
	go test -run '^$' -fuzz "^$2\$" -fuzztime "$time" -fuzzminimizetime 2s "$1" | tee "$out" && return
	grep -qx ' *context deadline exceeded' "$out" && ! grep -q 'Failing input' "$out"
}
while IFS=: read -r file target; do
	printf '\n== %s %s for %s\n' "./$(dirname "$file")" "$target" "$time"
	fuzz "./$(dirname "$file")" "$target" || failed+=("$target")
done < <(grep -roE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' . | sed 's|^\./||; s|func ||' | grep -E ":.*($pattern)" | sort)

if [ ${#failed[@]} -gt 0 ]; then
	printf '\nfailed: %s\n' "${failed[*]}"
	exit 1
fi

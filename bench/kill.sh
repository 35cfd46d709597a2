#!/usr/bin/env bash
# Kills a training run again and again, and holds what comes out of it against a
# run that was left alone:
#
#	bench/kill.sh [MINUTES [STEPS [PRESET [RATE]]]]
#
# examples/mnist trains STEPS steps (3000) of PRESET (classic) with -resume auto, at a
# learning RATE (0.003) thirty times too high, so that there is something to say about it.
# kill -9 ends it 0.2 to 6 seconds after its start; every third time, the moment
# there is a file of a checkpoint that is not yet whole. Then the same command is
# given again, with another GOMAXPROCS. Each start must go on, no earlier than
# after the newest checkpoint of before. Once a run is done, its networks, its
# last checkpoint, its pictures and its log must equal those of the undisturbed run
# byte for byte, and the next run begins in a new folder. Of the log, the seconds do
# not count. The script ends with the run that is under way after MINUTES (10).
set -euo pipefail
cd "$(dirname "$0")/.."
minutes=${1:-10} steps=${2:-3000} preset=${3:-classic} rate=${4:-0.003}

work=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill -9 "$pid" 2>/dev/null || true; rm -rf "$work"' EXIT
go build -o "$work/mnist" ./examples/mnist

train() { # FOLDER THREADS: in the background, as pid
	GOMAXPROCS=$2 "$work/mnist" -preset "$preset" -steps "$steps" -lr "$rate" -looks 0 -resume auto -out "$1" >"$work/out" 2>&1 &
	pid=$!
}

fail() {
	printf 'FAILED: %s\n' "$*"
	cat "$work/out"
	exit 1
}

newest() { # FOLDER: the step of its last checkpoint, or -1
	local last=-1 file
	for file in "$1"/checkpoints/checkpoint-*.safetensors; do
		[ -e "$file" ] || continue
		file=${file##*/checkpoint-} file=${file%.safetensors}
		[ "$((10#$file))" -le "$last" ] || last=$((10#$file))
	done
	echo "$last"
}

contents() { # FOLDER: sums of what must be equal
	(
		cd "$1"
		sha256sum generator.safetensors discriminator.safetensors samples.png "$(ls checkpoints/checkpoint-*.safetensors | sort | tail -1)"
		sed 's/,"seconds":[^,}]*//' log.jsonl # so that a difference is shown
	)
}

train "$work/whole" 2
wait "$pid" || fail "the undisturbed run"
pid=
notes=$(grep -c '"note":' "$work/whole/log.jsonl" || true)
[ "$notes" -gt 0 ] || fail "there is nothing to say about a run at the rate $rate; give a higher one"

kills=0 during=0 runs=0 resumed=0 least=$steps most=0
end=$((SECONDS + 60 * minutes))
while [ "$SECONDS" -lt "$end" ]; do
	folder=$work/run$runs
	while :; do
		before=$(newest "$folder") at=$SECONDS
		train "$folder" $((1 + kills % 4))
		ms=$((200 + RANDOM * 5800 / 32768)) midway=
		sleep "$((ms / 1000)).$(printf %03d $((ms % 1000)))"
		if [ $((kills % 3)) = 2 ]; then
			for ((i = 0; i < 400; i++)); do
				if compgen -G "$folder/checkpoints/.*.gander-tmp" >/dev/null; then
					midway=yes
					break
				fi
				sleep 0.005
			done
		fi
		killed=
		kill -9 "$pid" 2>/dev/null && killed=yes
		status=0
		wait "$pid" 2>/dev/null || status=$?
		pid=
		if [ "$status" != 137 ] && [ "$status" != 0 ]; then
			fail "run $runs ended by itself with status $status"
		fi
		if grep -q 'passed over' "$work/out"; then
			fail "a checkpoint of run $runs is damaged"
		fi
		step=$(sed -n 's/^resumed from .*, after step \([0-9]*\)$/\1/p' "$work/out")
		if [ -n "$step" ]; then
			resumed=$((resumed + 1))
			[ "$step" -ge "$before" ] || fail "run $runs went on after step $step, and there was a checkpoint of step $before"
			[ "$step" -ge "$least" ] || least=$step
			[ "$step" -le "$most" ] || most=$step
		elif [ "$before" -gt 0 ] && grep -q '^generator$' "$work/out"; then
			fail "run $runs began anew, and there was a checkpoint of step $before"
		fi
		[ "$status" != 0 ] || break # done
		[ -z "$killed" ] || kills=$((kills + 1))
		[ -z "$midway" ] || during=$((during + 1))
	done
	contents "$work/whole" >"$work/want"
	contents "$folder" >"$work/got"
	diff "$work/want" "$work/got" || fail "run $runs differs from the undisturbed one"
	missing=0
	for picture in "$work"/whole/samples/*.png; do
		other=$folder/samples/${picture##*/}
		if [ ! -e "$other" ]; then
			missing=$((missing + 1))
		else
			cmp "$picture" "$other" || fail "a picture of run $runs differs"
		fi
	done
	leftovers=$(find "$folder" -name '*.gander-tmp' | wc -l)
	[ "$leftovers" = 0 ] || fail "run $runs has left $leftovers files of killed writers"
	runs=$((runs + 1))
	printf '%4d s: run %d of %d steps equals the undisturbed one; %d kills so far, %d of them while a checkpoint was written; %d pictures fell between a checkpoint and a kill\n' \
		"$SECONDS" "$runs" "$steps" "$kills" "$during" "$missing"
	rm -rf "$folder"
done
printf 'passed: %d kills, %d while a checkpoint was written; %d starts that went on, after steps %d to %d; %d runs of %d steps equal to the undisturbed one, with %d notes\n' \
	"$kills" "$during" "$resumed" "$least" "$most" "$runs" "$steps" "$notes"

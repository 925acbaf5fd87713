#!/bin/sh
# Fuzzes one thing for FUZZ_SECONDS, from inputs that it writes itself and those that earlier runs here have found:
#
#	fuzz/run.sh <program> <name>
#
# A find ends in a failure, a report, and the input in build/fuzz/finds. FUZZ_SEED repeats a run.
set -eu
program=$1
name=$2
corpus=build/fuzz/corpus/$name
log=build/fuzz/$name.log
mkdir -p "$corpus" build/fuzz/finds
# Leaks are looked for at the end of a run; within one, every input starts anew.
if ! FUZZ_SEEDS=$corpus "$program" -max_total_time="${FUZZ_SECONDS:-1}" -seed="${FUZZ_SEED:-0}" -max_len=4096 -len_control=0 -use_value_profile=1 \
	-timeout=20 -rss_limit_mb=1024 -artifact_prefix="build/fuzz/finds/$name-" -print_final_stats=1 "$corpus" >"$log" 2>&1; then
	cat "$log"
	echo "fuzz: $name: failed"
	exit 1
fi
runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
covered=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -1)
seed=$(sed -n 's/^INFO: Seed: //p' "$log")
echo "fuzz: $name: $runs runs, $covered places reached, seed $seed"

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/system/lib.sh
source "$(dirname "$0")/lib.sh"
scenario "a job's flood costs records of its own, counted exactly, and none of a job beside it"
nothing=$(find_program lab-nothing)
start_daemons
policy 'mode: block' 'allow:' '  - 198.18.0.0/16:*/udp'
flood_policy=$WORLD_DIR/flood.yml
mv "$policy" "$flood_policy"
policy 'mode: block' 'allow:' '  - "*.fresh.example.org:443"'

# 65,535 destinations, 200,000 executions, 1,000,000 connects: 40 seconds on two processors. FLOOD_PART=10 is a tenth of
# each, which still overflows the table of flows.
part=${FLOOD_PART:-1}
run_limit_s=170
flood_out=$WORLD_DIR/flood.out
in_world "$weir" run --job flood --policy "$flood_policy" -- "$client" flood "$nothing" --destinations $((65535 / part)) \
  --executions $((200000 / part)) --connects $((1000000 / part)) >"$flood_out" 2>&1 7>&- &
flood=$!
# Beside it, until the flood is over: a name, its address and a program, each time others.
cat >"$WORLD_DIR/work.sh" <<'WORK'
n=0
while n=$((n + 1)) && ! grep -q ^flood "$3" && "$1" connect "w$n.fresh.example.org" 443 -4; do "$2" "run$n"; done
WORK
block bash "$WORLD_DIR/work.sh" "$client" "$nothing" "$flood_out"
expect_no_match "what worked" "$out" 'connect=(refused|other|lookup)'
n=$(grep -c '^connect=ok' <<<"$out")
(("$n" > 20)) || fail "only $n rounds were worked while the flood went on"

# The job beside it: everything that it did, and nothing else.
rounds() { seq 1 "$n" | sed "s/.*/$1/"; }
in_report() { jq -r "$1" "$report" | sort; }
expect_eq "lookups" "$(in_report '.allowed[] | select(.hook == "dns") | .name')" "$(rounds 'w&.fresh.example.org' | sort)"
expect_eq "destinations" "$(in_report '.allowed[] | select(.port == 443) | "\(.name) \(.address)"')" \
  "$(paste -d ' ' <(rounds 'w&.fresh.example.org') <(sed -nE 's/^connect=ok address=([^ ]+) .*/\1/p' <<<"$out") | sort)"
expect_eq "programs" "$(in_report ".processes[] | select(.executable == \"$nothing\") | .arguments[1]")" \
  "$(rounds 'run&' | sort)"
expect_report '.summary.complete and .record.lost_in_kernel == {} and .record.lost_in_sensor == {} and .record.undelivered == 0'
expect_report '.gaps == [] and .sequence_gaps == [] and .summary.counts.denied == 0'

wait "$flood" || fail "the flood: $(tail -n 5 "$flood_out")"
out=$(<"$flood_out")
stored() { sqlite3 -readonly "$state/collector.db" "SELECT $1"; }
record_of() {
  local id
  id=$(stored "job_id FROM jobs WHERE name = '$1'")
  printf '%s' "$state/sensor/records/$id.json"
}
# expect_record NAME FILTER: of a job's record.
expect_record() {
  jq -e ".predicate | $2" "$(record_of "$1")" >/dev/null || fail "$1's record does not say: $2"
}
# A round is grep, lab-client and the program; the last one's grep ends it. The first image is the one that entered.
expect_record bash ".complete and .counts.forks == $((3 * n + 1)) and .counts.executions == .counts.forks + 2"
expect_record bash ".counts.exits == .counts.forks + 1 and .counts.dns_queries == $n and .counts.hooks.connect.allowed == $((2 * n))"

# The flood's own record: the truth, whatever became of the events.
allowed=$(field allowed)
denied=$(field denied)
forks=$(field forks)
expect_eq "connects" $((allowed + denied)) $((65535 / part + 1000000 / part))
expect_eq "what failed" "$(field failed)" 0
expect_record flood ".counts.hooks.connect | .allowed == $allowed and .denied == $denied"
expect_record flood ".counts | .forks == $forks and .executions == $(field executions) + 2 and .exits == $forks + 1"
# Each destination was another one: what the table did not hold is counted, too.
expect_record flood "(.complete | not) and .counts.tables_full.flows == $((allowed + denied - 65536))"

# What arrived and what was lost is all that there was, kind by kind.
flood_arrived() { (($(stored "count(*) FROM jobs WHERE name = 'flood' AND end_ns > 0") == 1)); }
wait_for "the flood's last event" flood_arrived
# expect_all KIND TABLE-AND-CONDITION TRUTH
expect_all() {
  local lost seen
  lost=$(jq ".predicate.lost | [.kernel, .sensor, .undelivered_by_kind] | map(.[\"$1\"] // 0) | add" "$(record_of flood)")
  seen=$(stored "count(*) FROM $2 AND job_ref = (SELECT job_ref FROM jobs WHERE name = 'flood')")
  printf '%s: %s stored + %s lost\n' "$1" "$seen" "$lost"
  expect_eq "$1: stored and lost" $((seen + lost)) "$3"
}
expect_all exec 'execs WHERE true' $(($(field executions) + 2))
expect_all fork 'forks WHERE true' "$forks"
expect_all exit 'exits WHERE true' $((forks + 1))
# Rows that only sums have made have no process.
expect_all flow 'flows WHERE pid <> 0 AND verdict = 1' "$allowed"
expect_all denial 'flows WHERE pid <> 0 AND verdict = 2' "$denied"

resident_kib() { awk '/^VmHWM/ { print $2 }' "/proc/$1/status"; }
expect_below "the sensor's resident memory in KiB" "$(resident_kib "$sensor_pid")" 262144
expect_below "the collector's resident memory in KiB" "$(resident_kib "${daemons[0]}")" 524288

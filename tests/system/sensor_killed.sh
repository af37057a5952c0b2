#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/system/lib.sh
source "$(dirname "$0")/lib.sh"
scenario "kill -9 of the sensor in the middle of a job: verdicts hold, a restarted sensor adopts, the record shows the gap"
start_daemons
policy 'mode: block' 'allow:' '  - "*.fresh.example.org:443"'

# A job that works in rounds, one for each line that it is told.
mkfifo "$WORLD_DIR/go"
round="'$client' loop --pattern \"\$line-%n.fresh.example.org\" --port 443 --count 50 -4
       '$client' connect 203.0.113.66 443
       '$client' lookup evil.example.net"
in_world "$weir" job begin --name killed --policy "$policy" --format json >"$WORLD_DIR/begin.json"
job_id=$(jq -r .job_id "$WORLD_DIR/begin.json")
in_world "$weir" job join --job "$job_id" -- bash -c "while read -r line; do $round; echo round \$line done; done" \
  <"$WORLD_DIR/go" >>"$WORLD_DIR/rounds" 2>&1 &
worker=$!
exec 7>"$WORLD_DIR/go"
one_round() {
  echo "$1" >&7
  wait_for "round $1" grep -q "round $1 done" "$WORLD_DIR/rounds"
  out=$(<"$WORLD_DIR/rounds") && : >"$WORLD_DIR/rounds"
  expect_out 'loop ok=50 eperm=0 other=0 lookup_failed=0'
  expect_out 'connect=eperm address=203.0.113.66'
  expect_out 'lookup=failed'
}

one_round before
kill -KILL "$sensor_pid"
wait "$sensor_pid" 2>/dev/null || true
! sensor_answers || fail "the sensor still answers"
one_round without
start_sensor
run "$weir" job list --format json
expect_match "adopted jobs" "$out" '"adopted": ?true'
one_round after
exec 7>&-
wait "$worker" || true
run "$weir" job end --job "$job_id" --exit-status 0 --format json
expect_status 0
report=$WORLD_DIR/report.json
run "$weir" report --job "$job_id" --format json
cp "$WORLD_DIR/out" "$report"
expect_report 'any(.gaps[]; .reason == "sensor-down")'
expect_report '.summary.complete == false'
expect_nothing_arrived '203\.0\.113\.66'
expect_not_asked 'evil'

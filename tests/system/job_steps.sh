#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/system/lib.sh
source "$(dirname "$0")/lib.sh"
scenario "a job in steps: begin, join, end, each with the status that its page promises"
start_daemons
policy 'mode: block' 'allow:' '  - registry.example.org:8080'

run "$weir" job begin --name nightly --policy "$policy" --label repository=org/x
expect_status 0
id=$out
run "$weir" job join --job "$id" -- curl -sS --max-time 10 -o /dev/null http://registry.example.org:8080/index
expect_status 0
run "$weir" job join --job "${id:0:20}" -- "$client" connect 203.0.113.66 443
expect_status 1
expect_out 'error=EPERM'
run "$weir" job join --job "$id" -- no-such-command-anywhere
expect_status 127
run "$weir" job join --job no-such-job -- true
expect_status 64
run "$weir" job list
expect_out "^$id +nightly +block +running"
# Inside, the end is not the job's to say.
run "$weir" job join --job "$id" -- "$weir" job end --job "$id"
expect_status 77

report=$WORLD_DIR/steps.json
run "$weir" job end --job "$id" --exit-status 0 --report "$report"
expect_status 0
expect_err 'block, armed, complete: .* 1 denied'
expect_report '.summary.watch == "watched" and .job.exit_status == 0 and .job.labels.repository == "org/x"'
run "$weir" job end --job "$id"
expect_status 64
run "$weir" job show --job "$id"
expect_out 'record +complete'
run "$weir" job list --all
expect_out "^$id +nightly +block +complete"

# A job that cannot hold what it should hold is ended again.
run "$weir" job begin --name lost --policy "$policy" --pid 4194303
[[ $status != 0 ]] || fail "a process that does not exist entered a job"
run "$weir" job list --format json
expect_eq jobs "$(jq '.jobs | length' <<<"$out")" 0

# A job that ended and left a process is listed as that, also by the sensor's successor, until the process is gone.
run "$weir" job begin --name lingers --policy "$policy"
id=$out
run "$weir" job join --job "$id" -- sh -c 'setsid sleep 600 >/dev/null 2>&1 & echo "left $!"'
leftover=$(sed -n 's/^left //p' <<<"$out")
run "$weir" job end --job "$id" --exit-status 3
expect_status 0
listed_as_ended() {
  run "$weir" job list
  expect_out "^$id +lingers +block +ended, 1 left .* 3 "
  expect_no_match "list" "$out" "running"
  run "$weir" job list --format json
  expect_eq "ended job" "$(jq -r '.jobs[0] | "\(.state) \(.leftovers) \(.exit_status) \(.end_time_ns > 0)"' <<<"$out")" "ended 1 3 true"
}
listed_as_ended
run "$weir" job join --job latest -- true
expect_status 64
run "$weir" status --format json
expect_eq "running jobs" "$(jq .jobs <<<"$out")" 0
kill -KILL "$sensor_pid"
wait "$sensor_pid" 2>/dev/null || true
start_sensor
listed_as_ended
kill "$leftover"
none_listed() { [[ $(in_world "$weir" job list --format json | jq '.jobs | length') == 0 ]]; }
wait_for "the end of the job's last process" none_listed

# A list that was cut says how to get the rest.
run "$weir" job list --all --limit 1
expect_err 'there is more: raise --limit'
run "$weir" job list --all --limit 1 --format json
expect_eq truncated "$(jq .truncated <<<"$out")" true
run "$weir" job list --all
expect_no_match "error output" "$err" 'there is more'

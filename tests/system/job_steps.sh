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

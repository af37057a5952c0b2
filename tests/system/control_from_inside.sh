#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/system/lib.sh
source "$(dirname "$0")/lib.sh"
scenario "a job cannot end itself, nor begin another one; it may read its own"
start_daemons
policy 'mode: block' 'allow:' '  - allowed.example.org:443'

# shellcheck disable=SC2016  # expands inside the job
block bash -c '
  id=$("$0" job list --format json | jq -r ".jobs[0].id")
  echo "jobs=$("$0" job list --format json | jq ".jobs | length")"
  "$0" job end --job "$id" && echo ENDED
  "$0" job begin --name other --mode audit && echo BEGUN
  "$0" run --mode audit -- true && echo RAN
  '"'$client' connect 203.0.113.66 443" "$weir"
expect_out 'jobs=1'
expect_no_match output "$out" 'ENDED|BEGUN|RAN'
expect_out 'error=EPERM'
expect_report 'any(.findings[]; .kind | test("control"))'

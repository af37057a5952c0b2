#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/system/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lab/runner.sh
source "$repo/tests/lab/runner.sh"
scenario "everything that a runner's job does is of the step that began it, whatever becomes of the process and whatever it says"
config=$WORLD_DIR/etc-weir
runner=$WORLD_DIR/runner
runner_make "$runner" games
start_daemons --runners-dir "$config/runners"
run "$weir" runner install "$runner" --config-dir "$config"
expect_status 0
mkdir -p "$config/policies"
printf '%s\n' 'version: 1' 'mode: block' 'leftovers: kill' 'allow: [allowed.example.org:443]' >"$config/policies/steps.yml"
runner_enrol "$config" "$runner" games '  - repository: "*"' "    policy: $config/policies/steps.yml" '    repository_policy: ignore'

# The first step leaves two processes: one connects while the second step runs, and says that it is of another; one is there
# until the job's end. The third step's id is a workflow's own words.
hostile=$'\e[2J\n::error::owned<script>alert(1)</script>|`x`\u202e\xff'
signs=$runner/_work/signs
cat >"$runner/jobs/0" <<EOF
job_repository=acme/site job_workflow=ci job_id=build job_run_id=1 job_sha=$(printf '0%.0s' {1..40}) job_event=push job_payload='{}'
step_uses[step_2]=acme/setup-tool@v4
step_id[step_3]=$(printf %q "$hostile")
step_1() {
  '$client' connect allowed.example.org 443
  '$client' connect 203.0.113.1 443 || true
  mkdir -p '$signs'
  (GITHUB_ACTION=__run_2 RUNNER_TRACKING_ID='' setsid -f bash -c 'until [[ -e "\$0/second" ]]; do sleep 0.05; done
    "\$1" connect 203.0.113.2 443; : >"\$0/connected"' '$signs' '$client' >/dev/null 2>&1)
  (RUNNER_TRACKING_ID='' setsid -f sleep 600 >/dev/null 2>&1)
}
step_2() {
  : >'$signs/second'
  '$client' connect 203.0.113.3 443 || true
  '$client' lookup second.example.org || true
  '$client' burst --server $WORLD_RESOLVER --count 1 --pattern tcp.example.net --tcp || true
  for ((try = 0; try < 200; try++)); do [[ ! -e '$signs/connected' ]] || break; sleep 0.05; done
  [[ -e '$signs/connected' ]]
}
step_3() { GITHUB_ACTION=__run '$client' connect 203.0.113.4 443 || true; }
step_4() { '$client' connect 203.0.113.5 443 || true; }
EOF
runner_in_world "$runner" games
log=$(<"$runner/log/0")
expect_match log "$log" '^result=0$'
expect_match log "$log" '^connect=ok'

none_running() { [[ $(in_world "$weir" job list --format json | jq '.jobs | length') == 0 ]]; }
wait_for "the end of the job" none_running
run "$weir" report --job latest --format json
expect_status 0
report=$WORLD_DIR/report.json
cp "$WORLD_DIR/out" "$report"
expect_report '.summary.complete and .summary.watch == "watched"'

of_step() { jq -r ".refused[] | select($1) | \"\(.step) \(.step_name)\"" "$report" | sort -u; }
expect_eq "step 1" "$(of_step '.address == "203.0.113.1"')" "1 __run"
expect_eq "what step 1 left" "$(of_step '.address == "203.0.113.2"')" "1 __run"
expect_eq "step 2" "$(of_step '.address == "203.0.113.3"')" "2 __acme_setup_tool"
expect_eq "a lookup of step 2" "$(of_step '.name == "second.example.org"')" "2 __acme_setup_tool"
expect_eq "one by TCP" "$(of_step '.name == "tcp.example.net"')" "2 __acme_setup_tool"
expect_report '[.refused[] | select(.address == "203.0.113.4") | .step] == [3]'
expect_eq "step 4" "$(of_step '.address == "203.0.113.5"')" "4 __run_2"
expect_report '[.allowed[] | select(.name == "allowed.example.org") | .step] | unique == [1]'
expect_report '[.findings[] | select(.kind == "leftover-killed") | .step] == [1]'
expect_report '[.processes[] | select(.entered) | .step] == [0]' # the Worker itself
expect_report '[.processes[] | select(.arguments == ["sleep", "600"]) | .step] == [1]'
expect_report '.steps[2].action_repository == "acme/setup-tool" and .steps[2].action_ref == "v4" and .steps[1].action_repository == ""'
expect_report 'any(.steps[1].reached[]; . == "allowed.example.org:443/tcp") and .steps[1].denied == 2'
# The fifth is the hook at the end; the one at the start ran outside of the job.
expect_eq "steps" "$(jq -c '[.steps[].step]' "$report")" "[0,1,2,3,4,5]"
expect_eq "steps of the record" "$(jq .predicate.counts.steps "$state/sensor/records/$(jq -r .job.id "$report").json")" 5

# What the workflow called step 3 acts nowhere, and is kept for programs.
expect_report '.steps[3].step_name | startswith("\u001b[2J\n::error::owned")'
for format in md html sarif; do
  run "$weir" report --job latest --format "$format"
  expect_status 0
  expect_no_match "report as $format" "$out" $'\e|\u202e|^::error'
  [[ $format != html ]] || expect_no_match "report as $format" "$out" '<script>alert'
  # shellcheck disable=SC2016  # Markdown
  [[ $format != md ]] || expect_out '^\| `1 __run` \| .* \| [0-9]+ destinations: .*`allowed.example.org:443/tcp` \| \*\*2 denied\*\*: `203.0.113.1:443/tcp`, `203.0.113.2:443/tcp`'
done
for command in "processes --tree" "egress --denied" "egress --step 3"; do
  # shellcheck disable=SC2086  # words
  run "$weir" $command --job latest
  expect_status 0
  expect_out STEP
  expect_no_match "$command" "$out" $'\e\\[2J|\u202e|^::error'
done

for asked in 1 __run; do
  run "$weir" egress --job latest --denied --step "$asked" --format json
  expect_eq "denied in step $asked" "$(jq -c '[.flows[].address] | sort' <<<"$out")" '["203.0.113.1","203.0.113.2"]'
  run "$weir" processes --job latest --step "$asked" --format json
  expect_eq "steps" "$(jq -c '[.processes[].step_name] | unique' <<<"$out")" '["__run"]'
done

# A job of `weir run` has none.
policy 'mode: audit' 'allow: [allowed.example.org:443]'
audit env GITHUB_ACTION=__run "$client" connect 203.0.113.1 443
expect_report '.steps == [] and ([.processes[].step] | unique == [0])'
run "$weir" egress --job "$(jq -r .job.id "$report")"
expect_no_match egress "$out" STEP

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/system/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lab/runner.sh
source "$repo/tests/lab/runner.sh"
scenario "two runners at once, ten jobs each, by their hooks: each job under its own policy, whole, and nothing left behind"
config=$WORLD_DIR/etc-weir
first=$WORLD_DIR/first second=$WORLD_DIR/second
runner_make "$first" games
runner_make "$second" daemon
start_daemons --runners-dir "$config/runners"
for directory in "$first" "$second"; do
  run "$weir" runner install "$directory" --config-dir "$config"
  expect_status 0
  expect_err 'no service of this host'
done
run "$weir" runner install "$first" --config-dir "$config" --unit ../x.service
expect_status 64
before=$(cat "$first/.env" "$config"/*/*)
run "$weir" runner install "$first" --config-dir "$config"
expect_status 0
expect_err 'stays as it is'
expect_eq "files after a second time" "$(cat "$first/.env" "$config"/*/*)" "$before"
run "$weir" runner list --config-dir "$config"
expect_out "games $first"
expect_match .env "$(<"$first/.env")" "^ACTIONS_RUNNER_HOOK_JOB_STARTED=$config/hooks/job-started.sh$"

# job FILE REPOSITORY ID SHA PAYLOAD: connects to both names, tries to end itself, and leaves a process.
job_file() {
  cat >"$1" <<EOF
job_repository=$2 job_workflow=ci job_id=$3 job_run_id=$RANDOM job_sha=$4 job_event=pull_request
job_payload='$5'
step_1() {
  for name in allowed.example.org second.example.org registry.example.org; do
    port=443; [ \$name != registry.example.org ] || port=8080
    echo "\$name: \$('$client' connect "\$name" "\$port" || true)"
  done
}
step_2() {
  echo "jobs seen: \$('$weir' job list --format json --sensor '$control' | jq '.jobs | length')"
  '$weir' job begin --name other --mode audit --sensor '$control' && echo BEGUN || true
  (RUNNER_TRACKING_ID='' setsid sleep 600 >/dev/null 2>&1 &)
}
EOF
}
# A fresh runner's first job: nothing is refused, which is said. Its sensor is away when it begins.
kill -TERM "$sensor_pid"
wait "$sensor_pid" || true
job_file "$first/jobs/0" acme/site fresh 0123456789012345678901234567890123456789 '{}'
runner_in_world "$first" games &
one=$!
waits() { grep -q 'waits up to a minute' "$first/log/0" 2>/dev/null; }
wait_for "the hook" waits
start_sensor --runners-dir "$config/runners"
wait "$one"
log=$(<"$first/log/0")
expect_match "the first job" "$log" "nothing of this job is refused; the host's policy is $config/policies/default.yml"
expect_match "the first job" "$log" '^second.example.org: connect=ok'
expect_match "the first job" "$log" '### Weir: audit, armed'
expect_match "the first job" "$log" '^result=0$'

# The first runner's jobs are under the host's policy alone; the second's repository has one, which the host narrows.
mkdir -p "$config/policies"
printf '%s\n' 'version: 1' 'mode: block' 'on_deny: fail' 'allow: [allowed.example.org:443]' >"$config/policies/first.yml"
printf '%s\n' 'version: 1' 'mode: block' 'allow: all' 'deny: ["*.dyn.example.net", registry.example.org]' >"$config/policies/bound.yml"
runner_enrol "$config" "$first" games '  - repository: "acme/*"' "    policy: $config/policies/first.yml" '    repository_policy: ignore' \
  'endpoints: [fresh.example.org:443]'
runner_enrol "$config" "$second" daemon '  - repository: acme/app' '    job: "job-*"' "    policy: $config/policies/bound.yml" '    repository_policy: require'

# The second's repository: the reviewed policy, and a head that wants more.
repository=$second/_work/app/app
mkdir -p "$repository/.github"
commit() {
  printf '%s\n' 'version: 1' 'mode: block' "allow: [$1]" >"$repository/.github/egress.yml"
  git -C "$repository" add . && git -C "$repository" -c user.name=x -c user.email=x@example.org commit -qm "$1"
  git -C "$repository" rev-parse HEAD
}
git init -q "$repository"
base=$(commit 'second.example.org:443, registry.example.org:8080')
head=$(commit 'second.example.org:443, allowed.example.org:443')
chown -R daemon: "$second"

payload="{\"pull_request\":{\"base\":{\"sha\":\"$base\"},\"head\":{\"sha\":\"$head\"}}}"
for i in 0 1 2 3 4 5 6 7 8; do
  job_file "$first/jobs/$i" acme/site "build-$i" "$head" '{}'
  job_file "$second/jobs/$i" acme/app "job-$i" "$head" "$payload"
done
# The tenth of each has no policy: it reaches nothing, also in a step that runs whatever failed before.
for directory in "$first" "$second"; do
  job_file "$directory/jobs/9" stranger/repository other "$head" '{}'
  echo "step_3_always() { echo ALWAYS; '$client' connect 198.51.100.40 443; }" >>"$directory/jobs/9"
done

runner_in_world "$first" games &
one=$!
runner_in_world "$second" daemon &
wait "$!" "$one"

for i in 0 1 2 3 4 5 6 7 8; do
  log=$(<"$first/log/$i")
  expect_match "first $i" "$log" '^allowed.example.org: connect=ok'
  expect_match "first $i" "$log" '^second.example.org: connect=lookup-failed'
  expect_match "first $i" "$log" 'step hook_completed failed: 10'
  expect_match "first $i" "$log" '^jobs seen: 1$'
  expect_no_match "first $i" "$log" BEGUN
  expect_match "first $i" "$log" '### Weir: block, armed'
  log=$(<"$second/log/$i")
  expect_match "second $i" "$log" '^result=0$'
  expect_match "second $i" "$log" '^second.example.org: connect=ok'
  # What only the head allows, and what the host denies.
  expect_match "second $i" "$log" '^allowed.example.org: connect=lookup-failed'
  expect_match "second $i" "$log" '^registry.example.org: connect=lookup-failed'
  expect_match "second $i" "$log" 'another .\.github/egress.yml'
  expect_no_match "second $i" "$log" BEGUN
done
for directory in "$first" "$second"; do
  log=$(<"$directory/log/9")
  expect_match "without policy" "$log" 'step hook_started failed: 65'
  expect_match "without policy" "$log" ALWAYS
  expect_match "without policy" "$log" 'error=EPERM'
done

none_running() { [[ $(in_world "$weir" job list --format json | jq '.jobs | length') == 0 ]]; }
wait_for "the end of every job" none_running
run "$weir" job list --all --limit 100 --format json
expect_eq "jobs" "$(jq '.jobs | length' <<<"$out")" 21
expect_eq "complete records" "$(jq '[.jobs[] | select(.complete)] | length' <<<"$out")" 21
expect_eq "labels" "$(jq -r '[.jobs[] | select(.labels.repository == "acme/app" and .labels.policy_commit == "'"$base"'")] | length' <<<"$out")" 9
expect_eq "cgroups left" "$(find "$cgroup_root/weir" -mindepth 1 -type d 2>/dev/null | wc -l)" 0

# What outlived a job was ended with it, and is named; a sleep of ten minutes would still be there.
mapfile -t ids < <(jq -r '.jobs[] | select(.labels.job | test("^(build|job)-")) | .id' <<<"$out")
expect_eq "jobs that left a process" "${#ids[@]}" 18
for id in "${ids[@]}"; do
  run "$weir" report --job "$id" --format json
  expect_eq "ended of job $id" "$(jq -c '[.findings[] | select(.kind == "leftover-killed") | .detail[-6:]]' <<<"$out")" '[" sleep"]'
done

run "$weir" runner remove "$first" --config-dir "$config"
expect_status 0
expect_no_match .env "$(<"$first/.env")" HOOK

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/system/lib.sh
source "$(dirname "$0")/lib.sh"
scenario "a job that has the whole host: no service is a way out, an exempt one stays outside, and its end sets all free"

# service PATH NAME [idle]: does what is written to its fifo, as cron and engines do for others, with a connection that it
# has already; idle: without. Sets the pid in `service`.
service() {
  local cgroup=$cgroup_root/$1 fifo=$WORLD_DIR/$2.fifo
  mkdir -p "$cgroup"
  mkfifo "$fifo"
  # shellcheck disable=SC2016  # expands in the inner shell
  "${world_prefix[@]}" env WEIR_CGROUP_ROOT="$cgroup_root" WEIR_SENSOR_SOCKET="$control" WEIR_COLLECTOR_SOCKET="$review" bash -c '
    echo $$ >"$0/cgroup.procs"
    exec 6<>"$1"
    [[ $2 == idle ]] || exec 5<>"/dev/tcp/203.0.113.66/443"
    : >"$1.ready"
    while read -r -u 6 line; do
      eval "$line" >"$1.out" 2>&1
      echo "status=$?" >>"$1.out"
      mv "$1.out" "$1.done"
    done' "$cgroup" "$fifo" "${3:-}" 7>&- &
  service=$!
  daemons+=("$service")
  wait_for "service $2" test -e "$fifo.ready"
}
# ask NAME COMMAND: sets `out`.
ask() {
  rm -f "$WORLD_DIR/$1.fifo.done"
  printf '%s\n' "$2" 1<>"$WORLD_DIR/$1.fifo" # never waits for a reader that is gone
  wait_for "the answer of $1" test -e "$WORLD_DIR/$1.fifo.done"
  out=$(<"$WORLD_DIR/$1.fifo.done")
}
connect() { echo "'$client' connect $1 443"; }
tasks() { in_world "$weir" job list --format json | jq '.jobs[0].tasks'; }

mkdir "$cgroup_root/weir.slice" # what is exempt must be there when the job begins
start_daemons --host-exempt agent.service --host-exempt weir.slice
service system.slice/cron.service cron
cron_pid=$service
service system.slice/agent.service agent
service user.slice/step step
step_pid=$service
policy 'mode: block' 'allow: [allowed.example.org:443]'

# Alone, or not at all.
run "$weir" job begin --name other --policy "$policy"
other=$out
run "$weir" job begin --scope host --policy "$policy"
expect_status 69
expect_err "must be alone"
run "$weir" job end --job "$other"
expect_status 0

ask cron "$(connect 203.0.113.67)"
expect_out 'connect=ok'
run "$weir" job begin --scope host --name machine --policy "$policy" --pid "$step_pid"
expect_status 0
expect_err 'stay outside of the job: .*system.slice/agent.service'
id=$out
(($(tasks) >= 3)) || fail "only $(tasks) tasks are in the job"

# Whoever is asked: the step, a service, and what the service manager starts later.
for name in step cron; do
  ask "$name" "$(connect allowed.example.org)"
  expect_out 'connect=ok'
  ask "$name" "$(connect second.example.org)"
  expect_out 'connect=lookup-failed'
  ask "$name" "$(connect 203.0.113.66)"
  expect_out 'error=EPERM'
  # What it had open before.
  ask "$name" "printf 'leaked-$name\\r\\n\\r\\n' >&5"
done
expect_not_asked second.example.org
service system.slice/late.service late idle
ask late "$(connect 203.0.113.67)"
expect_out 'error=EPERM'
run "$client" connect 203.0.113.66 443
expect_out 'error=EPERM'
# Exempt, also in what it starts.
ask agent "$(connect 203.0.113.66)"
expect_out 'connect=ok'
ask agent "printf 'welcome-agent\\r\\n\\r\\n' >&5"
arrived() { (($(world_arrivals "$1") > 0)); }
wait_for "the agent's bytes" arrived welcome-agent
# Who was in the job stays in it, also in an exempt cgroup.
ask agent "echo $cron_pid >$cgroup_root/system.slice/agent.service/cgroup.procs"
ask cron "$(connect 203.0.113.66)"
expect_out 'error=EPERM'
run "$weir" job begin --name second --policy "$policy"
expect_status 77
ask agent "'$weir' job begin --name second --policy '$policy'"
expect_out 'has the whole host'

ask cron "exec 8<>/dev/tcp/allowed.example.org/443"

# Nobody inside ends it. Nor does the sensor's death; its successor goes on, from an exempt cgroup.
run "$weir" job end --job "$id"
expect_status 77
kill -KILL "$sensor_pid"
ask cron "$(connect 203.0.113.66)"
expect_out 'error=EPERM'
start_inside() { in_world "$sensor" --cgroup-root "$cgroup_root" --pin-dir "$pins" --state-dir "$state/sensor" --socket "$control"; }
if start_inside 2>"$WORLD_DIR/err"; then fail "a sensor inside the job it would watch has started"; fi
expect_match "error output" "$(<"$WORLD_DIR/err")" "must be started in an exempt cgroup"
in_world=("${in_world[@]/host/weir.slice}")
start_sensor --host-exempt agent.service --host-exempt weir.slice
ask cron "$(connect 203.0.113.66)"
expect_out 'error=EPERM'
ask cron "$(connect allowed.example.org)"
expect_out 'connect=ok'

ask agent "'$weir' job end --job '$id' --report '$WORLD_DIR/report.json'"
expect_out '^status=0'
report=$WORLD_DIR/report.json
expect_report '.job.name == "machine" and .summary.watch == "watched"'
expect_denied '.address == "203.0.113.66" and .comm == "bash" or .comm == "lab-client"'
expect_nothing_arrived 'leaked'

# Free again, with a new and with an old socket.
ask cron "printf 'free-cron\\r\\n\\r\\n' >&8"
wait_for "the service's bytes" arrived free-cron
ask cron "$(connect 203.0.113.66)"
expect_out 'connect=ok'
run "$client" connect 203.0.113.66 443
expect_out 'connect=ok'
# The step is the job's own: it stays judged for as long as it lives.
ask step "$(connect allowed.example.org)"
expect_no_match output "$out" 'connect=ok'
kill -KILL "$step_pid" && { wait "$step_pid" || true; }
none_listed() { [[ $(in_world "$weir" job list --format json | jq '.jobs | length') == 0 ]]; }
wait_for "the end of the last of the job's processes" none_listed

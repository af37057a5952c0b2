# shellcheck shell=bash disable=SC2034  # scenarios read these variables
# SPDX-License-Identifier: Apache-2.0
# What every scenario begins with:
#
#   source "$(dirname "$0")/lib.sh"
#   scenario "what it shows"
#
# A scenario drives the built programs in a small world of its own (tests/lab/world.sh), with a private cgroup subtree, pin
# and state directory. It fails at the first expectation that does not hold, and then prints what there is to see.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
repo=$(cd -- "$here/../.." && pwd -P)
WEIR_BIN_DIR=${WEIR_BIN_DIR:-$repo/build/dev}
export WEIR_BIN_DIR
# shellcheck source=tests/lab/world.sh
source "$repo/tests/lab/world.sh"
# shellcheck source=dev.d/common.sh
source "$repo/dev.d/common.sh"

find_program() {
  local path
  path=$(find "$WEIR_BIN_DIR" -maxdepth 4 -type f -executable -name "$1" | head -n 1)
  [[ -n $path ]] || { echo "no program $1 below $WEIR_BIN_DIR" >&2 && exit 1; }
  printf '%s' "$path"
}

scenario() {
  scenario_title=$1
  ((EUID == 0)) || { echo "needs root" >&2 && exit 1; }
  weir=$(find_program weir)
  sensor=$(find_program weir-sensor)
  collector=$(find_program weir-collector)
  client=$(find_program lab-client)
  mount_kernel_filesystems
  trap scenario_end EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  world_up || exit 1
  local name=${WORLD_RUNNER%-run}
  state=$WORLD_DIR/state
  pins=/sys/fs/bpf/$name
  cgroup_root=${WEIR_CGROUP_ROOT:-$(cgroup2_mount)}/weir-${name#weirlab-}
  control=$WORLD_DIR/sensor.sock
  review=$WORLD_DIR/collector.sock
  # Programs run for sockets that were made below their cgroup: the scenario's "host" must be below it, too.
  mkdir -p "$cgroup_root/host"
  # shellcheck disable=SC2016  # expands in the inner shell
  in_world=("${world_prefix[@]}" sh -c 'echo 0 >"$0/cgroup.procs" && exec "$@"' "$cgroup_root/host"
    env WEIR_CGROUP_ROOT="$cgroup_root" WEIR_PIN_DIR="$pins" WEIR_STATE_DIR="$state" WEIR_SENSOR_SOCKET="$control" WEIR_COLLECTOR_SOCKET="$review")
  daemons=()
  step=0
}

# Everything that a weir program of this scenario needs to know about where it is.
in_world() { "${in_world[@]}" "$@"; }

scenario_end() {
  local status=$? pid
  trap - EXIT
  set +e
  ((status == 0)) || show_evidence
  for pid in "${daemons[@]:-}"; do [[ -n $pid ]] && kill -TERM "$pid" 2>/dev/null && wait "$pid" 2>/dev/null; done
  # The cgroup first: what still runs in it would keep sockets that the programs judge.
  [[ -n ${cgroup_root:-} ]] && remove_cgroup_tree "$cgroup_root"
  [[ -n ${pins:-} ]] && rm -rf -- "$pins"
  world_down
  exit "$status"
}

show_evidence() {
  local file
  printf '%s: failed in step %s\n' "${scenario_title:-scenario}" "${step:-0}" >&2
  for file in "${WORLD_DIR:-/nonexistent}"/{out,err,*.daemon,dns.log,sink.log}; do
    [[ -s $file ]] || continue
    printf -- '--- %s (last lines)\n' "${file##*/}" >&2
    tail -n 25 "$file" | cut -c1-400 >&2
  done
}

# ---- running things -------------------------------------------------------------------------------------------

# run CMD...: in the world; sets `status`, `out` and `err`. Never fails by itself.
run() {
  step=$((step + 1))
  status=0
  in_world timeout --kill-after=5 "${run_limit_s:-60}" "$@" >"$WORLD_DIR/out" 2>"$WORLD_DIR/err" || status=$?
  out=$(tr -d '\0' <"$WORLD_DIR/out")
  err=$(tr -d '\0' <"$WORLD_DIR/err")
}

# job and daemon set these; shellcheck cannot see it across files.
policy='' report='' sensor_pid='' out='' err='' weir='' client=''

# policy LINE...: writes $policy. In block mode unless the lines say otherwise.
policy() {
  policy=$WORLD_DIR/egress.yml
  { printf 'version: 1\n' && printf '%s\n' "$@"; } >"$policy"
}

# block CMD... and audit CMD...: as a job under $policy; $report is its JSON report. `weir_options` go before `--`.
weir_options=()
job() {
  local mode=$1
  shift
  report=$WORLD_DIR/report.json
  rm -f "$report"
  local -a by_policy=()
  [[ -n ${policy:-} ]] && by_policy=(--policy "$policy")
  run "$weir" run "${by_policy[@]}" --mode "$mode" --report "$report" "${weir_options[@]}" -- "$@"
}
block() { job block "$@"; }
audit() { job audit "$@"; }

# start_daemons [SENSOR OPTION...]: a collector and a sensor, as on a self-hosted host.
start_daemons() {
  daemon collector "$collector" --db "$state/collector.db" --listen "unix:$review"
  wait_for "the collector's socket" test -S "$review"
  start_sensor "$@"
}

start_sensor() {
  daemon sensor "$sensor" --cgroup-root "$cgroup_root" --pin-dir "$pins" --state-dir "$state/sensor" \
    --socket "$control" --collector "unix:$review" "$@"
  sensor_pid=${daemons[-1]}
  wait_for "the sensor" sensor_answers
}

sensor_answers() { in_world "$weir" status --format json >/dev/null 2>&1; }

daemon() {
  local name=$1
  shift
  mkdir -p "$state"
  # Descriptor 7 is a scenario's own: a daemon must not keep its pipe open.
  "${in_world[@]}" "$@" >>"$WORLD_DIR/$name.daemon" 2>&1 7>&- &
  daemons+=($!)
}

# wait_for WHAT CMD...: until CMD succeeds; ten seconds at most.
wait_for() {
  local what=$1 try
  shift
  for ((try = 0; try < 200; try++)); do
    "$@" && return 0
    sleep 0.05
  done
  fail "$what: not within ten seconds"
}

# ---- expectations ---------------------------------------------------------------------------------------------

fail() {
  printf 'line %s: %s\n' "${BASH_LINENO[1]}" "$*" >&2
  exit 1
}

expect_status() { ((status == $1)) || fail "exit status is $status, expected $1"; }

# expect_eq WHAT ACTUAL EXPECTED
expect_eq() { [[ $2 == "$3" ]] || fail "$1 is '$2', expected '$3'"; }
# expect_match WHAT TEXT PATTERN (extended regular expression)
expect_match() { grep -qE -- "$3" <<<"$2" || fail "$1 does not match /$3/: $(head -c 600 <<<"$2")"; }
expect_no_match() { ! grep -qE -- "$3" <<<"$2" || fail "$1 matches /$3/: $(grep -E -m3 -- "$3" <<<"$2" | head -c 600)"; }
expect_out() { expect_match output "$out" "$1"; }
expect_err() { expect_match "error output" "$err" "$1"; }
# expect_below WHAT NUMBER BOUND
expect_below() { (($2 < $3)) || fail "$1 is $2, expected less than $3"; }

# expect_arrived PATTERN / expect_nothing_arrived PATTERN: at the sink, whatever Weir says about it.
expect_arrived() { (($(world_arrivals "$1") > 0)) || fail "nothing like /$1/ arrived"; }
expect_nothing_arrived() { (($(world_arrivals "$1") == 0)) || fail "/$1/ arrived $(world_arrivals "$1") times"; }
expect_asked() { (($(world_questions "$1") > 0)) || fail "no question like /$1/ reached the name server"; }
expect_not_asked() { (($(world_questions "$1") == 0)) || fail "/$1/ was asked $(world_questions "$1") times"; }

# expect_report FILTER: a jq expression over the JSON report that must be true.
expect_report() {
  [[ -s ${report:-} ]] || fail "there is no report"
  jq -e "$1" "$report" >/dev/null || fail "the report does not say: $1"
}

# field NAME: the number behind `NAME=` in the output of lab-client.
field() { sed -nE "s/.*(^| )$1=([0-9]+).*/\2/p" <<<"$out" | head -n 1; }

# expect_denied FILTER: some denied flow of the report for which the jq expression is true.
expect_denied() {
  [[ -s ${report:-} ]] || fail "there is no report"
  jq -e "any(.refused[]; (.verdict == \"deny\") and ($1))" "$report" >/dev/null ||
    fail "no denied flow with $1: $(jq -c '.refused[0:3]' "$report" | head -c 1500)"
}

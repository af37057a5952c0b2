#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The demo itself; `./dev demo` builds what it needs. Exits with 1 as soon as anything differs from what it says.
set -euo pipefail
lab=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck source=dev.d/common.sh
source "$lab/../../dev.d/common.sh"
# shellcheck source=tests/lab/world.sh
source "$lab/world.sh"

result=$WEIR_BIN_DIR/demo # what stays: the reports and the policy
secret=hunter2-deploy-key

main() {
  open_world
  act_audit
  act_review
  act_suggest
  act_block
  act_poison
  curtain
}

# ---- telling --------------------------------------------------------------------------------------------------

act() { printf '\n%s%s%s\n%s\n' "$bold$blue" "$1" "$plain" "$dim$2$plain"; }
proven() { printf '%s  ✓%s %s\n' "$green" "$plain" "$*"; }
differs() {
  printf '%s  ✗ %s%s\n' "$red" "$*" "$plain" >&2
  exit 1
}
# claim SENTENCE CMD...: prints the sentence when CMD holds, else ends the demo.
claim() {
  local sentence=$1
  shift
  "$@" >/dev/null || differs "not so: $sentence"
  proven "$sentence"
}

# shown CMD...: prints the command as a person would type it, then runs it in the world and on a terminal, so that tables
# fit as they would there.
shown() {
  local word line=''
  for word in "$@"; do
    word=${word//"$WORLD_DIR/"/}
    word=${word//"$result/"/}
    [[ $word == "$weir" ]] && word=weir
    line+="$word "
  done
  printf '\n%s  $ %s%s\n' "$bold" "$line" "$plain"
  (
    cd "$WORLD_DIR/project"
    [[ -n $plain ]] || export NO_COLOR=1
    SHELL=/bin/bash script --quiet --return --command "$(printf '%q ' "${demo_prefix[@]}" "$@")" /dev/null </dev/null
  ) | tr -d '\r' | sed "s|$WORLD_DIR/||g; s|^|    |"
  return "${PIPESTATUS[0]}"
}

# quiet CMD...: in the world, without a terminal.
quiet() { (cd "$WORLD_DIR/project" && "${demo_prefix[@]}" "$@"); }

# ---- the acts -------------------------------------------------------------------------------------------------

open_world() {
  act "A small world" "Two network namespaces: a runner, and an internet with a name server and web servers. The machine's
own network, files and processes are left alone."
  weir=$WEIR_BIN_DIR/bin/weir
  [[ -x $weir ]] || differs "no $weir: run ./dev demo"
  trap close_world EXIT
  world_up
  pins=/sys/fs/bpf/${WORLD_RUNNER%-run}
  demo_prefix=("${world_prefix[@]}" env WEIR_STATE_DIR="$WORLD_DIR/state" WEIR_PIN_DIR="$pins"
    WEIR_CGROUP_ROOT="$WEIR_CGROUP_ROOT" WEIR_SENSOR_SOCKET="$WORLD_DIR/none" WEIR_COLLECTOR_SOCKET="$WORLD_DIR/none"
    COLUMNS="${COLUMNS:-120}" TERM="${TERM:-xterm}")
  mkdir -p "$result" && rm -f -- "$result"/*
  cp -r "$lab/project" "$WORLD_DIR/project"
  printf '%s\n' "$secret" >"$WORLD_DIR/project/deploy-key"
  proven "namespaces $WORLD_RUNNER and $WORLD_INTERNET, name server $WORLD_RESOLVER"
}

close_world() {
  local status=$?
  trap - EXIT
  set +e
  rm -rf -- "${pins:-/nonexistent}"
  world_down
  exit "$status"
}

act_audit() {
  act "1. The build, in audit mode" "A shell, make, a compiler and a fetch tool. Nothing is refused; everything is seen."
  shown "$weir" run --mode audit --job build --report "$result/audit.json" -- ./build.sh || differs "the build failed"
  claim "the build passed" test -s "$WORLD_DIR/project/out/hello"
  claim "nothing was denied, and the record is complete" told audit '.summary.counts.denied == 0 and .summary.complete'
  job_id=$(jq -r .job.id "$result/audit.json")
}

act_review() {
  act "2. The review" "What the job spoke to, and which process did."
  shown "$weir" egress --job "$job_id"
  shown "$weir" processes --job "$job_id" --tree
  claim "the registry was reached by curl, below make, below build.sh" told audit \
    'any((.refused + .allowed)[]; (.name // "") == "registry.example.org" and (.executable | endswith("/curl"))
         and any(.ancestry[]; endswith("/make")))'
}

act_suggest() {
  act "3. The allowlist" "The fewest rules that cover what was seen. In a repository it is .github/egress.yml, reviewed like code."
  quiet "$weir" policy suggest --job "$job_id" >"$result/egress.yml" || differs "no suggestion"
  printf '\n%s  $ weir policy suggest --job %s > egress.yml%s\n' "$bold" "$job_id" "$plain"
  sed 's/^/    /' "$result/egress.yml"
  claim "weir policy check finds no fault in it" quiet "$weir" policy check "$result/egress.yml"
}

act_block() {
  act "4. The same build, held to its allowlist" "Block mode: what the list does not name is refused in the kernel."
  rm -rf -- "$WORLD_DIR/project/out"
  shown "$weir" run --mode block --policy "$result/egress.yml" --job build --report "$result/block.json" -- ./build.sh ||
    differs "the build failed in block mode"
  claim "the build passed" test -s "$WORLD_DIR/project/out/hello"
  claim "nothing was denied" told block '.summary.counts.denied == 0'
}

act_poison() {
  act "5. A poisoned dependency" "The package left-padder comes with a postinstall script now. It takes the deploy key and tries three
ways out: a host of its own by name, a bare address, and a DNS name that carries the key. It hides its errors."
  rm -rf -- "$WORLD_DIR/project/out"
  touch "$WORLD_DIR/project/left-padder/poisoned"
  world_forget
  shown "$weir" run --mode block --policy "$result/egress.yml" --job build --report "$result/report.json" \
    --report "$result/report.html" --report "$result/report.md" -- ./build.sh || differs "the build failed"
  job_id=$(jq -r .job.id "$result/report.json")
  shown "$weir" egress --job "$job_id" --denied
  claim "the name server was not asked for any name of the attacker's" none_of "$WORLD_DIR/dns.log" 'drop\.example\.net'
  claim "nothing arrived at the attacker's addresses" none_of "$WORLD_DIR/sink.log" '203\.0\.113\.|hunter2'
  claim "the report names the refused host" told report "$(denied '(.name // "") == "collect.drop.example.net"')"
  claim "the report names the refused address 203.0.113.66" told report "$(denied '.address == "203.0.113.66"')"
  claim "the report names the lookup that carried the key" told report "$(denied '(.name // "") | test("^68756e7465.*drop.example.net$")')"
  claim "each with its ancestry: postinstall.sh, below make, below build.sh" told report \
    'all(.refused[]; (.ancestry + [.executable] | tostring) | test("make"))'
}

# told REPORT FILTER: does that JSON report say so?
told() { jq -e "$2" "$result/$1.json"; }
denied() { printf 'any(.refused[]; .verdict == "deny" and (%s))' "$1"; }
none_of() { ! grep -E -- "$2" "$1"; }

curtain() {
  claim "the HTML report was written" grep -q '<html' "$result/report.html"
  act "That was all of it" "Nothing is left running. What stays:"
  printf '  report     %s\n  allowlist  %s\n' "$result/report.html" "$result/egress.yml"
}

main

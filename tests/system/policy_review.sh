#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/system/lib.sh
source "$(dirname "$0")/lib.sh"
scenario "a policy is reviewed against what its runs did, and hands a runner's log no command"
policy 'mode: block' 'allow:' '  - registry.example.org:8080' '  - files.example.org:8080' '  - 198.51.100.0/24:22' \
  'deny:' '  - evil.example.net'
fetch="curl -sS --max-time 10 -o /dev/null http://registry.example.org:8080/index"

block bash -c "$fetch"
expect_status 0
# One run is less than two: nothing is said of unused rules, and the policy is as valid as it was.
run "$weir" policy check --unused-in 2 "$policy"
expect_status 0
expect_err 'fewer than 2'
expect_no_match warnings "$err" 'was not used'
block bash -c "$fetch"
run "$weir" policy check --unused-in 2 "$policy"
expect_status 0
expect_err 'egress\.yml:5:5: warning: .files\.example\.org:8080. was not used in the last 2 runs'
expect_err '198\.51\.100\.0/24:22. was not used'
expect_no_match warnings "$err" '(registry\.example\.org:8080|evil\.example\.net). was not used'
run "$weir" policy check --unused-in 2 --label team=nobody "$policy"
expect_status 0
expect_no_match warnings "$err" 'was not used'

# An unset variable must not turn a policy into none.
run "$weir" run --policy '' -- touch "$WORLD_DIR/started"
expect_status 64
[[ ! -e $WORLD_DIR/started ]] || fail "the job was started"

# What a pull request writes into a policy is only shown.
printf 'version: 1\nmode: block\n::error file=x::owned: 1\n"##[error]y": 2\nallow: [a.org]\n' >"$WORLD_DIR/hostile.yml"
run "$weir" policy check "$WORLD_DIR/hostile.yml"
expect_status 65
expect_no_match faults "$err" '^[[:space:]]*::|##\['

# Half a policy on a full disk is a policy: what is not written whole is no success.
# shellcheck disable=SC2016  # expands in the inner shell
run sh -c '"$0" policy suggest --job latest >/dev/full' "$weir"
expect_status 1
expect_err 'standard output'

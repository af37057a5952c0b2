#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/system/lib.sh
source "$(dirname "$0")/lib.sh"
scenario "weir run exits as the command does"
policy 'mode: block' 'allow:' '  - allowed.example.org:443'

block true
expect_status 0
block bash -c 'exit 42'
expect_status 42
block bash -c 'kill -TERM $$'
expect_status 143
block bash -c 'kill -KILL $$'
expect_status 137
block no-such-command-anywhere
expect_status 127

# Input and output are the command's own.
block bash -c 'echo to-out; echo to-err >&2'
expect_eq output "$out" to-out
expect_err to-err

# Denied traffic changes the status only when asked to.
block bash -c "'$client' connect 203.0.113.66 443; true"
expect_status 0
weir_options=(--fail-on-deny)
block bash -c "'$client' connect 203.0.113.66 443; true"
expect_status 10
block bash -c "'$client' connect allowed.example.org 443"
expect_status 0

weir_options=()
run "$weir" run --no-such-option -- true
expect_status 64
run "$weir" run
expect_status 64

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/system/lib.sh
source "$(dirname "$0")/lib.sh"
scenario "a job that floods and forges neither breaks nor blinds the sensor"
start_daemons
policy 'mode: block' 'allow:' '  - 198.18.0.0/15:9/udp'

block "$client" long-arguments 1000000 -- true
expect_status 0
expect_report 'any(.processes[]; .arguments_truncated and .arguments_full_bytes > 1000000)'

# The name of a program, its arguments and a DNS name with escapes, newlines, markup and workflow commands.
hostile=$'evil\e[2J\n::error::owned<script>alert(1)</script>|`x`\u202e'
cp "$(type -P true)" "$WORLD_DIR/${hostile//\//_}"
block bash -c "\"\$0\" \"\$1\"; '$client' burst --server $WORLD_RESOLVER --count 1 --pattern 'a\\027\\010b.drop.example.net'" \
  "$WORLD_DIR/${hostile//\//_}" "$hostile"
expect_no_match "error output" "$err" $'\e\\[2J|^::error'
for format in md html json sarif; do
  run "$weir" report --job "$(jq -r .job.id "$report")" --format "$format"
  expect_status 0
  expect_no_match "report as $format" "$out" $'\e|\u202e|^::error'
  [[ $format == json || $format == sarif ]] || expect_no_match "report as $format" "$out" '<script>alert'
done
for command in "processes --tree" egress; do
  # shellcheck disable=SC2086  # words
  run "$weir" $command --job "$(jq -r .job.id "$report")"
  expect_status 0
  expect_no_match "$command" "$out" $'\e\\[2J|\u202e|^::error'
done

# 200 generations, and the last one is refused with its whole ancestry.
block "$client" chain 200 -- "$client" connect 203.0.113.66 443
expect_out 'error=EPERM'
expect_denied '.address == "203.0.113.66" and (.ancestry | length) >= 64'

# 65,535 destinations and 5,000 processes: memory stays bounded.
block bash -c "'$client' spray 198.18.0.1 --count 65535; for ((i = 0; i < 5000; i++)); do /bin/true; done"
expect_out 'spray allowed=65535'
expect_below "sensor's resident memory in KiB" "$(awk '/^VmHWM/ { print $2 }' "/proc/$sensor_pid/status")" 262144
# And it still sees.
block "$client" connect 203.0.113.66 443
expect_denied '.address == "203.0.113.66"'

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `weir run -- true` over `true`: embedded, and with a running sensor. Targets: 200 ms and 15 ms more than `true`.
# shellcheck source=tests/system/lib.sh
source "$(dirname "$0")/../system/lib.sh"
scenario "start of a job"
policy 'mode: block' 'allow:' '  - allowed.example.org:443'

# median_ms CMD...: of 21 runs.
median_ms() {
  local begin
  for ((i = 0; i < 21; i++)); do
    begin=$(date +%s%N)
    in_world "$@" >/dev/null 2>&1
    printf '%d\n' $((($(date +%s%N) - begin) / 10000))
  done | sort -n | awk 'NR == 11 { printf "%.2f", $1 / 100 }'
}

bare=$(median_ms true)
embedded=$(median_ms "$weir" run --policy "$policy" -- true)
start_daemons
running=$(median_ms "$weir" run --policy "$policy" -- true)
printf 'true %s ms; weir run -- true: embedded %s ms, with a running sensor %s ms\n' "$bare" "$embedded" "$running"
printf "sensor's resident memory after it: %s KiB\n" "$(awk '/^VmRSS/ { print $2 }' "/proc/$sensor_pid/status")"

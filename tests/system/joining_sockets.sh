#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/system/lib.sh
source "$(dirname "$0")/lib.sh"
scenario "sockets that a process brings along are judged as the job's own"
policy 'mode: block' 'allow:' '  - allowed.example.org:443'

# Connected before the job began: established traffic of a stranger's making is no way out.
# shellcheck disable=SC2016  # expands in the inner shell
run bash -c 'exec 5<>/dev/udp/203.0.113.66/9999
  "$0" run --policy "$1" --mode block -- bash -c "echo leaked >&5 || echo refused"' "$weir" "$policy"
expect_out refused
expect_nothing_arrived 'leaked'

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/system/lib.sh
source "$(dirname "$0")/lib.sh"
scenario "truncated answers come again over TCP, and TCP is judged message by message"
policy 'mode: block' 'allow:' '  - truncated.example.org:443' '  - "*.fresh.example.org:443"'

block "$client" connect truncated.example.org 443 -4
expect_status 0
expect_asked '^tcp .* truncated\.example\.org$'
expect_arrived '198\.51\.100\.50 443'

# Sixteen questions in one write; each answer teaches its address.
block "$client" burst --server "$WORLD_RESOLVER" --tcp --count 16 --pattern 'tcp%n.fresh.example.org' --connect 443
expect_status 0
expect_eq answered "$(field answered)" 16
expect_eq connected "$(field connected)" 16

# Names that are not allowed do not leave, however they are pipelined.
world_forget
block "$client" burst --server "$WORLD_RESOLVER" --tcp --count 8 --pattern 'data%n.drop.example.net' --connect 443
expect_eq addresses "$(field addresses)" 0
expect_not_asked 'drop'
expect_denied '.name | tostring | test("drop.example.net")'

# TCP to port 53 of somebody else is not DNS.
block "$client" connect 203.0.113.53 53
expect_status 1
expect_out 'error=EPERM'

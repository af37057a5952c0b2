#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/system/lib.sh
source "$(dirname "$0")/lib.sh"
scenario "10,000 lookups of fresh addresses, each followed at once by connect: none wrongly denied"
policy 'mode: block' 'allow:' '  - "*.fresh.example.org:443"' '  - "*.fresh6.example.org:443"'

run_limit_s=120
block "$client" loop --pattern 'p%p-n%n.fresh.example.org' --port 443 --count 10000 --processes 8 -4
expect_eq connected "$(field ok)" 10000
expect_eq denied "$(field eperm)" 0
expect_eq "lookups that failed" "$(field lookup_failed)" 0
expect_report '.summary.counts.denied == 0'

block "$client" loop --pattern 'p%p-n%n.fresh6.example.org' --port 443 --count 2000 --processes 8 -6
expect_eq "connected over IPv6" "$(field ok)" 2000
expect_status 0

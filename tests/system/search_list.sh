#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/system/lib.sh
source "$(dirname "$0")/lib.sh"
scenario "search lists as in a Kubernetes pod do not end a lookup, nor open a way out"
world_resolv_conf "nameserver $WORLD_RESOLVER" \
  'search build.svc.cluster.example.com svc.cluster.example.com cluster.example.com' 'options ndots:5'
policy 'mode: block' 'allow:' '  - allowed.example.org:443'

# allowed.example.org has two dots: each suffix is asked first, and answered NXDOMAIN.
block "$client" connect allowed.example.org 443 -4
expect_status 0
expect_out 'connect=ok'
expect_asked ' allowed\.example\.org\.build\.svc\.cluster\.example\.com$'
expect_arrived '198\.51\.100\.40 443'

# Any other name stays refused, with a suffix or without one.
world_forget
block "$client" lookup secret-data.example.net
expect_status 1
expect_below "milliseconds" "$(field ms)" 2500
expect_not_asked 'secret-data'
block "$client" lookup secret-data.allowed.example.org
expect_status 1
expect_not_asked 'secret-data'

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/system/lib.sh
source "$(dirname "$0")/lib.sh"
scenario "IPv6 is judged as IPv4 is, mapped addresses by the IPv4 rules"
policy 'mode: block' 'allow:' '  - v6only.example.org:443' '  - "[2001:db8:f::/64]:443"' '  - 198.51.100.42:443'

block "$client" connect v6only.example.org 443
expect_status 0
block "$client" connect 2001:db8:f::77 443
expect_status 0
block "$client" connect ::ffff:198.51.100.42 443
expect_status 0
world_forget
for target in 2001:db8:e::66 ::ffff:203.0.113.66 ::ffff:169.254.169.254 64:ff9b::203.0.113.66; do
  block "$client" connect "$target" 443
  expect_status 1
  expect_out 'error=EPERM'
done
block "$client" connect 2001:db8:e::66 9999 --udp
expect_out 'error=EPERM'
expect_nothing_arrived '.'

# A resolver over IPv6.
world_resolv_conf "nameserver $WORLD_RESOLVER6"
block "$client" connect v6only.example.org 443
expect_status 0
block "$client" lookup evil.example.net
expect_status 1
expect_not_asked 'evil'

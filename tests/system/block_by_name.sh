#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/system/lib.sh
source "$(dirname "$0")/lib.sh"
scenario "block mode lets out what the policy names, and nothing else"
policy 'mode: block' 'allow:' '  - allowed.example.org:443' '  - files.example.org:8080' '  - 198.51.100.42:443'

# Allowed: by name at the first connect, through a CNAME chain, by address.
block "$client" connect allowed.example.org 443 -4
expect_status 0
expect_arrived '198\.51\.100\.40 443 accept'
block curl -sS --max-time 10 http://files.example.org:8080/bytes/100000 -o /dev/null -w 'size=%{size_download}'
expect_status 0
expect_eq "size" "$(field size)" 100000
block "$client" connect 198.51.100.42 443
expect_status 0

# Refused lookups fail at once: glibc would wait five seconds for each silent resolver.
world_forget
block "$client" connect evil.example.net 443
expect_status 1
expect_out 'connect=lookup-failed'
expect_below "milliseconds of a refused lookup" "$(field ms)" 2500
expect_not_asked 'evil'
expect_report '.summary.counts.denied > 0'
expect_denied '.name == "evil.example.net" and .why == "dns-name"'

# Refused destinations fail at once with EPERM, and the report says who tried.
world_forget
block bash -c "'$client' connect 203.0.113.66 443; exit 3"
expect_status 3
expect_out 'error=EPERM'
expect_below "milliseconds of a refused connect" "$(field ms)" 1000
expect_denied '.address == "203.0.113.66" and .port == 443 and .why == "no-rule"
               and (.arguments | index("203.0.113.66")) and (.executable | endswith("lab-client"))
               and any(.ancestry[]; endswith("bash"))'

# The right host on the wrong port, metadata, a private range, UDP.
for target in '198.51.100.42 80' '169.254.169.254 80' '10.20.0.5 443' '203.0.113.66 9999 --udp'; do
  # shellcheck disable=SC2086  # host, port and option
  block "$client" connect $target
  expect_status 1
  expect_out 'error=EPERM'
done
expect_nothing_arrived '.'

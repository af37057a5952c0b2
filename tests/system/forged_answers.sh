#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/system/lib.sh
source "$(dirname "$0")/lib.sh"
scenario "a wrong answer teaches nothing"
policy 'mode: block' 'allow:' '  - "*.forged.example.org:443"' '  - allowed.example.org:443'

for variant in foreign-owner chain-gap wrong-question wrong-id two-questions self-pointer forward-pointer long-data short \
  other-class only-additional failure-code literal-dots not-a-response too-many; do
  # The job asks, believes what it likes, and then tries the bait by its address.
  block bash -c "'$client' burst --server $WORLD_RESOLVER --count 1 --pattern $variant.forged.example.org
                 '$client' connect 203.0.113.99 443"
  expect_status 1
  expect_match "$variant" "$out" 'sent=1 '
  expect_match "$variant" "$out" 'connect=eperm address=203.0.113.99'
done
expect_nothing_arrived '203\.0\.113\.99'

# A proper answer still does.
block "$client" connect allowed.example.org 443 -4
expect_status 0

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/system/lib.sh
source "$(dirname "$0")/lib.sh"
scenario "the forms of DNS that real resolvers use work for allowed names, and for no others"
policy 'mode: block' 'allow:' '  - "*.fresh.example.org:443"'

for form in '' --edns --mixed-case '--edns --mixed-case'; do
  # shellcheck disable=SC2086  # options
  block "$client" burst --server "$WORLD_RESOLVER" --count 64 --pattern 'in-flight%n.fresh.example.org' --connect 443 $form
  expect_status 0
  expect_eq "sent ($form)" "$(field sent)" 64
  expect_eq "answered ($form)" "$(field answered)" 64
  expect_eq "connected ($form)" "$(field connected)" 64

  world_forget
  # shellcheck disable=SC2086  # options
  block "$client" burst --server "$WORLD_RESOLVER" --count 64 --pattern 'in-flight%n.drop.example.net' $form
  expect_eq "refused ($form)" "$(field eperm)" 64
  expect_not_asked 'drop'
done

# One label that spells dots and a look-alike are other names; types that carry data are not needed.
world_forget
for pattern in 'a\046fresh.example.org' 'x.fresh\046example.org' 'x.evilfresh.example.org' 'x.fresh.example.org.drop.example.net'; do
  block "$client" burst --server "$WORLD_RESOLVER" --count 1 --pattern "$pattern"
  expect_eq "refused $pattern" "$(field eperm)" 1
done
for type in 16 10 255; do
  block "$client" burst --server "$WORLD_RESOLVER" --count 1 --type "$type" --pattern 'x.fresh.example.org'
  expect_eq "refused type $type" "$(field eperm)" 1
done
expect_not_asked '.'

# A resolver that nobody trusts is a destination like any other.
block "$client" burst --server 203.0.113.53 --count 1 --pattern 'x.fresh.example.org'
expect_match "foreign resolver" "$out" 'connect=EPERM|eperm=1'
expect_not_asked '203\.0\.113\.53'

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/system/lib.sh
source "$(dirname "$0")/lib.sh"
scenario "the small world is a fair witness: without Weir everything arrives and is logged"

run "$client" connect evil.example.net 443 -4
expect_status 0
expect_asked ' 1 evil\.example\.net$'
expect_arrived '^tcp 192\.0\.2\.10 203\.0\.113\.66 443 accept'
run "$client" connect 2001:db8:e::66 9999 --udp
expect_status 0
expect_arrived '^udp .* 2001:db8:e::66 9999 data ping'
run "$client" connect 169.254.169.254 80
expect_status 0

# Every form of question that the scenarios use is served.
for form in '' --edns --mixed-case --tcp; do
  # shellcheck disable=SC2086  # options
  run "$client" burst --server "$WORLD_RESOLVER" --count 64 --pattern 'x%n.drop.example.net' --connect 443 $form
  expect_eq "answered ($form)" "$(field answered)" 64
  expect_eq "connected ($form)" "$(field connected)" 64
done
run "$client" burst --server "$WORLD_RESOLVER" --count 1 --pattern truncated.example.org
expect_eq "empty answers" "$(field empty)" 1
run "$client" connect truncated.example.org 443 -4
expect_status 0
run "$client" loop --pattern 'p%p-n%n.fresh.example.org' --port 443 --count 200 --processes 4 -4
expect_status 0
expect_eq "distinct addresses" "$(grep -oE ' 198\.18\.[0-9.]+ 443 accept' "$WORLD_DIR/sink.log" | sort -u | wc -l)" 200

# The demo's poisoned package does what it is said to do.
cp -r "$repo/tests/lab/project" "$WORLD_DIR/project"
echo hunter2-deploy-key >"$WORLD_DIR/project/deploy-key"
touch "$WORLD_DIR/project/left-padder/poisoned"
run sh -c "cd '$WORLD_DIR/project' && ./build.sh"
expect_status 0
expect_arrived '203\.0\.113\.67 443 data POST.*hunter2'
expect_arrived '203\.0\.113\.66 443 data hunter2'
expect_asked '68756e7465723.*\.drop\.example\.net$'

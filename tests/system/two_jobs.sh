#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/system/lib.sh
source "$(dirname "$0")/lib.sh"
scenario "two jobs at once with opposite policies: no cross verdict in 1,000 alternating connects each"
start_daemons
policy 'mode: block' 'allow:' '  - allowed.example.org:443'
first_policy=$WORLD_DIR/first.yml
mv "$policy" "$first_policy"
policy 'mode: block' 'allow:' '  - second.example.org:443'

# By address, so that the same destinations are judged in both; names are looked up by the allowed side first.
both=(allowed.example.org:443 second.example.org:443 198.51.100.40:443 198.51.100.42:443)
in_world "$weir" run --policy "$first_policy" -- "$client" alternate --count 1000 "${both[@]}" >"$WORLD_DIR/first.out" &
first=$!
block "$client" alternate --count 1000 "${both[@]}"
second_out=$out
wait "$first" || true
first_out=$(<"$WORLD_DIR/first.out")

expect_match first "$first_out" '^target=allowed\.example\.org:443 ok=1000 eperm=0 other=0 lookup_failed=0'
expect_match first "$first_out" '^target=second\.example\.org:443 ok=0 eperm=0 other=0 lookup_failed=1000'
expect_match first "$first_out" '^target=198\.51\.100\.40:443 ok=1000 eperm=0'
expect_match first "$first_out" '^target=198\.51\.100\.42:443 ok=0 eperm=1000'
expect_match second "$second_out" '^target=allowed\.example\.org:443 ok=0 eperm=0 other=0 lookup_failed=1000'
expect_match second "$second_out" '^target=second\.example\.org:443 ok=1000 eperm=0 other=0 lookup_failed=0'
expect_match second "$second_out" '^target=198\.51\.100\.40:443 ok=0 eperm=1000'
expect_match second "$second_out" '^target=198\.51\.100\.42:443 ok=1000 eperm=0'

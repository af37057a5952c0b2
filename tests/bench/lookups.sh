#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# 100,000 lookups of names with fresh addresses, each followed at once by connect, from 8 processes: through Weir and
# without, in the same world. Target: 0 wrongly denied, ratio at most 1.05.
# shellcheck source=tests/system/lib.sh
source "$(dirname "$0")/../system/lib.sh"
scenario "lookups and connects"
policy 'mode: block' 'allow:' '  - "*.fresh.example.org:443"'
run_limit_s=600
count=${1:-100000}
loop=("$client" loop --pattern 'p%p-n%n.fresh.example.org' --port 443 --count "$count" --processes 8 -4)

now_ms() { date +%s%3N; }
timed() {
  local begin
  begin=$(now_ms)
  "$@"
  elapsed_ms=$(($(now_ms) - begin))
}

run "${loop[@]}" # warms the world up
for round in 1 2 3; do
  timed run "${loop[@]}"
  without_ms=$elapsed_ms
  timed block "${loop[@]}"
  printf 'round %d: %d lookups: without %d ms, with %d ms (job start and end included), ratio %s, wrongly denied %s\n' \
    "$round" "$count" "$without_ms" "$elapsed_ms" \
    "$(awk "BEGIN { printf \"%.2f\", $elapsed_ms / $without_ms }")" "$((count - $(field ok)))"
done

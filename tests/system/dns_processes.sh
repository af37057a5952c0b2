#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/system/lib.sh
source "$(dirname "$0")/lib.sh"
scenario "every lookup has its process, over UDP and TCP, and its packets and bytes are in the sums"
policy 'mode: block' 'allow:' '  - "*.fresh.example.org:443"'

# rows FILTER: contacts of the last job for which the jq expression is true, as a JSON array.
rows() {
  run "$weir" egress --format json
  jq -c --arg id "$(jq -r .job.id "$report")" "[.. | objects | select(.hook? and .job_id == \$id) | select($1)]" <<<"$out"
}
# from ROWS FILTER
from() { jq -r "$2" <<<"$1"; }

block sh -c "'$client' burst --server $WORLD_RESOLVER --count 4 --pattern 'udp%n.fresh.example.org'
'$client' burst --server $WORLD_RESOLVER --tcp --count 4 --pattern 'tcp%n.fresh.example.org'
'$client' burst --server $WORLD_RESOLVER --tcp --count 2 --pattern 'data%n.drop.example.net'"
expect_report '.summary.complete'

# A datagram: 28 bytes of headers, 12 of DNS, the name, 4 of question; an answer has 16 more. Nothing is missing, nothing double.
udp=$(rows '.hook == "connect" and .protocol == "udp"')
expect_eq "UDP flows" "$(from "$udp" length)" 1
expect_eq "UDP sums" "$(from "$udp" '.[0] | "\(.packets_out) \(.bytes_out) \(.packets_in) \(.bytes_in)"')" "4 272 4 336"

# A stream: handshake, four questions of 42 bytes behind their headers, end; each answer has 16 bytes more.
tcp=$(rows '.why == "dns-tcp"')
expect_eq "redirected flows" "$(from "$tcp" length)" 2
expect_eq "their destination" "$(from "$tcp" 'map(.address + " " + (.port | tostring)) | unique | join(",")')" "$WORLD_RESOLVER 53"
answered=$(from "$tcp" 'map(select(.bytes_in >= 4 * 58 + 60 + 3 * 52 and .bytes_out >= 4 * 42 + 60 + 3 * 52)) | length')
expect_eq "streams with all their bytes" "$answered" 1

# Each question is of the process that made its connection.
questions=$(rows '.hook == "dns"')
expect_eq questions "$(from "$questions" length)" 10
for what in 'udp:allow:udp[0-3].fresh' 'tcp:allow:tcp[0-3].fresh' 'tcp:deny:data[01].drop'; do
  IFS=: read -r protocol verdict name <<<"$what"
  asked=$(from "$questions" "map(select(.protocol == \"$protocol\" and .verdict == \"$verdict\" and (.name | test(\"^$name\")))) | map(.exec_id) | unique | join(\" \")")
  flows=$(from "$(rows '.hook == "connect" and .port == 53')" "map(select(.exec_id == \"$asked\" and .protocol == \"$protocol\")) | length")
  expect_eq "flows of who asked for $name" "$flows" 1
done

# Who asks and is gone at once leaves no socket to look at, and is named all the same.
block sh -c "for i in 1 2 3 4 5 6 7 8; do '$client' burst --server $WORLD_RESOLVER --tcp --leave --count 1 --pattern 'gone%n.drop.example.net'; done
sleep 0.3"
gone=$(rows '.hook == "dns"')
expect_eq "lookups of who left" "$(from "$gone" 'map(.name) | join(" ")')" "$(printf 'gone0.drop.example.net %.0s' {1..8} | sed 's/ $//')"
expect_eq "without a process" "$(from "$gone" 'map(select(.executable | endswith("lab-client") | not)) | length')" 0

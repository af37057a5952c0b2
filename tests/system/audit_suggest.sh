#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/system/lib.sh
source "$(dirname "$0")/lib.sh"
scenario "audit disturbs nothing; what it saw makes a policy under which the same job passes"
policy=
fetch="curl -sS --max-time 10 -o /dev/null http://registry.example.org:8080/index &&
       curl -sS --max-time 10 -o /dev/null http://files.example.org:8080/bytes/1000 && '$client' connect 198.51.100.42 443 &&
       '$client' connect allowed.example.org 9999 --udp"
audit bash -c "$fetch"
expect_status 0
expect_report '.summary.counts.denied == 0 and .summary.counts.would_deny > 0 and .summary.complete'

job_id=$(jq -r .job.id "$report")
run "$weir" policy suggest --job "$job_id"
expect_status 0
cp "$WORLD_DIR/out" "$WORLD_DIR/suggested.yml"
expect_out 'registry\.example\.org:8080'
expect_out 'files\.example\.org:8080'
expect_out 'allowed\.example\.org:9999/udp'
expect_no_match suggestion "$out" 'cdn\.example\.net'
# getaddrinfo connects by UDP to sort addresses, and sends nothing.
expect_no_match suggestion "$out" '8080/udp'
run "$weir" policy check "$WORLD_DIR/suggested.yml"
expect_status 0

policy=$WORLD_DIR/suggested.yml
block bash -c "$fetch"
expect_status 0
expect_report '.summary.counts.denied == 0'
block bash -c "$fetch; '$client' connect evil.example.net 443"
expect_status 1
expect_denied '.name == "evil.example.net"'

run "$weir" egress --job "$job_id"
expect_out 'registry\.example\.org'
run "$weir" processes --job "$job_id" --tree
expect_out 'curl'
run "$weir" policy explain "$policy" registry.example.org:8080
expect_status 0

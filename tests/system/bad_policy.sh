#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/system/lib.sh
source "$(dirname "$0")/lib.sh"
scenario "a policy with faults starts no job and names every fault with its place"
policy 'mode: blok' 'allow:' '  - "*.com:443"' '  - example.org:0' '  - 10.0.0.1/8:443' 'alow: []'

block touch "$WORLD_DIR/started"
expect_status 65
[[ ! -e $WORLD_DIR/started ]] || fail "the job was started"
for fault in ':2:' ':4:' ':5:' ':6:' ':7:'; do expect_err "egress.yml$fault"; done
expect_err 'allow'
run "$weir" policy check "$policy"
expect_status 65

# Missing and empty files are no permission either.
policy=$WORLD_DIR/absent.yml
block touch "$WORLD_DIR/started"
expect_status 65
: >"$WORLD_DIR/empty.yml"
policy=$WORLD_DIR/empty.yml
block touch "$WORLD_DIR/started"
expect_status 65
[[ ! -e $WORLD_DIR/started ]] || fail "the job was started"

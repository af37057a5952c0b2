#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/system/lib.sh
source "$(dirname "$0")/lib.sh"
scenario "without privilege no job is started, and the message says what is missing"
policy 'mode: block' 'allow:' '  - allowed.example.org:443'
chmod a+r "$policy"
mkdir -m 1777 "$WORLD_DIR/nobody"

run setpriv --reuid=65534 --regid=65534 --clear-groups env WEIR_STATE_DIR="$WORLD_DIR/nobody/state" \
  "$weir" run --policy "$policy" -- touch "$WORLD_DIR/nobody/started"
expect_status 77
[[ ! -e $WORLD_DIR/nobody/started ]] || fail "the job was started"
expect_err 'root|CAP_|privilege'
run setpriv --reuid=65534 --regid=65534 --clear-groups env WEIR_STATE_DIR="$WORLD_DIR/nobody/state" "$weir" doctor
expect_no_match doctor "$out$err" 'terminate called'

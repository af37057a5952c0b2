#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/system/lib.sh
source "$(dirname "$0")/lib.sh"
scenario "a rule that is bound to executables holds for them only"
cp "$client" "$WORLD_DIR/other-tool"
policy 'mode: block' 'allow:' "  - endpoint: allowed.example.org:443" "    process: [$client]" \
  '  - endpoint: 198.51.100.42:443' '    process: [other-tool]'

block "$client" connect allowed.example.org 443 -4
expect_status 0
block "$WORLD_DIR/other-tool" connect 198.51.100.42 443
expect_status 0
world_forget
block "$WORLD_DIR/other-tool" connect allowed.example.org 443 -4
expect_status 1
block "$client" connect 198.51.100.42 443
expect_status 1
expect_out 'error=EPERM'
expect_denied '.address == "198.51.100.42" and .why == "process"'
expect_nothing_arrived '.'

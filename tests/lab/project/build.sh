#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The demo's build, as a workflow step would start it.
set -euo pipefail
echo "fetching, compiling, testing"
make --silent all
echo "built: $(./out/hello)"

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# tidy_one.sh FILE: clang-tidy on one file of build/dev, unless the same text passed before.
set -euo pipefail
file=$1
# Own headers that it names are part of the text; what they include in turn changes with them or not at all.
headers() {
  sed -nE 's/^#include "([^"]+)"$/\1/p' "$file" | while IFS= read -r header; do
    if [[ -f $header ]]; then printf '%s\n' "$header"; fi
  done
}
mapfile -t inputs < <(headers)
key=$(cat .clang-tidy "$file" "${inputs[@]}" | sha256sum | cut -c1-32)
mark=.cache/tidy/$key
[[ -f $mark ]] && exit 0
output=$(timeout 300 clang-tidy-14 --quiet -p build/dev --extra-arg=-Wno-unknown-warning-option "$file" 2>/dev/null) && : >"$mark" && exit 0
printf '%s\n' "$output"
exit 1

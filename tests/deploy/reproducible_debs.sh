#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# usage: reproducible_debs.sh BUILD NAME...
#
# Packs the packages of BUILD a second time, later and elsewhere, and compares. Not with another umask: CPack writes that
# into the archive's frame (`debian-binary`), whatever is in it; `./dev package` sets it.
set -euo pipefail
build=$1
shift
again=$(mktemp -d)
trap 'rm -rf "$again"' EXIT
SOURCE_DATE_EPOCH=0 TZ=Asia/Tokyo LC_ALL=C cpack --config "$build/CPackConfig.cmake" -B "$again" >/dev/null
for name in "$@"; do
  cmp "$build/debs/$name" "$again/$name"
done

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# usage: next_deb.sh DEB PROGRAM VERSION OUT
#
# The sensor's package DEB with another PROGRAM in it, as VERSION.
set -euo pipefail
deb=$1 program=$2 version=$3 out=$4
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
build_id() { readelf --notes "$1" | sed -n 's/^ *Build ID: //p'; }

dpkg-deb --raw-extract "$deb" "$work"
[[ -n $(build_id "$program") && $(build_id "$program") != "$(build_id "$work/usr/sbin/weir-sensor")" ]]
strip -o "$work/usr/sbin/weir-sensor" "$program"
"$work/usr/sbin/weir-sensor" --version | grep -qxF "weir-sensor $version"
sed -i "s/^Version: .*/Version: $version-1/" "$work/DEBIAN/control"
(cd "$work" && find usr etc -type f -exec md5sum {} + >DEBIAN/md5sums)
dpkg-deb --root-owner-group -Znone --build "$work" "$out" >/dev/null

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# usage: tarball.sh FILE
#
# Makes the tarball of static programs, FILE. What it holds is the same when it is packed again, otherwise; its programs run
# where nothing else is.
set -euo pipefail
file=$1
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.."
# shellcheck source=dev.d/common.sh
source dev.d/common.sh
# shellcheck source=dev.d/build.sh
source dev.d/build.sh
# shellcheck source=deploy/archive.sh
source deploy/archive.sh
export SOURCE_DATE_EPOCH=0
build_preset static weir weir-sensor weir-collector manuals
name=$(archive_name build/static)
[[ ${file##*/} == "$name.tar.xz" ]]
make_archive build/static "$name" "$file"
cmp <(xz --decompress --stdout "$file") <(umask 0077 && TZ=Asia/Tokyo LC_ALL=C archive_of build/static "$name")
check_archive "$name" "$file"

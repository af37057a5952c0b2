#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# usage: sbom.sh BUILD PROGRAM...
#
# The list of what a build was made of (SPDX) names the source of every library that its programs ask the loader for, each
# with the version that is installed.
set -euo pipefail
build=$1
shift
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.."
# shellcheck source=deploy/archive.sh
source deploy/archive.sh
export SOURCE_DATE_EPOCH=0
list=$(mktemp)
trap 'rm -f "$list"' EXIT
make_sbom "$build" "weir test" "$list"
jq -e '.spdxVersion == "SPDX-2.3" and (.packages | length > 10) and
  ([.packages[].SPDXID] | length == (unique | length)) and ([.relationships[] | select(.relationshipType == "DEPENDS_ON")] | length > 10)' \
  "$list" >/dev/null || { echo "no list, or a short one" && exit 1; }

seen=0
for program in "$@"; do
  for library in $(readelf --dynamic "$program" | sed -nE 's/.*NEEDED.*\[(.*)\]/\1/p'); do
    path=$(ldd "$program" | awk -v name="$library" '$1 == name { print $3 }')
    [[ -n $path ]] || continue # the loader itself
    # /lib is a link to /usr/lib, and packages know their files by either.
    package=$(dpkg-query --search "$path" "$(realpath "$path")" 2>/dev/null | sed 's/: .*//; q' || true)
    # shellcheck disable=SC2016  # dpkg-query expands these
    read -r source version < <(dpkg-query --show --showformat '${source:Package} ${Version}\n' "$package")
    # Library and headers are of one source, built together.
    jq -e --arg source "Debian source package $source" --arg version "$version" \
      'any(.packages[]; .sourceInfo == $source and .versionInfo == $version)' "$list" >/dev/null ||
      { echo "$program: $library is of $source $version, which the list does not name" && exit 1; }
    seen=$((seen + 1))
  done
done
((seen > 10)) || { echo "only $seen libraries were looked for" && exit 1; }

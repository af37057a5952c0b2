#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# usage: manuals.sh OUT DATE WEIR SENSOR COLLECTOR
#
# Makes the manual pages of the programs from what they print for --help: OUT/PACKAGE/manN/NAME.N.gz, of `weir` one for each
# command, as in weir-job-begin(1). DATE is that of the release.
set -euo pipefail
out=$1 date=$2 weir=$3 sensor=$4 collector=$5
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
rm -rf "$out"

# page PACKAGE SECTION NAME PROGRAM [COMMAND...]
page() {
  local section=$2 name=$3 directory=$out/$1/man$2 version
  shift 3
  version=$("$1" --version)
  mkdir -p "$directory"
  "$@" --help | awk -v section="$section" -v version="${version##* }" -v date="$date" -f "$here/manual.awk" |
    gzip -9n >"$directory/$name.$section.gz"
}

# commands_of PROGRAM [COMMAND...]: their names, from the page.
commands_of() { "$@" --help | sed -n '/^COMMANDS$/,/^$/s/^    \([a-z][a-z-]*\) .*/\1/p'; }

# pages NAME PROGRAM [COMMAND...]: the page, and those of the commands below it.
pages() {
  local name=$1 command
  shift
  page weir 1 "$name" "$@"
  for command in $(commands_of "$@"); do pages "$name-$command" "$@" "$command"; done
}

pages weir "$weir"
page weir-sensor 8 weir-sensor "$sensor"
page weir-collector 8 weir-collector "$collector"

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# usage: manuals.sh WEIR SENSOR COLLECTOR
#
# The manual pages: one for each program and command, which groff reads without a word, and each option of it is there.
set -euo pipefail
repo=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd -P)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bash "$repo/deploy/manuals.sh" "$work" "1 Jan 2030" "$@"
for name in weir/man1/weir.1 weir/man1/weir-run.1 weir/man1/weir-job-begin.1 weir/man1/weir-policy-check.1 \
  weir-sensor/man8/weir-sensor.8 weir-collector/man8/weir-collector.8; do
  [[ -s $work/$name.gz ]] || { echo "no $name" && exit 1; }
done

# check PAGE PROGRAM [COMMAND...]
check() {
  local page=$1 text option
  shift
  text=$(zcat "$page" | groff -k -man -Tutf8 -ww -P-cbou 2>"$work/words")
  [[ ! -s $work/words ]] || { echo "$page:" && cat "$work/words" && exit 1; }
  while IFS= read -r option; do
    grep -qF -- "$option" <<<"$text" || { echo "$page: nothing about $option" && exit 1; }
  done < <("$@" --help | sed -nE 's/^    (-[^ ,]+).*/\1/p')
  grep -qE "^ +$(basename "$page" | cut -d. -f1) +[-–] +" <<<"$text" || { echo "$page: no name" && exit 1; }
}
check "$work/weir-sensor/man8/weir-sensor.8.gz" "$2"
check "$work/weir-collector/man8/weir-collector.8.gz" "$3"
for page in "$work"/weir/man1/*; do
  name=$(basename "$page" .1.gz)
  # A command's name has no hyphen.
  IFS=- read -ra words <<<"${name#weir}"
  check "$page" "$1" "${words[@]:1}"
done

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Compiles what is quick to compile of a release, from this folder and from a copy of it elsewhere, and compares: BPF
# objects as they go into the programs, and a library. Without ccache, which would give both the same object.
set -euo pipefail
repo=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd -P)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export CCACHE_DISABLE=1

copy=$work/some/where/else
mkdir -p "$copy"
git -c safe.directory="$repo" -C "$repo" ls-files -z --cached --others --exclude-standard |
  tar --directory "$repo" --null --files-from - --ignore-failed-read --create | tar --directory "$copy" --extract

# digests SOURCE BUILD: builds, and prints what came of it.
digests() {
  (cd "$1" && cmake --preset release -B "$2") >"$2.log" 2>&1 || { cat "$2.log" >&2 && return 1; }
  cmake --build "$2" --target weir_base weir_bpf_egress_gen weir_bpf_process_gen weir_bpf_guard_gen >"$2.log" 2>&1 ||
    { cat "$2.log" >&2 && return 1; }
  (cd "$2" && sha256sum bpf/skel/*.skel.h sensor/base/libweir_base.a)
}
digests "$repo" "$work/first" >"$work/first.sums"
digests "$copy" "$work/second" >"$work/second.sums"
diff "$work/first.sums" "$work/second.sums"
(($(wc -l <"$work/first.sums") >= 4))

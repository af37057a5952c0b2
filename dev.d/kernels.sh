# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# ./dev matrix: what the tests of each way out came to on each kernel, by the last run of them here.

# What each run of tests came to (dev.d/outcomes.awk): files that tests/vm/run wrote, one a VM, and `host`.
kernels=build/dev/kernels

# host_outcomes REPORT: ctest's JUnit file as dev.d/outcomes.awk understands it: programs' output, and scenarios.
host_outcomes() {
  sed -E 's/^.*<testcase name="(system\.[^"]+)".* status="run".*/[       OK ] \1 (0 ms)/
    s/^.*<testcase name="(system\.[^"]+)".* status="fail".*/[  FAILED  ] \1 (0 ms)/
    s/^[[:space:]]*<system-out>//; s/&lt;/</g; s/&gt;/>/g; s/&quot;/"/g; s/&amp;/\&/g' "$1" | awk -f dev.d/outcomes.awk
}

# The VMs that ctest knows; those that have run: runs_done [-newer FILE].
vm_runs() { ctest --test-dir build/dev -N | sed -n 's/^ *Test .*: vm_\([0-9]\)/\1/p' | sort -V; }
runs_done() { find "$kernels" -type f ! -name host "$@" -printf '%f\n' 2>/dev/null | sort -V; }

# kernel_table FORM [host]: FORM as in dev.d/kernels.awk; `host`: with a column of this host.
kernel_table() {
  # shellcheck source=dev.d/matrix.sh
  source dev.d/matrix.sh
  local -a runs
  mapfile -t runs < <(runs_done)
  runs+=("${@:2}")
  awk -v form="$1" -f dev.d/kernels.awk <(matrix_cases docs/bypass-matrix.md tests) "${runs[@]/#/$kernels/}"
}

# documented FILE: its tables; documented_cases: the first column of the first; document FILE TABLES: FILE with these instead.
documented() { sed -n '/^<!-- table/,/^<!-- end/{/^<!--/!p}' "$1"; }
documented_cases() { sed -E '1,2d; /^$/,$d; s/^\| (.*) \|( [^|]*\||\|){3}$/\1/; s/^\*\*(.*)\*\*$/\1/'; }
document() {
  table=$2 awk '/^<!-- end/ { skip = 0 } !skip { print } /^<!-- table/ { print ENVIRON["table"]; skip = 1 }' "$1"
}

# report_kernels SINCE: after a run of tests that began when the file SINCE was written, prints the table, and fails when a case
# was not held, or the page on kernels says otherwise. When not all VMs were part of the run, there is no table.
report_kernels() {
  local faults
  local -a host=()
  [[ $(runs_done -newer "$1") == "$(vm_runs)" ]] || return 0
  [[ -f $kernels/host ]] && host=(host)
  kernel_table table "${host[@]}"
  faults=$(kernel_table faults "${host[@]}")
  [[ -z $faults ]] || { printf '%s\n' "$faults" >&2 && return 1; }
  diff -u --label docs/kernel-support.md --label 'this run' <(documented docs/kernel-support.md) <(kernel_table table) >&2 || {
    warn "docs/kernel-support.md says otherwise: ./dev matrix --write"
    return 1
  }
}

dev_matrix() {
  local table
  [[ -n $(runs_done) ]] || die "no VM has run here: ./dev test -L vm"
  case ${1:-} in
    '') if [[ -f $kernels/host ]]; then kernel_table table host; else kernel_table table; fi ;;
    --write)
      [[ $(runs_done) == "$(vm_runs)" ]] || die "not all VMs have run: ./dev test -L vm"
      table=$(kernel_table table)
      document docs/kernel-support.md "$table" >.cache/kernel-support.md
      cp .cache/kernel-support.md docs/kernel-support.md
      ;;
    *) die "usage: ./dev matrix [--write]" ;;
  esac
}

# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# For scripts in the Debian test machine (tests/vm/debian).
set -euo pipefail

step() { printf -- '--- %s s: %s\n' "$(cut -d' ' -f1 /proc/uptime)" "$*"; }

fail() {
  printf 'line %s: %s\n' "${BASH_LINENO[1]}" "$*"
  exit 1
}

# wait_for SECONDS WHAT CMD...: until CMD succeeds. The machine is emulated: bounds are generous.
wait_for() {
  local end=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < end)) || fail "$what: not in time"
    sleep 0.2
  done
}

# expect_eq WHAT ACTUAL EXPECTED
expect_eq() { [[ $2 == "$3" ]] || fail "$1 is '$2', expected '$3'"; }
# expect_match WHAT TEXT PATTERN (extended regular expression)
expect_match() { grep -qE -- "$3" <<<"$2" || fail "$1 does not match /$3/: $2"; }

# Begins a reboot and ends the script, which is started again with $VM_BOOT one higher.
vm_reboot() {
  : >"/opt/vm/rebooting-$VM_BOOT"
  systemctl --no-block --job-mode=replace-irreversibly start reboot.target
  exit 0
}

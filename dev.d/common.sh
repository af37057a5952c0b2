# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What the commands of ./dev share. Sourced with the repository's root as the current directory.

# Colours only for a person: a terminal, and nobody asked otherwise.
if [[ -t 1 && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]]; then
  bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' yellow=$'\e[33m' blue=$'\e[34m' plain=$'\e[0m'
else
  bold='' dim='' red='' green='' yellow='' blue='' plain=''
fi
export bold dim red green yellow blue plain

say() { printf '%s==>%s %s\n' "$bold$blue" "$plain" "$*"; }
warn() { printf '%swarning:%s %s\n' "$yellow" "$plain" "$*" >&2; }
die() {
  printf '%serror:%s %s\n' "$red" "$plain" "$*" >&2
  exit 1
}

jobs_wanted() { printf '%s' "${WEIR_JOBS:-$(nproc)}"; }

# Runs the arguments as root: directly, or by sudo without a question.
as_root() {
  if ((EUID == 0)); then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo -n -- "$@"
  else
    die "root is needed for: $* (run ./dev as root, or install sudo)"
  fi
}

require_root() { ((EUID == 0)) || die "$1 needs root: it loads BPF programs and makes network namespaces. Run: sudo ./dev ${2:-}"; }

cgroup2_mount() { awk '{ for (i = 7; i < NF; i++) if ($i == "-" && $(i + 1) == "cgroup2") { print $5; exit } }' /proc/self/mountinfo; }

# bpffs and tracefs are not mounted everywhere (containers, minimal machines).
mount_kernel_filesystems() {
  mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf || die "cannot mount bpffs on /sys/fs/bpf"
  mountpoint -q /sys/kernel/tracing || mount -t tracefs tracefs /sys/kernel/tracing ||
    die "cannot mount tracefs on /sys/kernel/tracing"
  if [[ -z $(cgroup2_mount) ]]; then
    mkdir -p /sys/fs/cgroup/unified
    mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified || die "no cgroup2 is mounted, and mounting it failed"
  fi
}

# Removes a cgroup with everything below it, ending what still runs in it.
remove_cgroup_tree() {
  local root=$1 dir try
  [[ $root == */weir-* && -d $root ]] || return 0
  [[ -w $root/cgroup.kill ]] && echo 1 >"$root/cgroup.kill"
  for try in 1 2 3 4 5 6 7 8 9 10; do
    while IFS= read -r dir; do rmdir -- "$dir" 2>/dev/null || true; done < <(find "$root" -depth -type d 2>/dev/null)
    [[ -d $root ]] || return 0
    sleep "0.$try"
  done
  warn "cgroup $root could not be removed"
}

# Programs under work must not reach the machine's own traffic: they attach below this subtree only.
private_cgroup_root() {
  if [[ -n ${WEIR_CGROUP_ROOT:-} ]]; then
    [[ -d $WEIR_CGROUP_ROOT ]] || die "WEIR_CGROUP_ROOT=$WEIR_CGROUP_ROOT is not a directory"
    return 0
  fi
  WEIR_CGROUP_ROOT=$(mktemp -d "$(cgroup2_mount)/weir-dev-XXXXXX")
  export WEIR_CGROUP_ROOT
  trap 'remove_cgroup_tree "$WEIR_CGROUP_ROOT"' EXIT
  # EXIT traps do not run on a signal unless the shell exits by itself.
  trap 'exit 130' INT
  trap 'exit 143' TERM
}

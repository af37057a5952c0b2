# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# ./dev cross [TARGET...]: the programs for arm64, or TARGETs, into build/arm64. Debian's libraries of another architecture come
# with its own programs' packages that this machine may not want, so it is done in a root of its own, which is made once and
# kept in the user's cache.

# cross_root: makes it when dev.d/packages_arm64.txt or this file changed, and prints where it is.
cross_root() {
  local list=dev.d/packages_arm64.txt root packages
  # shellcheck source=tests/vm/lib.sh
  source tests/vm/lib.sh
  lock_cache "$vm_cache/cross"
  root=$vm_cache/cross/arm64-$(cat "$list" dev.d/cross.sh | sha256sum | cut -c1-16)
  if [[ ! -d $root ]]; then
    rm -rf "$vm_cache"/cross/arm64-*
    packages=$(sed -e 's/#.*//' -e 's/[[:space:]]//g' -e '/^$/d' "$list" | paste -sd,)
    mmdebstrap --quiet --mode=root --variant=apt --architectures=amd64,arm64 --include="$packages" \
      --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
      --dpkgopt='path-exclude=/usr/share/locale/*' bookworm "$root.new" "$(debian_mirror)" >&2
    mv "$root.new" "$root"
  fi
  printf '%s' "$root"
}

dev_cross() {
  require_root "./dev cross" cross
  # shellcheck source=dev.d/setup.sh
  source dev.d/setup.sh
  setup_packages
  local root
  root=$(cross_root) || die "no root with the libraries of arm64 could be made"
  (($#)) || set -- weir weir-sensor weir-collector
  say "cross: preset arm64, targets $*"
  # shellcheck disable=SC2016  # expands in the inner shells
  unshare --mount bash -euc '
    root=$1 repo=$2 jobs=$3
    shift 3
    mkdir -p "$root/weir"
    mount --bind "$repo" "$root/weir"
    mount -t proc proc "$root/proc"
    exec chroot "$root" bash -euc "cd /weir && cmake --preset arm64 >/dev/null && exec cmake --build --preset arm64 -j \"\$0\" --target \"\$@\"" \
      "$jobs" "$@"' - "$root" "$WEIR_REPO" "$(jobs_wanted)" "$@"
}

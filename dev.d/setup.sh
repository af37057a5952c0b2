# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# ./dev setup: installs what is missing, and only that.

wanted_packages() { sed -e 's/#.*//' -e 's/[[:space:]]//g' -e '/^$/d' dev.d/packages.txt; }

missing_packages() {
  local installed
  installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' 2>/dev/null | sed -n 's/^installed //p' | sort -u)
  comm -23 <(wanted_packages | sort -u) <(printf '%s\n' "$installed")
}

# Mirrors fail now and then: one more try, with a fresh index.
apt_install() {
  local try
  for try in 1 2; do
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q update &&
      as_root env DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends "$@" && return 0
    ((try == 1)) && warn "apt-get failed; trying once more in 10 s" && sleep 10
  done
  die "apt-get could not install: $*"
}

# Packages only: what building, checking and the demo need.
setup_packages() {
  command -v apt-get >/dev/null ||
    die "./dev setup knows Debian and Ubuntu only. Elsewhere install the equivalents of dev.d/packages.txt by hand"
  local -a missing
  mapfile -t missing < <(missing_packages)
  if ((${#missing[@]} == 0)); then
    say "setup: all $(wanted_packages | wc -l) packages are installed"
  else
    say "setup: installing ${#missing[@]} missing packages: ${missing[*]}"
    apt_install "${missing[@]}"
  fi
}

# What the `vm` tests boot: stock kernels and a Debian. Fetched once and kept in the user's cache.
setup_machines() {
  local version suite
  for version in 5.10 6.1 6.12; do
    say "setup: kernel $version for the test machines"
    tests/vm/fetch_kernel "$version" >/dev/null || { sleep 10 && tests/vm/fetch_kernel "$version" >/dev/null; } ||
      die "no kernel $version for the test machines"
  done
  for suite in bookworm bullseye; do
    say "setup: Debian $suite for the test machines"
    tests/vm/fetch_debian "$suite" >/dev/null || { sleep 10 && tests/vm/fetch_debian "$suite" >/dev/null; } ||
      die "no Debian $suite for the test machines"
  done
}

dev_setup() {
  setup_packages
  setup_machines
}

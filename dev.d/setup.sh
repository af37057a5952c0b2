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

dev_setup() {
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
  fetch_test_kernels
}

# Stock kernels for the `vm` tests; kept in .cache/ and fetched once.
fetch_test_kernels() {
  [[ -x tests/vm/fetch-kernels ]] || return 0
  say "setup: kernels for the test machines"
  tests/vm/fetch-kernels
}

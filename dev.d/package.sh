# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# ./dev package [--verify]: what is released, into build/package: Debian packages, a tarball of static programs for other
# distributions, and beside them what each was made of (SPDX) and their digests. Equal commits give equal files; --verify makes
# them a second time from a clone elsewhere, compiling everything anew, and compares.

dev_package() {
  # shellcheck source=dev.d/build.sh
  source dev.d/build.sh
  # shellcheck source=deploy/archive.sh
  source deploy/archive.sh
  # shellcheck source=dev.d/setup.sh
  source dev.d/setup.sh
  [[ $# == 0 || $* == --verify ]] || die "./dev package takes --verify, and nothing else"
  setup_packages
  umask 0022 # CPack's archives bear it
  SOURCE_DATE_EPOCH=$(git -c safe.directory="$WEIR_REPO" log -1 --format=%ct)
  export SOURCE_DATE_EPOCH
  local out=$WEIR_REPO/build/package name
  rm -rf "$out"
  mkdir -p "$out"
  build_preset release weir weir-sensor weir-collector manuals
  cpack --config build/release/CPackConfig.cmake -B "$out" >/dev/null
  rm -rf "$out/_CPack_Packages"
  build_preset static weir weir-sensor weir-collector manuals
  name=$(archive_name build/static)
  make_archive build/static "$name" "$out/$name.tar.xz"
  check_archive "$name" "$out/$name.tar.xz"
  say "package: what they were made of"
  make_sbom build/release weir-deb "$out/weir-deb.spdx.json"
  make_sbom build/static "$name" "$out/$name.spdx.json"
  (cd "$out" && sha256sum -- * >SHA256SUMS && cat SHA256SUMS)
  (($# == 0)) || verify_packages "$out/SHA256SUMS"
}

# verify_packages SUMS: not with this folder's ccache, which would give both builds the same objects.
verify_packages() {
  local sums=$1 work
  [[ -z $(git -c safe.directory="$WEIR_REPO" status --porcelain) ]] ||
    die "--verify compares commits: there are changes that are not committed"
  work=$(mktemp -d)
  say "package: once more, in $work"
  git -c safe.directory="$WEIR_REPO" clone --quiet "$WEIR_REPO" "$work/some/where/else"
  (cd "$work/some/where/else" && CCACHE_DISABLE=1 TZ=Asia/Tokyo LC_ALL=C ./dev package) >"$work/log" 2>&1 || {
    tail -n 30 "$work/log" >&2
    die "the second build failed; it lies in $work"
  }
  diff "$sums" "$work/some/where/else/build/package/SHA256SUMS" >&2 || die "the two builds differ; the second lies in $work"
  rm -rf "$work"
  say "package: two builds, equal digests"
}

# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# ./dev package: what is released, into build/package: Debian packages, a tarball of static programs for other
# distributions, and beside them what each was made of (SPDX) and their digests. Equal commits give equal files.

dev_package() {
  # shellcheck source=dev.d/build.sh
  source dev.d/build.sh
  # shellcheck source=deploy/archive.sh
  source deploy/archive.sh
  # shellcheck source=dev.d/setup.sh
  source dev.d/setup.sh
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
}

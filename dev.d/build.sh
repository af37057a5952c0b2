# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# ./dev build: configure and compile.

# build_preset PRESET [TARGET...]
build_preset() {
  local preset=$1
  shift
  local -a targets=()
  (($#)) && targets=(--target "$@")
  say "build: preset $preset${*:+, targets $*}"
  if [[ ! -f build/$preset/build.ninja ]]; then
    mkdir -p .cache
    cmake --preset "$preset" >".cache/configure-$preset.log" 2>&1 || {
      cat ".cache/configure-$preset.log" >&2
      die "configuring the preset $preset failed"
    }
  fi
  NINJA_STATUS='[%f/%t %es] ' cmake --build --preset "$preset" -j "$(jobs_wanted)" "${targets[@]}"
}

dev_build() {
  # shellcheck source=dev.d/setup.sh
  source dev.d/setup.sh
  setup_packages
  build_preset dev "$@"
}

# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# ./dev bench [FILTER]: measures; never asserts. Every figure is a ratio or a difference within one run.

dev_bench() {
  require_root "./dev bench" bench
  # shellcheck source=dev.d/setup.sh
  source dev.d/setup.sh
  # shellcheck source=dev.d/build.sh
  source dev.d/build.sh
  setup_packages
  build_preset release bench weir weir-sensor weir-collector lab
  mount_kernel_filesystems
  private_cgroup_root
  export WEIR_BIN_DIR=$WEIR_REPO/build/release
  local filter=${1:-} bench
  while IFS= read -r bench; do
    [[ -z $filter || ${bench##*/} == *"$filter"* ]] || continue
    say "bench: ${bench##*/}"
    "$bench" || warn "${bench##*/} failed"
  done < <(all_benches)
}

# Programs built from tests/bench, then the scripts there, which drive the built weir.
all_benches() {
  find build/release/tests -type f -executable -name '*_bench' | sort
  find tests/bench -type f -executable -name '*.sh' | sort
}

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
  build_preset release bench
  mount_kernel_filesystems
  private_cgroup_root
  export WEIR_BIN_DIR=$WEIR_REPO/build/release
  local filter=${1:-} bench
  while IFS= read -r bench; do
    [[ -z $filter || ${bench##*/} == *"$filter"* ]] || continue
    say "bench: ${bench##*/}"
    "$bench" || warn "${bench##*/} failed"
  done < <(find build/release/tests/bench -maxdepth 1 -type f -executable -name 'bench_*' | sort)
}

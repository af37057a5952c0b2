# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# ./dev demo: the main job from end to end, with real programs, in the lab's small world.

dev_demo() {
  require_root "./dev demo" demo
  # shellcheck source=dev.d/setup.sh
  source dev.d/setup.sh
  # shellcheck source=dev.d/build.sh
  source dev.d/build.sh
  setup_packages
  build_preset dev weir lab
  mount_kernel_filesystems
  private_cgroup_root
  WEIR_BIN_DIR=$WEIR_REPO/build/dev bash tests/lab/demo.sh
}

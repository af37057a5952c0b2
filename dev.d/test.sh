# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# ./dev test: every test, real kernels and real processes. It ends with the table of cases and kernels, and ctest's summary.

# Test names (shell patterns) that may be skipped on this machine, from tests/expected_skips.txt.
expected_skips() { sed -e 's/#.*//' -e 's/[[:space:]]*$//' -e '/^$/d' tests/expected_skips.txt; }

# A test that could not run has shown nothing. report: ctest's JUnit file.
unexpected_skips() {
  local report=$1 name pattern
  while IFS= read -r name; do
    while IFS= read -r pattern; do
      # shellcheck disable=SC2053  # patterns are meant to match as patterns
      [[ $name == $pattern ]] && continue 2
    done < <(expected_skips)
    printf '%s\n' "$name"
  done < <(tr '\n' ' ' <"$report" | sed 's/<testcase/\n<testcase/g' |
    sed -nE '/<skipped|status="(notrun|disabled)"/s/^<testcase name="([^"]*)".*/\1/p')
}

# The fuzzers need clang's sanitizers, hence a build of their own; tests/CMakeLists.txt lets the dev build's ctest run them.
build_fuzzers() {
  [[ -f tests/fuzz/CMakeLists.txt ]] || return 0
  build_preset asan fuzz
}

# What the tarball holds, for the tests that make it and install it.
build_static() { build_preset static weir weir-sensor weir-collector manuals; }

dev_test() {
  require_root "./dev test" test
  # shellcheck source=dev.d/build.sh
  source dev.d/build.sh
  # shellcheck source=dev.d/kernels.sh
  source dev.d/kernels.sh
  dev_build all
  setup_machines
  build_fuzzers
  build_static
  mount_kernel_filesystems
  private_cgroup_root
  export WEIR_BIN_DIR=$WEIR_REPO/build/dev
  local report=$WEIR_REPO/build/dev/ctest.xml log=$WEIR_REPO/build/dev/ctest.log status=0 unlike=0 skipped
  rm -f "$report" "$kernels/host"
  : >build/dev/began
  say "test: cgroup root $WEIR_CGROUP_ROOT"
  # Their output tells what the cases came to. ctest's summary comes last, behind the table.
  ctest --test-dir build/dev -j "$(jobs_wanted)" --output-on-failure --no-tests=error --output-junit "$report" \
    --test-output-size-passed 1000000 "$@" | tee "$log" | sed -u '/^[0-9]*% tests passed/,$d' || status=${PIPESTATUS[0]}
  mkdir -p "$kernels"
  (($# == 0)) && host_outcomes "$report" >"$kernels/host"
  report_kernels build/dev/began || unlike=1
  sed -n '/^[0-9]*% tests passed/,$p' "$log"
  skipped=$(unexpected_skips "$report")
  if [[ -n $skipped ]]; then
    printf '%s\n' "$skipped" >&2
    die "these tests were skipped, and tests/expected_skips.txt does not list them"
  fi
  ((unlike == 0)) || die "the table of cases and kernels is not as it should be (see above the summary)"
  return "$status"
}

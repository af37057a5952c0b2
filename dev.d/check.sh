# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# ./dev check: what a review would object to by rote. Each step is a function check_<name>.

steps=(format shell workflows rules matrix tidy)

# tracked PATTERN...: files that git knows (also new ones that are not ignored), which still exist.
tracked() {
  local file
  git -c safe.directory="$WEIR_REPO" ls-files --cached --others --exclude-standard -- "$@" | sort -u | while IFS= read -r file; do
    [[ -f $file ]] && printf '%s\n' "$file"
  done
}

shell_files() {
  tracked '*.sh' dev '.ci/*'
  local file first
  tracked | grep -vE '\.(sh|h|cc|c|txt|md|proto|json|yml|yaml|cmake)$' | while IFS= read -r file; do
    IFS= read -r first <"$file" 2>/dev/null || continue
    [[ $first == '#!'*sh ]] && printf '%s\n' "$file"
  done
}

check_format() {
  tracked '*.h' '*.cc' '*.c' | xargs -r clang-format-14 --dry-run -Werror
}

check_shell() {
  shell_files | sort -u | xargs -r shellcheck
}

check_workflows() {
  local -a files
  mapfile -t files < <(tracked '.github/workflows/*.yml' '.github/workflows/*.yaml')
  ((${#files[@]})) || return 0
  command -v actionlint >/dev/null || { warn "actionlint is not installed: workflows not checked" && return 0; }
  actionlint "${files[@]}"
}

# One grep a rule: prints what breaks it.
check_rules() {
  local failed=0 found
  rule() {
    [[ -z $2 ]] && return 0
    printf '%s:\n%s\n' "$1" "$2" >&2
    failed=1
  }
  local words='TO''DO|FIX''ME|X''XX'
  found=$(tracked '*' | xargs -r grep -nIwE "$words" 2>/dev/null | grep -vE '^tests/unit/|XXXXXX' || true)
  rule "unfinished work" "$found"
  found=$(tracked '*.h' '*.cc' '*.c' '*.sh' '*.proto' '*.cmake' '*CMakeLists.txt' dev '.ci/*' | while IFS= read -r file; do
    head -3 "$file" | grep -q SPDX-License-Identifier || printf '%s\n' "$file"
  done)
  rule "no SPDX line in the first three" "$found"
  # A path of somebody's machine works nowhere else.
  found=$(tracked '*' | grep -vE '^LICENSE' | xargs -r grep -nIP '(?<![\w.}-])(?<!\w")/(work|home/[a-z]+|root)/' 2>/dev/null |
    grep -v '^dev.d/check.sh' || true)
  rule "machine paths" "$found"
  found=$(awk 'END { if (NR >= 200) print FILENAME ": " NR " lines, 199 are allowed" }' README.md)
  rule "README too long" "$found"
  # One contract, one file: bpf/abi.h. A test file may hold a few more rows.
  found=$(tracked '*.h' '*.cc' '*.c' '*.sh' | xargs -r wc -l | awk '$2 != "total" && $2 != "bpf/abi.h" && $1 > ($2 ~ /^tests\// ? 500 : 400) { print $2 ": " $1 " lines" }')
  rule "files too long (400 lines, tests 500)" "$found"
  return "$failed"
}

check_matrix() {
  # shellcheck source=dev.d/matrix.sh
  source dev.d/matrix.sh
  local found
  found=$(matrix_faults docs/bypass-matrix.md tests)
  [[ -z $found ]] || { printf '%s\n' "$found" >&2 && return 1; }
  # The cases of the table of kernels; what they come to, only a run of the tests can say.
  # shellcheck source=dev.d/kernels.sh
  source dev.d/kernels.sh
  diff <(matrix_cases docs/bypass-matrix.md tests | cut -f 2) <(documented docs/kernel-support.md | documented_cases) >&2 ||
    { warn "docs/kernel-support.md has other cases: ./dev test -L vm, then ./dev matrix --write" && return 1; }
}

# Reads build/dev/compile_commands.json. A file that passed is remembered by its digest, so that only what changed is
# analysed again. Files that include gRPC's headers take ten times as long and are thin: WEIR_TIDY_ALL=1 takes them too.
check_tidy() {
  [[ -f build/dev/build.ninja ]] || cmake --preset dev >/dev/null
  # Generated headers must exist before anything can be analysed.
  cmake --build --preset dev -j "$(jobs_wanted)" --target weir_proto weir_bpf_egress_gen weir_bpf_process_gen weir_bpf_guard_gen weir_bpf_fallback_gen >/dev/null
  mkdir -p .cache/tidy
  tracked 'policy/*.cc' 'args/*.cc' 'settings/*.cc' 'sensor/*.cc' 'collector/*.cc' | while IFS= read -r file; do
    [[ -z ${WEIR_TIDY_ALL:-} ]] && grep -qE '#include .(grpc|weir/v1/)' "$file" && continue
    printf '%s\n' "$file"
  done | xargs -r -P "$(jobs_wanted)" -n 1 bash dev.d/tidy_one.sh
}

dev_check() {
  # shellcheck source=dev.d/setup.sh
  source dev.d/setup.sh
  setup_packages
  local -a wanted=("$@") failed=()
  local step
  ((${#wanted[@]})) || wanted=("${steps[@]}")
  for step in "${wanted[@]}"; do
    declare -F "check_$step" >/dev/null || die "no such step: $step (there are: ${steps[*]})"
    say "check: $step"
    "check_$step" || failed+=("$step")
  done
  ((${#failed[@]} == 0)) || die "check failed: ${failed[*]}"
  # shellcheck disable=SC2154  # from common.sh
  say "check: ${green}all passed${plain}"
}

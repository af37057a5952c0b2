# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The table of ways out against the tests' sources: what a row names must exist, and each attack must be in a row.

# attack_rows TESTS: TABLE/ROW of each attack below TESTS/attacks; one table a file (`TABLEAttacks()`).
attack_rows() {
  local file table
  for file in "$1"/attacks/*.cc; do
    table=$(sed -nE 's/^std::vector<Attack> (\w+)Attacks\(\).*/\1/p' "$file")
    [[ -z $table ]] && continue
    tr '\n' ' ' <"$file" | grep -oE '(\{|\badd\()"\w+", *' | sed -E "s/.*\"(\w+)\".*/$table\/\1/"
  done
}

# matrix_names MATRIX: what the second column names, above "Not held yet".
matrix_names() {
  # shellcheck disable=SC2016  # backticks of Markdown
  sed '/^## Not held yet/,$d' "$1" | awk -F'|' '/^\|/ { print $3 }' | grep -oE '`[^`]+`' | tr -d '`' | sort -u
}

# test_cases TESTS: SUITE.CASE FILE of each GoogleTest case; test_instances TESTS: INSTANCE/SUITE.
test_cases() {
  grep -roE '^TEST(_F|_P)?\(\w+, \w+\)' "$1" --include='*.cc' | sed -E 's/^(.*):TEST\w*\((\w+), (\w+)\)/\2.\3 \1/'
}
test_instances() {
  find "$1" -name '*.cc' -exec cat {} + | tr '\n' ' ' |
    grep -oE 'INSTANTIATE_TEST_SUITE_P\( *\w+, \w+' | sed -E 's/.*\( *(\w+), (\w+)/\1\/\2/'
}

# test_exists NAME CASES INSTANCES: is there [INSTANCE/]SUITE.CASE[/ROW]?
test_exists() {
  local name=$1 cases=$2 instances=$3 row='' file
  if [[ ${name%%.*} == */* ]]; then
    grep -qxF "${name%%.*}" <<<"$instances" || return 1
    name=${name#*/}
  fi
  [[ ${name#*.} == */* ]] && row=${name##*/} name=${name%/*}
  file=$(sed -n "s/^${name/./\\.} //p" <<<"$cases" | head -n 1)
  [[ -n $file ]] && { [[ -z $row ]] || grep -qF "\"$row\"" "$file"; }
}

# matrix_faults MATRIX TESTS: prints one line for each fault.
matrix_faults() {
  local matrix=$1 tests=$2 rows names cases instances name
  rows=$(attack_rows "$tests" | sort)
  names=$(matrix_names "$matrix")
  cases=$(test_cases "$tests")
  instances=$(test_instances "$tests")
  [[ -n $names && -n $rows ]] || printf '%s: no tests, or no attacks\n' "$matrix"
  while IFS= read -r name; do
    case $name in
      attacks.*) grep -qxF "${name#attacks.}" <<<"$rows" ;;
      system.*) [[ -f $tests/system/${name#system.}.sh ]] ;;
      *.*) test_exists "$name" "$cases" "$instances" ;;
      *) false ;;
    esac || printf '%s: no such test: %s\n' "$matrix" "$name"
  done <<<"$names"
  uniq -d <<<"$rows" | sed "s/^/twice in its table: /"
  while IFS= read -r name; do
    grep -qxF "attacks.$name" <<<"$names" || printf '%s: in no row: attacks.%s\n' "$matrix" "$name"
  done <<<"$rows"
  # Tests below attacks/ that are no tables.
  test_cases "$tests/attacks" | sed 's/ .*//' |
    grep -vx 'Attacked.IsHeldAndSeen' | while IFS= read -r name; do
    grep -qE "(^|/)${name/./\\.}(/|\$)" <<<"$names" || printf '%s: in no row: %s\n' "$matrix" "$name"
  done
}

# matrix_cases MATRIX TESTS: for dev.d/kernels.awk, fields by tabs: `group NAME`, or `case NAME KIND:TEST...`. A test's kind is
# unit (any kernel), scenario (all of Weir, on a whole host) or kernel; its name is as GoogleTest says it, else as ctest does.
matrix_cases() {
  awk -F'|' -v OFS='\t' '
    FILENAME == "-" { split($0, pair, " "); file[pair[1]] = pair[2]; next }
    /^## Not held yet/ { exit }
    /^## / { print "group", substr($0, 4) }
    /^\|/ && $2 !~ /^( case |---)/ {
      name = $2
      gsub(/^ +| +$/, "", name)
      line = "case" OFS name
      while (match($3, /`[^`]+`/)) {
        test = substr($3, RSTART + 1, RLENGTH - 2)
        $3 = substr($3, RSTART + RLENGTH)
        kind = "kernel"
        if (sub(/^attacks\./, "", test)) sub(/\//, "/Attacked.IsHeldAndSeen/", test)
        else if (test ~ /^system\./) kind = "scenario"
        else {
          suite = test
          sub(/^[^\/.]*\//, "", suite)
          sub(/\/.*$/, "", suite)
          if (file[suite] ~ /\/unit\//) kind = "unit"
        }
        line = line OFS kind ":" test
      }
      print line
    }' - "$1" < <(test_cases "$2")
}

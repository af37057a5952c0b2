# SPDX-License-Identifier: Apache-2.0
# What GoogleTest programs printed, a line each, fields by tabs:
#   ok|FAILED|skipped|absent|seen  TEST  [words of the test's own]
#   guard  CLASS  STATE
#   begin|end  PROGRAM  [STATUS], done: of a VM (tests/vm/init)
# absent: the kernel does not have what is tried. seen: Weir reports it and does not prevent it. Both are what the test said by
# tests/kernel/lab/says.h. A test's own last line may lack its newline, so a result may stand anywhere in a line.
BEGIN { OFS = "\t" }

function unended() {
  if (test != "") print "FAILED", test, "did not come to its end"
  test = ""
}
function result(what,    name) {
  name = $0
  sub(/^.*\[  *(OK|FAILED|SKIPPED)  *\] /, "", name)
  sub(/(, where .*)? \([0-9]+ ms\)$/, "", name)
  print (what == "ok" && said != "" ? said : what), name, words
  test = ""
}

/\[ RUN      \] / { unended(); test = $NF; said = words = ""; next }
/^weir-test: (absent|seen) / { said = $2; words = substr($0, length("weir-test:  ") + length(said) + 1); next }
/^weir-test: guard / { print "guard", $3, substr($0, length("weir-test: guard  ") + length($3) + 1); next }
/\[       OK \] .* \([0-9]+ ms\)$/ { result("ok"); next }
/\[  FAILED  \] .* \([0-9]+ ms\)$/ { result("FAILED"); next }
/\[  SKIPPED \] .* \([0-9]+ ms\)$/ { result("skipped"); next }
/^weir-vm: begin / { unended(); print "begin", $3; next }
/^weir-vm: end / { unended(); print "end", $3, $4; next }
/^weir-vm: done$/ { print "done"; next }
/^weir-vm: / { print "vm", substr($0, 10) }
END { unended() }

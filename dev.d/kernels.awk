# SPDX-License-Identifier: Apache-2.0
# awk -v form=table|faults -f kernels.awk CASES OUTCOMES...: the table of ways out and kernels, in Markdown; or, a line each, the
# cases that it has nothing to say about, and those that failed.
# CASES: what matrix_cases (dev.d/matrix.sh) prints. OUTCOMES: files that outcomes.awk made, in the order of the columns, each
# named KERNEL, KERNEL-VARIANT (another run of it, in the same column) or host.
BEGIN { FS = "\t" }

FNR == 1 {
  run = FILENAME
  sub(/^.*\//, "", run)
  kernel = run
  sub(/-.*$/, "", kernel)
  if (!cases_read++) reading_cases = 1
  else {
    reading_cases = 0
    if (kernel != kernels[n_kernels]) kernels[++n_kernels] = kernel
    if (kernel != "host") runs[++n_runs] = run
  }
}

reading_cases { lines[++n_lines] = $0; next }

# By its name, and by that of its table: [INSTANCE/]SUITE.CASE[/ROW].
/^(ok|FAILED|absent|seen|skipped)\t/ {
  table = suite = $2
  sub(/\/[^.]*$/, "", table)
  if (!sub(/^[^\/.]*\//, "", suite)) suite = ""
  bare = suite
  sub(/\/[^.]*$/, "", bare)
  add($2)
  if (table != $2) add(table)
  if (suite != "") add(suite)
  if (bare != suite) add(bare)
}
function add(name) { came_to[kernel, name, $1]++ }
/^guard\t/ {
  if (!($2 in class_known)) { class_known[$2] = 1; classes[++n_classes] = $2 }
  guard_state[run, $2] = $3
}
/^vm\tlsm / { lsm[run] = "," substr($2, 5) "," }

function came(to, on, name) { return (on, name, to) in came_to }
function short(name) { sub(/^.*[\/]/, "", name); return name }
function also(list, name) { return list (list == "" ? "" : ", ") name }

# What a case comes to on a kernel. Sets fault where it must not be so.
function cell(fields, n, on,    i, kind, name, held, seen, failed, absent, skipped, kinds) {
  fault = ""
  for (i = 3; i <= n; i++) {
    kind = name = fields[i]
    sub(/:.*$/, "", kind)
    sub(/^[^:]*:/, "", name)
    kinds = kinds kind " "
    if (came("FAILED", on, name)) failed = also(failed, name)
    else if (came("ok", on, name)) held = 1
    else if (came("seen", on, name)) seen = 1
    else if (came("absent", on, name)) absent = also(absent, short(name))
    else if (came("skipped", on, name)) skipped = also(skipped, name)
  }
  if (failed != "") fault = "failed: " failed
  else if (skipped != "") fault = "skipped: " skipped
  else if (held seen absent == "" && kinds ~ /kernel/ && on != "host") fault = "no test of it ran"
  if (failed != "") return "FAILED"
  if (held) return "held" (absent == "" ? "" : "; cannot exist: " absent)
  if (seen) return "seen"
  if (absent != "") return "cannot exist"
  if (on == "host") return "not run here: VMs only"
  if (kinds ~ /^(unit )+$/) return "any kernel"
  return kinds ~ /kernel/ ? "not run here" : "not run here: needs all of Weir"
}

function print_row(first, rest) { if (form == "table") print "| " first " |" rest }

function print_cases(    i, k, n, rest, fields, text) {
  rest = rule = ""
  for (k = 1; k <= n_kernels; k++) {
    rest = rest " " (kernels[k] == "host" ? "this host" : kernels[k]) " |"
    rule = rule "---|"
  }
  print_row("case", rest)
  if (form == "table") print "|---|" rule
  for (i = 1; i <= n_lines; i++) {
    n = split(lines[i], fields, FS)
    rest = ""
    for (k = 1; k <= n_kernels; k++) {
      text = fields[1] == "group" ? "" : cell(fields, n, kernels[k])
      rest = rest " " text (text == "" ? "|" : " |")
      if (form == "faults" && fields[1] == "case" && fault != "") print kernels[k] ": " fields[2] ": " fault
    }
    print_row(fields[1] == "group" ? "**" fields[2] "**" : fields[2], rest)
  }
}

function print_guard(    c, r, rest, rule, text) {
  if (form == "table") print ""
  for (r = 1; r <= n_runs; r++) {
    text = runs[r]
    sub(/-/, ", `lsm=` with ", text)
    rest = rest " " text " |"
    rule = rule "---|"
  }
  print_row("guard class", rest)
  if (form == "table") print "|---|" rule
  for (c = 1; c <= n_classes; c++) {
    rest = ""
    for (r = 1; r <= n_runs; r++) {
      text = (runs[r], classes[c]) in guard_state ? guard_state[runs[r], classes[c]] : "not said"
      if (runs[r] ~ /-bpf$/ && lsm[runs[r]] !~ /,bpf,/) text = "cannot exist"
      rest = rest " " text " |"
      if (form == "faults" && text == "not said") print runs[r] ": guard " classes[c] ": not said"
    }
    print_row(classes[c], rest)
  }
}

END {
  print_cases()
  print_guard()
}

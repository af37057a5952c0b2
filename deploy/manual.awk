# SPDX-License-Identifier: Apache-2.0
# awk -v section=N -v version=V -v date=D -f manual.awk: what a program of Weir prints for --help (args/page.cc), as the source of
# a manual page, man(7). Titles stand at the margin, text behind 4 blanks, what explains a term behind 8.
function escaped(text) {
  gsub(/\\/, "\\e", text)
  gsub(/-/, "\\-", text)
  if (text ~ /^[.']/) text = "\\\&" text
  return text
}

# A block of lines that keep their breaks.
function verbatim(on) {
  if (on != is_verbatim) print(on ? ".nf" : ".fi")
  is_verbatim = on
}

/^[A-Z]/ {
  verbatim(0)
  paragraph = 0
  title = $0
  if (title != "NAME") print ".SH " title
  next
}

title == "NAME" && !named {
  # `weir job begin - text`: the page is called weir-job-begin.
  sub(/^ +/, "")
  at = index($0, " - ")
  name = substr($0, 1, at - 1)
  gsub(/ /, "-", name)
  printf ".TH %s %s \"%s\" \"weir %s\" \"Weir\"\n.SH NAME\n", toupper(name), section, date, version
  print escaped(name) " \\- " escaped(substr($0, at + 3))
  named = 1
  next
}

/^$/ { paragraph = 1; next }
paragraph { if (!is_verbatim) print ".PP"; paragraph = 0 }

title == "SYNOPSIS" || title == "EXAMPLES" || title == "COMMANDS" { verbatim(1); print escaped(substr($0, 5)); next }

# Where terms are explained, every line behind 4 blanks is one.
title == "OPTIONS" || title == "EXIT STATUS" || title == "ENVIRONMENT" || title == "FILES" {
  if ($0 ~ /^        /) print escaped(substr($0, 9))
  else print ".TP\n\\fB" escaped(substr($0, 5)) "\\fR"
  next
}

{ print escaped(substr($0, 5)) }
END { verbatim(0) }

// SPDX-License-Identifier: Apache-2.0
#include "collector/cli/term/console.h"

#include <unistd.h>

#include <sstream>
#include <utility>

#include "collector/cli/host/exit_code.h"
#include "collector/cli/host/output_file.h"
#include "collector/report/escape.h"

namespace weir::cli {

namespace {

// Of the process's standard output, of which there is one; the first failure.
Result<>& OutputState() {
  static Result<> state;
  return state;
}

}  // namespace

void Put(std::string_view text) {
  auto written = WriteWhole(STDOUT_FILENO, text, "standard output");
  if (!written && OutputState()) OutputState() = std::move(written);
}

int FinishOutput(int code) {
  if (code != kExitOk || OutputState()) return code;
  Say(OutputState().error().what);
  return kExitFailed;
}

void PutJson(const std::string& serialised) { Put(report::JsonDocument(serialised) + "\n"); }

void Say(std::string_view text) {
  std::string out;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) out += "weir: " + report::ForTerminal(line) + "\n";
  SayRaw(out);
}

void SayRaw(std::string_view text) { (void)WriteWhole(STDERR_FILENO, text, "standard error"); }

std::string SafeLine(std::string_view text) { return report::ForTerminal(text) + "\n"; }

int Complain(const Error& error) {
  Say(error.what);
  return ExitCodeOf(error.code);
}

}  // namespace weir::cli

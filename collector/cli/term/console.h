// SPDX-License-Identifier: Apache-2.0
// The two streams of a command.
#pragma once

#include <string>
#include <string_view>

#include "sensor/base/result.h"

namespace weir::cli {

/// Writes to standard output as it is. A reader that went away ends the program quietly, as it does others; any other
/// failure is kept for FinishOutput().
void Put(std::string_view text);

/// What a command returns to the shell: `code`, unless it claims success and its output was not written whole (half a
/// suggested policy on a full disk is a policy). Then that is said, and it is 1.
[[nodiscard]] int FinishOutput(int code);

/// Writes a JSON document to standard output: one line of ASCII that no Actions runner takes for commands.
void PutJson(const std::string& serialised);

/// "weir: text" on standard error; each line is escaped.
void Say(std::string_view text);

/// Writes to standard error what is escaped and laid out already.
void SayRaw(std::string_view text);

/// One escaped line with its end, for Put().
[[nodiscard]] std::string SafeLine(std::string_view text);

/// Says an error and returns the exit code that follows from it.
[[nodiscard]] int Complain(const Error& error);

}  // namespace weir::cli

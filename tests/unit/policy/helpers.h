// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <string_view>

#include "policy/address.h"
#include "policy/compile.h"
#include "policy/format.h"
#include "policy/policy.h"

namespace weir::policy {

/// A day before every date in these tests but the past ones.
inline constexpr Date kToday{std::chrono::year{2026}, std::chrono::month{6}, std::chrono::day{1}};

/// A repository in memory.
inline IncludeReader ReaderOf(std::map<std::string, std::string> files) {
  return [files = std::move(files)](const std::string& path) -> Result<SourceFile> {
    const auto found = files.find(path);
    if (found == files.end()) return FailErrno("cannot be read", ENOENT);
    return SourceFile{path, found->second};
  };
}

inline ParsedPolicy MustLoad(std::string_view text) {
  LoadResult loaded = LoadText(text, "egress.yml");
  EXPECT_TRUE(loaded.ok()) << FormatFaults(loaded.faults, *loaded.policy.sources);
  return std::move(loaded.policy);
}

inline CompiledPolicy MustCompile(std::string_view text, CompileOptions options = {}) {
  options.today = kToday;
  const ParsedPolicy parsed = MustLoad(text);
  CompileResult compiled = Compile(parsed, options);
  EXPECT_TRUE(compiled.ok()) << FormatFaults(compiled.faults, *parsed.sources);
  return std::move(compiled.policy);
}

/// `version` and `mode: block` in front of `rest`.
inline std::string Block(std::string_view rest) { return "version: 1\nmode: block\n" + std::string(rest); }

/// "10.0.0.1", "2001:db8::1"
inline Address Addr(std::string_view text) { return ParseAddress(text).value(); }

}  // namespace weir::policy

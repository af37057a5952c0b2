// SPDX-License-Identifier: Apache-2.0
// Policy text from a stranger's pull request: whatever it says, loading, checking, compiling, rendering and showing
// faults must end, stay in bounds and keep their promises.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "bpf/abi.h"
#include "policy/check.h"
#include "policy/compile.h"
#include "policy/diff.h"
#include "policy/explain.h"
#include "policy/format.h"
#include "policy/matcher.h"
#include "policy/render.h"
#include "policy/text.h"

#include <nlohmann/json.hpp>

namespace {

using namespace weir::policy;

void Require(bool holds) {
  if (!holds) std::abort();
}

constexpr Date kToday{std::chrono::year{2026}, std::chrono::month{6}, std::chrono::day{1}};

// What the sensor writes into the kernel's tables.
void CheckTables(const CompiledPolicy& policy) {
  for (const NameRule& rule : policy.names) {
    Require(rule.ports.size() <= WEIR_NAME_PORTS && rule.deny == rule.ports.empty());
    Require(rule.wire.size() <= 255 && rule.wire.back() == '\0');
  }
  for (const AddressRule& rule : policy.addresses) {
    Require(rule.prefix_bits <= 128 && (rule.protocol != 0 || rule.port == 0));
    Require(rule.rule_id >= 1 && rule.rule_id <= policy.rules.size() && rule.processes != 0);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  // An include shows the text to the loader a second time, in the other role.
  const IncludeReader reader = [&](const std::string& path) -> weir::Result<SourceFile> {
    return SourceFile{path, std::string(text)};
  };
  const LoadResult loaded = LoadText(text, ".github/egress.yml", reader);
  for (const Fault& fault : loaded.faults) Require(!fault.reason.empty() && !fault.suggestion.empty());
  const std::string shown = FormatFaults(loaded.faults, *loaded.policy.sources);
  for (const char c : shown) Require(c == '\n' || static_cast<unsigned char>(c) >= 0x20);
  (void)CheckJson("egress.yml", loaded.faults).dump();
  if (!loaded.ok()) return 0;

  CompileOptions options;
  options.today = kToday;
  const auto checked = Check(loaded.policy, kToday);
  const CompileResult compiled = Compile(loaded.policy, options);
  if (!compiled.ok()) return 0;
  CheckTables(compiled.policy);
  const LoadResult again = LoadText(compiled.policy.canonical_text, "canonical");
  Require(again.ok());
  const CompileResult recompiled = Compile(again.policy, options);
  Require(recompiled.ok() && recompiled.policy.digest == compiled.policy.digest);
  Require(Diff(compiled.policy, recompiled.policy).empty());
  Require(LoadText(RenderPolicy(loaded.policy), "rendered").ok());
  for (const char* endpoint : {"a.example.org", "10.0.0.1:80", "[2001:db8::1]"}) {
    Require(Explain(compiled.policy, {endpoint, "/usr/bin/npm"}).has_value());
  }
  return 0;
}

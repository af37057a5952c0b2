// SPDX-License-Identifier: Apache-2.0
// A policy as written: every rule with its position. Load it, show its faults, then compile it (compile.h).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/compiled.h"
#include "policy/date.h"
#include "policy/endpoint.h"
#include "policy/fault.h"
#include "sensor/base/result.h"

namespace weir::policy {

// Bounds. A policy comes from a repository that a stranger may have changed, so each is far above what people write
// and far below what hurts. 16 MiB hold 100,000 rules with reason, owner and processes.
inline constexpr std::size_t kMaxPolicyBytes = 16u << 20;  ///< of all files together
inline constexpr std::size_t kMaxPolicyNodes = 2'000'000;  ///< scalars, lists and maps of one file
inline constexpr std::size_t kMaxPolicyRules = 200'000;
inline constexpr std::size_t kMaxIncludeDepth = 8;
inline constexpr std::size_t kMaxIncludes = 64;
inline constexpr std::size_t kMaxFaults = 1'000;        ///< then one last fault counts the rest
inline constexpr std::size_t kMaxExecutableBytes = 59;  ///< file name in a `process:` list (bpf/abi.h)
inline constexpr std::size_t kMaxExecutablePathBytes = 1023;
inline constexpr std::size_t kMaxNoteBytes = 1024;  ///< reason, owner

struct Rule {
  Endpoint endpoint;
  std::string text;  ///< as written
  bool deny = false;
  std::vector<std::string> processes;  ///< absolute paths and file names, sorted, distinct; empty: any
  std::string reason;
  std::string owner;
  std::optional<Date> expires;  ///< last day (UTC) on which it holds
  Position at;
  friend bool operator==(const Rule&, const Rule&) = default;
};

struct JobPolicy {
  std::string name;  ///< id or name of the workflow job
  Position at;
  std::optional<Mode> mode;
  std::optional<OnDeny> on_deny;
  std::optional<Leftovers> leftovers;
  bool allow_none = false;
  std::vector<Rule> rules;
  std::map<std::string, std::string> guard;
  std::map<std::string, std::string> sockets;
};

struct Include {
  std::string path;  ///< relative to the root of the repository
  Position at;
};

struct Dns {
  bool system_resolvers = true;
  std::vector<Address> resolvers;
  std::uint64_t max_age_seconds = 0;  ///< 0: for the job
};

/// Lines of the files that were read, for carets under faults.
using SourceTexts = std::map<std::string, std::string>;

struct ParsedPolicy {
  std::string file;          ///< name of the top file in messages
  std::optional<Mode> mode;  ///< always set when the load had no error
  Position mode_at;
  OnDeny on_deny = OnDeny::kReport;
  std::optional<Leftovers> leftovers;  ///< not said: `report`, in a runner's job `kill` (sensor/runner/job_policy.h)
  bool allow_none = false;             ///< `allow: none`: nothing is to be reached, on purpose
  bool allow_all = false;              ///< `allow: all`: a host's policy that only denies (combine.h)
  std::vector<Rule> rules;             ///< of the top file, then of each include, as written
  std::vector<JobPolicy> jobs;
  std::vector<Include> includes;
  Dns dns;
  std::map<std::string, std::string> guard;    ///< class -> deny | report | allow; only what is written
  std::map<std::string, std::string> sockets;  ///< path of a unix socket -> deny | allow
  std::shared_ptr<const SourceTexts> sources = std::make_shared<SourceTexts>();
};

struct LoadResult {
  ParsedPolicy policy;  ///< what could be understood; not to be enforced when !ok()
  std::vector<Fault> faults;
  [[nodiscard]] bool ok() const { return !HasError(faults); }
};

/// An included file. `name` identifies it (two paths to one file have one name) and stands in messages.
struct SourceFile {
  std::string name;
  std::string text;
};

/// Reads an included file; the path is normal, relative to the root of the repository, and never leaves it lexically.
using IncludeReader = std::function<Result<SourceFile>(const std::string& path)>;

/// Reads a policy and its includes. Files outside `repository_root` are refused, also behind symbolic links; empty: the
/// folder of `path`. A file that cannot be read is a fault without line.
[[nodiscard]] LoadResult LoadFile(const std::filesystem::path& path, const std::filesystem::path& repository_root = {});

/// The same from memory. `name` is the path relative to the root of the repository. Without a reader every include is a
/// fault.
[[nodiscard]] LoadResult LoadText(std::string_view text, std::string_view name, const IncludeReader& reader = nullptr);

}  // namespace weir::policy

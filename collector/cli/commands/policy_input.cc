// SPDX-License-Identifier: Apache-2.0
#include "collector/cli/commands/policy_input.h"

#include <filesystem>
#include <iterator>
#include <string_view>
#include <utility>

#include "collector/cli/host/output_file.h"
#include "policy/compile.h"
#include "policy/policy.h"
#include "policy/render.h"
#include "policy/text.h"

namespace weir::cli {
namespace {

// Moves what is an error to `faults` and what is not to `warnings`.
void Sort(std::vector<policy::Fault> from, PolicyOutcome& outcome) {
  for (auto& fault : from) {
    auto& to = fault.severity == policy::Severity::kError ? outcome.faults : outcome.policy.warnings;
    to.push_back(std::move(fault));
  }
}

policy::CompileOptions OptionsOf(const PolicyWish& wish) {
  policy::CompileOptions options;
  options.job_id = wish.job;
  options.job_name = wish.job;
  options.mode = ModeOf(wish.mode);
  options.extra_source = "--allow";
  for (std::size_t i = 0; i < wish.allow.size(); ++i) {
    options.extra_allow.push_back({.text = wish.allow[i], .line = static_cast<int>(i) + 1, .column = 1});
  }
  return options;
}

}  // namespace

std::optional<policy::Mode> ModeOf(const std::string& word) {
  if (word == "audit") return policy::Mode::kAudit;
  if (word == "block") return policy::Mode::kBlock;
  return std::nullopt;
}

namespace {

// The folder above `path` that holds a repository; empty: none does.
std::filesystem::path RepositoryOf(const std::filesystem::path& path) {
  namespace fs = std::filesystem;
  std::error_code error;
  for (fs::path folder = path.parent_path(); !folder.empty(); folder = folder.parent_path()) {
    if (fs::exists(folder / ".git", error)) return folder;
    if (folder == folder.root_path()) break;
  }
  return {};
}

}  // namespace

policy::LoadResult LoadPolicyFile(const std::string& file) {
  std::error_code error;
  // A pipe has no place that includes could be relative to, so it may have none.
  const auto type = std::filesystem::status(file, error).type();
  if (type == std::filesystem::file_type::fifo || type == std::filesystem::file_type::character) {
    if (const auto text = ReadWholeFile(file, policy::kMaxPolicyBytes)) return policy::LoadText(*text, file);
  }
  const auto path = std::filesystem::weakly_canonical(file, error);
  const auto repository = error ? std::filesystem::path() : RepositoryOf(path);
  return repository.empty() ? policy::LoadFile(file) : policy::LoadFile(file, repository);
}

std::string NoteOnJob(const policy::ParsedPolicy& policy, const std::string& job) {
  if (job.empty() || policy.jobs.empty()) return "";
  std::vector<std::string_view> names;
  for (const policy::JobPolicy& entry : policy.jobs) {
    if (entry.name == job) return "";
    names.push_back(entry.name);
  }
  const std::string near = policy::Nearest(job, names);
  return policy.file + ": no entry of `jobs:` is called `" + job + "`, so only the top level holds" +
         (near.empty() ? "" : "; did you mean `" + near + "`?");
}

std::string PathInRepository(const std::string& file) {
  if (file.empty()) return {};
  std::error_code error;
  const auto path = std::filesystem::weakly_canonical(file, error);
  if (error) return {};
  const auto repository = RepositoryOf(path);
  return repository.empty() ? path.filename().string() : path.lexically_relative(repository).generic_string();
}

PolicyOutcome CheckPolicy(const PolicyWish& wish) {
  PolicyOutcome outcome;
  policy::ParsedPolicy parsed;
  outcome.sources = parsed.sources;
  if (wish.file.empty()) {
    parsed.mode = policy::Mode::kAudit;
    parsed.allow_none = true;
    if (wish.mode == "block" && wish.allow.empty()) {
      outcome.faults.push_back({.file = "--mode",
                                .reason = "block mode without a policy lets nothing out",
                                .suggestion = "give --policy FILE, or --allow ENDPOINT"});
      return outcome;
    }
  } else {
    auto loaded = LoadPolicyFile(wish.file);
    const bool ok = loaded.ok();
    outcome.sources = loaded.policy.sources;
    Sort(std::move(loaded.faults), outcome);
    if (!ok) return outcome;
    parsed = std::move(loaded.policy);
    outcome.policy.text = policy::RenderPolicy(parsed);
  }
  auto compiled = policy::Compile(parsed, OptionsOf(wish));
  Sort(std::move(compiled.faults), outcome);
  outcome.policy.mode = compiled.policy.mode;
  outcome.policy.on_deny = compiled.policy.on_deny;
  return outcome;
}

}  // namespace weir::cli

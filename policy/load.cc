// SPDX-License-Identifier: Apache-2.0
// Files and includes.
#include <algorithm>
#include <cstring>
#include <set>

#include "policy/policy.h"
#include "policy/reader.h"
#include "policy/source.h"
#include "policy/text.h"
#include "policy/yaml_tree.h"

namespace weir::policy {
namespace {

namespace fs = std::filesystem;

// The file's real place relative to the root; links are followed first, so that one that leads out is seen. (Who can
// change the tree between this look and the read can as well write the policy.)
Result<SourceFile> ReadBelow(const fs::path& root, const fs::path& path) {
  std::error_code error;
  const fs::path real = fs::canonical(path, error);
  if (error) return FailErrno("cannot be read", error.value());
  const fs::path relative = real.lexically_relative(root);
  if (relative.empty() || *relative.begin() == "..") {
    return Fail(Code::kPrivilege, "lies outside the repository (" + Printable(root.string()) + ")");
  }
  auto text = ReadRegularFile(real);
  if (!text) return tl::unexpected(std::move(text).error());
  return SourceFile{relative.generic_string(), *std::move(text)};
}

class Loader {
 public:
  explicit Loader(const IncludeReader& reader) : reader_(reader) {}

  LoadResult Run(std::string name, std::string_view text) && {
    result_.policy.file = name;
    Load(name, text, 0);
    result_.policy.sources = std::make_shared<const SourceTexts>(std::move(sources_));
    result_.faults = faults_.Take();
    return std::move(result_);
  }

 private:
  void Load(const std::string& name, std::string_view text, std::size_t depth) {
    bytes_ += text.size();
    if (bytes_ > kMaxPolicyBytes) {
      faults_.Error({name, 1, 1}, "the policy with its includes is " + TooLarge(),
                    "use prefixes and wildcards, or a policy of its own for each job");
      return;
    }
    open_.push_back(name);
    seen_.insert(name);
    const std::string clean = CheckBytes(text, name, &faults_);
    YamlNode tree = ParseYaml(clean, name, &faults_);
    // Text that is no YAML was reported as that; "is empty" and "is missing" would be consequences.
    const bool unreadable = tree.kind == YamlNode::Kind::kNull && faults_.errors() > 0;
    std::vector<Include> includes;
    if (!unreadable) includes = Reader(name, &result_.policy, &rules_read_, &faults_).Read(tree, depth > 0);
    tree = {};
    sources_[name] = std::string(text);
    for (const Include& include : includes) FollowInclude(include, name, depth);
    open_.pop_back();
  }

  void FollowInclude(const Include& include, const std::string& from, std::size_t depth) {
    const auto fault = [&](const std::string& reason, std::string suggestion) {
      faults_.Error(include.at, "include `" + Printable(include.path) + "`: " + reason, std::move(suggestion));
    };
    if (include.path != Printable(include.path)) return fault("control or invisible characters", "rename the file");
    const fs::path written(include.path);
    if (written.is_absolute()) {
      return fault("an absolute path", "write a path relative to this file; includes stay within the repository");
    }
    const std::string path = (fs::path(from).parent_path() / written).lexically_normal().generic_string();
    if (path == ".." || path.starts_with("../")) {
      return fault("leads out of the repository",
                   "copy the file into the repository: what is enforced is reviewed there");
    }
    if (depth + 1 > kMaxIncludeDepth) {
      return fault("nested deeper than " + std::to_string(kMaxIncludeDepth) + " files", "include it from the top file");
    }
    if (++includes_ > kMaxIncludes) {
      if (includes_ == kMaxIncludes + 1) {
        fault("more than " + std::to_string(kMaxIncludes) + " includes", "merge some of the files");
      }
      return;
    }
    if (!reader_) return fault("includes cannot be read here", "merge the files first");
    const auto file = reader_(path);
    if (!file) return fault(file.error().what, Remedy(file.error(), include.path, path));
    if (std::find(open_.begin(), open_.end(), file->name) != open_.end()) {
      return fault("a loop: the file includes itself", "remove one of the includes");
    }
    result_.policy.includes.push_back({file->name, include.at});
    if (seen_.contains(file->name)) {
      faults_.Warn(include.at, "`" + Printable(file->name) + "` is included twice", "remove one of the includes");
      return;
    }
    Load(file->name, file->text, depth + 1);
  }

  // Paths written from the root of the repository are the usual mistake.
  std::string Remedy(const Error& error, const std::string& written, const std::string& resolved) const {
    if (error.sys_errno != ENOENT) return "include regular files of this repository";
    if (reader_(fs::path(written).lexically_normal().generic_string())) {
      return "paths are relative to the file that includes: `" + Printable(resolved) + "` was looked for";
    }
    return "check the path: `" + Printable(resolved) + "` was looked for";
  }

  const IncludeReader& reader_;
  LoadResult result_;
  FaultSink faults_;
  SourceTexts sources_;
  std::vector<std::string> open_;  // from the top file to the current one
  std::set<std::string> seen_;
  std::size_t bytes_ = 0, includes_ = 0, rules_read_ = 0;
};

LoadResult Unreadable(const std::string& name, const std::string& reason, std::string suggestion) {
  LoadResult result;
  result.policy.file = name;
  result.faults.push_back(MakeFault({name, 0, 0}, reason, std::move(suggestion)));
  return result;
}

}  // namespace

LoadResult LoadText(std::string_view text, std::string_view name, const IncludeReader& reader) {
  return Loader(reader).Run(fs::path(name).lexically_normal().generic_string(), text);
}

LoadResult LoadFile(const fs::path& path, const fs::path& repository_root) {
  std::error_code error;
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  const fs::path root = fs::canonical(repository_root.empty() ? folder : repository_root, error);
  if (error) {
    return Unreadable(path.string(), "cannot be read: " + error.message(),
                      "check the path; `weir policy suggest` writes a policy from audited runs");
  }
  auto file = ReadBelow(root, path);
  if (!file) {
    return Unreadable(path.string(), file.error().what,
                      file.error().sys_errno == ENOENT
                          ? "check the path; `weir policy suggest` writes a policy from audited runs"
                          : "name a readable regular file within the repository");
  }
  const IncludeReader reader = [&](const std::string& include) { return ReadBelow(root, root / include); };
  return LoadText(file->text, file->name, reader);
}

}  // namespace weir::policy

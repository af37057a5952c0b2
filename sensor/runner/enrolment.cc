// SPDX-License-Identifier: Apache-2.0
#include "sensor/runner/enrolment.h"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <sstream>

#include "policy/format.h"
#include "policy/yaml_tree.h"

namespace weir::runner {
namespace {

namespace fs = std::filesystem;
using policy::YamlNode;

class EnrolmentReader {
 public:
  EnrolmentReader(std::string file, policy::FaultSink& faults) : file_(std::move(file)), faults_(faults) {}

  Enrolment Read(const YamlNode& root) {
    Enrolment enrolment;
    std::string version, directory, user, scope = "job";
    ReadMap(root, {{"version", Text(version)},
                   {"directory", Text(directory)},
                   {"user", Text(user)},
                   {"scope", Text(scope)},
                   {"policies", Each([&](const YamlNode& item) { enrolment.policies.push_back(Choice(item)); })},
                   {"endpoints", Each([&](const YamlNode& item) { enrolment.endpoints.push_back(item.value); })}});
    if (version != "1") Fault(root, "`version` is not 1", "write `version: 1`");
    if (scope != "job" && scope != "host")
      Fault(root, "`scope` is `" + scope + "`", "write `scope: job` or `scope: host`");
    enrolment.host = scope == "host";
    enrolment.directory = directory;
    if (!enrolment.directory.is_absolute())
      Fault(root, "`directory` is no absolute path", "write the runner's directory, the one with `bin` in it");
    const passwd* known = ::getpwnam(user.c_str());
    if (known == nullptr || known->pw_uid == 0) {
      Fault(root, "`user` is no user of this host, or root", "write the name of the user that the runner runs as");
    } else {
      enrolment.uid = known->pw_uid;
    }
    for (const std::string& text : enrolment.endpoints) {
      for (const auto& fault : policy::ParseEndpoint(text, policy::ListKind::kAllow).faults)
        if (fault.severity == policy::Severity::kError) Fault(root, text + ": " + fault.reason, fault.suggestion);
    }
    return enrolment;
  }

 private:
  using Handler = std::function<void(const YamlNode&)>;

  void Fault(const YamlNode& node, std::string reason, std::string suggestion) {
    faults_.Error({file_, node.line, node.column}, std::move(reason), std::move(suggestion));
  }

  void ReadMap(const YamlNode& map, const std::map<std::string, Handler>& keys) {
    if (map.kind != YamlNode::Kind::kMap) return Fault(map, "must be a map", "write `key: value` lines");
    for (std::size_t i = 0; i + 1 < map.items.size(); i += 2) {
      const auto known = keys.find(map.items[i].value);
      if (known != keys.end()) {
        known->second(map.items[i + 1]);
      } else {
        Fault(map.items[i], "unknown key `" + map.items[i].value + "`", "see docs/runner.md");
      }
    }
  }

  Handler Text(std::string& into) {
    return [this, &into](const YamlNode& value) {
      if (value.kind != YamlNode::Kind::kScalar) Fault(value, "must be one value", "see docs/runner.md");
      into = value.value;
    };
  }

  Handler Each(Handler item) {
    return [this, item = std::move(item)](const YamlNode& value) {
      if (value.kind != YamlNode::Kind::kList) return Fault(value, "must be a list", "write `- item` lines below it");
      for (const YamlNode& one : value.items) item(one);
    };
  }

  PolicyChoice Choice(const YamlNode& item) {
    PolicyChoice choice;
    std::string file, use = "narrow";
    ReadMap(item, {{"repository", Text(choice.repository)},
                   {"workflow", Text(choice.workflow)},
                   {"job", Text(choice.job)},
                   {"policy", Text(file)},
                   {"repository_policy", Text(use)}});
    choice.policy = file;
    if (!file.empty() && !choice.policy.is_absolute())
      Fault(item, "`policy` is no absolute path", "write the path of a policy file that only root may write");
    if (use == "require") choice.repository_policy = RepositoryPolicy::kRequire;
    if (use == "ignore") choice.repository_policy = RepositoryPolicy::kIgnore;
    if (use != "narrow" && use != "require" && use != "ignore")
      Fault(item, "`repository_policy` is none of its values", "write `narrow`, `require` or `ignore`");
    return choice;
  }

  std::string file_;
  policy::FaultSink& faults_;
};

Result<std::string> ReadOwnFile(const fs::path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return FailErrno("read " + path.string(), errno);
  if ((info.st_uid != 0 && info.st_uid != ::geteuid()) || (info.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return Fail(Code::kPrivilege, path.string() + ": others than root may write it; not believed");
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  if (!file) return Fail(Code::kInvalid, path.string() + " cannot be read, or is empty");
  return text.str();
}

}  // namespace

Result<std::vector<Enrolment>> LoadEnrolments(const fs::path& directory) {
  std::vector<Enrolment> all;
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error))
    if (entry->path().extension() == ".yml") files.push_back(entry->path());
  if (error && error != std::errc::no_such_file_or_directory)
    return FailErrno("read " + directory.string(), error.value());
  std::sort(files.begin(), files.end());
  policy::FaultSink faults;
  for (const fs::path& path : files) {
    const auto text = ReadOwnFile(path);
    WEIR_TRY(text);
    const std::string clean = policy::CheckBytes(*text, path.string(), &faults);
    all.push_back(EnrolmentReader(path.string(), faults).Read(policy::ParseYaml(clean, path.string(), &faults)));
    all.back().name = path.stem().string();
  }
  if (faults.errors() != 0) return Fail(Code::kInvalid, policy::FormatFaults(faults.Take(), {}));
  return all;
}

bool MatchesPattern(std::string_view pattern, std::string_view text) {
  const std::size_t star = pattern.find('*');
  if (star == pattern.npos) return pattern == text;
  if (!text.starts_with(pattern.substr(0, star))) return false;
  text.remove_prefix(star);
  pattern.remove_prefix(star + 1);
  // The last part must end the text; each other one is taken where it comes first.
  for (std::size_t next = pattern.find('*'); next != pattern.npos; next = pattern.find('*')) {
    const std::size_t at = text.find(pattern.substr(0, next));
    if (at == text.npos) return false;
    text.remove_prefix(at + next);
    pattern.remove_prefix(next + 1);
  }
  return text.ends_with(pattern);
}

const PolicyChoice* ChoosePolicy(const Enrolment& enrolment, const Labels& labels) {
  const auto fits = [&labels](const char* key, const std::string& pattern) {
    const auto label = labels.find(key);
    return MatchesPattern(pattern, label == labels.end() ? std::string_view() : std::string_view(label->second));
  };
  for (const PolicyChoice& choice : enrolment.policies) {
    if (fits("repository", choice.repository) && fits("workflow", choice.workflow) && fits("job", choice.job))
      return &choice;
  }
  return nullptr;
}

}  // namespace weir::runner

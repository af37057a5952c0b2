// SPDX-License-Identifier: Apache-2.0
#include "settings/settings.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "policy/format.h"
#include "policy/map_reader.h"
#include "policy/policy.h"
#include "policy/source.h"
#include "policy/text.h"
#include "policy/yaml_tree.h"

namespace weir {
namespace {

constexpr const char* kConfig = "--config";

/// From "--pin-dir" to "pin_dir".
std::string KeyOf(const CLI::Option& option) {
  std::string key = option.get_lnames().empty() ? std::string() : option.get_lnames().front();
  std::replace(key.begin(), key.end(), '-', '_');
  return key;
}

/// Options that may stand in a file, by key.
std::map<std::string, CLI::Option*> OptionsOf(CLI::App& app, const std::vector<std::string>& reserved) {
  std::map<std::string, CLI::Option*> options;
  for (CLI::Option* option : app.get_options()) {
    const std::string key = KeyOf(*option);
    const bool about_the_program = option == app.get_help_ptr() || option == app.get_version_ptr();
    if (key.empty() || key == "config" || about_the_program) continue;
    if (std::any_of(reserved.begin(), reserved.end(), [&](const auto& name) { return option->check_lname(name); }))
      continue;
    options.emplace(key, option);
  }
  return options;
}

/// One file's values on their way to the options.
class Settings : private policy::MapReader {
 public:
  Settings(std::string file, policy::FaultSink* faults) : MapReader(std::move(file), faults) {}

  void Read(const policy::YamlNode& root, const std::map<std::string, CLI::Option*>& options) {
    std::vector<Key> keys;
    for (const auto& [name, option] : options) {
      keys.push_back({name, [this, option = option](const policy::YamlNode& key, const policy::YamlNode& value) {
                        Take(key, value, option);
                      }});
    }
    ReadMap(root, "the settings", keys);
  }

 private:
  /// Also when the command line has the last word: a fault in a file is one on the day that the flag is gone.
  void Take(const policy::YamlNode& key, const policy::YamlNode& value, CLI::Option* option) {
    std::vector<std::string> texts;
    if (option->get_expected_max() > 1 && value.kind == policy::YamlNode::Kind::kList) {
      for (const policy::YamlNode& item : value.items) {
        if (const std::string* text = Scalar(key, item, Example(*option))) texts.push_back(*text);
      }
      if (texts.size() != value.items.size()) return;
    } else if (value.kind == policy::YamlNode::Kind::kScalar && value.quoted && value.value.empty()) {
      texts.emplace_back();  // `collector: ""` is none
    } else if (const std::string* text = Scalar(key, value, Example(*option))) {
      texts.push_back(*text);
    }
    if (!texts.empty()) Give(value, std::move(texts), option);
  }

  void Give(const policy::YamlNode& value, std::vector<std::string> texts, CLI::Option* option) {
    const auto given = option->results();
    try {
      option->clear();
      option->add_result(std::move(texts));
      option->run_callback();
    } catch (const CLI::Error& error) {
      faults_->Error(At(value), policy::Printable(error.what()),
                     "`" + KeyOf(*option) + "` is what --" + option->get_lnames().front() + " takes: see --help");
    }
    if (given.empty()) return;
    option->clear();
    option->add_result(given);
    option->run_callback();
  }

  static std::string Example(const CLI::Option& option) {
    const std::string usual = option.get_default_str();
    return usual.empty() ? option.get_type_name() : usual;
  }
};

Error Unreadable(const std::string& file, const std::string& why) {
  return {Code::kInvalid, 0, file + ": error: " + why};
}

}  // namespace

void AddSettingsOption(CLI::App& app, const std::string& usual) {
  app.add_option(std::string(kConfig))
      ->description("Settings file in YAML; the command line goes first. The default need not exist")
      ->type_name("FILE")
      ->default_str(usual);
}

Result<> ReadSettings(CLI::App& app, const std::vector<std::string>& reserved) {
  const CLI::Option* config = app.get_option(kConfig);
  const bool given = config->count() > 0;
  const std::string file = given ? config->results().front() : config->get_default_str();
  std::error_code error;
  if (!given && !std::filesystem::exists(file, error) && !error) return {};
  auto text = policy::ReadRegularFile(file);
  if (!text) return tl::unexpected(Unreadable(file, text.error().what));
  policy::FaultSink faults;
  const policy::YamlNode tree = policy::ParseYaml(policy::CheckBytes(*text, file, &faults), file, &faults);
  // A file with comments only is one that leaves everything as it is.
  if (tree.kind != policy::YamlNode::Kind::kNull) Settings(file, &faults).Read(tree, OptionsOf(app, reserved));
  if (faults.errors() == 0) return {};
  std::string all = policy::FormatFaults(faults.Take(), {{file, *text}});
  while (all.ends_with('\n')) all.pop_back();
  return Fail(Code::kInvalid, std::move(all));
}

}  // namespace weir

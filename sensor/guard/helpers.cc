// SPDX-License-Identifier: Apache-2.0
#include "sensor/guard/helpers.h"

#include <array>
#include <fstream>
#include <string>
#include <system_error>

namespace weir::guard {
namespace {

namespace fs = std::filesystem;

// call_usermodehelper() in security/keys/request_key.c, net/bridge/br_stp_if.c; relative to the root.
constexpr std::array kPrograms = {"sbin/request-key", "sbin/bridge-stp"};

// That act within the hour. Those that act once a day are written by every other package.
constexpr std::array kTables = {"etc/crontab",          "etc/cron.d",       "etc/cron.hourly",   "var/spool/cron",
                                "var/spool/at",         "etc/modprobe.d",   "etc/modprobe.conf", "run/modprobe.d",
                                "etc/request-key.conf", "etc/request-key.d"};

/// The program of a setting: a command, or of core_pattern what stands behind the '|'.
std::string ProgramOf(const fs::path& setting, bool behind_bar) {
  std::ifstream file(setting);
  std::string text;
  std::getline(file, text);
  if (behind_bar) {
    if (!text.starts_with('|')) return {};
    text.erase(0, 1);
  }
  return text.substr(0, text.find(' '));
}

}  // namespace

std::vector<HelperFile> FindHelpers(const fs::path& root, const fs::path& kernel_settings) {
  std::vector<HelperFile> found;
  std::error_code ignored;
  const auto add_program = [&](const fs::path& program) {
    if (!program.empty() && fs::is_regular_file(root / program.relative_path(), ignored))
      found.push_back({root / program.relative_path(), false});
  };
  for (const char* setting : {"modprobe", "poweroff_cmd"}) add_program(ProgramOf(kernel_settings / setting, false));
  add_program(ProgramOf(kernel_settings / "core_pattern", true));
  for (const char* program : kPrograms) add_program(program);
  for (const char* table : kTables) {
    const fs::file_status status = fs::symlink_status(root / table, ignored);
    if (fs::is_regular_file(status) || fs::is_directory(status))
      found.push_back({root / table, fs::is_directory(status)});
  }
  return found;
}

}  // namespace weir::guard

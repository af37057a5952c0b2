// SPDX-License-Identifier: Apache-2.0
// First look at a policy file's bytes. Internal to the policy library.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "policy/fault.h"
#include "sensor/base/result.h"

namespace weir::policy {

/// Gathers faults up to a bound; what is beyond is counted in one last fault.
class FaultSink {
 public:
  void Add(Fault fault);
  void Error(const Position& at, std::string reason, std::string suggestion) {
    Add(MakeFault(at, std::move(reason), std::move(suggestion)));
  }
  void Warn(const Position& at, std::string reason, std::string suggestion) {
    Add(MakeFault(at, std::move(reason), std::move(suggestion), Severity::kWarning));
  }
  [[nodiscard]] std::size_t errors() const { return errors_; }
  /// Sorted by file (in order of first fault), line and column.
  [[nodiscard]] std::vector<Fault> Take();

 private:
  std::vector<Fault> faults_;
  std::size_t errors_ = 0, left_out_ = 0;
  Fault first_left_out_;
};

/// "larger than …"
[[nodiscard]] std::string TooLarge();

/// The bytes of a regular file, up to kMaxPolicyBytes. The error says why not, without the path.
[[nodiscard]] Result<std::string> ReadRegularFile(const std::filesystem::path& path);

/// Checks encoding, line ends, tabs and deceptive characters, and returns the text that the YAML parser is to read:
/// without byte order mark and with LF line ends, so that columns stay those of the file.
[[nodiscard]] std::string CheckBytes(std::string_view text, const std::string& file, FaultSink* faults);

}  // namespace weir::policy

// SPDX-License-Identifier: Apache-2.0
// Where a report goes.
#pragma once

#include <string>
#include <string_view>

#include "sensor/base/fd.h"
#include "sensor/base/result.h"

namespace weir::cli {

/// A file to be written whole or not at all, or standard output.
///
/// Opened before the job runs and written after it: a missing directory is told before any work is done, and a job
/// that puts another directory or a link in its place does not redirect what root writes.
class OutputFile {
 public:
  /// `path` "-" is standard output. Errors: kNotFound, kPrivilege, kInvalid (a directory).
  [[nodiscard]] static Result<OutputFile> Open(const std::string& path);

  /// Replaces the file by rename, which never follows a link at its end. What exists and is no regular file (a FIFO,
  /// /dev/stderr) is written to.
  [[nodiscard]] Result<> Write(std::string_view content) const;

  [[nodiscard]] bool standard_output() const { return !directory_; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  OutputFile(std::string path, Fd directory, std::string name, Fd stream);

  std::string path_;
  Fd directory_;
  std::string name_;
  Fd stream_;  // open when the target is no regular file
};

/// Writes all of it. EINTR and short writes are handled.
[[nodiscard]] Result<> WriteWhole(int fd, std::string_view content, const std::string& what);

/// A text file of at most `limit_bytes`. Errors name the path.
[[nodiscard]] Result<std::string> ReadWholeFile(const std::string& path, std::size_t limit_bytes);

}  // namespace weir::cli

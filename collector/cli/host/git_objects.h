// SPDX-License-Identifier: Apache-2.0
// A file as it stands in a commit, out of a working copy that nobody trusts.
#pragma once

#include <filesystem>
#include <string>

#include "sensor/base/result.h"

namespace weir::cli {

/// Reads `path` at `commit` from the objects of the repository in `workspace`, which earlier jobs may have written. Its
/// configuration is not read (it can name programs to run), and every object is hashed: what does not have its name is
/// refused. kNotFound: no repository, no such commit or file. kInvalid: an object is not what its name says.
[[nodiscard]] Result<std::string> ReadFileAtCommit(const std::filesystem::path& workspace, const std::string& commit,
                                                   const std::filesystem::path& path);

}  // namespace weir::cli

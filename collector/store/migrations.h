// SPDX-License-Identifier: Apache-2.0
// The database's shape, as a list of numbered steps that were never changed after they were released.
#pragma once

#include <span>
#include <string_view>

#include "collector/store/sqlite.h"

namespace weir::store {

struct Migration {
  int version;  ///< 1, 2, 3 …
  std::string_view name;
  std::string_view sql;
};

[[nodiscard]] std::span<const Migration> Migrations();

/// Brings an empty or older database to the newest version, in one transaction. Refuses a database that is not Weir's
/// (kInvalid) and one that a newer Weir has made (kUnsupported). `path` is for messages.
[[nodiscard]] Result<> Migrate(Database& database, std::string_view path);

}  // namespace weir::store

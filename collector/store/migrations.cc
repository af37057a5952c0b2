// SPDX-License-Identifier: Apache-2.0
#include "collector/store/migrations.h"

#include <chrono>
#include <string>

namespace weir::store {
namespace {

// "WEIR" in the database's header (sqlite.org/fileformat2.html#application_id): tells our files from foreign ones.
constexpr std::int64_t kApplicationId = 0x57454952;

std::int64_t NowNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

Result<std::int64_t> VersionOf(Database& database, std::string_view path) {
  auto application = database.QueryInteger("PRAGMA application_id");
  if (!application) return application;
  auto tables = database.QueryInteger("SELECT COUNT(*) FROM sqlite_master");
  if (!tables) return tables;
  if (*tables == 0 && *application == 0) return 0;
  if (*application != kApplicationId) {
    return Fail(Code::kInvalid, std::string(path) + ": is a SQLite database, but not one of Weir's; name another file");
  }
  return database.QueryInteger("SELECT COALESCE(MAX(version), 0) FROM migrations");
}

Result<> Apply(Database& database, const Migration& migration) {
  WEIR_TRY(database.Execute(std::string(migration.sql)));
  auto insert = database.Prepare("INSERT INTO migrations (version, name, applied_ns) VALUES (?, ?, ?)");
  if (!insert) return tl::unexpected<Error>(std::move(insert).error());
  return insert->Run(migration.version, migration.name, NowNs());
}

}  // namespace

Result<> Migrate(Database& database, std::string_view path) {
  // Another process may open the same file now; whoever comes second finds the work done.
  auto transaction = Transaction::Begin(database, Transaction::Kind::kWrite);
  if (!transaction) return tl::unexpected<Error>(std::move(transaction).error());
  auto version = VersionOf(database, path);
  if (!version) return tl::unexpected<Error>(std::move(version).error());
  const std::int64_t newest = Migrations().back().version;
  if (*version > newest) {
    return Fail(Code::kUnsupported, std::string(path) + ": has database version " + std::to_string(*version) +
                                        ", this Weir knows up to " + std::to_string(newest) +
                                        "; use the newer Weir that made it, or name another file");
  }
  if (*version == newest) return {};
  WEIR_TRY(database.Execute("PRAGMA application_id = " + std::to_string(kApplicationId)));
  WEIR_TRY(
      database.Execute("CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL, "
                       "applied_ns BIGINT NOT NULL)"));
  for (const Migration& migration : Migrations()) {
    if (migration.version > *version) WEIR_TRY(Apply(database, migration));
  }
  return transaction->Commit();
}

}  // namespace weir::store

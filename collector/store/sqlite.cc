// SPDX-License-Identifier: Apache-2.0
#include "collector/store/sqlite.h"

#include <sys/stat.h>

#include <tuple>
#include <utility>

namespace weir::store {
namespace {

/// The one place that turns SQLite's result codes (sqlite.org/rescode.html) into errors.
tl::unexpected<Error> Failure(sqlite3* handle, int result) {
  const std::string what = std::string("database: ") + sqlite3_errmsg(handle);
  const int sys_errno = sqlite3_system_errno(handle);
  switch (result & 0xff) {
    case SQLITE_FULL: return Fail(Code::kExhausted, what + " (no space left for the database)", ENOSPC);
    case SQLITE_INTERRUPT:
      return Fail(Code::kExhausted, "the question was given up, or took too long; ask about less or about fewer jobs");
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return Fail(Code::kUnavailable, what, EBUSY);
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_CANTOPEN: return Fail(Code::kPrivilege, what, sys_errno);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return Fail(Code::kInvalid, what, sys_errno);
    case SQLITE_IOERR: return Fail(Code::kUnavailable, what, sys_errno);
    default: return Fail(Code::kInternal, what, sys_errno);
  }
}

}  // namespace

Error WhileServing(Error error) {
  if (error.code == Code::kInvalid || error.code == Code::kPrivilege) error.code = Code::kUnavailable;
  return error;
}

Result<bool> Statement::Step() {
  const int result = sqlite3_step(statement_.get());
  if (result == SQLITE_ROW) return true;
  sqlite3* handle = sqlite3_db_handle(statement_.get());
  if (result == SQLITE_DONE) {
    Reset();
    return false;
  }
  auto failure = Failure(handle, result);
  Reset();
  return failure;
}

Result<> Statement::Finish() {
  auto row = Step();
  if (!row) return tl::unexpected<Error>(std::move(row).error());
  while (row && *row) row = Step();
  if (!row) return tl::unexpected<Error>(std::move(row).error());
  return {};
}

Result<std::int64_t> Statement::FinishReturning() {
  auto row = Step();
  if (!row) return tl::unexpected<Error>(std::move(row).error());
  if (!*row) return Fail(Code::kInternal, "database: a statement returned no row");
  const std::int64_t value = Integer(0);
  WEIR_TRY(Finish());  // an INSERT is complete only when it was stepped to its end
  return value;
}

std::string_view Statement::View(int column) const {
  // Blob, not text: sqlite3_column_text would convert, and bytes after a NUL must stay.
  const void* data = sqlite3_column_blob(statement_.get(), column);
  const int bytes = sqlite3_column_bytes(statement_.get(), column);
  return data == nullptr ? std::string_view()
                         : std::string_view(static_cast<const char*>(data), static_cast<std::size_t>(bytes));
}

Result<Database> Database::Open(const std::filesystem::path& path, int busy_ms) {
  // What jobs did is nobody else's business; SQLite itself would make it 0644, and gives -wal and -shm the same mode.
  // By mknod, because closing a descriptor of the file would drop the locks that another thread holds on it. Where it
  // fails, opening says why.
  std::ignore = ::mknod(path.c_str(), S_IFREG | S_IRUSR | S_IWUSR, 0);
  sqlite3* handle = nullptr;
  // NOMUTEX: each connection belongs to one thread at a time (store.h).
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const int result = sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
  if (handle == nullptr) return Fail(Code::kExhausted, "database: out of memory", ENOMEM);
  Database database(handle);
  if (result != SQLITE_OK) return Failure(handle, result);
  sqlite3_busy_timeout(handle, busy_ms);
  return database;
}

Result<> Database::Execute(const std::string& sql) {
  const int result = sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (result != SQLITE_OK) return Failure(handle_.get(), result);
  return {};
}

Result<Statement> Database::Prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int result = sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (result != SQLITE_OK) return Failure(handle_.get(), result);
  return Statement(statement);
}

void Database::SetStop(const Stop* stop) {
  constexpr int kInstructions = 50000;  // of SQLite's machine, some milliseconds
  const auto asked = [](void* of) { return (*static_cast<const Stop*>(of))() ? 1 : 0; };
  const bool set = stop != nullptr && *stop;
  sqlite3_progress_handler(handle_.get(), set ? kInstructions : 0, set ? +asked : nullptr, const_cast<Stop*>(stop));
}

Result<std::int64_t> Database::QueryInteger(std::string_view sql) {
  auto statement = Prepare(sql);
  if (!statement) return tl::unexpected<Error>(std::move(statement).error());
  auto row = statement->Step();
  if (!row) return tl::unexpected<Error>(std::move(row).error());
  if (!*row) return Fail(Code::kNotFound, "database: no row");
  return statement->Integer(0);
}

Result<Transaction> Transaction::Begin(Database& database, Kind kind) {
  // IMMEDIATE: a write transaction that began as a reader cannot wait for another process's lock.
  WEIR_TRY(database.Execute(kind == Kind::kWrite ? "BEGIN IMMEDIATE" : "BEGIN"));
  return Transaction(database);
}

Transaction::~Transaction() {
  // A failed rollback means that SQLite has rolled back already (disk full, I/O error): nothing is left to undo.
  if (database_ != nullptr) std::ignore = database_->Execute("ROLLBACK");
}

Result<> Transaction::Commit() {
  WEIR_TRY(database_->Execute("COMMIT"));
  database_ = nullptr;
  return {};
}

}  // namespace weir::store

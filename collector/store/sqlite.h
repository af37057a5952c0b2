// SPDX-License-Identifier: Apache-2.0
// Owners of a SQLite connection and of its prepared statements.
#pragma once

#include <sqlite3.h>

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "collector/store/stop.h"
#include "sensor/base/result.h"

namespace weir::store {

/// An error of a database that was opened in order: what it could not do is no fault of who asked (kInvalid,
/// kPrivilege), who shall ask again later (kUnavailable).
[[nodiscard]] Error WhileServing(Error error);

/// Bytes without an encoding, for columns that are not text.
struct Blob {
  std::string_view bytes;
};

/// A prepared statement. Text and blobs are bound without a copy: they must live until Step has returned false or
/// Reset was called. Not thread-safe, as its connection.
class Statement {
 public:
  /// Binds from parameter 1 on and steps until done. For statements that return no rows.
  template <typename... Values>
  [[nodiscard]] Result<> Run(const Values&... values) {
    BindAll(values...);
    return Finish();
  }

  /// The same for a statement that returns one number (`INSERT … RETURNING`).
  template <typename... Values>
  [[nodiscard]] Result<std::int64_t> RunReturning(const Values&... values) {
    BindAll(values...);
    return FinishReturning();
  }

  /// Binds from parameter 1 on; then Step gives the rows.
  template <typename... Values>
  void Start(const Values&... values) {
    BindAll(values...);
  }

  /// True: a row is there. False: no more rows; the statement is reset.
  [[nodiscard]] Result<bool> Step();
  /// Calls `take(const Statement&)` for each row.
  template <typename Take>
  [[nodiscard]] Result<> ForEach(Take take) {
    for (;;) {
      auto row = Step();
      if (!row) return tl::unexpected<Error>(std::move(row).error());
      if (!*row) return {};
      take(*this);
    }
  }
  void Reset() { sqlite3_reset(statement_.get()); }

  /// Columns count from 0. Views hold until the next Step or Reset.
  [[nodiscard]] std::int64_t Integer(int column) const { return sqlite3_column_int64(statement_.get(), column); }
  [[nodiscard]] std::uint64_t Unsigned(int column) const { return static_cast<std::uint64_t>(Integer(column)); }
  [[nodiscard]] std::uint32_t Unsigned32(int column) const { return static_cast<std::uint32_t>(Integer(column)); }
  [[nodiscard]] bool Boolean(int column) const { return Integer(column) != 0; }
  [[nodiscard]] std::string_view View(int column) const;
  [[nodiscard]] std::string Text(int column) const { return std::string(View(column)); }

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}

  template <typename... Values>
  void BindAll(const Values&... values) {
    int index = 0;
    (Bind(++index, values), ...);
  }
  // Unsigned 64-bit numbers keep their bits in SQLite's (and PostgreSQL's) signed ones.
  template <std::integral T>
  void Bind(int index, T value) {
    sqlite3_bind_int64(statement_.get(), index, static_cast<sqlite3_int64>(value));
  }
  template <typename T>
  requires std::is_enum_v<T>
  void Bind(int index, T value) { sqlite3_bind_int64(statement_.get(), index, static_cast<sqlite3_int64>(value)); }
  void Bind(int index, std::string_view text) {
    sqlite3_bind_text64(statement_.get(), index, text.data() != nullptr ? text.data() : "", text.size(), SQLITE_STATIC,
                        SQLITE_UTF8);
  }
  void Bind(int index, Blob blob) {
    sqlite3_bind_blob64(statement_.get(), index, blob.bytes.data() != nullptr ? blob.bytes.data() : "",
                        blob.bytes.size(), SQLITE_STATIC);
  }
  [[nodiscard]] Result<> Finish();
  [[nodiscard]] Result<std::int64_t> FinishReturning();

  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

/// A connection. Used by one thread at a time.
class Database {
 public:
  /// Opens or creates (mode 0600); waits up to `busy_ms` for other processes' locks in each later call.
  [[nodiscard]] static Result<Database> Open(const std::filesystem::path& path, int busy_ms);

  [[nodiscard]] Result<> Execute(const std::string& sql);
  [[nodiscard]] Result<Statement> Prepare(std::string_view sql);
  /// From now on queries end with kExhausted as soon as `stop`, which must outlive them, says so; null: never.
  void SetStop(const Stop* stop);
  /// First column of the first row; kNotFound when there is none.
  [[nodiscard]] Result<std::int64_t> QueryInteger(std::string_view sql);

 private:
  struct Close {
    void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
  };
  explicit Database(sqlite3* handle) : handle_(handle) {}
  std::unique_ptr<sqlite3, Close> handle_;
};

/// A write or read transaction; rolls back unless Commit succeeded.
class Transaction {
 public:
  enum class Kind { kRead, kWrite };
  [[nodiscard]] static Result<Transaction> Begin(Database& database, Kind kind);
  Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();
  [[nodiscard]] Result<> Commit();

 private:
  explicit Transaction(Database& database) : database_(&database) {}
  Database* database_;
};

}  // namespace weir::store

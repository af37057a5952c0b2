// SPDX-License-Identifier: Apache-2.0
#include "collector/store/store.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "collector/store/appender.h"
#include "collector/store/migrations.h"
#include "collector/store/reader.h"

namespace weir::store {
namespace {

// Pages of the log between checkpoints: 16 MiB, so that a busy ingest does not copy the same index pages back too
// often.
constexpr int kCheckpointPages = 4096;
constexpr int kCacheKib = 16384;
// What the log keeps on disk once it was copied back: a reader that took long must not leave its size for ever.
constexpr int kJournalBytes = 64 << 20;
constexpr std::chrono::milliseconds kLockPause{5};

/// To WAL. SQLite does not wait for locks here, and two processes may begin with the same new file.
Result<> SwitchToWal(Database& database, int busy_ms) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(busy_ms);
  for (;;) {
    auto switched = database.Execute("PRAGMA journal_mode = WAL");
    if (switched || switched.error().sys_errno != EBUSY || std::chrono::steady_clock::now() > until) return switched;
    std::this_thread::sleep_for(kLockPause);
  }
}

Result<> SetUp(Database& database, const StoreConfig& config) {
  WEIR_TRY(SwitchToWal(database, config.busy_ms));
  WEIR_TRY(database.Execute("PRAGMA journal_size_limit = " + std::to_string(kJournalBytes)));
  WEIR_TRY(database.Execute("PRAGMA synchronous = FULL"));
  WEIR_TRY(database.Execute("PRAGMA wal_autocheckpoint = " + std::to_string(kCheckpointPages)));
  WEIR_TRY(database.Execute("PRAGMA cache_size = -" + std::to_string(kCacheKib)));
  WEIR_TRY(database.Execute("PRAGMA temp_store = MEMORY"));
  if (config.max_database_bytes == 0) return {};
  auto page_bytes = database.QueryInteger("PRAGMA page_size");
  if (!page_bytes) return tl::unexpected<Error>(std::move(page_bytes).error());
  const std::uint64_t pages = config.max_database_bytes / static_cast<std::uint64_t>(*page_bytes);
  return database.Execute("PRAGMA max_page_count = " + std::to_string(std::max<std::uint64_t>(pages, 1)));
}

Error Explain(Error error, const std::filesystem::path& path) {
  switch (error.code) {
    case Code::kInvalid:
      if (error.what.starts_with(path.native())) return error;  // says so itself
      error.what = path.string() + ": is no database or is damaged (" + error.what +
                   "); move it away to begin a new one, or restore it from a copy";
      break;
    case Code::kPrivilege:
      error.what = path.string() + ": cannot be opened for writing (" + error.what +
                   "); the file and its directory must belong to the user that runs the collector";
      break;
    case Code::kUnsupported: break;
    default: error.what = path.string() + ": " + error.what;
  }
  return error;
}

Result<Database> OpenForAppend(const StoreConfig& config) {
  auto database = Database::Open(config.path, config.busy_ms);
  if (!database) return database;
  // Before anything is changed: the file may be somebody else's.
  WEIR_TRY(Migrate(*database, config.path.native()));
  WEIR_TRY(SetUp(*database, config));
  return database;
}

Result<Database> OpenForRead(const StoreConfig& config) {
  auto database = Database::Open(config.path, config.busy_ms);
  if (!database) return database;
  WEIR_TRY(database->Execute("PRAGMA query_only = 1"));
  WEIR_TRY(database->Execute("PRAGMA temp_store = MEMORY"));
  return database;
}

}  // namespace

Result<std::unique_ptr<Store>> Store::Open(const StoreConfig& config) {
  const auto failed = [&](Error error) { return tl::unexpected<Error>(Explain(std::move(error), config.path)); };
  auto append = OpenForAppend(config);
  if (!append) return failed(std::move(append).error());
  auto read = OpenForRead(config);
  if (!read) return failed(std::move(read).error());
  auto appender = Appender::Create(std::move(*append));
  if (!appender) return failed(std::move(appender).error());
  return std::unique_ptr<Store>(new Store(std::move(*appender), std::make_unique<Reader>(std::move(*read))));
}

Store::Store(std::unique_ptr<Appender> appender, std::unique_ptr<Reader> reader)
    : appender_(std::move(appender)), reader_(std::move(reader)) {}

Store::~Store() = default;

Result<std::vector<Result<Appended>>> Store::Append(std::span<const Batch> batches) {
  const std::lock_guard lock(append_mutex_);
  return appender_->Append(batches);
}

Result<JobPage> Store::ListJobs(std::int64_t since_ns, std::uint32_t limit, const Stop& stop) {
  const std::lock_guard lock(read_mutex_);
  return reader_->ListJobs(since_ns, limit, stop);
}

Result<FlowPage> Store::ListFlows(const FlowFilter& filter, const Stop& stop) {
  const std::lock_guard lock(read_mutex_);
  return reader_->ListFlows(filter, stop);
}

Result<ProcessPage> Store::ListProcesses(const std::string& job_id, std::uint32_t limit, const StepFilter& step,
                                         const Stop& stop) {
  const std::lock_guard lock(read_mutex_);
  return reader_->ListProcesses(job_id, limit, step, stop);
}

Result<JobEvidence> Store::LoadJob(const std::string& job_id, const EvidenceLimits& limits, const Stop& stop) {
  const std::lock_guard lock(read_mutex_);
  return reader_->LoadJob(job_id, limits, stop);
}

Result<std::vector<SequenceGap>> Store::SequenceGaps(const std::string& sensor) {
  const std::lock_guard lock(read_mutex_);
  return reader_->SequenceGaps(sensor);
}

}  // namespace weir::store

// SPDX-License-Identifier: Apache-2.0
// The writing half of the store.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "collector/store/model.h"
#include "collector/store/sqlite.h"
#include "collector/store/store.h"

namespace weir::store {

/// Prepared statements for each kind of event. Knows nothing of order.
class EventWriter;

/// Decides which events of a batch are new, and writes those. Used by one thread at a time.
class Appender {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Appender>> Create(Database database);
  ~Appender();

  [[nodiscard]] Result<std::vector<Result<Appended>>> Append(std::span<const Batch> batches);

 private:
  struct Stream;
  struct Statements;
  struct JobSpan {
    std::int64_t first_ns = 0;
    std::int64_t last_ns = 0;
  };
  using JobSpans = std::unordered_map<std::int64_t, JobSpan>;

  Appender(Database database, std::unique_ptr<Statements> statements, std::unique_ptr<EventWriter> writer);

  [[nodiscard]] Result<Appended> AppendBatch(const Batch& batch, bool& refused);
  [[nodiscard]] Result<> ResolveJobs(const Batch& batch, bool& refused);
  /// 0: there is no such job yet.
  [[nodiscard]] Result<std::int64_t> FindJob(const std::string& job_id, const std::string& sensor, bool& refused);
  [[nodiscard]] Result<std::int64_t> InsertJob(const Event& event, const std::string& sensor);
  [[nodiscard]] Result<Stream> LoadStream(const Batch& batch);
  [[nodiscard]] Result<> SaveStream(const Stream& stream, std::uint64_t stored);
  /// True: the event is new, and its place in the stream has been taken.
  [[nodiscard]] Result<bool> TakePlace(Stream& stream, const Event& event, Appended& outcome);
  [[nodiscard]] Result<bool> FillGap(const Stream& stream, std::uint64_t sequence);
  [[nodiscard]] Result<> InsertGap(const Stream& stream, const SequenceGap& gap);
  [[nodiscard]] Result<> TouchJobs(const JobSpans& spans);

  Database database_;
  std::unique_ptr<Statements> statements_;
  std::unique_ptr<EventWriter> writer_;
  // job_id -> job_ref of jobs of the sensor named last; rows are never renumbered. Emptied when it grows too large,
  // and after a rollback, which may have undone rows that it names.
  std::unordered_map<std::string, std::int64_t> job_refs_;
  std::string job_refs_sensor_;
};

}  // namespace weir::store

// SPDX-License-Identifier: Apache-2.0
#include "collector/store/appender.h"

#include <algorithm>

#include "collector/store/event_writer.h"

namespace weir::store {
namespace {

constexpr std::size_t kMaxCachedJobs = 10000;

}  // namespace

/// One life of a sensor's numbers, as far as it was received.
struct Appender::Stream {
  std::int64_t id = 0;
  std::uint64_t last_sequence = 0;
  std::int64_t last_event_ns = 0;
  bool has_gaps = false;  // of an earlier call; most streams have none, and then no lookup is made per duplicate
};

struct Appender::Statements {
  Statement find_stream;
  Statement insert_stream;
  Statement update_stream;
  Statement has_gaps;
  Statement find_gap;
  Statement delete_gap;
  Statement insert_gap;
  Statement find_job;
  Statement insert_job;
  Statement touch_job;

  static Result<std::unique_ptr<Statements>> Prepare(Database& database);
};

Result<std::unique_ptr<Appender::Statements>> Appender::Statements::Prepare(Database& database) {
  constexpr std::string_view kSql[] = {
      "SELECT stream_id, last_sequence, last_event_ns FROM streams WHERE sensor = ? AND epoch = ?",
      "INSERT INTO streams (sensor, epoch, last_sequence, last_event_ns, events) VALUES (?, ?, 0, 0, 0) RETURNING "
      "stream_id",
      "UPDATE streams SET last_sequence = ?, last_event_ns = ?, events = events + ? WHERE stream_id = ?",
      "SELECT 1 FROM sequence_gaps WHERE stream_id = ? LIMIT 1",
      "SELECT first_sequence, last_sequence, after_ns, before_ns FROM sequence_gaps WHERE stream_id = ? AND "
      "first_sequence <= ? AND last_sequence >= ?",
      "DELETE FROM sequence_gaps WHERE stream_id = ? AND first_sequence = ?",
      "INSERT INTO sequence_gaps (stream_id, first_sequence, last_sequence, after_ns, before_ns) VALUES (?, ?, ?, ?, "
      "?)",
      "SELECT job_ref, sensor FROM jobs WHERE job_id = ?",
      "INSERT INTO jobs (job_id, sensor, first_event_ns, last_event_ns) VALUES (?, ?, ?, ?) RETURNING job_ref",
      "UPDATE jobs SET first_event_ns = CASE WHEN ?2 < first_event_ns THEN ?2 ELSE first_event_ns END, "
      "last_event_ns = CASE WHEN ?3 > last_event_ns THEN ?3 ELSE last_event_ns END WHERE job_ref = ?1"};
  std::vector<Statement> prepared;
  for (const std::string_view sql : kSql) {
    auto statement = database.Prepare(sql);
    if (!statement) return tl::unexpected<Error>(std::move(statement).error());
    prepared.push_back(std::move(*statement));
  }
  auto next = prepared.begin();
  const auto take = [&] { return std::move(*next++); };
  // Braces evaluate in order.
  return std::unique_ptr<Statements>(
      new Statements{take(), take(), take(), take(), take(), take(), take(), take(), take(), take()});
}

Result<std::unique_ptr<Appender>> Appender::Create(Database database) {
  auto statements = Statements::Prepare(database);
  if (!statements) return tl::unexpected<Error>(std::move(statements).error());
  auto writer = EventWriter::Create(database);
  if (!writer) return tl::unexpected<Error>(std::move(writer).error());
  return std::unique_ptr<Appender>(new Appender(std::move(database), std::move(*statements), std::move(*writer)));
}

Appender::Appender(Database database, std::unique_ptr<Statements> statements, std::unique_ptr<EventWriter> writer)
    : database_(std::move(database)), statements_(std::move(statements)), writer_(std::move(writer)) {}

Appender::~Appender() = default;

Result<std::vector<Result<Appended>>> Appender::Append(std::span<const Batch> batches) {
  const auto failed = [this](Error error) {
    job_refs_.clear();
    return tl::unexpected<Error>(WhileServing(std::move(error)));
  };
  auto transaction = Transaction::Begin(database_, Transaction::Kind::kWrite);
  if (!transaction) return failed(std::move(transaction).error());
  std::vector<Result<Appended>> outcomes;
  for (const Batch& batch : batches) {
    bool refused = false;
    auto outcome = AppendBatch(batch, refused);
    if (!outcome && !refused) return failed(std::move(outcome).error());
    outcomes.push_back(std::move(outcome));
  }
  if (auto committed = transaction->Commit(); !committed) return failed(std::move(committed).error());
  return outcomes;
}

Result<Appended> Appender::AppendBatch(const Batch& batch, bool& refused) {
  // Jobs first: a batch is refused before anything of it is written.
  if (auto jobs = ResolveJobs(batch, refused); !jobs) return tl::unexpected<Error>(std::move(jobs).error());
  auto stream = LoadStream(batch);
  if (!stream) return tl::unexpected<Error>(std::move(stream).error());
  Appended outcome;
  JobSpans spans;
  for (const Event& event : batch.events) {
    auto is_new = TakePlace(*stream, event, outcome);
    if (!is_new) return tl::unexpected<Error>(std::move(is_new).error());
    if (!*is_new) {
      ++outcome.duplicates;
      continue;
    }
    ++outcome.stored;
    const std::int64_t job_ref = event.job_id.empty() ? 0 : job_refs_.at(event.job_id);
    const Place place{job_ref, stream->id, event.sequence, event.time_ns, event.step};
    if (auto written = writer_->Write(place, batch.sensor, event.body); !written) {
      return tl::unexpected<Error>(std::move(written).error());
    }
    if (job_ref == 0) continue;
    const auto [span, inserted] = spans.try_emplace(job_ref, JobSpan{event.time_ns, event.time_ns});
    span->second.first_ns = std::min(span->second.first_ns, event.time_ns);
    span->second.last_ns = std::max(span->second.last_ns, event.time_ns);
  }
  if (auto saved = SaveStream(*stream, outcome.stored); !saved) return tl::unexpected<Error>(std::move(saved).error());
  if (auto touched = TouchJobs(spans); !touched) return tl::unexpected<Error>(std::move(touched).error());
  // Not the stream's last sequence: behind a hole more may be stored already, and its sensor, told of that, would drop
  // what still has to fill the hole.
  if (!batch.events.empty()) outcome.durable_sequence = batch.events.back().sequence;
  return outcome;
}

Result<> Appender::ResolveJobs(const Batch& batch, bool& refused) {
  if (batch.sensor != job_refs_sensor_ || job_refs_.size() > kMaxCachedJobs) {
    job_refs_.clear();
    job_refs_sensor_ = batch.sensor;
  }
  std::vector<const Event*> first_of_new;
  std::string_view previous;
  for (const Event& event : batch.events) {
    // Events about the sensor itself have no job.
    if (event.job_id.empty() || event.job_id == previous || job_refs_.contains(event.job_id)) continue;
    previous = event.job_id;
    auto ref = FindJob(event.job_id, batch.sensor, refused);
    if (!ref) return tl::unexpected<Error>(std::move(ref).error());
    if (*ref != 0) {
      job_refs_.emplace(event.job_id, *ref);
    } else {
      first_of_new.push_back(&event);
    }
  }
  for (const Event* event : first_of_new) {
    if (job_refs_.contains(event->job_id)) continue;  // another job's event stood between two of this one
    auto ref = InsertJob(*event, batch.sensor);
    if (!ref) return tl::unexpected<Error>(std::move(ref).error());
    job_refs_.emplace(event->job_id, *ref);
  }
  return {};
}

Result<std::int64_t> Appender::FindJob(const std::string& job_id, const std::string& sensor, bool& refused) {
  Statement& find = statements_->find_job;
  find.Start(job_id);
  auto found = find.Step();
  if (!found) return tl::unexpected<Error>(std::move(found).error());
  if (!*found) return 0;
  const std::int64_t ref = find.Integer(0);
  const std::string owner = find.Text(1);
  find.Reset();
  if (owner == sensor) return ref;
  refused = true;
  return Fail(Code::kPrivilege, "job " + job_id + " belongs to another sensor than " + sensor);
}

Result<std::int64_t> Appender::InsertJob(const Event& event, const std::string& sensor) {
  return statements_->insert_job.RunReturning(event.job_id, sensor, event.time_ns, event.time_ns);
}

Result<Appender::Stream> Appender::LoadStream(const Batch& batch) {
  Statement& find = statements_->find_stream;
  find.Start(batch.sensor, batch.epoch);
  auto found = find.Step();
  if (!found) return tl::unexpected<Error>(std::move(found).error());
  Stream stream;
  if (!*found) {
    auto id = statements_->insert_stream.RunReturning(batch.sensor, batch.epoch);
    if (!id) return tl::unexpected<Error>(std::move(id).error());
    stream.id = *id;
    return stream;
  }
  stream = {find.Integer(0), find.Unsigned(1), find.Integer(2), false};
  find.Reset();
  statements_->has_gaps.Start(stream.id);
  auto gaps = statements_->has_gaps.Step();
  if (!gaps) return tl::unexpected<Error>(std::move(gaps).error());
  stream.has_gaps = *gaps;
  statements_->has_gaps.Reset();
  return stream;
}

Result<> Appender::SaveStream(const Stream& stream, std::uint64_t stored) {
  if (stored == 0) return {};
  return statements_->update_stream.Run(stream.last_sequence, stream.last_event_ns, stored, stream.id);
}

Result<bool> Appender::TakePlace(Stream& stream, const Event& event, Appended& outcome) {
  if (event.sequence <= stream.last_sequence) {
    if (!stream.has_gaps) return false;
    return FillGap(stream, event.sequence);
  }
  if (event.sequence > stream.last_sequence + 1) {
    const SequenceGap gap{stream.last_sequence + 1, event.sequence - 1, stream.last_event_ns, event.time_ns};
    WEIR_TRY(InsertGap(stream, gap));
    outcome.missing += gap.last_sequence - gap.first_sequence + 1;
    stream.has_gaps = true;
  }
  stream.last_sequence = event.sequence;
  stream.last_event_ns = event.time_ns;
  return true;
}

Result<bool> Appender::FillGap(const Stream& stream, std::uint64_t sequence) {
  Statement& find = statements_->find_gap;
  find.Start(stream.id, sequence, sequence);
  auto found = find.Step();
  if (!found) return found;
  if (!*found) return false;
  SequenceGap left{find.Unsigned(0), find.Unsigned(1), find.Integer(2), find.Integer(3)};
  find.Reset();
  WEIR_TRY(statements_->delete_gap.Run(stream.id, left.first_sequence));
  SequenceGap right = left;
  left.last_sequence = sequence - 1;
  right.first_sequence = sequence + 1;
  for (const SequenceGap& rest : {left, right}) {
    if (rest.first_sequence <= rest.last_sequence) WEIR_TRY(InsertGap(stream, rest));
  }
  return true;
}

Result<> Appender::InsertGap(const Stream& stream, const SequenceGap& gap) {
  return statements_->insert_gap.Run(stream.id, gap.first_sequence, gap.last_sequence, gap.after_ns, gap.before_ns);
}

Result<> Appender::TouchJobs(const JobSpans& spans) {
  for (const auto& [job_ref, span] : spans) {
    WEIR_TRY(statements_->touch_job.Run(job_ref, span.first_ns, span.last_ns));
  }
  return {};
}

}  // namespace weir::store

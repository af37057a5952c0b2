// SPDX-License-Identifier: Apache-2.0
#include "collector/store/read_jobs.h"

#include <limits>

#include "collector/store/encode.h"

namespace weir::store {
namespace {

#define WEIR_JOB_COLUMNS                                                                                       \
  "job_ref, job_id, sensor, first_event_ns, last_event_ns, begin_ns, name, mode, policy_digest, policy_text, " \
  "command, cgroup, scope_id, host, kernel, sensor_version, end_ns, exit_status, complete, record"
constexpr std::string_view kJobs =
    "SELECT job_ref, job_id, sensor, first_event_ns, last_event_ns, begin_ns, name, mode, policy_digest, '', x'', "
    "cgroup, scope_id, host, kernel, sensor_version, end_ns, exit_status, complete, record FROM jobs WHERE "
    "last_event_ns >= ? ORDER BY last_event_ns DESC, job_ref DESC LIMIT ?";
constexpr std::string_view kJob = "SELECT " WEIR_JOB_COLUMNS " FROM jobs WHERE job_id = ?";
#undef WEIR_JOB_COLUMNS

constexpr std::size_t kMaxListBytes = std::size_t{128} << 20;  // of records and labels in one list

StoredJob JobFrom(const Statement& row) {
  StoredJob job;
  job.ref = row.Integer(0);
  job.job_id = row.Text(1);
  job.sensor = row.Text(2);
  job.first_event_ns = row.Integer(3);
  job.last_event_ns = row.Integer(4);
  job.begin_ns = row.Integer(5);
  JobBegin& begin = job.begin;
  begin.name = row.Text(6);
  begin.mode = static_cast<Mode>(row.Integer(7));
  begin.policy_digest = row.Text(8);
  begin.policy_text = row.Text(9);
  begin.command = SplitNul(row.View(10));
  begin.cgroup = row.Text(11);
  begin.scope_id = row.Unsigned32(12);
  begin.host = row.Text(13);
  begin.kernel = row.Text(14);
  begin.sensor_version = row.Text(15);
  job.end_ns = row.Integer(16);
  job.end.exit_status = static_cast<std::int32_t>(row.Integer(17));
  job.end.complete = row.Boolean(18);
  job.end.record = row.Text(19);
  return job;
}

Result<> AddLabels(Database& database, StoredJob& job) {
  auto labels = database.Prepare("SELECT name, value FROM job_labels WHERE job_ref = ?");
  if (!labels) return tl::unexpected<Error>(std::move(labels).error());
  labels->Start(job.ref);
  return labels->ForEach([&](const Statement& row) { job.begin.labels.emplace(row.Text(0), row.Text(1)); });
}

SequenceGap SequenceGapFrom(const Statement& row) {
  return {row.Unsigned(0), row.Unsigned(1), row.Integer(2), row.Integer(3)};
}

/// SUM fails beyond 63 bits, and a sensor chooses the numbers: one forged count must not hide every job. So the halves
/// of 32 bits are summed apart. The result stays at the top instead of wrapping.
std::uint64_t SumOfHalves(std::uint64_t high, std::uint64_t low) {
  high += low >> 32;
  if (high > std::numeric_limits<std::uint32_t>::max()) return std::numeric_limits<std::uint64_t>::max();
  return high << 32 | (low & std::numeric_limits<std::uint32_t>::max());
}

/// End of the time in which the job can have lost something: open while it is not known to have ended.
std::int64_t UntilNs(const StoredJob& job) {
  return job.end_ns != 0 ? job.end_ns : std::numeric_limits<std::int64_t>::max();
}

}  // namespace

Result<std::vector<StoredJob>> ReadJobs(Database& database, std::int64_t since_ns, std::uint32_t limit,
                                        bool& truncated) {
  auto select = database.Prepare(kJobs);
  if (!select) return tl::unexpected<Error>(std::move(select).error());
  std::vector<StoredJob> jobs;
  select->Start(since_ns, static_cast<std::uint64_t>(limit) + 1);
  std::size_t bytes = 0;
  for (;;) {
    auto row = select->Step();
    if (!row) return tl::unexpected<Error>(std::move(row).error());
    if (!*row) return jobs;
    StoredJob job = JobFrom(*select);
    WEIR_TRY(AddLabels(database, job));
    bytes += job.end.record.size();
    for (const auto& [name, value] : job.begin.labels) bytes += name.size() + value.size();
    // A sensor chooses the size of both; many large ones must not take the collector's memory.
    truncated = jobs.size() >= limit || bytes > kMaxListBytes;
    if (truncated) return jobs;
    jobs.push_back(std::move(job));
  }
}

Result<StoredJob> ReadJob(Database& database, const std::string& job_id) {
  auto select = database.Prepare(kJob);
  if (!select) return tl::unexpected<Error>(std::move(select).error());
  select->Start(job_id);
  auto row = select->Step();
  if (!row) return tl::unexpected<Error>(std::move(row).error());
  if (!*row) return Fail(Code::kNotFound, "no job " + job_id + " is stored here");
  StoredJob job = JobFrom(*select);
  WEIR_TRY(AddLabels(database, job));
  return job;
}

Result<JobCounts> CountJob(Database& database, std::int64_t job_ref) {
  JobCounts counts;
  // Flows of the DNS hook are sums of lookups; the lookups themselves are rows of dns_queries.
  auto flows = database.Prepare(
      "SELECT verdict, SUM(count >> 32), SUM(count & 4294967295) FROM flows WHERE job_ref = ? GROUP BY verdict");
  if (!flows) return tl::unexpected<Error>(std::move(flows).error());
  flows->Start(job_ref);
  WEIR_TRY(flows->ForEach([&](const Statement& row) {
    switch (static_cast<Verdict>(row.Integer(0))) {
      case Verdict::kAllow: counts.allowed = SumOfHalves(row.Unsigned(1), row.Unsigned(2)); break;
      case Verdict::kDeny: counts.denied = SumOfHalves(row.Unsigned(1), row.Unsigned(2)); break;
      case Verdict::kWouldDeny: counts.would_deny = SumOfHalves(row.Unsigned(1), row.Unsigned(2)); break;
      case Verdict::kUnknown: break;
    }
  }));
  auto totals = database.Prepare(
      "SELECT (SELECT COUNT(*) FROM execs WHERE job_ref = ?1), (SELECT COUNT(*) FROM (SELECT DISTINCT address, port, "
      "protocol FROM flows WHERE job_ref = ?1 AND hook <> 5 AND address <> '') AS destinations)");
  if (!totals) return tl::unexpected<Error>(std::move(totals).error());
  totals->Start(job_ref);
  WEIR_TRY(totals->ForEach([&](const Statement& row) {
    counts.processes = row.Unsigned(0);
    counts.destinations = row.Unsigned(1);
  }));
  return counts;
}

Result<std::vector<StoredFinding>> ReadFindings(Database& database, std::int64_t job_ref, std::uint32_t limit) {
  // The kernel's findings do not bring the name of their process; its exec did.
  auto select = database.Prepare(
      "SELECT f.time_ns, f.kind, f.detail, f.exec_id, f.pid, CASE WHEN LENGTH(f.comm) > 0 THEN f.comm ELSE "
      "COALESCE((SELECT e.comm FROM execs AS e WHERE e.job_ref = f.job_ref AND e.exec_id = f.exec_id), '') END, "
      "f.step, "
      "COALESCE(s.name, '') FROM findings AS f LEFT JOIN steps AS s ON s.job_ref = f.job_ref AND s.step = f.step "
      "WHERE f.job_ref = ? ORDER BY f.time_ns LIMIT ?");
  if (!select) return tl::unexpected<Error>(std::move(select).error());
  std::vector<StoredFinding> findings;
  select->Start(job_ref, limit);
  WEIR_TRY(select->ForEach([&](const Statement& row) {
    findings.push_back({{row.Text(1), row.Text(2), row.Unsigned(3), row.Unsigned32(4), row.Text(5)},
                        row.Integer(0),
                        {row.Unsigned32(6), row.Text(7)}});
  }));
  return findings;
}

Result<std::vector<StoredStep>> ReadSteps(Database& database, std::int64_t job_ref) {
  auto select = database.Prepare(
      "SELECT step, name, action_repository, action_ref, time_ns FROM steps WHERE job_ref = ? ORDER BY step");
  if (!select) return tl::unexpected<Error>(std::move(select).error());
  std::vector<StoredStep> steps;
  select->Start(job_ref);
  WEIR_TRY(select->ForEach([&](const Statement& row) {
    steps.push_back({{row.Unsigned32(0), row.Text(1)}, row.Text(2), row.Text(3), row.Integer(4)});
  }));
  return steps;
}

Result<std::vector<StoredGap>> ReadGaps(Database& database, const StoredJob& job, std::uint32_t limit) {
  auto select = database.Prepare(
      "SELECT time_ns, reason, from_ns, until_ns, lost FROM gaps WHERE job_ref = ?1 OR (job_ref = 0 AND until_ns >= ?2 "
      "AND from_ns <= ?3 AND stream_id IN (SELECT stream_id FROM streams WHERE sensor = ?4)) ORDER BY time_ns LIMIT "
      "?5");
  if (!select) return tl::unexpected<Error>(std::move(select).error());
  std::vector<StoredGap> gaps;
  select->Start(job.ref, job.first_event_ns, UntilNs(job), job.sensor, limit);
  WEIR_TRY(select->ForEach([&](const Statement& row) {
    gaps.push_back({{row.Text(1), row.Integer(2), row.Integer(3), SplitCounts(row.View(4))}, row.Integer(0)});
  }));
  return gaps;
}

Result<std::vector<SequenceGap>> ReadSequenceGaps(Database& database, const StoredJob& job, std::uint32_t limit) {
  // A hole at the start of an epoch (after_ns 0) ends with the epoch's first event: only jobs that ran then are hit.
  auto select = database.Prepare(
      "SELECT first_sequence, last_sequence, after_ns, before_ns FROM sequence_gaps WHERE stream_id IN (SELECT "
      "stream_id "
      "FROM streams WHERE sensor = ?1) AND before_ns >= ?2 AND after_ns < ?3 ORDER BY before_ns LIMIT ?4");
  if (!select) return tl::unexpected<Error>(std::move(select).error());
  std::vector<SequenceGap> gaps;
  select->Start(job.sensor, job.first_event_ns, UntilNs(job), limit);
  WEIR_TRY(select->ForEach([&](const Statement& row) { gaps.push_back(SequenceGapFrom(row)); }));
  return gaps;
}

Result<std::vector<SequenceGap>> ReadAllSequenceGaps(Database& database, const std::string& sensor) {
  auto select = database.Prepare(
      "SELECT first_sequence, last_sequence, after_ns, before_ns FROM sequence_gaps WHERE stream_id IN (SELECT "
      "stream_id "
      "FROM streams WHERE sensor = ?) ORDER BY stream_id, first_sequence");
  if (!select) return tl::unexpected<Error>(std::move(select).error());
  std::vector<SequenceGap> gaps;
  select->Start(sensor);
  WEIR_TRY(select->ForEach([&](const Statement& row) { gaps.push_back(SequenceGapFrom(row)); }));
  return gaps;
}

}  // namespace weir::store

// SPDX-License-Identifier: Apache-2.0
#include "collector/store/reader.h"

#include <utility>

#include "collector/store/read_flows.h"
#include "collector/store/read_jobs.h"

namespace weir::store {
namespace {

/// Sets a stop for one question.
class Stopping {
 public:
  Stopping(Database& database, const Stop& stop) : database_(database) { database_.SetStop(&stop); }
  ~Stopping() { database_.SetStop(nullptr); }
  Stopping(const Stopping&) = delete;
  Stopping& operator=(const Stopping&) = delete;

 private:
  Database& database_;
};

/// Runs `read(database)` in one snapshot.
template <typename Read>
auto InSnapshot(Database& database, const Stop& stop, Read read) -> decltype(read(database)) {
  const Stopping stopping(database, stop);
  auto transaction = Transaction::Begin(database, Transaction::Kind::kRead);
  if (!transaction) return tl::unexpected<Error>(WhileServing(std::move(transaction).error()));
  auto result = read(database);
  if (!result) return tl::unexpected<Error>(WhileServing(std::move(result).error()));
  return result;
}

}  // namespace

Result<JobPage> Reader::ListJobs(std::int64_t since_ns, std::uint32_t limit, const Stop& stop) {
  return InSnapshot(database_, stop, [&](Database& database) -> Result<JobPage> {
    JobPage page;
    auto jobs = ReadJobs(database, since_ns, limit, page.truncated);
    if (!jobs) return tl::unexpected<Error>(std::move(jobs).error());
    for (StoredJob& job : *jobs) {
      auto counts = CountJob(database, job.ref);
      if (!counts) return tl::unexpected<Error>(std::move(counts).error());
      page.jobs.push_back({std::move(job), *counts});
    }
    return page;
  });
}

Result<FlowPage> Reader::ListFlows(const FlowFilter& filter, const Stop& stop) {
  return InSnapshot(database_, stop, [&](Database& database) -> Result<FlowPage> {
    if (!filter.job_id.empty()) {
      if (auto job = ReadJob(database, filter.job_id); !job) return tl::unexpected<Error>(std::move(job).error());
    }
    return ReadFlows(database, filter);
  });
}

Result<ProcessPage> Reader::ListProcesses(const std::string& job_id, std::uint32_t limit, const StepFilter& step,
                                          const Stop& stop) {
  return InSnapshot(database_, stop, [&](Database& database) -> Result<ProcessPage> {
    auto job = ReadJob(database, job_id);
    if (!job) return tl::unexpected<Error>(std::move(job).error());
    return ReadProcesses(database, job->ref, limit, step);
  });
}

Result<JobEvidence> Reader::LoadJob(const std::string& job_id, const EvidenceLimits& limits, const Stop& stop) {
  return InSnapshot(database_, stop, [&](Database& database) -> Result<JobEvidence> {
    JobEvidence evidence;
    const auto read = [](auto& into, auto result) -> Result<> {
      if (!result) return tl::unexpected<Error>(std::move(result).error());
      into = std::move(*result);
      return {};
    };
    WEIR_TRY(read(evidence.job, ReadJob(database, job_id)));
    const std::int64_t ref = evidence.job.ref;
    WEIR_TRY(read(evidence.counts, CountJob(database, ref)));
    WEIR_TRY(read(evidence.processes, ReadProcesses(database, ref, limits.processes)));
    FlowFilter filter;
    filter.job_id = job_id;
    filter.limit = limits.flows;
    WEIR_TRY(read(evidence.flows, ReadFlows(database, filter)));
    WEIR_TRY(read(evidence.steps, ReadSteps(database, ref)));
    WEIR_TRY(read(evidence.findings, ReadFindings(database, ref, limits.findings + 1)));
    evidence.findings_truncated = evidence.findings.size() > limits.findings;
    if (evidence.findings_truncated) evidence.findings.resize(limits.findings);
    WEIR_TRY(read(evidence.gaps, ReadGaps(database, evidence.job, limits.gaps + 1)));
    WEIR_TRY(read(evidence.sequence_gaps, ReadSequenceGaps(database, evidence.job, limits.gaps + 1)));
    const auto cut = [&](auto& gaps) {
      if (gaps.size() <= limits.gaps) return;
      gaps.resize(limits.gaps);
      evidence.gaps_truncated = true;
    };
    cut(evidence.gaps);
    cut(evidence.sequence_gaps);
    return evidence;
  });
}

Result<std::vector<SequenceGap>> Reader::SequenceGaps(const std::string& sensor) {
  return InSnapshot(database_, {}, [&](Database& database) { return ReadAllSequenceGaps(database, sensor); });
}

}  // namespace weir::store

// SPDX-License-Identifier: Apache-2.0
#include "sensor/events/jobs.h"

#include <utility>

#include "bpf/abi.h"

namespace weir::events {
namespace {

std::string RuleText(const JobInfo& info, std::uint32_t rule_id) {
  if (rule_id == WEIR_RULE_LOCAL) return "local";
  if (rule_id == WEIR_RULE_NONE || rule_id > info.rules.size()) return {};
  return info.rules[rule_id - 1];
}

}  // namespace

void Job::NoteLoss(std::int64_t now_ns) {
  std::int64_t none = 0;
  first_loss_ns.compare_exchange_strong(none, now_ns);
}

void Job::CountDrop(Kind kind, std::int64_t now_ns) {
  dropped[static_cast<std::size_t>(kind)].fetch_add(1);
  NoteLoss(now_ns);
}

void Job::CountRefused(std::int64_t now_ns) {
  refused.fetch_add(1);
  NoteLoss(now_ns);
}

ScopeTally Job::Tally() const {
  ScopeTally tally{events_read.load(), refused.load(), {}, handed_on.load()};
  for (std::size_t kind = 0; kind < kKinds; ++kind) {
    const std::uint64_t count = dropped[kind].load();
    if (count) tally.dropped.emplace(KindName(static_cast<Kind>(kind)), count);
  }
  return tally;
}

StreamDigest Job::Digest() {
  std::lock_guard lock(mutex);
  return {digest.Hex(), digest.records(), first_sequence, last_sequence};
}

std::vector<Gap> Job::TakeGaps(std::int64_t now_ns) {
  const std::int64_t from_ns = first_loss_ns.exchange(0);
  if (from_ns == 0) return {};
  Gap overflow{"queue-full", from_ns, now_ns, {}};
  for (std::size_t kind = 0; kind < kKinds; ++kind) {
    const std::uint64_t total = dropped[kind].load();
    const std::uint64_t fresh = total - std::exchange(reported_dropped[kind], total);
    if (fresh) overflow.lost.emplace(KindName(static_cast<Kind>(kind)), fresh);
  }
  Gap malformed{"malformed", from_ns, now_ns, {}};
  const std::uint64_t now_refused = refused.load();
  if (now_refused != reported_refused) malformed.lost.emplace("record", now_refused - reported_refused);
  reported_refused = now_refused;

  std::vector<Gap> gaps;
  if (!overflow.lost.empty()) gaps.push_back(std::move(overflow));
  if (!malformed.lost.empty()) gaps.push_back(std::move(malformed));
  return gaps;
}

void Enrich(Event& event, const JobInfo& info) {
  event.job_id = info.job_id;
  if (auto* flow = std::get_if<Flow>(&event.body)) flow->rule = RuleText(info, flow->rule_id);
  if (auto* query = std::get_if<DnsQuery>(&event.body)) query->rule = RuleText(info, query->rule_id);
}

JobTable::JobTable() { jobs_.emplace(0, std::make_shared<Job>(JobInfo{})); }

void JobTable::Add(std::uint32_t scope_id, JobInfo info) {
  auto job = std::make_shared<Job>(std::move(info));
  std::lock_guard lock(mutex_);
  jobs_[scope_id] = std::move(job);
}

void JobTable::Remove(std::uint32_t scope_id) {
  std::lock_guard lock(mutex_);
  if (scope_id != 0) jobs_.erase(scope_id);
}

std::shared_ptr<Job> JobTable::Find(std::uint32_t scope_id) const {
  std::lock_guard lock(mutex_);
  const auto found = jobs_.find(scope_id);
  return found == jobs_.end() ? nullptr : found->second;
}

std::vector<std::pair<std::uint32_t, std::shared_ptr<Job>>> JobTable::All() const {
  std::lock_guard lock(mutex_);
  return {jobs_.begin(), jobs_.end()};
}

}  // namespace weir::events

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

constexpr char kQueueFull[] = "queue-full";
constexpr char kUplinkFull[] = "uplink-full";
constexpr char kMalformed[] = "malformed";

using Counts = std::map<std::string, std::uint64_t>;

Counts Since(const Counts& now, const Counts& before) {
  Counts fresh;
  for (const auto& [kind, count] : now) {
    const auto known = before.find(kind);
    const std::uint64_t old = known == before.end() ? 0 : known->second;
    if (count != old) fresh.emplace(kind, count - old);
  }
  return fresh;
}

void AddAll(const Counts& from, Counts& to) {
  for (const auto& [kind, count] : from) to[kind] += count;
}

}  // namespace

void Job::NoteLoss(std::int64_t now_ns) {
  std::int64_t none = 0;
  first_loss_ns.compare_exchange_strong(none, now_ns);
}

std::map<std::string, std::uint64_t> KindCounts::ByName() const {
  std::map<std::string, std::uint64_t> named;
  for (std::size_t kind = 0; kind < kKinds; ++kind) {
    const std::uint64_t count = counts_[kind].load();
    if (count) named.emplace(KindName(static_cast<Kind>(kind)), count);
  }
  return named;
}

void Job::CountDrop(Kind kind, std::int64_t now_ns) {
  dropped.Add(kind);
  NoteLoss(now_ns);
}

void Job::CountUndelivered(Kind kind, std::int64_t now_ns) {
  undelivered.Add(kind);
  NoteLoss(now_ns);
}

void Job::CountRefused(std::int64_t now_ns) {
  refused.fetch_add(1);
  NoteLoss(now_ns);
}

ScopeTally Job::Tally() const {
  return {events_read.load(), refused.load(), dropped.ByName(), undelivered.ByName(), handed_on.load()};
}

StreamDigest Job::Digest() {
  std::lock_guard lock(mutex);
  return {digest.Hex(), digest.records(), first_sequence, last_sequence};
}

std::vector<Gap> Job::Gaps(std::int64_t now_ns) {
  if (gap_from_ns == 0) gap_from_ns = first_loss_ns.exchange(0);
  if (gap_from_ns == 0) return {};
  std::vector<Gap> gaps;
  const auto add = [&](const char* reason, std::map<std::string, std::uint64_t> lost) {
    if (!lost.empty()) gaps.push_back({reason, gap_from_ns, now_ns, std::move(lost)});
  };
  add(kQueueFull, Since(dropped.ByName(), reported_dropped));
  add(kUplinkFull, Since(undelivered.ByName(), reported_undelivered));
  if (const std::uint64_t now_refused = refused.load(); now_refused != reported_refused)
    add(kMalformed, {{"record", now_refused - reported_refused}});
  return gaps;
}

void Job::Reported(const Gap& gap) {
  if (gap.reason == kMalformed) reported_refused += gap.lost.at("record");
  if (gap.reason == kQueueFull) AddAll(gap.lost, reported_dropped);
  if (gap.reason == kUplinkFull) AddAll(gap.lost, reported_undelivered);
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

// SPDX-License-Identifier: Apache-2.0
#include "sensor/dnsforward/job.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "bpf/dns.h"

namespace weir::dns_forward {
namespace {

constexpr std::size_t kMaxTold = 8192;
constexpr unsigned kFirstDenyingWhy = 32;  // bpf/abi.h: below it, reasons to allow

bool IsAllowed(const NameJudgement& name) { return name.why < kFirstDenyingWhy; }

}  // namespace

bool Job::FirstTime(std::string_view what) {
  if (told_.size() >= kMaxTold) told_.clear();
  return told_.insert(std::hash<std::string_view>{}(what)).second;
}

Judge::Ruling Judge::OnQuery(Job& job, const Asker& asker, std::string_view message) const {
  Ruling ruling;
  ruling.asker = asker;
  ruling.query = parser_.ReadQuery(message);
  if (ruling.query.code == WEIR_DNS_OK) {
    ruling.name = job.names.Judge(ruling.query.name, ruling.query.type);
  } else {
    ruling.name.why = WEIR_WHY_DNS_FORM;
  }
  const bool allowed = IsAllowed(ruling.name);
  ruling.forward = allowed || job.audit;
  ++(allowed     ? job.counters.queries_allowed
     : job.audit ? job.counters.queries_would_deny
                 : job.counters.queries_denied);
  ReportQuery(job, ruling,
              allowed     ? events::Verdict::kAllow
              : job.audit ? events::Verdict::kWouldDeny
                          : events::Verdict::kDeny);
  return ruling;
}

void Judge::ReportQuery(Job& job, const Ruling& ruling, events::Verdict verdict) const {
  std::string key = "q" + ruling.query.name;
  key += {static_cast<char>(ruling.query.type >> 8), static_cast<char>(ruling.query.type & 0xff),
          static_cast<char>(verdict), static_cast<char>(ruling.name.why)};
  key += std::to_string(ruling.asker.exec_id) + "/" + std::to_string(ruling.asker.step);
  if (!job.FirstTime(key)) return;
  events::DnsQuery query;
  query.exec_id = ruling.asker.exec_id;
  query.pid = ruling.asker.pid;
  query.name = ruling.query.name;
  query.type = ruling.query.type;
  if (!job.resolvers.empty()) query.server = job.resolvers.front();
  query.verdict = verdict;
  query.why = ruling.name.why;
  query.rule_id = ruling.name.rule_id;
  query.tcp = true;
  callbacks_.event(job.scope_id, ruling.asker.step, std::move(query));
}

bool Judge::Answers(std::string_view message, const Query& query) const {
  if (message.size() < WEIR_DNS_HEADER_BYTES || MessageId(message) != query.id) return false;
  // Audit mode let a malformed query through: nothing more is known of what its answer looks like.
  if (query.code != WEIR_DNS_OK || IsBareFailure(message)) return true;
  return parser_.ReadAnswer(message, query, false).code == WEIR_DNS_OK;
}

void Judge::OnAnswer(Job& job, const Ruling& ruling, std::string_view message, const policy::Address& server,
                     bool believed) const {
  const Query& query = ruling.query;
  if (query.code != WEIR_DNS_OK || !TypeTeaches(query.type) || IsBareFailure(message)) return;
  const Answer answer = parser_.ReadAnswer(message, query, true);
  if (answer.code == WEIR_DNS_E_TRUNCATED || answer.code == WEIR_DNS_E_RCODE) return;
  if (answer.code != WEIR_DNS_OK) {
    ++job.counters.answers_refused;
    Report(job, ruling.asker, "answer-refused",
           "DNS answer over TCP refused, parser's reason " + std::to_string(answer.code));
    return;
  }
  if (answer.addresses.empty()) return;
  if (!believed) {
    ++job.counters.answers_refused;
    return;
  }
  Learn(job, ruling, answer);
  ReportAnswer(job, ruling, answer, server);
}

// A refused name's (audit mode) and a search suffix's addresses get a name only, for the record.
void Judge::Learn(Job& job, const Ruling& ruling, const Answer& answer) const {
  auto addresses = answer.addresses;
  const auto barred = std::stable_partition(addresses.begin(), addresses.end(),
                                            [](const policy::Address& address) { return !IsBarred(address); });
  const auto open = static_cast<std::size_t>(barred - addresses.begin());
  const bool teaches_rules = ruling.name.why == WEIR_WHY_NAME;
  Lesson lesson;
  lesson.scope_id = job.scope_id;
  lesson.name = ruling.query.name;
  lesson.rule_id = teaches_rules ? ruling.name.rule_id : WEIR_RULE_NONE;
  lesson.ttl_s = answer.ttl_s;
  bool learned = true;
  const auto teach = [&](std::span<const policy::Address> some, std::span<const policy::NamePort> ports) {
    if (some.empty()) return;
    lesson.addresses = some;
    lesson.ports = ports;
    if (callbacks_.learn(lesson)) return;
    learned = false;
    ++job.counters.learn_failed;
    Report(job, ruling.asker, "learned-full",
           std::to_string(some.size()) + " addresses of a DNS answer over TCP were not learned");
  };
  teach(std::span(addresses).first(open), teaches_rules ? ruling.name.ports : std::span<const policy::NamePort>{});
  teach(std::span(addresses).subspan(open), {});
  if (learned) ++job.counters.answers_learned;
}

void Judge::ReportAnswer(Job& job, const Ruling& ruling, const Answer& answer, const policy::Address& server) const {
  std::string key = "a" + ruling.query.name;
  for (const policy::Address& address : answer.addresses) key.append(address.begin(), address.end());
  if (!job.FirstTime(key)) return;
  events::DnsAnswer event;
  event.exec_id = ruling.asker.exec_id;
  event.pid = ruling.asker.pid;
  event.name = ruling.query.name;
  event.type = ruling.query.type;
  event.server = server;
  const std::size_t listed = std::min<std::size_t>(answer.addresses.size(), WEIR_DNS_EVENT_ADDRS);
  event.addresses.assign(answer.addresses.begin(), answer.addresses.begin() + static_cast<std::ptrdiff_t>(listed));
  event.address_count = static_cast<std::uint32_t>(answer.addresses.size());
  event.ttl_s = answer.ttl_s;
  event.rule_id = ruling.name.rule_id;
  event.tcp = true;
  callbacks_.event(job.scope_id, ruling.asker.step, std::move(event));
}

void Judge::Report(Job& job, const Asker& asker, std::string kind, std::string detail) const {
  // The same again would only crowd out other findings; counters tell how often.
  if (!job.FirstTime("f" + kind + detail)) return;
  events::Finding finding;
  finding.kind = std::move(kind);
  finding.detail = std::move(detail);
  finding.exec_id = asker.exec_id;
  finding.pid = asker.pid;
  callbacks_.event(job.scope_id, asker.step, std::move(finding));
}

}  // namespace weir::dns_forward

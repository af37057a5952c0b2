// SPDX-License-Identifier: Apache-2.0
#include "sensor/events/event.h"

namespace weir::events {
namespace {

template <typename... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <typename... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;  // clang 14 does not deduce aggregates

bool Denied(Verdict verdict) { return verdict != Verdict::kAllow; }

constexpr std::array<std::string_view, kKinds> kKindNames = {
    "exec", "fork", "exit", "flow", "denial", "flow-totals", "dns", "dns-answer", "finding", "gap", "heartbeat", "job"};

}  // namespace

Kind KindOf(const Body& body) {
  return std::visit(Overloaded{
                        [](const ProcessExec&) { return Kind::kExec; },
                        [](const ProcessFork&) { return Kind::kFork; },
                        [](const ProcessExit&) { return Kind::kExit; },
                        [](const Flow& flow) { return Denied(flow.id.verdict) ? Kind::kDenial : Kind::kFlow; },
                        [](const FlowTotals&) { return Kind::kFlowTotals; },
                        [](const DnsQuery& query) { return Denied(query.verdict) ? Kind::kDenial : Kind::kDns; },
                        [](const DnsAnswer&) { return Kind::kDnsAnswer; },
                        [](const Finding&) { return Kind::kFinding; },
                        [](const Gap&) { return Kind::kGap; },
                        [](const Heartbeat&) { return Kind::kHeartbeat; },
                        [](const JobBegin&) { return Kind::kJob; },
                        [](const JobEnd&) { return Kind::kJob; },
                    },
                    body);
}

Importance ImportanceOf(const Body& body) {
  switch (KindOf(body)) {
    case Kind::kJob: return Importance::kVital;
    case Kind::kDenial:
    case Kind::kFinding:
    case Kind::kGap: return Importance::kCritical;
    default: return Importance::kPlain;
  }
}

std::string_view KindName(Kind kind) { return kKindNames[static_cast<std::size_t>(kind)]; }

std::size_t CostOf(const Event& event) {
  // Capacity below this sits inside the std::string itself.
  const auto heap = [](const std::string& text) { return text.capacity() > 15 ? text.capacity() + 1 : 0; };
  return sizeof(Event) + heap(event.job_id) +
         std::visit(Overloaded{
                        [&](const ProcessExec& exec) {
                          return heap(exec.executable) + heap(exec.arguments) + heap(exec.cwd) + heap(exec.step_name) +
                                 heap(exec.action_repository) + heap(exec.action_ref);
                        },
                        [&](const Flow& flow) { return heap(flow.name) + heap(flow.rule); },
                        [&](const DnsQuery& query) { return heap(query.name) + heap(query.rule); },
                        [&](const DnsAnswer& answer) {
                          return heap(answer.name) + answer.addresses.capacity() * sizeof(Address);
                        },
                        [&](const Finding& finding) { return heap(finding.kind) + heap(finding.detail); },
                        [&](const JobBegin& begin) { return heap(begin.policy_text); },
                        [&](const JobEnd& end) { return heap(end.record_json); },
                        [](const auto&) { return std::size_t{0}; },
                    },
                    event.body);
}

}  // namespace weir::events

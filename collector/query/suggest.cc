// SPDX-License-Identifier: Apache-2.0
#include "collector/query/suggest.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include "collector/report/build.h"
#include "collector/report/escape.h"
#include "collector/report/words.h"
#include "collector/rpc/limits.h"
#include "policy/address.h"

namespace weir::query {
namespace {

using store::Hook;
using store::Verdict;

constexpr std::size_t kMaxNotes = 100;
constexpr std::size_t kMaxListedNames = 20;

// What a policy allows without a rule: its own resolvers (each lookup is judged by its name), loopback, the job's own
// container network, and lookups with a search suffix.
constexpr std::string_view kNeedNoRule[] = {"loopback", "local", "resolver", "dns-tcp", "search", "kind"};

bool NeedsNoRule(std::string_view why) {
  return std::find(std::begin(kNeedNoRule), std::end(kNeedNoRule), why) != std::end(kNeedNoRule);
}

/// IANA number of a protocol as FlowId writes it; 0: not known.
std::uint8_t ProtocolNumber(std::string_view text) {
  constexpr std::pair<std::string_view, std::uint8_t> kWords[] = {{"icmp", 1},   {"tcp", 6},    {"udp", 17},
                                                                  {"dccp", 33},  {"gre", 47},   {"icmpv6", 58},
                                                                  {"l2tp", 115}, {"sctp", 132}, {"udplite", 136}};
  for (const auto& [word, number] : kWords) {
    if (word == text) return number;
  }
  std::uint8_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? number : std::uint8_t{0};
}

/// A flow that the job needs: it took place, or would have but for a policy that was only tried.
void AddFlow(const report::Contact& contact, const std::string& job, std::vector<policy::ObservedFlow>& flows) {
  const store::Flow& flow = contact.stored.flow;
  if (flow.key.hook == Hook::kDns || flow.key.hook == Hook::kSocket || NeedsNoRule(flow.key.why)) return;
  const auto address = policy::ParseAddress(flow.key.address);
  if (!address) return;
  policy::ObservedFlow observed;
  observed.name = flow.name;
  observed.address = *address;
  observed.port = static_cast<std::uint16_t>(flow.key.port);
  observed.protocol = ProtocolNumber(flow.key.protocol);
  if (contact.executable.starts_with('/')) observed.executable = contact.executable;
  observed.job = job;
  observed.count = contact.stored.totals.count;
  flows.push_back(std::move(observed));
}

/// Names that were only looked up: without a connection nothing says which port a rule would need.
std::string UnusedNames(const report::JobReport& job, const std::vector<policy::ObservedFlow>& flows) {
  std::set<std::string_view> used;
  for (const policy::ObservedFlow& flow : flows) used.insert(flow.name);
  std::set<std::string_view> unused;
  for (const report::Contact& contact : job.refused) {
    const store::Flow& flow = contact.stored.flow;
    if (contact.verdict() != Verdict::kWouldDeny || flow.key.hook != Hook::kDns || flow.name.empty()) continue;
    if (!used.contains(flow.name)) unused.insert(flow.name);
  }
  std::string list;
  std::size_t listed = 0;
  for (const std::string_view name : unused) {
    if (++listed > kMaxListedNames) return list + " and " + report::Grouped(unused.size() - kMaxListedNames) + " more";
    list += (list.empty() ? "" : " ") + report::ForTerminal(name);
  }
  return list;
}

}  // namespace

Observed Observe(const report::JobReport& job) {
  Observed observed;
  const std::string& name = job.job.begin.name.empty() ? job.job.job_id : job.job.begin.name;
  const std::string shown = "job " + report::ForTerminal(job.job.job_id);
  for (const report::Contact& contact : job.allowed) AddFlow(contact, name, observed.flows);
  std::size_t denied = 0;
  for (const report::Contact& contact : job.refused) {
    // What a policy in force has denied is not suggested: somebody decided that.
    contact.verdict() == Verdict::kDeny ? void(++denied) : AddFlow(contact, name, observed.flows);
  }
  if (denied != 0) {
    observed.notes.push_back(shown + ": " + report::Plural(denied, "denied contact") +
                             " left out; run it in audit mode to "
                             "have them considered");
  }
  if (job.summary.watch != report::Watch::kWatched || !job.summary.complete) {
    observed.notes.push_back(shown + ": " + std::string(report::Stamp(job.summary)) +
                             ", so the suggestion may lack "
                             "destinations");
  }
  if (const std::string names = UnusedNames(job, observed.flows); !names.empty()) {
    observed.notes.push_back(shown + ": looked up but never connected to, so without a rule: " + names);
  }
  return observed;
}

void Merge(std::vector<policy::ObservedFlow>& flows) {
  const auto key = [](const policy::ObservedFlow& flow) {
    return std::tie(flow.name, flow.address, flow.port, flow.protocol, flow.executable, flow.job);
  };
  // Stable: what was seen first stays first among equals.
  std::stable_sort(flows.begin(), flows.end(), [&](const auto& a, const auto& b) { return key(a) < key(b); });
  std::size_t kept = 0;
  for (std::size_t i = 0; i < flows.size(); ++i) {
    if (kept != 0 && key(flows[kept - 1]) == key(flows[i])) {
      const std::uint64_t room = std::numeric_limits<std::uint64_t>::max() - flows[kept - 1].count;
      flows[kept - 1].count += std::min(room, flows[i].count);
      continue;
    }
    if (kept != i) flows[kept] = std::move(flows[i]);
    ++kept;
  }
  flows.resize(kept);
}

Result<> Suggest(store::Store& store, const v1::SuggestPolicyRequest& request, const store::Stop& stop,
                 v1::SuggestPolicyResponse& response) {
  Observed all;
  std::size_t merged = 0;
  for (const std::string& job_id : request.job_ids()) {
    auto evidence = store.LoadJob(job_id, {}, stop);
    if (!evidence) return tl::unexpected<Error>(std::move(evidence).error());
    Observed observed = Observe(report::BuildReport(std::move(*evidence)));
    std::move(observed.flows.begin(), observed.flows.end(), std::back_inserter(all.flows));
    std::move(observed.notes.begin(), observed.notes.end(), std::back_inserter(all.notes));
    // Not after each job: sorting everything again would cost more than the memory.
    if (all.flows.size() - merged > rpc::kMaxSuggestFlows / 2) {
      Merge(all.flows);
      merged = all.flows.size();
    }
    if (merged > rpc::kMaxSuggestFlows)
      return Fail(Code::kExhausted, "the jobs have too many destinations; name fewer");
  }
  Merge(all.flows);
  policy::SuggestOptions options;
  options.bind_processes = request.bind_processes();
  const policy::Suggestion suggestion = policy::Suggest(all.flows, options);
  response.set_policy_yaml(suggestion.yaml);
  response.set_flows_covered(
      static_cast<std::uint32_t>(all.flows.size() - std::min(all.flows.size(), suggestion.not_covered.size())));
  all.notes.insert(all.notes.end(), suggestion.not_covered.begin(), suggestion.not_covered.end());
  for (std::size_t i = 0; i < std::min(all.notes.size(), kMaxNotes); ++i) response.add_notes(all.notes[i]);
  if (all.notes.size() > kMaxNotes)
    response.add_notes("and " + report::Plural(all.notes.size() - kMaxNotes, "more note"));
  return {};
}

}  // namespace weir::query

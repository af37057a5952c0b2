// SPDX-License-Identifier: Apache-2.0
#include "policy/unused.h"

#include <algorithm>
#include <bitset>
#include <set>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "policy/address.h"
#include "policy/source.h"
#include "policy/text.h"

namespace weir::policy {
namespace {

std::string_view FileName(std::string_view path) { return path.substr(path.rfind('/') + 1); }

bool Admits(const Rule& rule, const std::string& executable) {
  if (rule.processes.empty() || executable.empty()) return true;
  return std::any_of(rule.processes.begin(), rule.processes.end(), [&](const std::string& process) {
    return process == (process.starts_with('/') ? std::string_view(executable) : FileName(executable));
  });
}

// The rules of one list by the host that they name, so that the work does not grow with rules times flows.
class RuleIndex {
 public:
  RuleIndex(const std::vector<Rule>& rules, const Date& today) : rules_(rules), used_(rules.size()) {
    for (std::size_t i = 0; i < rules.size(); ++i) {
      const Rule& rule = rules[i];
      judged_.push_back(!rule.deny && (!rule.expires || *rule.expires >= today));
      if (!judged_.back()) continue;
      by_host_[FormatHost(rule.endpoint)].push_back(i);
      if (rule.endpoint.host == HostKind::kAddress) lengths_.set(rule.endpoint.prefix_bits);
    }
  }

  void Use(const ObservedFlow& flow) {
    Endpoint inner;
    inner.port = flow.port;
    inner.protocol = flow.protocol;
    const auto mark = [&](std::size_t i) {
      if (Covers(rules_[i].endpoint, inner) && Admits(rules_[i], flow.executable)) used_[i] = true;
    };
    if (!flow.name.empty()) {
      inner.host = HostKind::kName;
      inner.name = Lower(flow.name);
      ForName(inner.name, mark);
    }
    // An address rule may be what let a named flow through.
    inner.host = HostKind::kAddress;
    inner.address = flow.address;
    inner.prefix_bits = 128;
    ForAddress(flow.address, mark);
  }

  // After all flows.
  void UseLookup(const std::string& asked) {
    const std::string name = Lower(asked);
    bool known = false;
    std::vector<std::size_t> all;
    ForName(name, [&](std::size_t i) {
      known = known || used_[i];
      all.push_back(i);
    });
    if (known) return;
    looked_up_.insert(looked_up_.end(), all.begin(), all.end());
  }

  template <typename Say>
  void ForUnused(Say say) {
    for (const std::size_t i : std::exchange(looked_up_, {})) used_[i] = true;
    for (std::size_t i = 0; i < rules_.size(); ++i) {
      if (judged_[i] && !used_[i]) say(rules_[i]);
    }
  }

 private:
  template <typename Visit>
  void ForHost(const std::string& host, Visit visit) {
    const auto found = by_host_.find(host);
    if (found == by_host_.end()) return;
    for (const std::size_t i : found->second) visit(i);
  }

  template <typename Visit>
  void ForName(const std::string& name, Visit visit) {
    ForHost(name, visit);
    for (std::size_t dot = name.find('.'); dot != name.npos; dot = name.find('.', dot + 1)) {
      ForHost("*" + name.substr(dot), visit);
    }
  }

  template <typename Visit>
  void ForAddress(const Address& address, Visit visit) {
    Endpoint host;
    host.host = HostKind::kAddress;
    for (std::size_t bits = 0; bits < lengths_.size(); ++bits) {
      if (!lengths_.test(bits)) continue;
      host.prefix_bits = static_cast<std::uint8_t>(bits);
      host.address = NetworkOf(address, host.prefix_bits);
      ForHost(FormatHost(host), visit);
    }
  }

  const std::vector<Rule>& rules_;
  std::vector<bool> used_, judged_;
  std::vector<std::size_t> looked_up_;
  std::unordered_map<std::string, std::vector<std::size_t>> by_host_;
  std::bitset<129> lengths_;
};

// Runs repeat each other: each flow and each name once.
struct Uses {
  std::vector<ObservedFlow> flows;
  std::set<std::string> lookups;
  std::size_t runs = 0;
};

Uses UsesOf(const std::vector<RunUse>& runs, const std::string* job) {
  Uses uses;
  std::set<std::tuple<std::string, Address, std::uint16_t, std::uint8_t, std::string>> seen;
  for (const RunUse& run : runs) {
    if (job != nullptr && run.job != *job) continue;
    ++uses.runs;
    for (const ObservedFlow& flow : run.flows) {
      if (seen.emplace(flow.name, flow.address, flow.port, flow.protocol, flow.executable).second) {
        uses.flows.push_back(flow);
      }
    }
    uses.lookups.insert(run.lookups.begin(), run.lookups.end());
  }
  return uses;
}

void FindIn(const std::vector<Rule>& rules, const Uses& uses, const std::string& whose, const Date& today,
            FaultSink* faults) {
  if (uses.runs == 0) return;
  RuleIndex index(rules, today);
  for (const ObservedFlow& flow : uses.flows) index.Use(flow);
  for (const std::string& name : uses.lookups) index.UseLookup(name);
  const std::string in = uses.runs == 1 ? "the last run" : "the last " + std::to_string(uses.runs) + " runs";
  index.ForUnused([&](const Rule& rule) {
    faults->Warn(rule.at, "`" + Printable(rule.text) + "` was not used in " + in + whose,
                 "remove it, or say in `reason` what needs it and when");
  });
}

}  // namespace

std::vector<Fault> FindUnused(const ParsedPolicy& policy, const std::vector<RunUse>& runs, const Date& today) {
  FaultSink faults;
  FindIn(policy.rules, UsesOf(runs, nullptr), "", today, &faults);
  for (const JobPolicy& job : policy.jobs) {
    if (!job.rules.empty())
      FindIn(job.rules, UsesOf(runs, &job.name), " of `" + Printable(job.name) + "`", today, &faults);
  }
  return faults.Take();
}

}  // namespace weir::policy

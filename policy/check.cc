// SPDX-License-Identifier: Apache-2.0
#include "policy/check.h"

#include <algorithm>
#include <bitset>
#include <set>
#include <tuple>
#include <unordered_map>

#include "policy/address.h"
#include "policy/compile.h"
#include "policy/matcher.h"
#include "policy/source.h"
#include "policy/text.h"
#include "policy/wire.h"

namespace weir::policy {
namespace {

// Compiling a big policy for every one of many jobs would take minutes; `weir run` compiles the one that it runs.
constexpr std::size_t kMaxCompiledRules = 2'000'000;

std::string Shown(const Rule& rule) {
  return "`" + Printable(rule.text) + "` (" + Printable(rule.at.file) + ":" + std::to_string(rule.at.line) + ")";
}

bool Admits(const Rule& wider, const Rule& narrower) {
  if (wider.processes.empty()) return true;
  return !narrower.processes.empty() && std::includes(wider.processes.begin(), wider.processes.end(),
                                                      narrower.processes.begin(), narrower.processes.end());
}

// Finds rules that another rule of the same list makes needless. Rules are looked up by the endpoints that would cover
// them, so the work does not grow with the square of their number.
class Redundancy {
 public:
  Redundancy(const Date& today, FaultSink* faults) : today_(today), faults_(faults) {}

  void Add(const Rule& rule) {
    if (rule.expires && *rule.expires < today_) return;
    if (const Rule* other = FindCovering(rule)) {
      const bool same = other->endpoint == rule.endpoint;
      faults_->Warn(rule.at, "`" + Printable(rule.text) + "` " + (same ? "repeats " : "is covered by ") + Shown(*other),
                    same ? "remove one of the two" : "remove the narrower rule, or the wider one if it is too wide");
    }
    rules_[KeyOf(rule.endpoint, rule.deny)].push_back(&rule);
    if (rule.endpoint.host == HostKind::kAddress) lengths_.set(rule.endpoint.prefix_bits);
  }

 private:
  static std::string KeyOf(const Endpoint& endpoint, bool deny) {
    return (deny ? "-" : "+") + FormatEndpoint(endpoint);
  }

  const Rule* FindCovering(const Rule& rule) const {
    Endpoint wider = rule.endpoint;
    for (const auto& [protocol, port] :
         {std::pair(rule.endpoint.protocol, rule.endpoint.port), std::pair(rule.endpoint.protocol, kAnyPort),
          std::pair(kAnyProtocol, kAnyPort)}) {
      wider.protocol = protocol;
      wider.port = port;
      const Rule* found = rule.endpoint.host == HostKind::kAddress ? FindPrefix(rule, wider) : FindName(rule, wider);
      if (found != nullptr) return found;
    }
    return nullptr;
  }

  const Rule* FindPrefix(const Rule& rule, Endpoint wider) const {
    for (int bits = rule.endpoint.prefix_bits; bits >= 0; --bits) {
      if (!lengths_.test(static_cast<std::size_t>(bits))) continue;
      wider.prefix_bits = static_cast<std::uint8_t>(bits);
      wider.address = NetworkOf(rule.endpoint.address, wider.prefix_bits);
      if (!Covers(wider, rule.endpoint)) continue;
      if (const Rule* found = Find(rule, wider)) return found;
    }
    return nullptr;
  }

  const Rule* FindName(const Rule& rule, Endpoint wider) const {
    if (const Rule* found = Find(rule, wider)) return found;
    wider.host = HostKind::kWildcard;
    while (true) {
      const std::size_t dot = wider.name.find('.');
      if (dot == wider.name.npos) return nullptr;
      wider.name.erase(0, dot + 1);
      if (const Rule* found = Find(rule, wider)) return found;
    }
  }

  const Rule* Find(const Rule& rule, const Endpoint& wider) const {
    const auto found = rules_.find(KeyOf(wider, rule.deny));
    if (found == rules_.end()) return nullptr;
    for (std::size_t i = 0; i < found->second.size() && i < 64; ++i) {
      if (Admits(*found->second[i], rule)) return found->second[i];
    }
    return nullptr;
  }

  const Date& today_;
  FaultSink* faults_;
  std::unordered_map<std::string, std::vector<const Rule*>> rules_;
  std::bitset<129> lengths_;
};

class Checker {
 public:
  Checker(const ParsedPolicy& policy, const Date& today) : policy_(policy), today_(today) {}

  std::vector<Fault> Run() && {
    CheckJob(nullptr);
    Redundancy top(today_, &faults_);
    // Narrow rules may stand before wide ones; what is said does not depend on the order.
    for (const Rule* rule : WideFirst(policy_.rules)) top.Add(*rule);
    std::size_t compiled = policy_.rules.size();
    for (const JobPolicy& job : policy_.jobs) {
      compiled += policy_.rules.size() + job.rules.size();
      if (compiled > kMaxCompiledRules) {
        faults_.Warn(job.at, "too many rules and jobs: this job and those below were not compiled",
                     "split the policy, or check a job by `weir policy explain --job`");
        break;
      }
      CheckJob(&job);
      Redundancy own = top;
      for (const Rule* rule : WideFirst(job.rules)) own.Add(*rule);
    }
    return faults_.Take();
  }

 private:
  static std::vector<const Rule*> WideFirst(const std::vector<Rule>& rules) {
    std::vector<const Rule*> sorted;
    for (const Rule& rule : rules) sorted.push_back(&rule);
    const auto width = [](const Rule* rule) {
      const Endpoint& e = rule->endpoint;
      const auto labels = std::count(e.name.begin(), e.name.end(), '.');
      return std::tuple(e.host == HostKind::kName, e.host == HostKind::kAddress ? e.prefix_bits : labels,
                        e.protocol != kAnyProtocol, e.port != kAnyPort, !rule->processes.empty());
    };
    std::stable_sort(sorted.begin(), sorted.end(), [&](const Rule* a, const Rule* b) { return width(a) < width(b); });
    return sorted;
  }

  void CheckJob(const JobPolicy* job) {
    CompileOptions options;
    options.today = today_;
    if (job != nullptr) options.job_id = job->name;
    const CompileResult compiled = Compile(policy_, options);
    for (const Fault& fault : compiled.faults) AddOnce(Softened(fault, job));
    if (!compiled.ok()) return;
    const Matcher matcher(compiled.policy);
    const auto check = [&](const Rule& rule) {
      if (rule.deny || (rule.expires && *rule.expires < today_)) return;
      CheckDenied(rule, compiled.policy, matcher);
      CheckKind(rule, compiled.policy);
    };
    for (const Rule& rule : policy_.rules) check(rule);
    if (job != nullptr) std::for_each(job->rules.begin(), job->rules.end(), check);
  }

  // A top level without rules is a way of writing when every job has its own; a job that is not listed would not start.
  [[nodiscard]] Fault Softened(Fault fault, const JobPolicy* job) const {
    const bool empty = fault.reason.find("nothing is allowed") != std::string::npos;
    if (empty && job == nullptr && !policy_.jobs.empty()) {
      fault.severity = Severity::kWarning;
      fault.reason = "block mode, and nothing is allowed to jobs that are not in `jobs`";
    }
    return fault;
  }

  void AddOnce(Fault fault) {
    if (seen_.emplace(fault.file, fault.line, fault.column, fault.reason).second) faults_.Add(std::move(fault));
  }

  void CheckDenied(const Rule& rule, const CompiledPolicy& policy, const Matcher& matcher) {
    const Endpoint& e = rule.endpoint;
    Decision decision;
    if (e.host == HostKind::kAddress) {
      decision = matcher.DecidePrefix(e.address, e.prefix_bits, e.port, e.protocol, kAnyProcess);
    } else {
      const std::string wire = ToWire(e.name);
      const NameRule* entry = e.host == HostKind::kWildcard ? matcher.MatchBelow(wire) : matcher.MatchName(wire);
      decision = Matcher::DecideEntry(entry, e.port, e.protocol, kAnyProcess);
    }
    const bool denied = decision.why == "deny-rule" || (decision.why == "dns-name" && decision.rule_id != 0);
    if (!denied) return;
    const RuleInfo& by = policy.rules.at(decision.rule_id - 1);
    AddOnce(MakeFault(rule.at,
                      "`" + Printable(rule.text) + "` never takes effect: `" + Printable(by.text) + "` (" +
                          Printable(by.file) + ":" + std::to_string(by.line) + ") denies it",
                      "remove one of the two: a deny rule always goes first", Severity::kWarning));
  }

  void CheckKind(const Rule& rule, const CompiledPolicy& policy) {
    const std::uint8_t protocol = rule.endpoint.protocol;
    if (protocol == kTcp || protocol == kUdp || protocol == kAnyProtocol) return;
    const auto allowed = [&](const std::string& name) {
      const auto found = policy.guard.find(name);
      return found != policy.guard.end() && found->second == "allow";
    };
    const std::string kind = HasPorts(protocol) ? ProtocolName(protocol) : "ping";
    if (allowed(kind) || (!HasPorts(protocol) && allowed("raw"))) return;
    AddOnce(MakeFault(rule.at, "`" + Printable(rule.text) + "` never takes effect: " + kind + " sockets are refused",
                      "add `guard: {" + kind + ": allow}` if the job needs them", Severity::kWarning));
  }

  const ParsedPolicy& policy_;
  const Date& today_;
  FaultSink faults_;
  std::set<std::tuple<std::string, int, int, std::string>> seen_;
};

}  // namespace

std::vector<Fault> Check(const ParsedPolicy& policy, const Date& today) { return Checker(policy, today).Run(); }

}  // namespace weir::policy

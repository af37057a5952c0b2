// SPDX-License-Identifier: Apache-2.0
#include "policy/suggest.h"

#include <algorithm>
#include <map>
#include <set>

#include "policy/address.h"
#include "policy/compile.h"
#include "policy/endpoint.h"
#include "policy/matcher.h"
#include "policy/policy.h"
#include "policy/render.h"
#include "policy/suffix.h"
#include "policy/text.h"
#include "policy/wire.h"

namespace weir::policy {
namespace {

constexpr std::size_t kSiblings = 3;       // names below one domain that become a wildcard
constexpr std::size_t kNamePorts = 4;      // then `:*`; half of the kernel's 8, so that a wildcard's fit in too
constexpr std::size_t kAddressPorts = 16;  // then `:*`
constexpr std::size_t kListed = 5;         // processes and jobs in a reason
constexpr std::size_t kListedBytes = 60;   // of one of them

using Port = std::pair<std::uint8_t, std::uint16_t>;  // protocol, port

// Who used an endpoint.
struct Use {
  std::set<std::string> executables, jobs;
  std::uint64_t count = 0;
  bool unbound = false;  // by an executable that a rule cannot name
  void Add(const Use& other) {
    executables.insert(other.executables.begin(), other.executables.end());
    jobs.insert(other.jobs.begin(), other.jobs.end());
    count += other.count;
    unbound = unbound || other.unbound;
  }
};

// "example.org" before "*.example.org" before addresses; the key is the host as FormatHost writes it.
struct Host {
  Endpoint endpoint;
  std::map<Port, Use> ports;
};
using Hosts = std::map<std::string, Host>;

bool CanBeNamed(const std::string& executable) {
  return executable.starts_with('/') && executable.size() <= kMaxExecutablePathBytes && !executable.ends_with('/') &&
         executable == Printable(executable) && executable.find_first_of("*?") == std::string::npos &&
         executable.find("//") == std::string::npos && (executable + "/").find("/./") == std::string::npos &&
         (executable + "/").find("/../") == std::string::npos;
}

std::string ListSome(const std::set<std::string>& words, bool file_names) {
  std::set<std::string> shown;
  for (const std::string& word : words) {
    shown.insert(Printable(file_names ? word.substr(word.rfind('/') + 1) : word).substr(0, kListedBytes));
  }
  std::string out;
  std::size_t count = 0;
  for (const std::string& word : shown) {
    if (word.empty()) continue;
    if (++count > kListed) return out + " and " + std::to_string(shown.size() - kListed) + " more";
    out += (out.empty() ? "" : ", ") + word;
  }
  return out;
}

std::string Reason(const Use& use) {
  const std::string processes = ListSome(use.executables, true), jobs = ListSome(use.jobs, false);
  std::string out = processes.empty() ? "unknown process" : processes;
  if (!jobs.empty()) out += " in " + jobs;
  return out + " (seen " + std::to_string(use.count) + (use.count == 1 ? " time)" : " times)");
}

// The endpoint that names a flow exactly; nullopt and a reason when none can.
std::optional<Endpoint> EndpointOf(const ObservedFlow& flow, std::string* why_not) {
  const std::string protocol = ProtocolName(flow.protocol);
  const bool ports = HasPorts(flow.protocol);
  if (flow.protocol == kAnyProtocol || !ParseProtocol(protocol)) {
    *why_not = "rules cannot name IP protocol " + std::to_string(flow.protocol);
    return std::nullopt;
  }
  if (ports && flow.port == 0) {
    *why_not = "no port";
    return std::nullopt;
  }
  std::string name = flow.name;
  if (name.ends_with('.')) name.pop_back();
  const std::string port = ":" + FormatPort(ports ? flow.port : kAnyPort, flow.protocol);
  if (!name.empty()) {
    auto parsed = ParseEndpoint(name + port, ListKind::kAllow).endpoint;
    if (parsed && parsed->host == HostKind::kName) return parsed;
  }
  if (flow.address == Address{}) {
    *why_not = name.empty() ? "neither name nor address" : "not a name that a rule can have";
    return std::nullopt;
  }
  Endpoint endpoint;
  endpoint.host = HostKind::kAddress;
  endpoint.address = IsJudgedAsIpv4(flow.address) ? Ipv4Of(flow.address) : flow.address;
  endpoint.protocol = flow.protocol;
  endpoint.port = ports ? flow.port : kAnyPort;
  return endpoint;
}

bool NeedsNoRule(const ObservedFlow& flow) { return flow.name.empty() && IsLoopback(flow.address); }

void CollapsePorts(Hosts* hosts) {
  for (auto& [key, host] : *hosts) {
    const std::size_t limit = host.endpoint.host == HostKind::kAddress ? kAddressPorts : kNamePorts;
    std::map<std::uint8_t, std::size_t> counts;
    for (const auto& entry : host.ports) ++counts[entry.first.first];
    std::map<Port, Use> collapsed;
    for (const auto& [port, use] : host.ports) {
      collapsed[counts[port.first] > limit ? Port{port.first, kAnyPort} : port].Add(use);
    }
    host.ports = std::move(collapsed);
  }
}

std::string Parent(const std::string& name) {
  const std::size_t dot = name.find('.');
  return dot == name.npos ? std::string() : name.substr(dot + 1);
}

// Three siblings on one port become a wildcard where one owner has all names below; then what it covers goes.
void FoldSiblings(Hosts* hosts) {
  std::map<std::pair<std::string, Port>, std::size_t> siblings;
  for (const auto& [key, host] : *hosts) {
    if (host.endpoint.host != HostKind::kName) continue;
    for (const auto& entry : host.ports) ++siblings[{Parent(host.endpoint.name), entry.first}];
  }
  Hosts wildcards;
  for (const auto& [group, count] : siblings) {
    const std::string& domain = group.first;
    if (count < kSiblings || domain.find('.') == domain.npos) continue;
    if (ClassifySuffix(domain) != SuffixKind::kOwned || !SharedHostUnder(domain).empty()) continue;
    Host& wildcard = wildcards["*." + domain];
    wildcard.endpoint.host = HostKind::kWildcard;
    wildcard.endpoint.name = domain;
    wildcard.ports[group.second];
  }
  for (auto& [key, host] : *hosts) {
    if (host.endpoint.host != HostKind::kName) continue;
    for (auto port = host.ports.begin(); port != host.ports.end();) {
      Use* covering = nullptr;
      for (std::string domain = Parent(host.endpoint.name); !domain.empty() && !covering; domain = Parent(domain)) {
        const auto found = wildcards.find("*." + domain);
        if (found == wildcards.end()) continue;
        const auto same = found->second.ports.find(port->first);
        if (same != found->second.ports.end()) covering = &same->second;
      }
      if (covering != nullptr) covering->Add(port->second);
      port = covering != nullptr ? host.ports.erase(port) : std::next(port);
    }
  }
  hosts->merge(wildcards);
}

std::vector<Rule> RulesOf(const Hosts& hosts, bool bind_processes) {
  std::vector<Rule> rules;
  std::set<std::vector<std::string>> lists;
  std::set<std::string> all;
  for (const auto& [key, host] : hosts) {
    for (const auto& [port, use] : host.ports) {
      Rule rule;
      rule.endpoint = host.endpoint;
      rule.endpoint.protocol = port.first;
      rule.endpoint.port = port.second;
      rule.reason = Reason(use);
      if (bind_processes && use.unbound) rule.reason += ", not all by executables that a rule can name";
      if (bind_processes && !use.unbound) rule.processes.assign(use.executables.begin(), use.executables.end());
      if (!rule.processes.empty()) lists.insert(rule.processes);
      all.insert(rule.processes.begin(), rule.processes.end());
      rules.push_back(std::move(rule));
    }
  }
  // The kernel knows 63 lists. Beyond, every bound rule admits every process that was seen.
  for (Rule& rule : rules) {
    if (lists.size() > kMaxProcessLists && !rule.processes.empty()) rule.processes.assign(all.begin(), all.end());
  }
  return rules;
}

std::string Render(const std::vector<Rule>& rules, std::size_t flows, Mode mode) {
  std::string out = "# Suggested by weir from " + std::to_string(flows) + " observed destinations.\n";
  out += "# Read each rule: what was seen is what ran, not what should have run.\n";
  out += "version: 1\nmode: " + std::string(ModeName(mode)) + "\n";
  out += rules.empty() ? "allow: none\n" : "allow:\n";
  std::set<std::string> kinds;
  for (const Rule& rule : rules) {
    out += RenderRule(rule, 2);
    const std::uint8_t protocol = rule.endpoint.protocol;
    if (protocol != kTcp && protocol != kUdp) kinds.insert(HasPorts(protocol) ? ProtocolName(protocol) : "ping");
  }
  if (!kinds.empty()) out += "guard:  # kinds of sockets that these rules need\n";
  for (const std::string& kind : kinds) out += "  " + kind + ": allow\n";
  return out;
}

bool CoversAll(const std::string& yaml, const std::vector<ObservedFlow>& flows) {
  const LoadResult loaded = LoadText(yaml, "suggested");
  if (!loaded.ok()) return false;
  const CompileResult compiled = Compile(loaded.policy);
  if (!compiled.ok()) return false;
  const Matcher matcher(compiled.policy);
  return std::all_of(flows.begin(), flows.end(), [&](const ObservedFlow& flow) {
    std::string ignored;
    const auto endpoint = EndpointOf(flow, &ignored);
    if (!endpoint || NeedsNoRule(flow)) return true;
    const ProcessMask mask = matcher.ProcessesOf(flow.executable);
    const Decision decision = endpoint->host == HostKind::kName
                                  ? matcher.DecideName(ToWire(endpoint->name), endpoint->port, endpoint->protocol, mask)
                                  : matcher.Decide(endpoint->address, endpoint->port, endpoint->protocol, mask);
    return decision.allowed;
  });
}

}  // namespace

Suggestion Suggest(const std::vector<ObservedFlow>& flows, const SuggestOptions& options) {
  Suggestion out;
  Hosts hosts;
  std::set<std::string> not_covered;
  for (const ObservedFlow& flow : flows) {
    if (NeedsNoRule(flow)) continue;
    std::string why_not;
    auto endpoint = EndpointOf(flow, &why_not);
    if (!endpoint) {
      not_covered.insert((flow.name.empty() ? FormatAddress(flow.address) : Printable(flow.name.substr(0, 253))) +
                         ": " + why_not);
      continue;
    }
    Host& host = hosts[FormatHost(*endpoint)];
    Use use{{}, {flow.job}, flow.count, !CanBeNamed(flow.executable)};
    if (!flow.executable.empty()) use.executables.insert(flow.executable);
    host.ports[{endpoint->protocol, endpoint->port}].Add(use);
    host.endpoint = *std::move(endpoint);
  }
  out.not_covered.assign(not_covered.begin(), not_covered.end());
  CollapsePorts(&hosts);
  Hosts folded = hosts;
  if (options.fold_wildcards) FoldSiblings(&folded);
  // Nested wildcards can need more ports than one entry has; names one by one never do.
  std::vector<Rule> rules = RulesOf(folded, options.bind_processes);
  out.yaml = Render(rules, flows.size(), options.mode);
  if (options.fold_wildcards && !CoversAll(out.yaml, flows)) {
    rules = RulesOf(hosts, options.bind_processes);
    out.yaml = Render(rules, flows.size(), options.mode);
  }
  out.rules = rules.size();
  return out;
}

}  // namespace weir::policy

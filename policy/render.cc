// SPDX-License-Identifier: Apache-2.0
#include "policy/render.h"

#include <algorithm>

#include "policy/address.h"
#include "policy/compile.h"
#include "policy/text.h"

namespace weir::policy {
namespace {

std::string Indent(int spaces) { return std::string(static_cast<std::size_t>(spaces), ' '); }

std::string RenderDns(const Dns& dns) {
  std::string resolvers = dns.system_resolvers ? "system" : "";
  for (const Address& address : dns.resolvers) {
    resolvers += (resolvers.empty() ? "" : ", ") + YamlQuoted(FormatAddress(address));
  }
  return "dns: {resolvers: [" + resolvers + "], max_age: " + RenderMaxAge(dns.max_age_seconds) + "}\n";
}

std::string RenderGuard(const std::map<std::string, std::string>& guard, int indent) {
  if (guard.empty()) return {};
  std::string out = Indent(indent) + "guard:\n";
  for (const auto& [name, action] : guard) out += Indent(indent + 2) + name + ": " + action + "\n";
  return out;
}

std::string RenderSockets(const std::map<std::string, std::string>& sockets, int indent) {
  if (sockets.empty()) return {};
  std::string out = Indent(indent) + "sockets:\n";
  for (const auto& [path, action] : sockets) out += Indent(indent + 2) + YamlQuoted(path) + ": " + action + "\n";
  return out;
}

std::string RenderLeftovers(std::optional<Leftovers> leftovers, int indent) {
  return leftovers ? Indent(indent) + "leftovers: " + std::string(LeftoversName(*leftovers)) + "\n" : "";
}

// Both lists. `allow_none` is for a policy that says so; without it an empty list is not written.
std::string RenderLists(const std::vector<const Rule*>& rules, bool allow_none, bool sorted, int indent) {
  std::string out;
  for (const bool deny : {false, true}) {
    std::vector<std::string> items;
    for (const Rule* rule : rules) {
      if (rule->deny == deny) items.push_back(RenderRule(*rule, indent + 2));
    }
    if (sorted) std::sort(items.begin(), items.end());
    if (sorted) items.erase(std::unique(items.begin(), items.end()), items.end());
    if (!items.empty())
      out += Indent(indent) + (deny ? "deny:\n" : "allow:\n");
    else if (!deny && allow_none)
      out += Indent(indent) + "allow: none\n";
    for (const std::string& item : items) out += item;
  }
  return out;
}

std::vector<const Rule*> Pointers(const std::vector<Rule>& rules) {
  std::vector<const Rule*> pointers;
  pointers.reserve(rules.size());
  for (const Rule& rule : rules) pointers.push_back(&rule);
  return pointers;
}

}  // namespace

std::string RenderMaxAge(std::uint64_t seconds) {
  if (seconds == 0) return "job";
  if (seconds % 86400 == 0) return std::to_string(seconds / 86400) + "d";
  if (seconds % 3600 == 0) return std::to_string(seconds / 3600) + "h";
  if (seconds % 60 == 0) return std::to_string(seconds / 60) + "m";
  return std::to_string(seconds) + "s";
}

std::string RenderRule(const Rule& rule, int indent) {
  const std::string start = Indent(indent) + "- ";
  const std::string endpoint = YamlQuoted(FormatEndpoint(rule.endpoint));
  if (rule.processes.empty() && rule.reason.empty() && rule.owner.empty() && !rule.expires) {
    return start + endpoint + "\n";
  }
  const std::string more = Indent(indent + 2);
  std::string out = start + "endpoint: " + endpoint + "\n";
  if (!rule.processes.empty()) {
    std::string list;
    for (const std::string& process : rule.processes) list += (list.empty() ? "" : ", ") + YamlQuoted(process);
    out += more + "process: [" + list + "]\n";
  }
  if (!rule.reason.empty()) out += more + "reason: " + YamlQuoted(rule.reason) + "\n";
  if (!rule.owner.empty()) out += more + "owner: " + YamlQuoted(rule.owner) + "\n";
  if (rule.expires) out += more + "expires: " + FormatDate(*rule.expires) + "\n";
  return out;
}

std::string RenderEffective(const Effective& policy) {
  std::string out = "version: 1\nmode: " + std::string(ModeName(policy.mode)) + "\n";
  out += RenderLists(policy.rules, true, true, 0);
  out += RenderDns(policy.dns) + RenderGuard(policy.guard, 0) + RenderSockets(policy.sockets, 0);
  out += "on_deny: " + std::string(OnDenyName(policy.on_deny)) + "\n";
  // Only what is not the default: policies keep the digest that they had before the key existed.
  return policy.leftovers == Leftovers::kReport ? out : out + RenderLeftovers(policy.leftovers, 0);
}

std::string RenderPolicy(const ParsedPolicy& policy) {
  std::string out = "version: 1\n";
  if (policy.mode) out += "mode: " + std::string(ModeName(*policy.mode)) + "\n";
  out += RenderLists(Pointers(policy.rules), policy.allow_none, false, 0);
  out += RenderDns(policy.dns) + RenderGuard(policy.guard, 0) + RenderSockets(policy.sockets, 0);
  out += "on_deny: " + std::string(OnDenyName(policy.on_deny)) + "\n" + RenderLeftovers(policy.leftovers, 0);
  if (!policy.jobs.empty()) out += "jobs:\n";
  for (const JobPolicy& job : policy.jobs) {
    std::string body;
    if (job.mode) body += "    mode: " + std::string(ModeName(*job.mode)) + "\n";
    if (job.on_deny) body += "    on_deny: " + std::string(OnDenyName(*job.on_deny)) + "\n";
    body += RenderLeftovers(job.leftovers, 4) + RenderLists(Pointers(job.rules), job.allow_none, false, 4) +
            RenderGuard(job.guard, 4) + RenderSockets(job.sockets, 4);
    out += "  " + YamlQuoted(job.name) + ":" + (body.empty() ? " {}\n" : "\n" + body);
  }
  return out;
}

}  // namespace weir::policy

// SPDX-License-Identifier: Apache-2.0
#include "collector/report/build.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <set>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "collector/report/steps.h"
#include "collector/report/words.h"

namespace weir::report {
namespace {

using store::Hook;
using store::Verdict;

// Listed per destination; a name behind a large network has many.
constexpr std::size_t kMaxListed = 16;
constexpr std::size_t kMaxSuggested = 1000;

void AddDistinct(std::vector<std::string>& list, const std::string& item) {
  if (item.empty() || list.size() >= kMaxListed) return;
  if (std::find(list.begin(), list.end(), item) == list.end()) list.push_back(item);
}

void LinkProcesses(store::ProcessPage page, JobReport& report) {
  std::unordered_map<std::uint64_t, std::size_t> by_exec;
  for (store::StoredExec& exec : page.processes) {
    by_exec.emplace(exec.exec.exec_id, report.processes.size());  // the first of a repeated id: where it entered
    report.processes.push_back({std::move(exec), Process::kNone, {}});
  }
  for (std::size_t i = 0; i < report.processes.size(); ++i) {
    const auto parent = by_exec.find(report.processes[i].stored.exec.parent_exec_id);
    // Parents come first in time: that also makes every chain end, whatever the numbers say.
    if (parent == by_exec.end() || parent->second >= i) {
      report.roots.push_back(i);
      continue;
    }
    report.processes[i].parent = parent->second;
    report.processes[parent->second].children.push_back(i);
  }
}

void AddContacts(store::FlowPage page, JobReport& report) {
  std::unordered_map<std::uint64_t, std::size_t> by_exec;
  for (std::size_t i = 0; i < report.processes.size(); ++i) by_exec.emplace(report.processes[i].stored.exec.exec_id, i);
  for (store::StoredFlow& flow : page.flows) {
    Contact contact;
    const store::ImageKey key{flow.job_ref, flow.flow.key.exec_id};
    contact.ancestry = Ancestry(page.images, key);
    if (const auto process = by_exec.find(key.exec_id); process != by_exec.end()) contact.process = process->second;
    if (const auto image = page.images.find(key); image != page.images.end()) {
      contact.executable = image->second.executable;
      contact.arguments = image->second.arguments;
    }
    if (contact.executable.empty()) contact.executable = flow.flow.comm;
    contact.stored = std::move(flow);
    (contact.refused() ? report.refused : report.allowed).push_back(std::move(contact));
  }
  // What was refused before what would have been.
  std::stable_partition(report.refused.begin(), report.refused.end(),
                        [](const Contact& contact) { return contact.verdict() == Verdict::kDeny; });
}

void AddDestinations(JobReport& report) {
  std::map<std::tuple<std::string, std::uint32_t, std::string>, Destination> found;
  for (const Contact& contact : report.allowed) {
    const store::Flow& flow = contact.stored.flow;
    // Lookups go to a resolver, which has a flow of its own; sockets have no destination.
    if (flow.key.hook == Hook::kDns || flow.key.hook == Hook::kSocket) continue;
    const std::string& shown = flow.name.empty() ? flow.key.address : flow.name;
    Destination& to = found[{shown, flow.key.port, flow.key.protocol}];
    to.name = flow.name;
    to.port = flow.key.port;
    to.protocol = flow.key.protocol;
    AddDistinct(to.addresses, flow.key.address);
    AddDistinct(to.rules, flow.rule.empty() ? flow.key.why : flow.rule);
    AddDistinct(to.processes, contact.executable);
    const store::Totals& add = contact.stored.totals;
    store::Totals& sum = to.totals;
    sum.first_ns = sum.count == 0 ? add.first_ns : std::min(sum.first_ns, add.first_ns);
    sum.last_ns = std::max(sum.last_ns, add.last_ns);
    sum.count += add.count;
    sum.bytes_out += add.bytes_out;
    sum.bytes_in += add.bytes_in;
    sum.packets_out += add.packets_out;
    sum.packets_in += add.packets_in;
  }
  for (auto& [key, destination] : found) report.destinations.push_back(std::move(destination));
  std::stable_sort(report.destinations.begin(), report.destinations.end(),
                   [](const Destination& a, const Destination& b) {
                     return a.totals.bytes_out + a.totals.bytes_in > b.totals.bytes_out + b.totals.bytes_in;
                   });
}

/// An address, or a name that a policy can hold.
bool IsHost(std::string_view host) {
  return !host.empty() && std::all_of(host.begin(), host.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           std::string_view(".:_-").find(c) != std::string_view::npos;
  });
}

/// A path that needs no quotes in YAML.
bool IsPlainPath(std::string_view path) {
  return path.starts_with('/') && path.find("//") == path.npos && std::all_of(path.begin(), path.end(), [](char c) {
           return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
                  std::string_view("/._+-").find(c) != std::string_view::npos;
         });
}

/// The entry of `allow:` that would let the contact through; empty: none would. Deny rules go before every allow, and
/// kinds of sockets, replies and malformed questions are not allowed by naming an endpoint.
std::string EntryFor(const Contact& contact, const std::set<std::string_view>& connected) {
  const store::Flow& flow = contact.stored.flow;
  if (flow.key.hook == Hook::kDns) {
    // With a rule it is a deny rule. A lookup does not say which port the job wanted; no port means 443/tcp.
    const bool helps = flow.key.why == "dns-name" && flow.rule.empty() && IsHost(flow.name);
    return helps && !connected.contains(flow.name) ? flow.name : "";
  }
  const bool bound = flow.key.why == "process";
  if (flow.key.hook == Hook::kSocket || (flow.key.why != "no-rule" && !bound)) return "";
  const std::string& host = !flow.name.empty() ? flow.name : flow.key.address;
  if (!IsHost(host) || flow.key.port == 0) return "";
  const std::string endpoint = (host.find(':') != std::string::npos ? "[" + host + "]" : host) + ":" +
                               std::to_string(flow.key.port) +
                               (flow.key.protocol == "tcp" ? "" : "/" + flow.key.protocol);
  if (!bound) return endpoint;
  // Somebody bound the rule on purpose: the entry opens it to this executable, not to all.
  if (!IsPlainPath(contact.executable)) return "";
  return "{endpoint: \"" + endpoint + "\", process: [" + contact.executable + "]}";
}

void AddSuggestion(JobReport& report) {
  std::set<std::string_view> connected;  // names whose port is known
  for (const Contact& contact : report.refused) {
    if (contact.stored.flow.key.hook != Hook::kDns) connected.insert(contact.stored.flow.name);
  }
  std::set<std::string> seen;
  for (const Contact& contact : report.refused) {
    const std::string entry = EntryFor(contact, connected);
    if (entry.empty() || seen.size() >= kMaxSuggested) continue;
    if (seen.insert(entry).second) report.suggestion.push_back(entry);
  }
}

void AddLosses(const std::map<std::string, std::uint64_t>& lost, const std::string& where, Summary& summary) {
  for (const auto& [kind, count] : lost) {
    if (count != 0) summary.reasons.push_back(Plural(count, kind + " record") + " lost " + where);
  }
}

void AddMissing(const store::JobEvidence& evidence, const JobReport& report, Summary& summary) {
  for (const store::StoredGap& gap : report.gaps) {
    // A record that is incomplete names its gaps itself.
    if (report.record && !report.record->complete) break;
    summary.reasons.push_back("the sensor reports a gap (" + gap.gap.reason + ") " +
                              TimeRange(gap.gap.from_ns, gap.gap.until_ns));
    AddLosses(gap.gap.lost, "in that gap", summary);
  }
  for (const store::SequenceGap& gap : report.sequence_gaps) {
    summary.reasons.push_back(Plural(gap.last_sequence - gap.first_sequence + 1, "event") + " of the sensor (" +
                              std::to_string(gap.first_sequence) + " to " + std::to_string(gap.last_sequence) +
                              ") never arrived at the collector");
  }
  if (report.job.begin_ns == 0) summary.reasons.push_back("the job's beginning never arrived");
  if (evidence.flows.truncated) summary.reasons.push_back("more flows are stored than a report holds");
  if (evidence.processes.truncated) summary.reasons.push_back("more processes are stored than a report holds");
  if (evidence.gaps_truncated) summary.reasons.push_back("more gaps are stored than a report holds");
  if (evidence.findings_truncated) summary.reasons.push_back("more findings are stored than a report holds");
}

Summary Summarise(const store::JobEvidence& evidence, JobReport& report) {
  Summary summary;
  summary.counts = {evidence.counts.allowed, evidence.counts.denied, evidence.counts.would_deny};
  if (report.job.end_ns == 0) {
    summary.watch = Watch::kUnfinished;
    summary.reasons.push_back("neither the job's end nor its enforcement record has arrived");
  } else if (auto record = ParseRecord(report.job.end.record); !record) {
    summary.watch = Watch::kUnproven;
    summary.reasons.push_back(record.error().what);
  } else {
    summary.watch = !record->armed ? Watch::kNotWatched : record->ArmedToTheEnd() ? Watch::kWatched : Watch::kLapsed;
    summary.reasons = record->not_armed;
    summary.reasons.insert(summary.reasons.end(), record->reasons.begin(), record->reasons.end());
    summary.counts = record->counts;
    summary.counts_exact = summary.watch == Watch::kWatched;
    summary.complete = record->complete && report.job.end.complete;
    report.record = std::move(*record);
  }
  const std::size_t stated = summary.reasons.size();
  AddMissing(evidence, report, summary);
  if (summary.reasons.size() > stated) summary.complete = false;
  if (summary.watch == Watch::kWatched && !summary.complete && summary.reasons.empty()) {
    summary.reasons.push_back("the record says that it is incomplete and names no reason");
  }
  return summary;
}

}  // namespace

std::vector<std::string> Ancestry(const store::Images& images, store::ImageKey key) {
  std::vector<std::string> chain;  // upwards
  std::set<std::uint64_t> seen;    // numbers of a hostile or repeating kind must not lead in a circle
  for (auto image = images.find(key); image != images.end() && seen.insert(key.exec_id).second;
       image = images.find(key)) {
    chain.push_back(image->second.executable.empty() ? "?" : image->second.executable);
    key.exec_id = image->second.parent_exec_id;
  }
  std::reverse(chain.begin(), chain.end());
  if (chain.size() > kMaxAncestry) {
    const auto middle = chain.begin() + kMaxAncestry / 2;
    *middle = "…";
    chain.erase(middle + 1, chain.end() - (kMaxAncestry / 2 - 1));
  }
  return chain;
}

JobReport BuildReport(store::JobEvidence evidence) {
  JobReport report;
  report.job = std::move(evidence.job);
  report.gaps = std::move(evidence.gaps);
  report.sequence_gaps = std::move(evidence.sequence_gaps);
  report.findings = std::move(evidence.findings);
  report.summary = Summarise(evidence, report);
  LinkProcesses(std::move(evidence.processes), report);
  AddContacts(std::move(evidence.flows), report);
  AddDestinations(report);
  AddSuggestion(report);
  AddSteps(std::move(evidence.steps), report);
  return report;
}

}  // namespace weir::report

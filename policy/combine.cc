// SPDX-License-Identifier: Apache-2.0
#include "policy/combine.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <tuple>

#include "policy/guard.h"
#include "policy/source.h"

namespace weir::policy {
namespace {

constexpr std::string_view kHostNote = "host policy";

/// Executables that are on both lists. A path and a name are never taken for one: which file a path leads to is known
/// only when the job begins, and to guess wrong would allow what one policy denies.
std::optional<std::vector<std::string>> MeetProcesses(const Rule& a, const Rule& b) {
  if (a.processes.empty()) return b.processes;
  if (b.processes.empty()) return a.processes;
  std::vector<std::string> both;  // lists are sorted
  std::set_intersection(a.processes.begin(), a.processes.end(), b.processes.begin(), b.processes.end(),
                        std::back_inserter(both));
  return both.empty() ? std::nullopt : std::optional(std::move(both));
}

std::optional<Date> Earlier(const std::optional<Date>& a, const std::optional<Date>& b) {
  return !a ? b : !b ? a : std::optional(std::min(*a, *b));
}

Rule MarkedAsHosts(Rule rule) {
  rule.reason = rule.reason.empty() ? std::string(kHostNote) : std::string(kHostNote) + ": " + rule.reason;
  rule.reason.resize(std::min(rule.reason.size(), kMaxNoteBytes));
  return rule;
}

std::string_view Stricter(std::string_view a, std::string_view b) {
  for (const std::string_view action : {"deny", "report"}) {
    if (a == action || b == action) return action;
  }
  return "allow";
}

class Combiner {
 public:
  Combiner(const ParsedPolicy& host, const ParsedPolicy& repository, const CompileOptions& options)
      : host_(ForJob(host, options)), repository_(ForJob(repository, options)) {}

  CombineResult Run() && {
    const Mode host_mode = host_.mode.value_or(Mode::kBlock), own_mode = repository_.mode.value_or(Mode::kBlock);
    out_.file = repository_.file;
    out_.mode = host_mode == Mode::kBlock || own_mode == Mode::kBlock ? Mode::kBlock : Mode::kAudit;
    out_.mode_at = host_mode == Mode::kBlock ? host_.mode_at : repository_.mode_at;
    if (host_mode == own_mode) {
      Both();
    } else {
      OnlyTheOneThatBlocks(host_mode == Mode::kBlock);
    }
    Settings(host_mode, own_mode);
    return {std::move(out_), faults_.Take()};
  }

 private:
  void Both() {
    if (host_.allow_all) {
      for (const Rule& rule : repository_.rules) Keep(rule);
    } else if (host_.rules.size() * repository_.rules.size() > kMaxRulePairs) {
      faults_.Error({host_.file, 0, 0}, "the host's and the repository's rules are too many to combine",
                    "use prefixes and wildcards in the host's policy");
    } else {
      MeetAllows();
    }
    for (const Rule& rule : host_.rules) {
      if (rule.deny) Keep(MarkedAsHosts(rule));
    }
    for (const Rule& rule : repository_.rules) {
      if (rule.deny && !host_.allow_all) Keep(rule);
    }
    NoteWhenNothingIsLeft();
  }

  void MeetAllows() {
    for (const Rule& own : repository_.rules) {
      if (own.deny) continue;
      for (const Rule& hosts : host_.rules) {
        if (hosts.deny) continue;
        const auto endpoint = Meet(own.endpoint, hosts.endpoint);
        const auto processes = MeetProcesses(own, hosts);
        if (!endpoint || !processes) continue;
        // Where the host's rule is the narrower one, it is the one that decides.
        Rule rule = *endpoint == own.endpoint ? own : MarkedAsHosts(hosts);
        rule.endpoint = *endpoint;
        rule.text = FormatEndpoint(*endpoint);
        rule.processes = *processes;
        rule.expires = Earlier(own.expires, hosts.expires);
        Keep(std::move(rule));
      }
    }
  }

  void OnlyTheOneThatBlocks(bool host_blocks) {
    const ParsedPolicy& blocking = host_blocks ? host_ : repository_;
    const ParsedPolicy& watching = host_blocks ? repository_ : host_;
    faults_.Warn({watching.file, 0, 0},
                 "in audit mode beside a policy that blocks: what only this one would deny is "
                 "let through and not told",
                 "set both to one mode to see it");
    if (blocking.allow_all) {
      faults_.Error(repository_.mode_at, "the host allows all but what it denies, and this policy only watches",
                    "write `mode: block`, so that there is a list of what may be reached");
    }
    out_.allow_none = blocking.allow_none;
    for (const Rule& rule : blocking.rules) Keep(host_blocks ? MarkedAsHosts(rule) : rule);
  }

  void Keep(Rule rule) {
    std::string endpoint = FormatEndpoint(rule.endpoint);
    if (!seen_.emplace(rule.deny, std::move(endpoint), rule.processes, rule.expires).second) return;
    if (out_.rules.size() == kMaxPolicyRules) {
      faults_.Error(rule.at, "the host's and the repository's rules make more than " + std::to_string(kMaxPolicyRules),
                    "use prefixes and wildcards in the host's policy");
    }
    if (out_.rules.size() <= kMaxPolicyRules) out_.rules.push_back(std::move(rule));
  }

  // That two policies have nothing in common is a decision of both, not a file that came out empty.
  void NoteWhenNothingIsLeft() {
    const bool some = std::any_of(out_.rules.begin(), out_.rules.end(), [](const Rule& rule) { return !rule.deny; });
    out_.allow_none = !some;
    if (some || host_.allow_none || repository_.allow_none) return;
    faults_.Warn({repository_.file, 0, 0}, "nothing that this policy allows is allowed by the host's policy",
                 "compare the two: an address does not allow a name, nor a name an address");
  }

  void Settings(Mode host_mode, Mode own_mode) {
    const auto either = [](auto a, auto b, auto wanted) { return a == wanted || b == wanted ? wanted : a; };
    out_.on_deny = either(host_.on_deny, repository_.on_deny, OnDeny::kFail);
    // That a repository would keep what outlives its jobs is the host's to say: beside a silent host it says nothing.
    out_.leftovers = repository_.leftovers == Leftovers::kKill ? repository_.leftovers : host_.leftovers;
    for (const GuardClass& known : GuardClasses()) {
      const std::string name(known.name);
      if (!host_.guard.contains(name) && !repository_.guard.contains(name)) continue;
      out_.guard[name] =
          Stricter(GuardAction(known, host_.guard, host_mode), GuardAction(known, repository_.guard, own_mode));
    }
    // What one of them does not name is the class's to say: allowed only where both allow.
    for (const auto* from : {&host_.sockets, &repository_.sockets}) {
      for (const auto& [path, action] : *from) {
        const bool both = host_.sockets.contains(path) && repository_.sockets.contains(path);
        if (action == "deny" || (both && out_.sockets[path] != "deny")) out_.sockets[path] = action;
      }
    }
    Resolvers();
  }

  void Resolvers() {
    const Dns &hosts = host_.dns, &own = repository_.dns;
    out_.dns.system_resolvers = hosts.system_resolvers && own.system_resolvers;
    for (const Address& address : own.resolvers) {
      if (std::find(hosts.resolvers.begin(), hosts.resolvers.end(), address) != hosts.resolvers.end())
        out_.dns.resolvers.push_back(address);
    }
    const auto [shorter, longer] = std::minmax(hosts.max_age_seconds, own.max_age_seconds);
    out_.dns.max_age_seconds = shorter != 0 ? shorter : longer;
    if (!out_.dns.system_resolvers && out_.dns.resolvers.empty())
      faults_.Error({repository_.file, 0, 0}, "no resolver is trusted by both policies",
                    "list the host's resolvers in `dns.resolvers`");
  }

  const ParsedPolicy host_, repository_;
  ParsedPolicy out_;
  FaultSink faults_;
  std::set<std::tuple<bool, std::string, std::vector<std::string>, std::optional<Date>>> seen_;
};

}  // namespace

std::optional<Endpoint> Meet(const Endpoint& a, const Endpoint& b) {
  const Endpoint* host = CoversHost(a, b) ? &b : CoversHost(b, a) ? &a : nullptr;
  if (host == nullptr) return std::nullopt;
  const Endpoint &narrow = a.protocol == kAnyProtocol ? b : a, &other = a.protocol == kAnyProtocol ? a : b;
  if (other.protocol != kAnyProtocol && other.protocol != narrow.protocol) return std::nullopt;
  if (narrow.port != kAnyPort && other.port != kAnyPort && narrow.port != other.port) return std::nullopt;
  Endpoint both = *host;
  both.protocol = narrow.protocol;
  both.port = narrow.port != kAnyPort ? narrow.port : other.port;
  return both;
}

CombineResult Combine(const ParsedPolicy& host, const ParsedPolicy& repository, const CompileOptions& options) {
  return Combiner(host, repository, options).Run();
}

}  // namespace weir::policy

// SPDX-License-Identifier: Apache-2.0
#include "policy/explain.h"

#include "policy/address.h"
#include "policy/endpoint.h"
#include "policy/matcher.h"
#include "policy/suffix.h"
#include "policy/text.h"
#include "policy/wire.h"

namespace weir::policy {
namespace {

Result<Endpoint> ParseQuery(const std::string& text) {
  EndpointResult parsed = ParseEndpoint(text, ListKind::kAllow);
  if (!parsed.endpoint) {
    for (const EndpointFault& fault : parsed.faults) {
      if (fault.severity == Severity::kError) {
        return Fail(Code::kInvalid, "`" + Printable(text) + "`: " + fault.reason + "; " + fault.suggestion);
      }
    }
  }
  const Endpoint& endpoint = *parsed.endpoint;
  if (endpoint.host == HostKind::kWildcard || endpoint.prefix_bits != 128 || endpoint.protocol == kAnyProtocol) {
    return Fail(Code::kInvalid,
                "`" + Printable(text) + "` is more than one endpoint; ask for one host, port and protocol");
  }
  return *std::move(parsed.endpoint);
}

std::string RulePlace(const RuleInfo& rule) {
  return "`" + Printable(rule.text) + "`" +
         (rule.line > 0 ? " (" + Printable(rule.file) + ":" + std::to_string(rule.line) + ")" : "");
}

std::string Join(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + Printable(word);
  return out;
}

class Explainer {
 public:
  Explainer(const CompiledPolicy& policy, const ExplainQuery& query, Endpoint endpoint)
      : policy_(policy), matcher_(policy), endpoint_(std::move(endpoint)) {
    out_.endpoint = FormatEndpoint(endpoint_);
    out_.process = query.process;
    out_.mode = policy.mode;
  }

  Explanation Run() && {
    const ProcessMask processes = matcher_.ProcessesOf(out_.process);
    decision_ = endpoint_.host == HostKind::kName
                    ? matcher_.DecideName(ToWire(endpoint_.name), endpoint_.port, endpoint_.protocol, processes)
                    : matcher_.Decide(endpoint_.address, endpoint_.port, endpoint_.protocol, processes);
    out_.verdict = VerdictName(policy_.mode, decision_.allowed);
    out_.why = decision_.why;
    out_.rule_id = decision_.rule_id;
    if (decision_.rule_id != 0) out_.rule = policy_.rules.at(decision_.rule_id - 1);
    out_.sentence = Sentence();
    for (std::size_t i = 0; i < policy_.rules.size() && out_.alternatives.size() < kMaxAlternatives; ++i) {
      const auto id = static_cast<std::uint32_t>(i + 1);
      if (id == decision_.rule_id) continue;
      std::string note = WhyNot(policy_.rules[i]);
      if (!note.empty()) out_.alternatives.push_back({id, policy_.rules[i].text, std::move(note)});
    }
    return std::move(out_);
  }

 private:
  [[nodiscard]] std::string Sentence() const {
    const bool name = endpoint_.host == HostKind::kName;
    const std::string rule = out_.rule ? RulePlace(*out_.rule) : "";
    const std::string outcome = decision_.allowed ? "Allowed"
                                : policy_.mode == Mode::kAudit
                                    ? "Let through in audit mode, but block mode would deny it"
                                    : "Denied";
    if (out_.why == "loopback") return outcome + ": loopback is always allowed unless a rule denies it.";
    if (decision_.allowed && !name) return outcome + " by the rule " + rule + ".";
    if (decision_.allowed) {
      return outcome + " by the rule " + rule + ": the lookup of the name passes, and its addresses may be used.";
    }
    if (out_.why == "deny-rule" || (out_.why == "dns-name" && out_.rule))
      return outcome + ": the deny rule " + rule + ".";
    if (out_.why == "dns-name") return outcome + ": no rule names this host, so its lookup is refused.";
    if (out_.why == "process") {
      return outcome + ": the rule " + rule + " admits only " + Join(matcher_.Executables(decision_.processes)) +
             ", not " + (out_.process.empty() ? "any other process" : "`" + Printable(out_.process) + "`") + ".";
    }
    return name ? outcome + ": the lookup passes, but no rule allows port " +
                      FormatPort(endpoint_.port, endpoint_.protocol) + " of this host."
                : outcome +
                      ": no rule allows this address (one that a DNS answer to an allowed name gives may be used).";
  }

  // Empty: the rule has nothing to do with the question.
  [[nodiscard]] std::string WhyNot(const RuleInfo& info) const {
    const auto parsed = ParseEndpoint(info.text, info.deny ? ListKind::kDeny : ListKind::kAllow);
    if (!parsed.endpoint) return {};
    const Endpoint& rule = *parsed.endpoint;
    Endpoint same_ports = rule;
    same_ports.port = endpoint_.port;
    same_ports.protocol = endpoint_.protocol;
    if (!Covers(same_ports, endpoint_)) return NearMiss(rule);
    const std::string kind = info.deny ? "denies" : "allows";
    if (info.expired) return "expired on " + info.expires;
    if (!Covers(rule, endpoint_)) return kind + " port " + FormatPort(rule.port, rule.protocol) + " only";
    if (info.processes != kAnyProcess) {
      return "is bound to " + Join(matcher_.Executables(info.processes));
    }
    if (info.deny == !decision_.allowed) return kind + " it too";
    return info.deny ? "denies part of it" : "would allow it, but a deny rule goes first";
  }

  [[nodiscard]] std::string NearMiss(const Endpoint& rule) const {
    if (endpoint_.host != HostKind::kName || rule.host == HostKind::kAddress) return {};
    if (rule.host == HostKind::kWildcard && rule.name == endpoint_.name)
      return "covers names below it, not the name itself";
    if (rule.host == HostKind::kName && IsAtOrBelow(endpoint_.name, rule.name)) {
      return "is that name only; for names below it write `*." + rule.name + "`";
    }
    return {};
  }

  const CompiledPolicy& policy_;
  Matcher matcher_;
  Endpoint endpoint_;
  Decision decision_;
  Explanation out_;
};

}  // namespace

Result<Explanation> Explain(const CompiledPolicy& policy, const ExplainQuery& query) {
  auto endpoint = ParseQuery(query.endpoint);
  if (!endpoint) return tl::unexpected(std::move(endpoint).error());
  return Explainer(policy, query, *std::move(endpoint)).Run();
}

}  // namespace weir::policy

// SPDX-License-Identifier: Apache-2.0
#include "policy/compile.h"

#include <openssl/evp.h>

#include <array>
#include <deque>
#include <map>

#include "policy/address.h"
#include "policy/guard.h"
#include "policy/merge.h"
#include "policy/render.h"
#include "policy/source.h"
#include "policy/text.h"

namespace weir::policy {
namespace {

std::string Sha256(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr);
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out = "sha256:";
  for (unsigned i = 0; i < size; ++i) {
    out += kHex[digest[i] >> 4];
    out += kHex[digest[i] & 15];
  }
  return out;
}

class Compiler {
 public:
  Compiler(const ParsedPolicy& parsed, const CompileOptions& options)
      : parsed_(ForJob(parsed, options)), options_(options) {}

  CompileResult Run() && {
    Settings();
    for (const Rule& rule : parsed_.rules) AddRule(rule);
    AddExtra();
    CheckNotEmpty();
    Merge();
    out_.canonical_text = RenderEffective(effective_);
    out_.digest = Sha256(out_.canonical_text);
    return {std::move(out_), faults_.Take()};
  }

 private:
  [[nodiscard]] Position ModeAt() const {
    return parsed_.mode_at.line != 0 ? parsed_.mode_at : Position{parsed_.file, 0, 0};
  }

  void Settings() {
    const std::optional<Mode> mode = options_.mode ? options_.mode : parsed_.mode;
    if (!mode) faults_.Error(ModeAt(), "no mode", "write `mode: audit` or `mode: block` in the policy, or pass --mode");
    effective_.mode = out_.mode = mode.value_or(Mode::kBlock);
    effective_.on_deny = out_.on_deny = parsed_.on_deny;
    effective_.leftovers = out_.leftovers = parsed_.leftovers.value_or(Leftovers::kReport);
    effective_.dns = parsed_.dns;
    effective_.guard = out_.guard = parsed_.guard;
    effective_.sockets = out_.sockets = parsed_.sockets;
    for (const GuardClass& known : GuardClasses()) {
      const auto found = out_.guard.find(std::string(known.name));
      if (found != out_.guard.end() && found->second == "allow") out_.kinds |= known.kind;
    }
    out_.system_resolvers = parsed_.dns.system_resolvers;
    for (const Address& address : parsed_.dns.resolvers) {
      out_.resolvers.push_back(IsJudgedAsIpv4(address) ? Ipv4Of(address) : address);
    }
    out_.learned_max_seconds = parsed_.dns.max_age_seconds;
  }

  void AddRule(const Rule& rule) {
    RuleInfo info{rule.text,   rule.deny,  rule.at.file, rule.at.line, rule.at.column,
                  rule.reason, rule.owner, "",           false,        kAnyProcess};
    if (rule.expires) {
      info.expires = FormatDate(*rule.expires);
      info.expired = *rule.expires < options_.today;
    }
    if (info.expired) {
      faults_.Warn(rule.at, "`" + Printable(rule.text) + "` expired on " + info.expires + " and allows nothing",
                   "remove the rule, or set a new date if it is still needed");
    } else if (const auto mask = MaskOf(rule)) {
      info.processes = *mask;
      merge_.push_back({&rule.endpoint, *mask, static_cast<std::uint32_t>(out_.rules.size() + 1), rule.deny});
      effective_.rules.push_back(&rule);
      allows_ = allows_ || !rule.deny;
    }
    out_.rules.push_back(std::move(info));
  }

  std::optional<ProcessMask> MaskOf(const Rule& rule) {
    if (rule.processes.empty()) return kAnyProcess;
    const auto [entry, fresh] = lists_.emplace(rule.processes, lists_.size());
    if (fresh && entry->second >= kMaxProcessLists) {
      faults_.Error(rule.at, "more than " + std::to_string(kMaxProcessLists) + " different `process` lists",
                    "give rules that belong together the same list");
    }
    if (entry->second >= kMaxProcessLists) return std::nullopt;
    if (fresh) {
      ProcessSet set;
      for (const std::string& process : rule.processes) {
        (process.front() == '/' ? set.paths : set.names).push_back(process);
      }
      out_.process_sets.push_back(std::move(set));
    }
    return ProcessMask{1} << entry->second;
  }

  void AddExtra() {
    for (const ListedEndpoint& extra : options_.extra_allow) {
      EndpointResult parsed = ParseEndpoint(extra.text, ListKind::kAllow);
      Position at{options_.extra_source, extra.line, extra.column};
      for (EndpointFault& fault : parsed.faults) {
        const Position place{at.file, at.line, at.column + static_cast<int>(fault.offset)};
        faults_.Add(MakeFault(place, std::move(fault.reason), std::move(fault.suggestion), fault.severity));
      }
      if (!parsed.endpoint) continue;
      Rule& rule = extra_.emplace_back();  // a deque: rules stay where they are
      rule.endpoint = *std::move(parsed.endpoint);
      rule.text = extra.text;
      rule.at = std::move(at);
      AddRule(rule);
    }
  }

  // A template that came out empty must not look like a decision.
  void CheckNotEmpty() {
    if (parsed_.allow_all) {
      faults_.Error({parsed_.file, 0, 0}, "`allow: all` is for a host's policy, which a repository's narrows",
                    "list what may be reached, or combine it with a repository's policy");
      return;
    }
    if (allows_ || parsed_.allow_none || out_.mode != Mode::kBlock) return;
    faults_.Error(ModeAt(), "block mode, and nothing is allowed",
                  "add `allow:` rules, or write `allow: none` if the job is to reach nothing");
  }

  void Merge() {
    const MergeFault fault = [this](std::uint32_t rule_id, std::string reason, std::string suggestion) {
      const RuleInfo& info = out_.rules.at(rule_id - 1);
      faults_.Error({info.file, info.line, info.column}, std::move(reason), std::move(suggestion));
    };
    out_.addresses = MergeAddresses(merge_, fault);
    out_.names = MergeNames(merge_, AnyProtocols(), fault);
    out_.loopback = !LoopbackDenied();
  }

  // What `any` can mean for a name: protocols whose sockets the job can have.
  [[nodiscard]] std::vector<std::uint8_t> AnyProtocols() const {
    std::vector<std::uint8_t> protocols = {kTcp, kUdp};
    const auto allowed = [&](const char* name) {
      const auto found = out_.guard.find(name);
      return found != out_.guard.end() && found->second == "allow";
    };
    if (allowed("sctp")) protocols.push_back(kSctp);
    if (allowed("udplite")) protocols.push_back(kUdpLite);
    if (allowed("dccp")) protocols.push_back(kDccp);
    if (allowed("ping") || allowed("raw")) protocols.insert(protocols.end(), {kIcmp, kIcmp6});
    return protocols;
  }

  [[nodiscard]] bool LoopbackDenied() const {
    const Address loopback4 = *ParseIpv4("127.0.0.0"), loopback6 = *ParseIpv6("::1");
    bool denied4 = false, denied6 = false;
    for (const AddressRule& rule : out_.addresses) {
      if (!rule.deny || rule.protocol != kAnyProtocol) continue;
      denied4 = denied4 || Contains(rule.address, rule.prefix_bits, loopback4, kMappedBits + 8);
      denied6 = denied6 || Contains(rule.address, rule.prefix_bits, loopback6, 128);
    }
    return denied4 && denied6;
  }

  const ParsedPolicy parsed_;
  const CompileOptions& options_;
  CompiledPolicy out_;
  FaultSink faults_;
  Effective effective_;
  std::vector<MergeRule> merge_;
  std::map<std::vector<std::string>, std::size_t> lists_;  // process list -> bit
  std::deque<Rule> extra_;
  bool allows_ = false;
};

}  // namespace

CompileResult Compile(const ParsedPolicy& policy, const CompileOptions& options) {
  return Compiler(policy, options).Run();
}

ParsedPolicy ForJob(const ParsedPolicy& policy, const CompileOptions& options) {
  ParsedPolicy merged = policy;
  merged.jobs.clear();
  const JobPolicy* job = FindJob(policy, options);
  if (job == nullptr) return merged;
  if (job->mode) {
    merged.mode = job->mode;
    merged.mode_at = job->at;
  }
  merged.on_deny = job->on_deny.value_or(policy.on_deny);
  if (job->leftovers) merged.leftovers = job->leftovers;
  merged.allow_none = policy.allow_none || job->allow_none;
  merged.rules.insert(merged.rules.end(), job->rules.begin(), job->rules.end());
  for (const auto& [name, action] : job->guard) merged.guard[name] = action;
  for (const auto& [path, action] : job->sockets) merged.sockets[path] = action;
  return merged;
}

const JobPolicy* FindJob(const ParsedPolicy& policy, const CompileOptions& options) {
  for (const std::string* wanted : {&options.job_id, &options.job_name}) {
    for (const JobPolicy& job : policy.jobs) {
      if (!wanted->empty() && job.name == *wanted) return &job;
    }
  }
  return nullptr;
}

std::string_view ModeName(Mode mode) { return mode == Mode::kAudit ? "audit" : "block"; }

std::string_view LeftoversName(Leftovers leftovers) { return leftovers == Leftovers::kKill ? "kill" : "report"; }
std::string_view OnDenyName(OnDeny on_deny) { return on_deny == OnDeny::kFail ? "fail" : "report"; }

}  // namespace weir::policy

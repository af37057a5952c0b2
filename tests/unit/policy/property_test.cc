// SPDX-License-Identifier: Apache-2.0
// The compiled tables, walked as the kernel walks them, against an evaluator that asks every rule as written.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "policy/combine.h"
#include "policy/diff.h"
#include "policy/matcher.h"
#include "policy/render.h"
#include "policy/wire.h"
#include "tests/unit/policy/helpers.h"

namespace weir::policy {
namespace {

constexpr std::array<const char*, 5> kProcesses = {"a", "b", "c", "d", "nobody"};

class World {
 public:
  explicit World(std::uint32_t seed) : random_(seed) {}

  std::size_t Pick(std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random_); }
  bool OneIn(std::size_t n) { return Pick(n) == 0; }

  std::string AddressText() {
    if (OneIn(3)) return "2001:db8:0:" + std::to_string(Pick(2)) + "::" + std::to_string(Pick(3));
    return "10." + std::to_string(Pick(2)) + "." + std::to_string(Pick(2)) + "." + std::to_string(Pick(4));
  }

  std::string Prefix() {
    const Address address = Addr(AddressText());
    const std::array<int, 7> lengths4 = {0, 8, 16, 24, 30, 31, 32}, lengths6 = {0, 16, 32, 64, 96, 127, 128};
    const std::size_t pick = Pick(7);
    const bool ipv4 = IsIpv4(address);
    const auto bits = static_cast<std::uint8_t>(ipv4 ? kMappedBits + lengths4[pick] : lengths6[pick]);
    const std::string text = FormatPrefix(NetworkOf(address, bits), bits);
    return ipv4 ? text : "[" + text + "]";
  }

  std::string Name() {
    std::string name = "example.org";
    for (std::size_t i = Pick(4); i > 0; --i) name = std::string(1, static_cast<char>('a' + Pick(2))) + "." + name;
    return name;
  }

  // Specific ports and any port of one protocol; names must not have holes in "any port", so denies pick accordingly.
  std::string Port(bool deny, bool name) {
    const std::array<const char*, 5> ports = {":443", ":80", ":53/udp", ":*", ":*/any"};
    if (deny && name) return OneIn(3) ? "" : OneIn(2) ? ":*/udp" : ":*";
    return ports[Pick(5)];
  }

  std::string Rule(bool deny, bool name) {
    const std::string host = !name ? Prefix() : (OneIn(2) ? "*." : "") + Name();
    std::string rule = "  - {endpoint: \"" + host + Port(deny, name) + "\"";
    if (!deny && OneIn(2)) {
      rule += ", process: [" + std::string(kProcesses[Pick(4)]) +
              (OneIn(3) ? std::string(", ") + kProcesses[Pick(4)] : "") + "]";
    }
    return rule + "}\n";
  }

  std::string Policy(bool names) {
    std::string text = Block("allow:\n");
    for (std::size_t i = 1 + Pick(12); i > 0; --i) text += Rule(false, names);
    if (OneIn(2)) return text;
    text += "deny:\n";
    for (std::size_t i = 1 + Pick(3); i > 0; --i) text += Rule(true, names);
    return text;
  }

 private:
  std::mt19937 random_;
};

// True when a rule as written speaks for the query and the process.
bool Speaks(const Rule& rule, const Endpoint& query, const std::string& process) {
  if (!Covers(rule.endpoint, query)) return false;
  return rule.processes.empty() ||
         std::find(rule.processes.begin(), rule.processes.end(), process) != rule.processes.end();
}

bool NaivelyAllowed(const ParsedPolicy& policy, const Endpoint& query, const std::string& process) {
  const auto any = [&](bool deny) {
    return std::any_of(policy.rules.begin(), policy.rules.end(),
                       [&](const Rule& rule) { return rule.deny == deny && Speaks(rule, query, process); });
  };
  return !any(true) && any(false);
}

Endpoint Query(const std::string& text) { return ParseEndpoint(text, ListKind::kAllow).endpoint.value(); }

TEST(Property, AddressTablesDecideAsTheRulesAreWritten) {
  for (std::uint32_t seed = 1; seed <= 3'000; ++seed) {
    World world(seed);
    const ParsedPolicy parsed = MustLoad(world.Policy(false));
    const CompileResult compiled = Compile(parsed);
    ASSERT_TRUE(compiled.ok());
    const Matcher matcher(compiled.policy);
    for (int i = 0; i < 40; ++i) {
      const std::string address = world.AddressText(), process = kProcesses[world.Pick(kProcesses.size())];
      const std::array<const char*, 5> ports = {":443", ":80", ":53/udp", ":22", ":7/sctp"};
      const std::string host = address.find(':') == address.npos ? address : "[" + address + "]";
      const Endpoint query = Query(host + ports[world.Pick(5)]);
      const Decision decision =
          matcher.Decide(query.address, query.port, query.protocol, matcher.ProcessesOf("/usr/bin/" + process));
      ASSERT_EQ(decision.allowed, NaivelyAllowed(parsed, query, process))
          << "seed " << seed << ": " << FormatEndpoint(query) << " from " << process << " (" << decision.why << ")\n"
          << compiled.policy.canonical_text;
      if (decision.allowed) {
        // The rule that is named really covers the destination.
        const RuleInfo& named = compiled.policy.rules.at(decision.rule_id - 1);
        EXPECT_TRUE(Covers(Query(named.text), query)) << named.text << " for " << FormatEndpoint(query);
      }
    }
  }
}

TEST(Property, NameTablesDecideAsTheRulesAreWritten) {
  std::size_t compared = 0;
  for (std::uint32_t seed = 1; seed <= 3'000; ++seed) {
    World world(seed);
    const ParsedPolicy parsed = MustLoad(world.Policy(true));
    const CompileResult compiled = Compile(parsed);
    if (!compiled.ok()) continue;  // too many ports for one name
    const Matcher matcher(compiled.policy);
    for (int i = 0; i < 40; ++i) {
      const std::string process = kProcesses[world.Pick(kProcesses.size())];
      const std::array<const char*, 4> ports = {":443", ":80", ":53/udp", ":22"};
      const Endpoint query = Query(world.Name() + ports[world.Pick(4)]);
      const Decision decision =
          matcher.DecideName(ToWire(query.name), query.port, query.protocol, matcher.ProcessesOf(process));
      ASSERT_EQ(decision.allowed, NaivelyAllowed(parsed, query, process))
          << "seed " << seed << ": " << FormatEndpoint(query) << " from " << process << " (" << decision.why << ")\n"
          << compiled.policy.canonical_text;
      ++compared;
    }
  }
  EXPECT_GT(compared, 100'000u);
}

Decision Ask(const Matcher& matcher, const Endpoint& query, const std::string& process) {
  const ProcessMask processes = matcher.ProcessesOf(process);
  return query.host == HostKind::kName ? matcher.DecideName(ToWire(query.name), query.port, query.protocol, processes)
                                       : matcher.Decide(query.address, query.port, query.protocol, processes);
}

// Whatever one policy allows and the other does not is in the difference.
TEST(Property, DiffMissesNothing) {
  std::size_t differences = 0;
  for (std::uint32_t seed = 1; seed <= 3'000; ++seed) {
    World world(seed);
    const bool names = seed % 3 == 0;
    std::string before = world.Policy(names), after = before;
    if (world.OneIn(2))
      after = world.Policy(names);
    else
      after.insert(after.find("allow:\n") + 7, world.Rule(false, names));  // one rule more
    const CompileResult a = Compile(MustLoad(before)), b = Compile(MustLoad(after));
    if (!a.ok() || !b.ok()) continue;
    const Matcher matcher_a(a.policy), matcher_b(b.policy);
    const PolicyDiff diff = Diff(a.policy, b.policy);
    ASSERT_TRUE(diff.complete);
    for (int i = 0; i < 40; ++i) {
      const std::string process = kProcesses[world.Pick(kProcesses.size())];
      const std::array<const char*, 4> ports = {":443", ":80", ":53/udp", ":22"};
      const std::string address = world.AddressText();
      const std::string host = names ? world.Name() : address.find(':') == address.npos ? address : "[" + address + "]";
      const Endpoint query = Query(host + ports[world.Pick(4)]);
      const bool was = Ask(matcher_a, query, process).allowed, is = Ask(matcher_b, query, process).allowed;
      if (was == is) continue;
      ++differences;
      // The named change says so itself: reachable before or after, in the right direction for a pure one.
      EXPECT_TRUE(std::any_of(diff.changes.begin(), diff.changes.end(),
                              [&](const Change& change) {
                                const bool fits =
                                    is ? change.kind != ChangeKind::kRemoved : change.kind != ChangeKind::kAdded;
                                return fits && Covers(Query(change.endpoint), query);
                              }))
          << "seed " << seed << ": " << FormatEndpoint(query) << " from " << process << "\n"
          << FormatDiff(diff) << a.policy.canonical_text << b.policy.canonical_text;
    }
    EXPECT_TRUE(Diff(a.policy, a.policy).empty());
  }
  EXPECT_GT(differences, 5'000u);
}

// Two policies, both asked, either denies: their combination, rendered and compiled, against each by itself.
TEST(Property, TheCombinationAllowsWhatBothAllow) {
  std::size_t compared = 0, allowed = 0;
  for (std::uint32_t seed = 1; seed <= 3'000; ++seed) {
    World world(seed);
    const bool names = seed % 2 == 0;
    const ParsedPolicy host = MustLoad(world.Policy(names)), own = MustLoad(world.Policy(names));
    const CombineResult combined = Combine(host, own);
    ASSERT_TRUE(combined.ok());
    const CompileResult compiled = Compile(MustLoad(RenderPolicy(combined.policy)));
    if (!compiled.ok()) continue;  // too many ports for one name
    const Matcher matcher(compiled.policy);
    for (int i = 0; i < 40; ++i) {
      const std::string process = kProcesses[world.Pick(kProcesses.size())];
      const std::array<const char*, 4> ports = {":443", ":80", ":53/udp", ":22"};
      const std::string address = world.AddressText();
      const std::string place = names                               ? world.Name()
                                : address.find(':') == address.npos ? address
                                                                    : "[" + address + "]";
      const Endpoint query = Query(place + ports[world.Pick(4)]);
      const bool both = NaivelyAllowed(host, query, process) && NaivelyAllowed(own, query, process);
      ASSERT_EQ(Ask(matcher, query, process).allowed, both)
          << "seed " << seed << ": " << FormatEndpoint(query) << " from " << process << "\n"
          << RenderPolicy(host) << RenderPolicy(own) << compiled.policy.canonical_text;
      ++compared;
      allowed += both ? 1 : 0;
    }
  }
  EXPECT_GT(compared, 100'000u);
  EXPECT_GT(allowed, 5'000u);
}

TEST(Property, CanonicalTextDecidesTheSame) {
  for (std::uint32_t seed = 1; seed <= 300; ++seed) {
    World world(seed);
    const CompileResult first = Compile(MustLoad(world.Policy(seed % 2 == 0)));
    if (!first.ok()) continue;
    const CompileResult second = Compile(MustLoad(first.policy.canonical_text));
    ASSERT_TRUE(second.ok());
    EXPECT_EQ(second.policy.digest, first.policy.digest);
    EXPECT_EQ(second.policy.addresses.size(), first.policy.addresses.size());
    EXPECT_EQ(second.policy.names.size(), first.policy.names.size());
  }
}

}  // namespace
}  // namespace weir::policy

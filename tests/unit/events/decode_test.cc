// SPDX-License-Identifier: Apache-2.0
#include "sensor/events/decode.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <random>
#include <variant>

#include "sensor/events/keywords.h"
#include "tests/unit/events/records.h"

namespace weir::events {
namespace {

using namespace std::string_literals;
using test::Raw;
using test::Record;

constexpr std::int64_t kOffset = 1'000'000;

TEST(Decode, ReadsAFlow) {
  const auto event = Decode(Raw(test::FlowEvent()), kOffset);
  ASSERT_TRUE(event) << event.error().what;
  EXPECT_EQ(event->time_ns, kOffset + 1'000);
  EXPECT_EQ(event->scope_id, 7u);
  EXPECT_EQ(event->step, 3u);
  const auto& flow = std::get<Flow>(event->body);
  EXPECT_EQ(flow.id.exec_id, 11u);
  EXPECT_EQ(flow.id.port, 443);
  EXPECT_EQ(flow.source_port, 50000);
  EXPECT_EQ(flow.id.protocol, 6);
  EXPECT_EQ(flow.id.verdict, Verdict::kAllow);
  EXPECT_EQ(flow.id.hook, Hook::kConnect);
  EXPECT_EQ(flow.id.why, WEIR_WHY_NAME);
  EXPECT_EQ(flow.name, "\7example\3org\0"s);
  EXPECT_EQ(flow.rule_id, 2u);
}

TEST(Decode, ReadsAnExecWithArgumentsAndPaths) {
  const auto event = Decode(
      test::ExecRecord("sh\0-c\0a b\0"s, "sh\0bin\0usr\0"s, "src\0home\0"s, WEIR_X_MEMFD | WEIR_X_ENTERED), kOffset);
  ASSERT_TRUE(event) << event.error().what;
  const auto& exec = std::get<ProcessExec>(event->body);
  EXPECT_EQ(exec.executable, "/usr/bin/sh");
  EXPECT_EQ(exec.cwd, "/home/src");
  EXPECT_EQ(exec.arguments, "sh\0-c\0a b\0"s);
  EXPECT_EQ(exec.start_time_ns, kOffset + 900);
  EXPECT_TRUE(exec.memfd);
  EXPECT_TRUE(exec.entered);
  EXPECT_FALSE(exec.deleted);
  EXPECT_EQ(exec.parent_pid, 1200u);
  EXPECT_EQ(exec.step_name, "");
}

TEST(Decode, ReadsWhatAStepIsCalled) {
  const std::string cut = "GITHUB_ACTION=" + std::string(WEIR_STEP_BYTES - 15, 'n');
  struct Row {
    std::string variables, name, repository, ref;
  };
  const Row rows[] = {
      {"GITHUB_ACTION=__run\0"s, "__run", "", ""},
      {"GITHUB_ACTION_REF=v4\0GITHUB_ACTION=__actions_checkout\0GITHUB_ACTION_REPOSITORY=actions/checkout\0"s,
       "__actions_checkout", "actions/checkout", "v4"},
      {"GITHUB_ACTION=\x1b[2J\xff\n::error::x\0"s, "\x1b[2J\xff\n::error::x", "", ""},
      {"GITHUB_ACTION=first\0GITHUB_ACTION=second\0"s, "first", "", ""},
      {"GITHUB_ACTION=\0GITHUB_ACTION_REF=\0"s, "", "", ""},
      {"GITHUB_ACTION_PATH=/x\0=\0\0"s, "", "", ""},
      {"GITHUB_ACTION=no-nul", "no-nul", "", ""},
      {cut + "\0"s, cut.substr(14) + "…", "", ""},
  };
  for (const Row& row : rows) {
    const auto event = Decode(test::ExecRecord("sh\0"s, "sh\0bin\0"s, "src\0home\0"s, 0, row.variables), 0);
    ASSERT_TRUE(event) << row.variables;
    const auto& exec = std::get<ProcessExec>(event->body);
    EXPECT_EQ(exec.step_name, row.name) << row.variables;
    EXPECT_EQ(exec.action_repository, row.repository) << row.variables;
    EXPECT_EQ(exec.action_ref, row.ref) << row.variables;
    EXPECT_EQ(exec.cwd, "/home/src");
  }
}

TEST(Decode, NamesWhatTheGuardSaw) {
  weir_finding_event raw{};
  raw.event = test::Header(WEIR_E_FINDING);
  raw.finding = WEIR_F_GUARD;
  raw.guard_class = WEIR_G_RUNNER_MEMORY;
  raw.verdict = WEIR_DENY;
  raw.value = 4711;
  const auto denied = std::get<Finding>(Decode(Raw(raw), 0)->body);
  EXPECT_EQ(denied.kind, "guard-runner-memory");
  EXPECT_EQ(denied.detail, "denied: memory and descriptors of the runner (process 4711)");
  raw.verdict = WEIR_WOULD_DENY;
  raw.guard_class = 31;
  const auto unknown = std::get<Finding>(Decode(Raw(raw), 0)->body);
  EXPECT_EQ(unknown.kind, "guard-31");
  EXPECT_EQ(unknown.detail, "not denied (code 4711)");
}

TEST(Decode, ReadsForkExitQueryAnswerAndFinding) {
  weir_fork_event fork{};
  fork.event = test::Header(WEIR_E_FORK);
  fork.start_ns = 5;
  fork.ppid = 99;
  EXPECT_EQ(std::get<ProcessFork>(Decode(Raw(fork), 0)->body), (ProcessFork{11, 1234, 99, 5}));

  weir_exit_event exit{};
  exit.event = test::Header(WEIR_E_EXIT);
  exit.code = 256;
  EXPECT_EQ(std::get<ProcessExit>(Decode(Raw(exit), 0)->body), (ProcessExit{11, 1234, 256}));

  weir_dns_event dns{};
  dns.event = test::Header(WEIR_E_DNS);
  dns.qtype = 28;
  dns.verdict = WEIR_DENY;
  dns.why = WEIR_WHY_DNS_NAME;
  dns.hook = WEIR_HOOK_DNS;
  std::memcpy(dns.name, "\3bad\4test", 10);
  const auto query = std::get<DnsQuery>(Decode(Raw(dns), 0)->body);
  EXPECT_EQ(query.name, "\3bad\4test\0"s);
  EXPECT_EQ(query.verdict, Verdict::kDeny);
  EXPECT_FALSE(query.tcp);

  dns.event.kind = WEIR_E_ANSWER;
  dns.n_addrs = 64;
  dns.ttl = 60;
  const auto answer = std::get<DnsAnswer>(Decode(Raw(dns), 0)->body);
  EXPECT_EQ(answer.address_count, 64u);
  EXPECT_EQ(answer.addresses.size(), std::size_t{WEIR_DNS_EVENT_ADDRS});

  weir_finding_event finding{};
  finding.event = test::Header(WEIR_E_FINDING);
  finding.finding = WEIR_F_LEFT_CGROUP;
  finding.value = 4711;
  const auto found = std::get<Finding>(Decode(Raw(finding), 0)->body);
  EXPECT_EQ(found.kind, "left-cgroup");
  EXPECT_NE(found.detail.find("4711"), std::string::npos);
}

TEST(Decode, RefusesARecordOfAnyOtherSize) {
  weir_dns_event dns{};
  dns.event = test::Header(WEIR_E_DNS);
  dns.verdict = WEIR_ALLOW;
  weir_fork_event fork{};
  fork.event = test::Header(WEIR_E_FORK);
  weir_exit_event exit{};
  exit.event = test::Header(WEIR_E_EXIT);
  weir_finding_event finding{};
  finding.event = test::Header(WEIR_E_FINDING);
  for (const Record& whole :
       {Raw(test::FlowEvent()), Raw(dns), Raw(fork), Raw(exit), Raw(finding), test::ExecRecord("a\0"s, "b\0"s, "c\0"s),
        test::ExecRecord("a\0"s, "b\0"s, "c\0"s, 0, "d\0"s)}) {
    ASSERT_TRUE(Decode(whole, 0));
    for (std::size_t size = 0; size < whole.size(); ++size) {
      EXPECT_FALSE(Decode(std::span(whole).first(size), 0)) << size << " of " << whole.size();
    }
    Record longer = whole;
    longer.push_back(std::byte{0});
    EXPECT_FALSE(Decode(longer, 0)) << whole.size();
  }
}

TEST(Decode, RefusesHostileLengthsAndNumbers) {
  struct Row {
    const char* name;
    Record record;
  };
  weir_exec_event exec{};
  exec.event = test::Header(WEIR_E_EXEC);
  exec.args_len = 0xffffffff;
  exec.path_len = 1;
  const Record huge_args = Raw(exec);
  exec.args_len = WEIR_ARGS_BYTES + 1;
  const Record long_args = Raw(exec, std::string(WEIR_ARGS_BYTES + 2, 'a'));
  exec.args_len = 0;
  exec.path_len = WEIR_PATH_BYTES + 1;
  const Record long_path = Raw(exec, std::string(WEIR_PATH_BYTES + 1, 'a'));
  exec.path_len = 0;
  exec.step_len = WEIR_STEP_VARS * WEIR_STEP_BYTES + 1;
  const Record long_step = Raw(exec, std::string(exec.step_len, 'a'));
  exec.step_len = 0xffffffff;
  const Record huge_step = Raw(exec);
  weir_dns_event answer{};
  answer.event = test::Header(WEIR_E_ANSWER);
  answer.n_addrs = WEIR_ANSWER_ADDRS + 1;
  weir_flow_event hook = test::FlowEvent();
  hook.hook = 77;
  const Row rows[] = {
      {"arguments of 4 GiB", huge_args},      {"arguments above the bound", long_args},
      {"path above the bound", long_path},    {"verdict 0", Raw(test::FlowEvent(0))},
      {"verdict 4", Raw(test::FlowEvent(4))}, {"unknown hook", Raw(hook)},
      {"65 addresses", Raw(answer)},          {"unknown kind", Raw(test::Header(99))},
      {"kind 0", Raw(test::Header(0))},       {"step above the bound", long_step},
      {"step of 4 GiB", huge_step},
  };
  for (const Row& row : rows) {
    const auto event = Decode(row.record, 0);
    ASSERT_FALSE(event) << row.name;
    EXPECT_EQ(event.error().code, Code::kInvalid) << row.name;
  }
}

TEST(Decode, SurvivesRandomRecords) {
  std::mt19937 random(1);
  const Record flow = Raw(test::FlowEvent());
  const Record exec = test::ExecRecord("a\0b\0"s, "c\0d\0"s, "e\0"s);
  std::size_t decoded = 0;
  for (int i = 0; i < 200'000; ++i) {
    Record record = i % 2 ? flow : exec;
    for (int flips = 0; flips < 4; ++flips) record[random() % record.size()] = static_cast<std::byte>(random());
    if (i % 5 == 0) record.resize(random() % (record.size() + 1));
    decoded += Decode(record, static_cast<std::int64_t>(random())).has_value();
  }
  EXPECT_GT(decoded, 0u);
}

TEST(PathFromParts, TurnsPartsRound) {
  struct Row {
    const char* name;
    std::string parts;
    bool cut;
    const char* want;
  };
  const Row rows[] = {
      {"three parts", "sh\0bin\0usr\0"s, false, "/usr/bin/sh"},
      {"cut at the root's side", "sh\0bin\0"s, true, "bin/sh"},
      {"last part without NUL", "sh\0bi"s, false, "/bi/sh"},
      {"the root", ""s, false, "/"},
      {"nothing, cut", ""s, true, ""},
      {"newline and escape stay", "a\nb\x1b\0"s, false, "/a\nb\x1b"},
  };
  for (const Row& row : rows) EXPECT_EQ(PathFromParts(row.parts, row.cut), row.want) << row.name;
}

TEST(FlowKey, IsReadInHostOrder) {
  weir_flow_key key{};
  key.exec_id = 3;
  key.port = __builtin_bswap16(53);
  key.proto = 17;
  key.verdict = WEIR_WOULD_DENY;
  key.hook = WEIR_HOOK_PACKET;
  key.why = WEIR_WHY_FRAGMENT;
  const FlowId id = DecodeFlowKey(key);
  EXPECT_EQ(id.port, 53);
  EXPECT_EQ(id.verdict, Verdict::kWouldDeny);
  EXPECT_EQ(id.hook, Hook::kPacket);
  key.verdict = 200;
  EXPECT_EQ(DecodeFlowKey(key).verdict, Verdict::kNone);
}

TEST(Keywords, ReadInBothDirections) {
  for (const Keyword& why : kWhyKeywords) {
    EXPECT_EQ(WhyWord(why.number), why.word);
    EXPECT_EQ(NumberOf(kWhyKeywords, why.word), why.number);
  }
  EXPECT_EQ(WhyWord(31), "unknown");
  EXPECT_EQ(NumberOf(kWhyKeywords, "unknown"), std::nullopt);
  EXPECT_EQ(HookWord(WEIR_HOOK_FORWARDER), "forwarder");
  EXPECT_EQ(VerdictWord(WEIR_WOULD_DENY), "would-deny");
}

TEST(Decode, SaysWhereAListenerCanBeReached) {
  const auto detail = [](std::uint64_t value) {
    weir_finding_event raw{};
    raw.event = test::Header(WEIR_E_FINDING);
    raw.finding = WEIR_F_LISTENER;
    raw.value = value | std::uint64_t{6} << WEIR_LISTEN_PROTOCOL_SHIFT;
    const auto finding = std::get<Finding>(Decode(Raw(raw), 0)->body);
    EXPECT_EQ(finding.kind, "listener");
    return finding.detail;
  };
  const std::uint64_t address = htonl(0xc0000207);
  EXPECT_EQ(detail(8080), "waits for connections from outside on 0.0.0.0:8080/tcp");
  EXPECT_EQ(detail(8080 | address << WEIR_LISTEN_ADDRESS_SHIFT),
            "waits for connections from outside on 192.0.2.7:8080/tcp");
  EXPECT_EQ(detail(22 | WEIR_LISTEN_ANY6), "waits for connections from outside on [::]:22/tcp");
  EXPECT_EQ(detail(22 | WEIR_LISTEN_ONE6),
            "waits for connections from outside on one of the host's IPv6 addresses, port 22/tcp");
  EXPECT_EQ(detail(0), "waits for connections from outside on 0.0.0.0:(any port)/tcp");
}

TEST(Keywords, EveryReasonHasOneWord) {
  for (std::uint32_t why = WEIR_WHY_RULE; why <= WEIR_WHY_DNS_TCP; ++why) EXPECT_NE(WhyWord(why), "unknown") << why;
  for (std::uint32_t why = WEIR_WHY_DENY_RULE; why <= WEIR_WHY_SOURCE; ++why) {
    EXPECT_NE(WhyWord(why), "unknown") << why;
  }
  for (std::uint32_t finding = WEIR_F_LEFT_CGROUP; finding <= WEIR_F_LISTENER; ++finding) {
    if (finding == WEIR_F_GUARD) continue;  // one word a class
    EXPECT_NE(FindingWord(finding), "unknown") << finding;
  }
}

}  // namespace
}  // namespace weir::events

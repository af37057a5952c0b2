// SPDX-License-Identifier: Apache-2.0
#include "collector/ingest/convert.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "collector/rpc/limits.h"
#include "weir/v1/ingest.pb.h"

namespace weir::ingest {
namespace {

v1::Event& Add(v1::EventBatch& batch, const char* job_id = "job-1") {
  v1::Event& event = *batch.add_events();
  event.set_sequence(static_cast<std::uint64_t>(batch.events_size()));
  event.set_time_ns(1000 + batch.events_size());
  event.set_job_id(job_id);
  return event;
}

void Fill(v1::FlowId& id) {
  id.set_exec_id(~0ull);
  id.set_address("2001:db8::1");
  id.set_port(443);
  id.set_protocol("tcp");
  id.set_verdict(v1::VERDICT_DENY);
  id.set_hook(v1::HOOK_CONNECT);
  id.set_why("no-rule");
}

/// One event of each kind, all fields valid.
v1::EventBatch EveryKind() {
  v1::EventBatch batch;
  batch.set_sensor("runner-1.example.org");
  batch.set_epoch(7);
  v1::JobBegin& begin = *Add(batch).mutable_job_begin();
  begin.set_name("build & test");
  begin.set_mode(v1::MODE_AUDIT);
  begin.set_policy_digest("sha256:00ff");
  begin.set_policy_text("version: 1\n");
  (*begin.mutable_labels())["repository"] = "org/x";
  begin.add_command("make");
  begin.add_command("");
  v1::ProcessExec& exec = *Add(batch).mutable_exec();
  exec.set_exec_id(5);
  exec.set_parent_exec_id(4);
  exec.set_pid(10);
  exec.set_executable("/bin/\xff");
  exec.add_arguments("sh\n");
  exec.set_memfd(true);
  exec.set_comm("sh");
  exec.set_step_name("__run\xff");
  exec.set_action_repository("acme/x");
  exec.set_action_ref("v1");
  batch.mutable_events(1)->set_step(4);
  Add(batch).mutable_fork()->set_pid(11);
  Add(batch).mutable_exit()->set_wait_status(256);
  v1::Flow& flow = *Add(batch).mutable_flow();
  Fill(*flow.mutable_id());
  flow.set_name("a.example.org");
  flow.set_rule("*.example.org:443");
  flow.set_comm("curl");
  v1::FlowTotals& totals = *Add(batch).mutable_flow_totals();
  Fill(*totals.mutable_id());
  totals.set_count(3);
  totals.set_bytes_out(99);
  v1::DnsQuery& query = *Add(batch).mutable_dns_query();
  query.set_name("a.example.org");
  query.set_type("TYPE65280");
  query.set_server("192.0.2.53");
  query.set_verdict(v1::VERDICT_WOULD_DENY);
  query.set_why("dns-name");
  v1::DnsAnswer& answer = *Add(batch).mutable_dns_answer();
  answer.set_name("a.example.org");
  answer.add_addresses("192.0.2.1");
  v1::Finding& finding = *Add(batch).mutable_finding();
  finding.set_kind("left-cgroup");
  finding.set_detail("moved");
  v1::Gap& gap = *Add(batch, "").mutable_gap();
  gap.set_reason("ring-full");
  (*gap.mutable_lost())["exec"] = 12;
  Add(batch, "").mutable_heartbeat()->set_armed(true);
  v1::JobEnd& end = *Add(batch).mutable_job_end();
  end.set_exit_status(-1);
  end.set_record_json("{}");
  end.set_complete(true);
  return batch;
}

TEST(ToBatch, KeepsEveryKindAndField) {
  v1::EventBatch wire = EveryKind();
  const auto batch = ToBatch(wire);
  ASSERT_TRUE(batch) << batch.error().what;
  EXPECT_EQ(batch->sensor, "runner-1.example.org");
  EXPECT_EQ(batch->epoch, 7U);
  ASSERT_EQ(batch->events.size(), 12U);
  const auto& begin = std::get<store::JobBegin>(batch->events[0].body);
  EXPECT_EQ(begin.name, "build & test");
  EXPECT_EQ(begin.mode, store::Mode::kAudit);
  EXPECT_EQ(begin.command, (std::vector<std::string>{"make", ""}));
  EXPECT_EQ(begin.labels.at("repository"), "org/x");
  const auto& exec = std::get<store::Exec>(batch->events[1].body);
  EXPECT_EQ(exec.executable, "/bin/\xff");
  EXPECT_TRUE(exec.memfd);
  EXPECT_EQ(exec.step_name, "__run\xff");
  EXPECT_EQ(exec.action_repository, "acme/x");
  EXPECT_EQ(exec.action_ref, "v1");
  EXPECT_EQ(batch->events[1].step, 4U);
  EXPECT_EQ(batch->events[2].step, 0U);
  EXPECT_EQ(std::get<store::Fork>(batch->events[2].body).pid, 11U);
  EXPECT_EQ(std::get<store::Exit>(batch->events[3].body).wait_status, 256U);
  const store::FlowKey key{~0ull, "2001:db8::1", 443, "tcp", store::Verdict::kDeny, store::Hook::kConnect, "no-rule"};
  EXPECT_EQ(std::get<store::Flow>(batch->events[4].body).key, key);
  EXPECT_EQ(std::get<store::Flow>(batch->events[4].body).rule, "*.example.org:443");
  EXPECT_EQ(std::get<store::FlowTotals>(batch->events[5].body).key, key);
  EXPECT_EQ(std::get<store::FlowTotals>(batch->events[5].body).totals.bytes_out, 99U);
  EXPECT_EQ(std::get<store::DnsQuery>(batch->events[6].body).verdict, store::Verdict::kWouldDeny);
  EXPECT_EQ(std::get<store::DnsAnswer>(batch->events[7].body).addresses, std::vector<std::string>{"192.0.2.1"});
  EXPECT_EQ(std::get<store::Finding>(batch->events[8].body).kind, "left-cgroup");
  EXPECT_EQ(std::get<store::Gap>(batch->events[9].body).lost.at("exec"), 12U);
  EXPECT_TRUE(std::get<store::Heartbeat>(batch->events[10].body).armed);
  EXPECT_EQ(std::get<store::JobEnd>(batch->events[11].body).exit_status, -1);
  EXPECT_EQ(batch->events[11].time_ns, 1012);
}

struct Row {
  const char* name;
  std::function<void(v1::EventBatch&)> spoil;
  const char* message;
};

void PrintTo(const Row& row, std::ostream* os) { *os << row.name; }

class Refused : public testing::TestWithParam<Row> {};

TEST_P(Refused, WithTheFieldThatIsWrong) {
  v1::EventBatch wire = EveryKind();
  GetParam().spoil(wire);
  const auto batch = ToBatch(wire);
  ASSERT_FALSE(batch);
  EXPECT_EQ(batch.error().code, Code::kInvalid);
  EXPECT_NE(batch.error().what.find(GetParam().message), std::string::npos) << batch.error().what;
}

v1::FlowId& FlowId(v1::EventBatch& batch) { return *batch.mutable_events(4)->mutable_flow()->mutable_id(); }
v1::ProcessExec& Exec(v1::EventBatch& batch) { return *batch.mutable_events(1)->mutable_exec(); }
v1::FlowTotals& Totals(v1::EventBatch& batch) { return *batch.mutable_events(5)->mutable_flow_totals(); }
v1::JobBegin& Begin(v1::EventBatch& batch) { return *batch.mutable_events(0)->mutable_job_begin(); }

INSTANTIATE_TEST_SUITE_P(
    Batches, Refused,
    testing::Values(
        Row{"no_sensor", [](auto& b) { b.clear_sensor(); }, "sensor: is empty"},
        Row{"sensor_with_newline", [](auto& b) { b.set_sensor("a\nb"); }, "sensor: other bytes"},
        Row{"sensor_too_long", [](auto& b) { b.set_sensor(std::string(254, 'a')); }, "sensor: more than 253"},
        Row{"no_epoch", [](auto& b) { b.set_epoch(0); }, "epoch: is 0"},
        Row{"no_events", [](auto& b) { b.clear_events(); }, "events: is empty"},
        Row{"too_many_events",
            [](auto& b) {
              while (b.events_size() <= 8192) Add(b).mutable_fork();
            },
            "events: more than 8192"},
        Row{"too_large", [](auto& b) { Begin(b).set_policy_text(std::string(5 << 20, 'x')); }, "size in bytes"},
        Row{"sequence_0", [](auto& b) { b.mutable_events(0)->set_sequence(0); }, "sequence: does not ascend"},
        Row{"sequence_repeats", [](auto& b) { b.mutable_events(3)->set_sequence(3); },
            "event 3 (sequence 3): sequence"},
        Row{"sequence_goes_back", [](auto& b) { b.mutable_events(3)->set_sequence(1); }, "does not ascend"},
        Row{"sequence_beyond_63_bits", [](auto& b) { b.mutable_events(11)->set_sequence(1ull << 63); },
            "sequence: more"},
        Row{"negative_time", [](auto& b) { b.mutable_events(3)->set_time_ns(-1); }, "time_ns"},
        Row{"exec_before_1970", [](auto& b) { Exec(b).set_start_time_ns(-1); }, "exec.start_time_ns"},
        Row{"fork_before_1970", [](auto& b) { b.mutable_events(2)->mutable_fork()->set_start_time_ns(INT64_MIN); },
            "fork.start_time_ns"},
        Row{"flow_before_1970", [](auto& b) { Totals(b).set_first_time_ns(-1); }, "flow_totals.first_time_ns"},
        Row{"flow_until_before_1970", [](auto& b) { Totals(b).set_last_time_ns(-1); }, "flow_totals.last_time_ns"},
        Row{"gap_before_1970", [](auto& b) { b.mutable_events(9)->mutable_gap()->set_from_ns(-1); }, "gap.from_ns"},
        Row{"gap_until_before_1970", [](auto& b) { b.mutable_events(9)->mutable_gap()->set_until_ns(-1); },
            "gap.until_ns"},
        Row{"count_beyond_63_bits", [](auto& b) { Totals(b).set_count(1ull << 63); }, "flow_totals.count"},
        Row{"bytes_beyond_63_bits", [](auto& b) { Totals(b).set_bytes_in(~0ull); }, "flow_totals.bytes_in"},
        Row{"packets_beyond_63_bits", [](auto& b) { Totals(b).set_packets_out(~0ull); }, "flow_totals.packets_out"},
        Row{"job_id_with_slash", [](auto& b) { b.mutable_events(3)->set_job_id("../x"); }, "job_id: other bytes"},
        Row{"job_id_too_long", [](auto& b) { b.mutable_events(3)->set_job_id(std::string(129, 'j')); }, "job_id: more"},
        Row{"process_without_job", [](auto& b) { b.mutable_events(1)->clear_job_id(); }, "job_id: is empty"},
        Row{"mode_unset", [](auto& b) { Begin(b).set_mode(v1::MODE_UNSPECIFIED); }, "job_begin.mode"},
        Row{"mode_unknown", [](auto& b) { Begin(b).set_mode(static_cast<v1::Mode>(9)); }, "job_begin.mode"},
        Row{"job_name_too_long", [](auto& b) { Begin(b).set_name(std::string(129, 'n')); }, "job_begin.name"},
        Row{"job_name_with_nul", [](auto& b) { Begin(b).set_name(std::string("a\0b", 3)); }, "contains a NUL"},
        Row{"too_many_labels",
            [](auto& b) {
              for (int i = 0; i < 65; ++i) (*Begin(b).mutable_labels())[std::to_string(i)] = "";
            },
            "job_begin.labels"},
        Row{"label_too_long", [](auto& b) { (*Begin(b).mutable_labels())["x"] = std::string(4097, 'v'); }, "labels"},
        Row{"exit_status_256", [](auto& b) { b.mutable_events(11)->mutable_job_end()->set_exit_status(256); },
            "job_end.exit_status"},
        Row{"path_too_long", [](auto& b) { Exec(b).set_executable(std::string(4097, '/')); }, "exec.executable"},
        Row{"comm_too_long", [](auto& b) { Exec(b).set_comm(std::string(17, 'c')); }, "exec.comm"},
        Row{"step_name_too_long", [](auto& b) { Exec(b).set_step_name(std::string(1025, 's')); }, "exec.step_name"},
        Row{"step_name_with_nul", [](auto& b) { Exec(b).set_step_name(std::string("a\0b", 3)); }, "contains a NUL"},
        Row{"action_too_long", [](auto& b) { Exec(b).set_action_repository(std::string(1025, 's')); },
            "exec.action_repository"},
        Row{"ref_too_long", [](auto& b) { Exec(b).set_action_ref(std::string(1025, 's')); }, "exec.action_ref"},
        Row{"too_many_arguments",
            [](auto& b) {
              for (int i = 0; i < 8192; ++i) Exec(b).add_arguments("");
            },
            "exec.arguments: more than 8192"},
        Row{"arguments_too_long", [](auto& b) { Exec(b).add_arguments(std::string(65536, 'a')); },
            "exec.arguments: bytes"},
        Row{"verdict_unset", [](auto& b) { FlowId(b).set_verdict(v1::VERDICT_UNSPECIFIED); }, "flow.id.verdict"},
        Row{"verdict_unknown", [](auto& b) { FlowId(b).set_verdict(static_cast<v1::Verdict>(4)); }, "flow.id.verdict"},
        Row{"hook_unknown", [](auto& b) { FlowId(b).set_hook(static_cast<v1::Hook>(-1)); }, "flow.id.hook"},
        Row{"port_too_large", [](auto& b) { FlowId(b).set_port(65536); }, "flow.id.port"},
        Row{"address_is_no_address", [](auto& b) { FlowId(b).set_address("evil.example.org"); }, "no address"},
        Row{"address_hides_behind_nul", [](auto& b) { FlowId(b).set_address(std::string("192.0.2.1\0x", 11)); }, "NUL"},
        Row{"why_is_no_keyword", [](auto& b) { FlowId(b).set_why("::error::x"); }, "flow.id.why: no keyword"},
        Row{"protocol_is_no_keyword", [](auto& b) { FlowId(b).set_protocol("TCP\n"); }, "flow.id.protocol"},
        Row{"dns_name_too_long",
            [](auto& b) { b.mutable_events(6)->mutable_dns_query()->set_name(std::string(1025, 'a')); },
            "dns_query.name"},
        Row{"dns_type_is_no_word", [](auto& b) { b.mutable_events(6)->mutable_dns_query()->set_type("A B"); },
            "dns_query.type"},
        Row{"too_many_addresses",
            [](auto& b) {
              for (int i = 0; i < 64; ++i) b.mutable_events(7)->mutable_dns_answer()->add_addresses("192.0.2.1");
            },
            "dns_answer.addresses"},
        Row{"finding_without_kind", [](auto& b) { b.mutable_events(8)->mutable_finding()->clear_kind(); },
            "finding.kind"},
        Row{"finding_too_long",
            [](auto& b) { b.mutable_events(8)->mutable_finding()->set_detail(std::string(4097, 'd')); },
            "finding.detail"},
        Row{"gap_kind_is_no_keyword", [](auto& b) { (*b.mutable_events(9)->mutable_gap()->mutable_lost())["a=b"] = 1; },
            "gap.lost"}),
    [](const auto& row) { return row.param.name; });

TEST(ToBatch, AsksForANewerCollectorWhenItDoesNotKnowAnEvent) {
  v1::EventBatch wire = EveryKind();
  wire.mutable_events(2)->clear_body();
  EXPECT_EQ(ToBatch(wire).error().code, Code::kUnsupported);
}

TEST(ToBatch, TakesOneLargeEventAlone) {
  v1::EventBatch wire = EveryKind();
  wire.mutable_events()->DeleteSubrange(1, 11);
  Begin(wire).set_policy_text(std::string(8 << 20, 'x'));
  EXPECT_TRUE(ToBatch(wire));
}

TEST(ToBatch, TakesHolesInsideABatch) {
  v1::EventBatch wire = EveryKind();
  wire.mutable_events(11)->set_sequence(100);
  EXPECT_TRUE(ToBatch(wire));
}

}  // namespace
}  // namespace weir::ingest

// SPDX-License-Identifier: Apache-2.0
#include "collector/store/event_writer.h"

#include <algorithm>
#include <variant>
#include <vector>

#include "collector/store/encode.h"

namespace weir::store {
namespace {

// A job begins and ends once. What comes first stays: nothing can replace a record that is stored.
constexpr std::string_view kJobBegin =
    "UPDATE jobs SET begin_ns = ?, name = ?, mode = ?, policy_digest = ?, policy_text = ?, command = ?, cgroup = ?, "
    "scope_id = ?, host = ?, kernel = ?, sensor_version = ? WHERE job_ref = ? AND begin_ns = 0";
constexpr std::string_view kJobEnd =
    "UPDATE jobs SET end_ns = ?, exit_status = ?, complete = ?, record = ? WHERE job_ref = ? AND end_ns = 0";
constexpr std::string_view kLabel =
    "INSERT INTO job_labels (job_ref, name, value) VALUES (?, ?, ?) ON CONFLICT DO NOTHING";
constexpr std::string_view kExec =
    "INSERT INTO execs (job_ref, exec_id, stream_id, sequence, time_ns, parent_exec_id, pid, parent_pid, start_ns, "
    "uid, "
    "gid, device, inode, cgroup_id, full_bytes, flags, comm, executable, cwd, arguments, step) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
// A step has one first exec: what comes first stays, as with a job's beginning.
constexpr std::string_view kStep =
    "INSERT INTO steps (job_ref, step, time_ns, name, action_repository, action_ref) VALUES (?, ?, ?, ?, ?, ?) "
    "ON CONFLICT DO NOTHING";
constexpr std::string_view kFork =
    "INSERT INTO forks (job_ref, stream_id, sequence, time_ns, exec_id, pid, parent_pid, start_ns) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
constexpr std::string_view kExit =
    "INSERT INTO exits (job_ref, stream_id, sequence, time_ns, exec_id, pid, wait_status) VALUES (?, ?, ?, ?, ?, ?, ?)";
// A flow's first sight and its sums may come in any order: each fills in only what it knows. Sums only grow, so the
// larger count is the newer one; the times do not tell, because a sensor may correct its clock between two events.
constexpr std::string_view kFlow =
    "INSERT INTO flows (job_ref, verdict, exec_id, step, address, port, protocol, hook, why, first_ns, last_ns, count, "
    "pid, comm, name, rule_id, rule, source_port, socket_kind) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?10, ?10, 1, ?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (job_ref, verdict, exec_id, step, address, port, protocol, hook, why) DO UPDATE SET pid = "
    "excluded.pid, "
    "comm = excluded.comm, name = CASE WHEN excluded.name <> '' THEN excluded.name ELSE flows.name END, "
    "rule_id = excluded.rule_id, rule = excluded.rule, source_port = excluded.source_port, "
    "socket_kind = excluded.socket_kind";
constexpr std::string_view kTotals =
    "INSERT INTO flows (job_ref, verdict, exec_id, step, address, port, protocol, hook, why, first_ns, last_ns, count, "
    "bytes_out, bytes_in, packets_out, packets_in) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (job_ref, verdict, exec_id, step, address, port, protocol, hook, why) DO UPDATE SET "
    "first_ns = excluded.first_ns, last_ns = excluded.last_ns, count = excluded.count, bytes_out = excluded.bytes_out, "
    "bytes_in = excluded.bytes_in, packets_out = excluded.packets_out, packets_in = excluded.packets_in "
    "WHERE excluded.count >= flows.count";
constexpr std::string_view kQuery =
    "INSERT INTO dns_queries (job_ref, stream_id, sequence, time_ns, exec_id, pid, comm, name, type, server, verdict, "
    "why, rule_id, rule, tcp, step) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
constexpr std::string_view kAnswer =
    "INSERT INTO dns_answers (job_ref, stream_id, sequence, time_ns, exec_id, pid, name, type, server, addresses, "
    "address_count, ttl_s, rule_id, tcp) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
constexpr std::string_view kFinding =
    "INSERT INTO findings (job_ref, stream_id, sequence, time_ns, kind, detail, exec_id, pid, comm, step) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
constexpr std::string_view kGap =
    "INSERT INTO gaps (job_ref, stream_id, sequence, time_ns, reason, from_ns, until_ns, lost) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
constexpr std::string_view kHeartbeat =
    "INSERT INTO sensors (sensor, heartbeat_ns, host, kernel, sensor_version, armed, jobs) VALUES (?, ?, ?, ?, ?, ?, "
    "?) "
    "ON CONFLICT (sensor) DO UPDATE SET heartbeat_ns = excluded.heartbeat_ns, host = excluded.host, "
    "kernel = excluded.kernel, sensor_version = excluded.sensor_version, armed = excluded.armed, jobs = excluded.jobs "
    "WHERE excluded.heartbeat_ns >= sensors.heartbeat_ns";

/// 0 in begin_ns and end_ns means that nothing has arrived. A clock that stands at the epoch must not say so, or what
/// was stored could be replaced.
std::int64_t Known(std::int64_t time_ns) { return std::max<std::int64_t>(time_ns, 1); }

// In the order of EventWriter::Statements.
constexpr std::string_view kSql[] = {kJobBegin, kJobEnd, kLabel, kExec,   kStep,    kFork, kExit,
                                     kFlow,     kTotals, kQuery, kAnswer, kFinding, kGap,  kHeartbeat};

}  // namespace

struct EventWriter::Statements {
  Statement job_begin, job_end, label, exec, step, fork, exit, flow, totals, query, answer, finding, gap, heartbeat;
};

void EventWriter::Delete::operator()(Statements* statements) const { delete statements; }

Result<std::unique_ptr<EventWriter>> EventWriter::Create(Database& database) {
  std::vector<Statement> prepared;
  for (const std::string_view sql : kSql) {
    auto statement = database.Prepare(sql);
    if (!statement) return tl::unexpected<Error>(std::move(statement).error());
    prepared.push_back(std::move(*statement));
  }
  auto next = prepared.begin();
  const auto take = [&] { return std::move(*next++); };
  // Braces evaluate in order.
  return std::unique_ptr<EventWriter>(new EventWriter(new Statements{
      take(), take(), take(), take(), take(), take(), take(), take(), take(), take(), take(), take(), take(), take()}));
}

struct EventWriter::Visitor {
  Statements& to;
  const Place& at;
  std::string_view sensor;

  Result<> operator()(const JobBegin& job) const {
    WEIR_TRY(to.job_begin.Run(Known(at.time_ns), job.name, job.mode, job.policy_digest, job.policy_text,
                              Blob{JoinNul(job.command)}, job.cgroup, job.scope_id, job.host, job.kernel,
                              job.sensor_version, at.job_ref));
    for (const auto& [name, value] : job.labels) WEIR_TRY(to.label.Run(at.job_ref, name, value));
    return {};
  }

  Result<> operator()(const JobEnd& end) const {
    return to.job_end.Run(Known(at.time_ns), end.exit_status, end.complete, Blob{end.record}, at.job_ref);
  }

  Result<> operator()(const Exec& e) const {
    if (at.step != 0 && !(e.step_name.empty() && e.action_repository.empty() && e.action_ref.empty())) {
      WEIR_TRY(to.step.Run(at.job_ref, at.step, at.time_ns, Blob{e.step_name}, Blob{e.action_repository},
                           Blob{e.action_ref}));
    }
    return to.exec.Run(at.job_ref, e.exec_id, at.stream_id, at.sequence, at.time_ns, e.parent_exec_id, e.pid,
                       e.parent_pid, e.start_ns, e.uid, e.gid, e.device, e.inode, e.cgroup_id, e.arguments_full_bytes,
                       ExecFlags(e), Blob{e.comm}, Blob{e.executable}, Blob{e.cwd}, Blob{JoinNul(e.arguments)},
                       at.step);
  }

  Result<> operator()(const Fork& f) const {
    return to.fork.Run(at.job_ref, at.stream_id, at.sequence, at.time_ns, f.exec_id, f.pid, f.parent_pid, f.start_ns);
  }

  Result<> operator()(const Exit& e) const {
    return to.exit.Run(at.job_ref, at.stream_id, at.sequence, at.time_ns, e.exec_id, e.pid, e.wait_status);
  }

  Result<> operator()(const Flow& f) const {
    const FlowKey& k = f.key;
    return to.flow.Run(at.job_ref, k.verdict, k.exec_id, at.step, k.address, k.port, k.protocol, k.hook, k.why,
                       at.time_ns, f.pid, Blob{f.comm}, f.name, f.rule_id, f.rule, f.source_port, f.socket_kind);
  }

  Result<> operator()(const FlowTotals& f) const {
    const FlowKey& k = f.key;
    const Totals& t = f.totals;
    return to.totals.Run(at.job_ref, k.verdict, k.exec_id, at.step, k.address, k.port, k.protocol, k.hook, k.why,
                         t.first_ns, t.last_ns, t.count, t.bytes_out, t.bytes_in, t.packets_out, t.packets_in);
  }

  Result<> operator()(const DnsQuery& q) const {
    return to.query.Run(at.job_ref, at.stream_id, at.sequence, at.time_ns, q.exec_id, q.pid, Blob{q.comm}, q.name,
                        q.type, q.server, q.verdict, q.why, q.rule_id, q.rule, q.tcp, at.step);
  }

  Result<> operator()(const DnsAnswer& a) const {
    std::string addresses;
    for (const std::string& address : a.addresses) addresses += (addresses.empty() ? "" : " ") + address;
    return to.answer.Run(at.job_ref, at.stream_id, at.sequence, at.time_ns, a.exec_id, a.pid, a.name, a.type, a.server,
                         addresses, a.address_count, a.ttl_s, a.rule_id, a.tcp);
  }

  Result<> operator()(const Finding& f) const {
    return to.finding.Run(at.job_ref, at.stream_id, at.sequence, at.time_ns, f.kind, f.detail, f.exec_id, f.pid,
                          Blob{f.comm}, at.step);
  }

  Result<> operator()(const Gap& g) const {
    return to.gap.Run(at.job_ref, at.stream_id, at.sequence, at.time_ns, g.reason, g.from_ns, g.until_ns,
                      JoinCounts(g.lost));
  }

  Result<> operator()(const Heartbeat& h) const {
    return to.heartbeat.Run(sensor, at.time_ns, h.host, h.kernel, h.sensor_version, h.armed, h.jobs);
  }
};

Result<> EventWriter::Write(const Place& place, std::string_view sensor, const Body& body) {
  return std::visit(Visitor{*statements_, place, sensor}, body);
}

}  // namespace weir::store

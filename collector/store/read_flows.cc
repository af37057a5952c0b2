// SPDX-License-Identifier: Apache-2.0
#include "collector/store/read_flows.h"

#include <algorithm>
#include <utility>

#include "collector/store/encode.h"

namespace weir::store {
namespace {

// Real chains are as deep as a build's make and shell nesting; deeper ones are cut at the top. Also ends a forged
// cycle.
constexpr int kMaxAncestors = 512;

// Sums of hook 5 (DNS) are not listed: each lookup is a row of its own, from dns_queries.
constexpr std::string_view kFlows =
    "SELECT f.job_ref, j.job_id, f.exec_id, f.address, f.port, f.protocol, f.verdict, f.hook, f.why, f.pid, f.comm, "
    "f.name, f.rule_id, f.rule, f.source_port, f.socket_kind, f.first_ns, f.last_ns, f.count, f.bytes_out, f.bytes_in, "
    "f.packets_out, f.packets_in, '', f.step, COALESCE(s.name, '') FROM jobs AS j JOIN flows AS f ON f.job_ref = "
    "j.job_ref LEFT JOIN steps AS s ON s.job_ref = f.job_ref AND s.step = f.step WHERE f.hook <> 5 AND f.last_ns >= ";

// Equal lookups of one process image are one row; `count` is how many of them were reported, which is at least one.
constexpr std::string_view kQueries =
    "SELECT f.job_ref, j.job_id, f.exec_id, f.server, 53, CASE WHEN f.tcp <> 0 THEN 'tcp' ELSE 'udp' END, f.verdict, "
    "5, "
    "f.why, MIN(f.pid), MIN(f.comm), f.name, MIN(f.rule_id), f.rule, 0, '', MIN(f.time_ns) AS first_ns, "
    "MAX(f.time_ns) AS last_ns, COUNT(*), 0, 0, 0, 0, f.type, f.step, MIN(COALESCE(s.name, '')) FROM jobs AS j JOIN "
    "dns_queries AS f ON f.job_ref = j.job_ref LEFT JOIN steps AS s ON s.job_ref = f.job_ref AND s.step = f.step "
    "WHERE f.time_ns >= ";
constexpr std::string_view kQueryGroup =
    " GROUP BY f.job_ref, j.job_id, f.exec_id, f.step, f.server, f.tcp, f.verdict, f.why, f.name, f.type, f.rule";

/// Narrows rows of `table`, with the step as `s`, to one step: by number (parameter 4, -1: any) and name (5, empty:
/// any).
std::string OfStep(const std::string& table) {
  return " AND (?4 < 0 OR " + table + ".step = ?4) AND (LENGTH(?5) = 0 OR s.name = ?5)";
}

std::int64_t NumberOf(const StepFilter& step) { return step.number ? std::int64_t{*step.number} : -1; }

StoredFlow FlowFrom(const Statement& row) {
  StoredFlow flow;
  flow.job_ref = row.Integer(0);
  flow.job_id = row.Text(1);
  FlowKey& key = flow.flow.key;
  key.exec_id = row.Unsigned(2);
  key.address = row.Text(3);
  key.port = row.Unsigned32(4);
  key.protocol = row.Text(5);
  key.verdict = static_cast<Verdict>(row.Integer(6));
  key.hook = static_cast<Hook>(row.Integer(7));
  key.why = row.Text(8);
  flow.flow.pid = row.Unsigned32(9);
  flow.flow.comm = row.Text(10);
  flow.flow.name = row.Text(11);
  flow.flow.rule_id = row.Unsigned32(12);
  flow.flow.rule = row.Text(13);
  flow.flow.source_port = row.Unsigned32(14);
  flow.flow.socket_kind = row.Text(15);
  flow.totals = {row.Integer(16),  row.Integer(17),  row.Unsigned(18), row.Unsigned(19),
                 row.Unsigned(20), row.Unsigned(21), row.Unsigned(22)};
  flow.query_type = row.Text(23);
  flow.step = {row.Unsigned32(24), row.Text(25)};
  return flow;
}

/// Adds up to `limit` rows of one table and one class of verdicts.
Result<> AddRows(Database& database, const FlowFilter& filter, bool denied, bool queries, std::uint32_t limit,
                 std::vector<StoredFlow>& out) {
  std::string sql(queries ? kQueries : kFlows);
  sql += "?1 AND j.last_event_ns >= ?1";
  // Listed values, so that the primary key (job, verdict, …) is used.
  sql += denied ? " AND f.verdict IN (2, 3)" : " AND f.verdict IN (0, 1)";
  sql += filter.job_id.empty() ? " AND ?2 = ''" : " AND j.job_id = ?2";
  sql += OfStep("f");
  if (queries) sql += kQueryGroup;
  sql += " ORDER BY first_ns LIMIT ?3";
  auto select = database.Prepare(sql);
  if (!select) return tl::unexpected<Error>(std::move(select).error());
  select->Start(filter.since_ns, filter.job_id, limit, NumberOf(filter.step), Blob{filter.step.name});
  return select->ForEach([&](const Statement& row) { out.push_back(FlowFrom(row)); });
}

/// One class of verdicts, flows and lookups together, by first sighting; one row above the limit shows that more exist.
Result<std::vector<StoredFlow>> ReadClass(Database& database, const FlowFilter& filter, bool denied,
                                          std::uint32_t limit) {
  std::vector<StoredFlow> rows;
  WEIR_TRY(AddRows(database, filter, denied, false, limit + 1, rows));
  WEIR_TRY(AddRows(database, filter, denied, true, limit + 1, rows));
  std::stable_sort(rows.begin(), rows.end(),
                   [](const StoredFlow& a, const StoredFlow& b) { return a.totals.first_ns < b.totals.first_ns; });
  return rows;
}

/// Reads the image and all its ancestors, as far as they are not there yet.
Result<> AddImages(Statement& select, ImageKey key, Images& images) {
  for (int depth = 0; depth < kMaxAncestors && key.exec_id != 0 && !images.contains(key); ++depth) {
    select.Start(key.job_ref, key.exec_id);
    auto row = select.Step();
    if (!row) return tl::unexpected<Error>(std::move(row).error());
    if (!*row) return {};
    Image image{select.Unsigned(0), select.Unsigned32(1), select.Text(2), SplitNul(select.View(3))};
    select.Reset();
    const std::uint64_t parent = image.parent_exec_id;
    images.emplace(key, std::move(image));
    key.exec_id = parent;
  }
  return {};
}

Result<Images> ReadImages(Database& database, const std::vector<StoredFlow>& flows) {
  auto select = database.Prepare(
      "SELECT parent_exec_id, pid, executable, arguments FROM execs WHERE job_ref = ? AND exec_id = ? LIMIT 1");
  if (!select) return tl::unexpected<Error>(std::move(select).error());
  Images images;
  for (const StoredFlow& flow : flows) {
    if (auto added = AddImages(*select, {flow.job_ref, flow.flow.key.exec_id}, images); !added) {
      return tl::unexpected<Error>(std::move(added).error());
    }
  }
  return images;
}

/// exec_id -> number, from a two-column query about one job.
Result<std::unordered_map<std::uint64_t, std::uint64_t>> ReadPerExec(Database& database, std::int64_t job_ref,
                                                                     std::string_view sql) {
  auto select = database.Prepare(sql);
  if (!select) return tl::unexpected<Error>(std::move(select).error());
  std::unordered_map<std::uint64_t, std::uint64_t> numbers;
  select->Start(job_ref);
  if (auto read = select->ForEach([&](const Statement& row) { numbers[row.Unsigned(0)] = row.Unsigned(1); }); !read) {
    return tl::unexpected<Error>(std::move(read).error());
  }
  return numbers;
}

Exec ExecFrom(const Statement& row) {
  Exec exec;
  exec.exec_id = row.Unsigned(0);
  exec.parent_exec_id = row.Unsigned(1);
  exec.pid = row.Unsigned32(2);
  exec.parent_pid = row.Unsigned32(3);
  exec.start_ns = row.Integer(4);
  exec.uid = row.Unsigned32(5);
  exec.gid = row.Unsigned32(6);
  exec.device = row.Unsigned(7);
  exec.inode = row.Unsigned(8);
  exec.cgroup_id = row.Unsigned(9);
  exec.arguments_full_bytes = row.Unsigned(10);
  SetExecFlags(exec, row.Unsigned32(11));
  exec.comm = row.Text(12);
  exec.executable = row.Text(13);
  exec.cwd = row.Text(14);
  exec.arguments = SplitNul(row.View(15));
  return exec;
}

Result<> AddExits(Database& database, std::int64_t job_ref, std::vector<StoredExec>& processes) {
  // The image ends with the exit of the process that made it; forks that share it may live on.
  std::unordered_map<std::uint64_t, std::vector<StoredExec*>> by_exec;
  for (StoredExec& process : processes) by_exec[process.exec.exec_id].push_back(&process);
  auto select = database.Prepare("SELECT exec_id, pid, time_ns, wait_status FROM exits WHERE job_ref = ?");
  if (!select) return tl::unexpected<Error>(std::move(select).error());
  select->Start(job_ref);
  return select->ForEach([&](const Statement& row) {
    const auto found = by_exec.find(row.Unsigned(0));
    if (found == by_exec.end()) return;
    for (StoredExec* process : found->second) {
      if (process->exec.pid != row.Unsigned32(1)) continue;
      process->exit_ns = row.Integer(2);
      process->wait_status = row.Unsigned32(3);
    }
  });
}

Result<> AddCounts(Database& database, std::int64_t job_ref, std::vector<StoredExec>& processes) {
  constexpr std::pair<std::string_view, std::uint64_t StoredExec::*> kCounts[] = {
      {"SELECT exec_id, COUNT(*) FROM forks WHERE job_ref = ? GROUP BY exec_id", &StoredExec::forks},
      {"SELECT exec_id, COUNT(*) FROM flows WHERE job_ref = ? AND verdict = 1 AND hook <> 5 GROUP BY exec_id",
       &StoredExec::flows_allowed},
      {"SELECT exec_id, SUM(n) FROM (SELECT exec_id, COUNT(*) AS n FROM flows WHERE job_ref = ?1 AND verdict IN (2, 3) "
       "AND hook <> 5 GROUP BY exec_id UNION ALL SELECT exec_id, COUNT(*) FROM dns_queries WHERE job_ref = ?1 AND "
       "verdict IN (2, 3) GROUP BY exec_id) AS denied GROUP BY exec_id",
       &StoredExec::flows_denied}};
  for (const auto& [sql, field] : kCounts) {
    auto numbers = ReadPerExec(database, job_ref, sql);
    if (!numbers) return tl::unexpected<Error>(std::move(numbers).error());
    for (StoredExec& process : processes) {
      const auto found = numbers->find(process.exec.exec_id);
      if (found != numbers->end()) process.*field = found->second;
    }
  }
  return {};
}

}  // namespace

Result<FlowPage> ReadFlows(Database& database, const FlowFilter& filter) {
  FlowPage page;
  auto denied = ReadClass(database, filter, true, filter.limit);
  if (!denied) return tl::unexpected<Error>(std::move(denied).error());
  page.flows = std::move(*denied);
  if (!filter.denied_only && page.flows.size() <= filter.limit) {
    auto allowed = ReadClass(database, filter, false, filter.limit);
    if (!allowed) return tl::unexpected<Error>(std::move(allowed).error());
    std::move(allowed->begin(), allowed->end(), std::back_inserter(page.flows));
  }
  page.truncated = page.flows.size() > filter.limit;
  if (page.truncated) page.flows.resize(filter.limit);
  auto images = ReadImages(database, page.flows);
  if (!images) return tl::unexpected<Error>(std::move(images).error());
  page.images = std::move(*images);
  return page;
}

Result<ProcessPage> ReadProcesses(Database& database, std::int64_t job_ref, std::uint32_t limit,
                                  const StepFilter& step) {
  auto select = database.Prepare(
      "SELECT e.exec_id, e.parent_exec_id, e.pid, e.parent_pid, e.start_ns, e.uid, e.gid, e.device, e.inode, "
      "e.cgroup_id, e.full_bytes, e.flags, e.comm, e.executable, e.cwd, e.arguments, e.time_ns, e.step, "
      "COALESCE(s.name, '') FROM execs AS e LEFT JOIN steps AS s ON s.job_ref = e.job_ref AND s.step = e.step WHERE "
      "e.job_ref = ?1" +
      OfStep("e") + " ORDER BY e.time_ns, e.sequence LIMIT ?2");
  if (!select) return tl::unexpected<Error>(std::move(select).error());
  ProcessPage page;
  select->Start(job_ref, static_cast<std::uint64_t>(limit) + 1, 0, NumberOf(step), Blob{step.name});
  WEIR_TRY(select->ForEach([&](const Statement& row) {
    StoredExec stored;
    stored.exec = ExecFrom(row);
    stored.time_ns = row.Integer(16);
    stored.step = {row.Unsigned32(17), row.Text(18)};
    page.processes.push_back(std::move(stored));
  }));
  page.truncated = page.processes.size() > limit;
  if (page.truncated) page.processes.resize(limit);
  WEIR_TRY(AddExits(database, job_ref, page.processes));
  WEIR_TRY(AddCounts(database, job_ref, page.processes));
  return page;
}

}  // namespace weir::store

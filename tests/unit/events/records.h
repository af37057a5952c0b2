// SPDX-License-Identifier: Apache-2.0
// Ring records as the programs write them, for tests and benches.
#pragma once

#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "bpf/abi.h"

namespace weir::events::test {

using Record = std::vector<std::byte>;

template <typename T>
Record Raw(const T& value, std::string_view data = {}) {
  Record record(sizeof(T) + data.size());
  std::memcpy(record.data(), &value, sizeof(T));
  if (!data.empty()) std::memcpy(record.data() + sizeof(T), data.data(), data.size());
  return record;
}

inline weir_event Header(std::uint16_t kind, std::uint32_t scope_id = 7) {
  return {.boot_ns = 1'000, .exec_id = 11, .scope_id = scope_id, .tgid = 1234, .step = 3, .kind = kind, .reserved = 0};
}

inline void SetV4(__u8 (&address)[16], std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) {
  const __u8 bytes[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d};
  std::memcpy(address, bytes, 16);
}

inline weir_flow_event FlowEvent(std::uint8_t verdict = WEIR_ALLOW, std::uint32_t scope_id = 7) {
  weir_flow_event flow{};
  flow.event = Header(WEIR_E_FLOW, scope_id);
  flow.rule_id = 2;
  flow.port = __builtin_bswap16(443);
  flow.source_port = __builtin_bswap16(50000);
  flow.proto = 6;
  flow.verdict = verdict;
  flow.hook = WEIR_HOOK_CONNECT;
  flow.why = verdict == WEIR_ALLOW ? WEIR_WHY_NAME : WEIR_WHY_NO_RULE;
  SetV4(flow.addr, 192, 0, 2, 1);
  std::memcpy(flow.comm, "curl", 5);
  std::memcpy(flow.name, "\7example\3org", 13);
  return flow;
}

inline Record ExecRecord(std::string_view arguments, std::string_view path, std::string_view cwd,
                         std::uint32_t flags = 0, std::string_view step = {}) {
  weir_exec_event exec{};
  exec.event = Header(WEIR_E_EXEC);
  exec.parent_exec_id = 10;
  exec.start_ns = 900;
  exec.ppid = 1200;
  exec.uid = 1000;
  exec.gid = 100;
  exec.flags = flags;
  exec.args_len = static_cast<__u32>(arguments.size());
  exec.path_len = static_cast<__u16>(path.size());
  exec.cwd_len = static_cast<__u16>(cwd.size());
  exec.args_full_len = arguments.size();
  exec.step_len = static_cast<__u32>(step.size());
  std::memcpy(exec.comm, "sh", 3);
  return Raw(exec, std::string(arguments) + std::string(path) + std::string(cwd) + std::string(step));
}

}  // namespace weir::events::test

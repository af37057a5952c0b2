// SPDX-License-Identifier: Apache-2.0
#include "sensor/events/decode.h"

#include <arpa/inet.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "bpf/abi.h"
#include "bpf/path.h"
#include "policy/guard.h"
#include "sensor/events/keywords.h"
#include "sensor/events/text.h"

namespace weir::events {
namespace {

using Bytes = std::span<const std::byte>;

// Copies: a record in the ring is aligned, one in a test or fuzzer is not.
template <typename T>
T Read(Bytes record) {
  T value;
  std::memcpy(&value, record.data(), sizeof(T));
  return value;
}

tl::unexpected<Error> Malformed(std::string_view kind, std::string_view fault) {
  return Fail(Code::kInvalid, "ring record '" + std::string(kind) + "': " + std::string(fault));
}

template <typename To, std::size_t N>
To Copy(const __u8 (&from)[N]) {
  To to{};
  static_assert(sizeof(to) == N);
  std::memcpy(to.data(), from, N);
  return to;
}

std::string_view Text(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

std::int64_t Unix(std::uint64_t boot_ns, std::int64_t offset_ns) {
  // Unsigned, because a hostile number may overflow; the result is then merely wrong.
  return static_cast<std::int64_t>(boot_ns + static_cast<std::uint64_t>(offset_ns));
}

bool KnownVerdict(std::uint8_t verdict) { return verdict >= WEIR_ALLOW && verdict <= WEIR_WOULD_DENY; }
bool KnownHook(std::uint8_t hook) { return hook >= WEIR_HOOK_SOCKET && hook <= WEIR_HOOK_FORWARDER; }

/// The variables that name a step. Of several of one name the first counts.
void SetStep(std::string_view variables, ProcessExec& exec) {
  const std::pair<std::string_view, std::string*> wanted[] = {{"GITHUB_ACTION=", &exec.step_name},
                                                              {"GITHUB_ACTION_REPOSITORY=", &exec.action_repository},
                                                              {"GITHUB_ACTION_REF=", &exec.action_ref}};
  while (!variables.empty()) {
    const std::size_t end = std::min(variables.find('\0'), variables.size());
    const std::string_view variable = variables.substr(0, end);
    for (const auto& [name, value] : wanted) {
      if (!variable.starts_with(name) || !value->empty()) continue;
      *value = variable.substr(name.size());
      if (variable.size() + 1 >= WEIR_STEP_BYTES) *value += "…";  // as much as the program keeps; it may have been more
    }
    variables.remove_prefix(std::min(end + 1, variables.size()));
  }
}

Result<Body> DecodeExec(Bytes record, std::int64_t offset_ns) {
  if (record.size() < sizeof(weir_exec_event)) return Malformed("exec", "too short");
  const auto raw = Read<weir_exec_event>(record);
  if (raw.args_len > WEIR_ARGS_BYTES || raw.path_len > WEIR_PATH_BYTES || raw.cwd_len > WEIR_PATH_BYTES ||
      raw.step_len > WEIR_STEP_VARS * WEIR_STEP_BYTES) {
    return Malformed("exec", "a length is above its bound");
  }
  const Bytes data = record.subspan(sizeof(weir_exec_event));
  if (data.size() != std::size_t{raw.args_len} + raw.path_len + raw.cwd_len + raw.step_len) {
    return Malformed("exec", "lengths do not add up to the record's");
  }
  const auto has = [&](std::uint32_t flag) { return (raw.flags & flag) != 0; };
  ProcessExec exec;
  exec.exec_id = raw.event.exec_id;
  exec.parent_exec_id = raw.parent_exec_id;
  exec.pid = raw.event.tgid;
  exec.parent_pid = raw.ppid;
  exec.start_time_ns = Unix(raw.start_ns, offset_ns);
  exec.uid = raw.uid;
  exec.gid = raw.gid;
  exec.arguments = Text(data.first(raw.args_len));
  exec.executable = PathFromParts(Text(data.subspan(raw.args_len, raw.path_len)), has(WEIR_X_PATH_CUT));
  exec.cwd =
      PathFromParts(Text(data.subspan(std::size_t{raw.args_len} + raw.path_len, raw.cwd_len)), has(WEIR_X_CWD_CUT));
  SetStep(Text(data.last(raw.step_len)), exec);
  exec.device = raw.dev;
  exec.inode = raw.inode;
  exec.cgroup_id = raw.cgroup_id;
  exec.arguments_full_bytes = raw.args_full_len;
  exec.arguments_truncated = has(WEIR_X_ARGS_CUT);
  exec.path_truncated = has(WEIR_X_PATH_CUT);
  exec.deleted = has(WEIR_X_DELETED);
  exec.memfd = has(WEIR_X_MEMFD);
  exec.tmpfs = has(WEIR_X_TMPFS);
  exec.entered = has(WEIR_X_ENTERED);
  exec.comm = Copy<Comm>(raw.comm);
  return exec;
}

Result<Body> DecodeFork(Bytes record, std::int64_t offset_ns) {
  if (record.size() != sizeof(weir_fork_event)) return Malformed("fork", "wrong size");
  const auto raw = Read<weir_fork_event>(record);
  return ProcessFork{raw.event.exec_id, raw.event.tgid, raw.ppid, Unix(raw.start_ns, offset_ns)};
}

Result<Body> DecodeExit(Bytes record) {
  if (record.size() != sizeof(weir_exit_event)) return Malformed("exit", "wrong size");
  const auto raw = Read<weir_exit_event>(record);
  return ProcessExit{raw.event.exec_id, raw.event.tgid, raw.code};
}

Result<Body> DecodeFlow(Bytes record) {
  if (record.size() != sizeof(weir_flow_event)) return Malformed("flow", "wrong size");
  const auto raw = Read<weir_flow_event>(record);
  if (!KnownVerdict(raw.verdict)) return Malformed("flow", "unknown verdict");
  if (!KnownHook(raw.hook)) return Malformed("flow", "unknown hook");
  Flow flow;
  flow.id = {raw.event.exec_id,
             Copy<Address>(raw.addr),
             ntohs(raw.port),
             raw.proto,
             static_cast<Verdict>(raw.verdict),
             static_cast<Hook>(raw.hook),
             raw.why};
  flow.pid = raw.event.tgid;
  flow.comm = Copy<Comm>(raw.comm);
  flow.name = WireName(raw.name);
  flow.rule_id = raw.rule_id;
  flow.source_port = ntohs(raw.source_port);
  flow.socket_kind = raw.socket_kind;
  return flow;
}

DnsQuery QueryOf(const weir_dns_event& raw) {
  DnsQuery query;
  query.exec_id = raw.event.exec_id;
  query.pid = raw.event.tgid;
  query.comm = Copy<Comm>(raw.comm);
  query.name = WireName(raw.name);
  query.type = raw.qtype;
  query.server = Copy<Address>(raw.server);
  query.verdict = static_cast<Verdict>(raw.verdict);
  query.why = raw.why;
  query.rule_id = raw.rule_id;
  query.tcp = raw.hook == WEIR_HOOK_FORWARDER;
  return query;
}

DnsAnswer AnswerOf(const weir_dns_event& raw) {
  DnsAnswer answer;
  answer.exec_id = raw.event.exec_id;
  answer.pid = raw.event.tgid;
  answer.name = WireName(raw.name);
  answer.type = raw.qtype;
  answer.server = Copy<Address>(raw.server);
  answer.addresses.resize(std::min<std::size_t>(raw.n_addrs, WEIR_DNS_EVENT_ADDRS));
  for (std::size_t i = 0; i < answer.addresses.size(); ++i) answer.addresses[i] = Copy<Address>(raw.addrs[i]);
  answer.address_count = raw.n_addrs;
  answer.ttl_s = raw.ttl;
  answer.rule_id = raw.rule_id;
  answer.tcp = raw.hook == WEIR_HOOK_FORWARDER;
  return answer;
}

Result<Body> DecodeDns(Bytes record, std::uint16_t kind) {
  if (record.size() != sizeof(weir_dns_event)) return Malformed("dns", "wrong size");
  const auto raw = Read<weir_dns_event>(record);
  if (kind == WEIR_E_ANSWER) {
    if (raw.n_addrs > WEIR_ANSWER_ADDRS) return Malformed("dns answer", "more addresses than an answer can have");
    return AnswerOf(raw);
  }
  if (!KnownVerdict(raw.verdict)) return Malformed("dns", "unknown verdict");
  return QueryOf(raw);
}

/// "waits for connections from outside on 0.0.0.0:8080/tcp"
std::string ListenerDetail(std::uint64_t value) {
  const auto address = static_cast<std::uint32_t>(value >> WEIR_LISTEN_ADDRESS_SHIFT);
  const auto protocol = static_cast<std::uint8_t>(value >> WEIR_LISTEN_PROTOCOL_SHIFT);
  const auto port = static_cast<std::uint16_t>(value);
  std::string where = "[::]:";
  if (value & WEIR_LISTEN_ONE6) {
    where = "one of the host's IPv6 addresses, port ";
  } else if (!(value & WEIR_LISTEN_ANY6)) {
    std::array<char, INET_ADDRSTRLEN> text{};
    ::inet_ntop(AF_INET, &address, text.data(), text.size());
    where = std::string(text.data()) + ":";
  }
  where += port == 0 ? "(any port)" : std::to_string(port);
  return "waits for connections from outside on " + where + "/" + ProtocolText(protocol);
}

std::string FindingDetail(std::uint32_t finding, std::uint64_t value) {
  const std::string number = std::to_string(value);
  switch (finding) {
    case WEIR_F_LEFT_CGROUP: return "moved to cgroup " + number + "; it stays in its job's scope";
    case WEIR_F_FAKE_RESOLVER: return "a resolver's loopback address is served by the job itself";
    case WEIR_F_FOREIGN_SOCKET: return "socket of scope " + number;
    case WEIR_F_ANSWER_REFUSED: return "DNS answer refused, parser's reason " + number;
    case WEIR_F_LEARNED_FULL: return number + " addresses of a DNS answer could not be learned";
    case WEIR_F_LISTENER: return ListenerDetail(value);
    default: return "value " + number;
  }
}

std::string AttemptDetail(std::uint32_t guard_class, std::uint64_t value) {
  const std::string number = std::to_string(value);
  switch (guard_class) {
    case WEIR_G_BPF: return "bpf command " + number;
    case WEIR_G_SIGNAL:
    case WEIR_G_PTRACE:
    case WEIR_G_RUNNER_MEMORY: return "process " + number;
    case WEIR_G_RUNNER_FILES:
    case WEIR_G_SENSOR_FILES:
    case WEIR_G_CGROUP:
    case WEIR_G_SOCKETS: return "inode " + number;
    case WEIR_G_HELPERS:
      return value == WEIR_HELPER_MODULE ? "a module" : value == WEIR_HELPER_KEY ? "a key" : "inode " + number;
    case WEIR_G_NETNS: return "namespace " + number;
    case WEIR_G_FAMILY: return "socket family " + number;
    case WEIR_G_PACKET: return "protocol " + number;
    default: return value == 0 ? std::string() : "code " + number;
  }
}

/// One kind a class, so that reviews and alerts can tell them apart.
void DescribeAttempt(const weir_finding_event& raw, Finding& finding) {
  const policy::GuardClass* known = policy::GuardClassOf(raw.guard_class);
  finding.kind = "guard-" + (known ? std::string(known->name) : std::to_string(raw.guard_class));
  finding.detail = raw.verdict == WEIR_DENY ? "denied" : "not denied";
  if (known) finding.detail += ": " + std::string(known->what);
  if (const std::string detail = AttemptDetail(raw.guard_class, raw.value); !detail.empty())
    finding.detail += " (" + detail + ")";
}

Result<Body> DecodeFinding(Bytes record) {
  if (record.size() != sizeof(weir_finding_event)) return Malformed("finding", "wrong size");
  const auto raw = Read<weir_finding_event>(record);
  Finding finding;
  if (raw.finding == WEIR_F_GUARD) {
    DescribeAttempt(raw, finding);
  } else {
    finding.kind = FindingWord(raw.finding);
    finding.detail = FindingDetail(raw.finding, raw.value);
  }
  finding.exec_id = raw.event.exec_id;
  finding.pid = raw.event.tgid;
  finding.comm = Copy<Comm>(raw.comm);
  return finding;
}

Result<Body> DecodeBody(Bytes record, std::uint16_t kind, std::int64_t offset_ns) {
  switch (kind) {
    case WEIR_E_EXEC: return DecodeExec(record, offset_ns);
    case WEIR_E_FORK: return DecodeFork(record, offset_ns);
    case WEIR_E_EXIT: return DecodeExit(record);
    case WEIR_E_FLOW: return DecodeFlow(record);
    case WEIR_E_DNS:
    case WEIR_E_ANSWER: return DecodeDns(record, kind);
    case WEIR_E_FINDING: return DecodeFinding(record);
    default: return Malformed(std::to_string(kind), "unknown kind");
  }
}

std::int64_t ClockNs(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

std::int64_t BootToUnixNs() {
  // The closest of three: a preemption between the two readings would shift every time stamp.
  std::int64_t offset = 0, best = INT64_MAX;
  for (int i = 0; i < 3; ++i) {
    const std::int64_t before = ClockNs(CLOCK_BOOTTIME);
    const std::int64_t unix_ns = ClockNs(CLOCK_REALTIME);
    const std::int64_t after = ClockNs(CLOCK_BOOTTIME);
    if (after - before >= best) continue;
    best = after - before;
    offset = unix_ns - before - best / 2;
  }
  return offset;
}

std::optional<std::uint32_t> ScopeOfRecord(std::span<const std::byte> record) {
  if (record.size() < sizeof(weir_event)) return std::nullopt;
  return Read<weir_event>(record).scope_id;
}

Result<Event> Decode(std::span<const std::byte> record, std::int64_t boot_to_unix_ns) {
  if (record.size() < sizeof(weir_event)) return Malformed("?", "shorter than its header");
  const auto header = Read<weir_event>(record);
  Result<Body> body = DecodeBody(record, header.kind, boot_to_unix_ns);
  if (!body) return tl::unexpected<Error>(std::move(body).error());
  Event event;
  event.time_ns = Unix(header.boot_ns, boot_to_unix_ns);
  event.scope_id = header.scope_id;
  event.step = header.step;
  event.body = *std::move(body);
  return event;
}

FlowId DecodeFlowKey(const weir_flow_key& key) {
  FlowId id{key.exec_id, Copy<Address>(key.addr), ntohs(key.port), key.proto, Verdict::kNone, Hook::kNone, key.why};
  if (KnownVerdict(key.verdict)) id.verdict = static_cast<Verdict>(key.verdict);
  if (KnownHook(key.hook)) id.hook = static_cast<Hook>(key.hook);
  return id;
}

std::string PathFromParts(std::string_view leaf_first, bool cut) {
  const auto size = static_cast<std::uint32_t>(leaf_first.size());
  std::string path(weir_path_bound(size), '\0');
  path.resize(weir_path_turn(reinterpret_cast<const __u8*>(leaf_first.data()), size, cut,
                             reinterpret_cast<__u8*>(path.data()), weir_path_bound(size)));
  return path;
}

}  // namespace weir::events

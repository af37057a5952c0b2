// SPDX-License-Identifier: Apache-2.0
// What the sensor saw, as values. Compact forms (addresses as bytes, names in wire form, argv as one string), because
// the ring's reader makes them; to_proto.h writes them out as text on another thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace weir::events {

/// 16 bytes, network order; IPv4 as ::ffff:a.b.c.d. All zero: none.
using Address = std::array<std::uint8_t, 16>;

/// Task name, NUL-padded; not necessarily NUL-terminated. Hostile bytes.
using Comm = std::array<char, 16>;

/// Numbers are WEIR_ALLOW … of bpf/abi.h and weir.v1.Verdict.
enum class Verdict : std::uint8_t { kNone = 0, kAllow = 1, kDeny = 2, kWouldDeny = 3 };

/// Numbers are WEIR_HOOK_* of bpf/abi.h and weir.v1.Hook.
enum class Hook : std::uint8_t { kNone = 0, kSocket, kConnect, kSendmsg, kPacket, kDns, kForwarder };

/// Numbers are WEIR_MODE_* of bpf/abi.h and weir.v1.Mode.
enum class Mode : std::uint8_t { kNone = 0, kAudit = 1, kBlock = 2 };

struct ProcessExec {
  std::uint64_t exec_id = 0;
  std::uint64_t parent_exec_id = 0;
  std::uint32_t pid = 0;
  std::uint32_t parent_pid = 0;
  std::int64_t start_time_ns = 0;  ///< Unix time
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::string executable;
  std::string arguments;  ///< argv, each argument ended by a NUL (the last one may lack it when cut)
  std::string cwd;
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t cgroup_id = 0;
  std::uint64_t arguments_full_bytes = 0;
  bool arguments_truncated = false;
  bool path_truncated = false;
  bool deleted = false;
  bool memfd = false;
  bool tmpfs = false;
  bool entered = false;  ///< joined the scope with this image; not an exec
  Comm comm{};
  // What the job calls the step that this exec begins; empty for every other. Hostile bytes.
  std::string step_name;          ///< GITHUB_ACTION
  std::string action_repository;  ///< GITHUB_ACTION_REPOSITORY
  std::string action_ref;         ///< GITHUB_ACTION_REF
  friend bool operator==(const ProcessExec&, const ProcessExec&) = default;
};

struct ProcessFork {
  std::uint64_t exec_id = 0;
  std::uint32_t pid = 0;
  std::uint32_t parent_pid = 0;
  std::int64_t start_time_ns = 0;
  friend bool operator==(const ProcessFork&, const ProcessFork&) = default;
};

struct ProcessExit {
  std::uint64_t exec_id = 0;
  std::uint32_t pid = 0;
  std::uint32_t wait_status = 0;
  friend bool operator==(const ProcessExit&, const ProcessExit&) = default;
};

/// One process image, destination and verdict.
struct FlowId {
  std::uint64_t exec_id = 0;
  Address address{};
  std::uint16_t port = 0;     ///< host order
  std::uint8_t protocol = 0;  ///< IANA number
  Verdict verdict = Verdict::kNone;
  Hook hook = Hook::kNone;
  std::uint8_t why = 0;  ///< WEIR_WHY_*; keywords.h has the words
  friend bool operator==(const FlowId&, const FlowId&) = default;
};

struct Flow {
  FlowId id;
  std::uint32_t pid = 0;
  Comm comm{};
  std::string name;  ///< wire form; empty: no answer named the address
  std::uint32_t rule_id = 0;
  std::string rule;  ///< filled by enrichment
  std::uint16_t source_port = 0;
  std::uint32_t socket_kind = 0;  ///< family << 24 | type << 16 | protocol, for Hook::kSocket
  friend bool operator==(const Flow&, const Flow&) = default;
};

struct FlowTotals {
  FlowId id;
  std::int64_t first_time_ns = 0;
  std::int64_t last_time_ns = 0;
  std::uint64_t count = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t packets_out = 0;
  std::uint64_t packets_in = 0;
  friend bool operator==(const FlowTotals&, const FlowTotals&) = default;
};

struct DnsQuery {
  std::uint64_t exec_id = 0;
  std::uint32_t pid = 0;
  Comm comm{};
  std::string name;  ///< wire form, as far as it parsed
  std::uint16_t type = 0;
  Address server{};
  Verdict verdict = Verdict::kNone;
  std::uint8_t why = 0;
  std::uint32_t rule_id = 0;
  std::string rule;  ///< filled by enrichment
  bool tcp = false;
  friend bool operator==(const DnsQuery&, const DnsQuery&) = default;
};

struct DnsAnswer {
  std::uint64_t exec_id = 0;
  std::uint32_t pid = 0;
  std::string name;  ///< wire form
  std::uint16_t type = 0;
  Address server{};
  std::vector<Address> addresses;
  std::uint32_t address_count = 0;  ///< may be more than are listed
  std::uint32_t ttl_s = 0;
  std::uint32_t rule_id = 0;
  bool tcp = false;
  friend bool operator==(const DnsAnswer&, const DnsAnswer&) = default;
};

struct Finding {
  std::string kind;  ///< stable keyword: keywords.h, or one of the sensor's own such as "leftover"
  std::string detail;
  std::uint64_t exec_id = 0;
  std::uint32_t pid = 0;
  Comm comm{};
  friend bool operator==(const Finding&, const Finding&) = default;
};

/// Something was not recorded.
struct Gap {
  std::string reason;  ///< "sensor-down", "queue-full", "uplink-full", "malformed", …
  std::int64_t from_ns = 0;
  std::int64_t until_ns = 0;
  std::map<std::string, std::uint64_t> lost;  ///< per kind of record
  friend bool operator==(const Gap&, const Gap&) = default;
};

struct Heartbeat {
  std::string sensor_version;
  std::string kernel;
  std::string host;
  bool armed = false;
  std::uint32_t jobs = 0;
  friend bool operator==(const Heartbeat&, const Heartbeat&) = default;
};

struct JobBegin {
  std::string name;
  Mode mode = Mode::kNone;
  std::string policy_digest;
  std::string policy_text;
  std::map<std::string, std::string> labels;
  std::vector<std::string> command;
  std::string cgroup;
  std::uint32_t scope_id = 0;
  std::string host;
  std::string kernel;
  std::string sensor_version;
  friend bool operator==(const JobBegin&, const JobBegin&) = default;
};

struct JobEnd {
  std::int32_t exit_status = -1;
  std::string record_json;
  bool complete = false;
  friend bool operator==(const JobEnd&, const JobEnd&) = default;
};

using Body = std::variant<ProcessExec, ProcessFork, ProcessExit, Flow, FlowTotals, DnsQuery, DnsAnswer, Finding, Gap,
                          Heartbeat, JobBegin, JobEnd>;

struct Event {
  std::uint64_t sequence = 0;  ///< 0 until the pipeline hands it on
  std::int64_t time_ns = 0;    ///< Unix time
  std::uint32_t scope_id = 0;  ///< 0: about the sensor itself
  std::string job_id;          ///< filled by enrichment
  Body body;
  std::uint32_t step = 0;  ///< of the process that did it (bpf/abi.h, weir_steps); 0: none, or not known
  friend bool operator==(const Event&, const Event&) = default;
};

/// Which events go first when memory is short. Plain: allowed traffic, processes, sums. Critical: denials, findings,
/// gaps. Vital: a job's begin and end, which are never dropped (there are at most two a job).
enum class Importance : std::uint8_t { kPlain, kCritical, kVital };

[[nodiscard]] Importance ImportanceOf(const Body& body);

/// Kinds of records as they are counted: keys of Gap::lost and of the enforcement record.
enum class Kind : std::uint8_t {
  kExec,
  kFork,
  kExit,
  kFlow,
  kDenial,  ///< a flow or a query that was denied, or would have been
  kFlowTotals,
  kDns,
  kDnsAnswer,
  kFinding,
  kGap,
  kHeartbeat,
  kJob,
};
inline constexpr std::size_t kKinds = 12;

[[nodiscard]] Kind KindOf(const Body& body);

/// Stable lower-case keyword: "exec", "fork", "exit", "flow", "denial", "flow-totals", "dns", "dns-answer", "finding",
/// "gap", "heartbeat", "job".
[[nodiscard]] std::string_view KindName(Kind kind);

/// Memory that the event holds, in bytes; what bounded queues count.
[[nodiscard]] std::size_t CostOf(const Event& event);

}  // namespace weir::events

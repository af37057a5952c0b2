// SPDX-License-Identifier: Apache-2.0
// What the collector knows, as values. The wire's types end at collector/ingest/convert.h and begin again at
// collector/query/render.h. Strings that a job chose hold hostile bytes: escape them where they are printed
// (collector/report/escape.h). Times are nanoseconds since the Unix epoch; 0: not known.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

namespace weir::store {

/// Numbers are those of weir.v1 (and of bpf/abi.h) and are what the database holds.
enum class Mode : std::uint8_t { kUnknown = 0, kAudit = 1, kBlock = 2 };
enum class Verdict : std::uint8_t { kUnknown = 0, kAllow = 1, kDeny = 2, kWouldDeny = 3 };
enum class Hook : std::uint8_t { kUnknown = 0, kSocket, kConnect, kSendmsg, kPacket, kDns, kForwarder };

// ---- events, as a sensor sent them ----------------------------------------------------------------------------------

struct JobBegin {
  std::string name;
  Mode mode = Mode::kUnknown;
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
  std::int32_t exit_status = -1;  ///< 0–255; -1: not known
  std::string record;             ///< enforcement record, bytes as signed
  bool complete = false;
  friend bool operator==(const JobEnd&, const JobEnd&) = default;
};

/// A process image: from an exec (or its entry into the job) to the next exec or exit; forks share it.
struct Exec {
  std::uint64_t exec_id = 0;
  std::uint64_t parent_exec_id = 0;
  std::uint32_t pid = 0;
  std::uint32_t parent_pid = 0;
  std::int64_t start_ns = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::string executable;
  std::vector<std::string> arguments;
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
  bool entered = false;
  std::string comm;
  // Of a step's first exec, on its way in; kept as a row of `steps` and not with the exec.
  std::string step_name;
  std::string action_repository;
  std::string action_ref;
  friend bool operator==(const Exec&, const Exec&) = default;
};

struct Fork {
  std::uint64_t exec_id = 0;
  std::uint32_t pid = 0;
  std::uint32_t parent_pid = 0;
  std::int64_t start_ns = 0;
  friend bool operator==(const Fork&, const Fork&) = default;
};

struct Exit {
  std::uint64_t exec_id = 0;
  std::uint32_t pid = 0;
  std::uint32_t wait_status = 0;
  friend bool operator==(const Exit&, const Exit&) = default;
};

/// What makes two sightings the same flow of a job.
struct FlowKey {
  std::uint64_t exec_id = 0;
  std::string address;
  std::uint32_t port = 0;
  std::string protocol;
  Verdict verdict = Verdict::kUnknown;
  Hook hook = Hook::kUnknown;
  std::string why;
  friend bool operator==(const FlowKey&, const FlowKey&) = default;
};

struct Flow {
  FlowKey key;
  std::uint32_t pid = 0;
  std::string comm;
  std::string name;
  std::uint32_t rule_id = 0;
  std::string rule;
  std::uint32_t source_port = 0;
  std::string socket_kind;
  friend bool operator==(const Flow&, const Flow&) = default;
};

struct Totals {
  std::int64_t first_ns = 0;
  std::int64_t last_ns = 0;
  std::uint64_t count = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t packets_out = 0;
  std::uint64_t packets_in = 0;
  friend bool operator==(const Totals&, const Totals&) = default;
};

/// Sums so far; later ones replace earlier ones.
struct FlowTotals {
  FlowKey key;
  Totals totals;
  friend bool operator==(const FlowTotals&, const FlowTotals&) = default;
};

struct DnsQuery {
  std::uint64_t exec_id = 0;
  std::uint32_t pid = 0;
  std::string comm;
  std::string name;
  std::string type;
  std::string server;
  Verdict verdict = Verdict::kUnknown;
  std::string why;
  std::uint32_t rule_id = 0;
  std::string rule;
  bool tcp = false;
  friend bool operator==(const DnsQuery&, const DnsQuery&) = default;
};

struct DnsAnswer {
  std::uint64_t exec_id = 0;
  std::uint32_t pid = 0;
  std::string name;
  std::string type;
  std::string server;
  std::vector<std::string> addresses;
  std::uint32_t address_count = 0;
  std::uint32_t ttl_s = 0;
  std::uint32_t rule_id = 0;
  bool tcp = false;
  friend bool operator==(const DnsAnswer&, const DnsAnswer&) = default;
};

struct Finding {
  std::string kind;
  std::string detail;
  std::uint64_t exec_id = 0;
  std::uint32_t pid = 0;
  std::string comm;
  friend bool operator==(const Finding&, const Finding&) = default;
};

/// The sensor says that it did not record something.
struct Gap {
  std::string reason;
  std::int64_t from_ns = 0;
  std::int64_t until_ns = 0;
  std::map<std::string, std::uint64_t> lost;
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

using Body =
    std::variant<JobBegin, JobEnd, Exec, Fork, Exit, Flow, FlowTotals, DnsQuery, DnsAnswer, Finding, Gap, Heartbeat>;

struct Event {
  std::uint64_t sequence = 0;
  std::int64_t time_ns = 0;
  std::string job_id;  ///< empty: about the sensor itself
  Body body;
  std::uint32_t step = 0;  ///< see Step
  friend bool operator==(const Event&, const Event&) = default;
};

/// Ascending sequences of one epoch of one sensor.
struct Batch {
  std::string sensor;
  std::uint64_t epoch = 0;
  std::vector<Event> events;
  friend bool operator==(const Batch&, const Batch&) = default;
};

// ---- what is kept ---------------------------------------------------------------------------------------------------

struct StoredJob {
  std::int64_t ref = 0;  ///< the database's own number
  std::string job_id;
  std::string sensor;
  JobBegin begin;
  std::int64_t begin_ns = 0;  ///< 0: its JobBegin never arrived
  std::int64_t end_ns = 0;    ///< 0: its JobEnd never arrived
  std::int64_t first_event_ns = 0;
  std::int64_t last_event_ns = 0;
  JobEnd end;
};

/// Sums over what was stored. What really happened stands in the enforcement record.
struct JobCounts {
  std::uint64_t allowed = 0;
  std::uint64_t denied = 0;
  std::uint64_t would_deny = 0;
  std::uint64_t processes = 0;     ///< images, entered ones included
  std::uint64_t destinations = 0;  ///< distinct address, port and protocol
};

struct JobSummary {
  StoredJob job;
  JobCounts counts;
};

/// Newest first. Without policy texts and commands, which may be large.
struct JobPage {
  std::vector<JobSummary> jobs;
  bool truncated = false;  ///< more are stored than were asked for, or than one answer may hold
};

/// The N-th process that the job's Runner.Worker forked, a step of its workflow, and all that came of it. The number is
/// the kernel's; the name is what the workflow calls it (GITHUB_ACTION), and hostile.
struct Step {
  std::uint32_t number = 0;  ///< 0: none, or not known
  std::string name;          ///< may be empty
  friend bool operator==(const Step&, const Step&) = default;
};

struct StoredStep {
  Step step = {};
  std::string action_repository;  ///< of an action; else empty
  std::string action_ref;
  std::int64_t time_ns = 0;  ///< of its first exec
};

struct StoredExec {
  Exec exec;
  std::int64_t time_ns = 0;
  std::int64_t exit_ns = 0;  ///< 0: not seen to exit
  std::uint32_t wait_status = 0;
  std::uint64_t forks = 0;
  std::uint64_t flows_allowed = 0;
  std::uint64_t flows_denied = 0;  ///< denied and would-deny
  Step step = {};
};

/// A flow, or a judged lookup: then the hook is kDns, `name` and `query_type` are set and the address is the server's.
struct StoredFlow {
  std::int64_t job_ref = 0;
  std::string job_id;
  Flow flow;
  Totals totals;
  std::string query_type;
  Step step = {};
};

struct StoredFinding {
  Finding finding;
  std::int64_t time_ns = 0;
  Step step = {};
};

struct StoredGap {
  Gap gap;
  std::int64_t time_ns = 0;
};

/// Events that a sensor numbered and that never arrived. Every job of the sensor that ran between the events around
/// the hole is affected.
struct SequenceGap {
  std::uint64_t first_sequence = 0;
  std::uint64_t last_sequence = 0;
  std::int64_t after_ns = 0;   ///< time of the event before the hole; 0: the hole is at the epoch's start
  std::int64_t before_ns = 0;  ///< time of the event after it
  friend bool operator==(const SequenceGap&, const SequenceGap&) = default;
};

/// The part of an image that ancestry needs.
struct Image {
  std::uint64_t parent_exec_id = 0;
  std::uint32_t pid = 0;
  std::string executable;
  std::vector<std::string> arguments;
};

/// Images of one or more jobs by job and exec id.
struct ImageKey {
  std::int64_t job_ref = 0;
  std::uint64_t exec_id = 0;
  friend bool operator==(const ImageKey&, const ImageKey&) = default;
};
struct ImageKeyHash {
  std::size_t operator()(const ImageKey& key) const noexcept {
    // Exec ids are unique on a host already; the job only separates hosts.
    return std::hash<std::uint64_t>{}(key.exec_id ^ static_cast<std::uint64_t>(key.job_ref) * 0x9e3779b97f4a7c15u);
  }
};
using Images = std::unordered_map<ImageKey, Image, ImageKeyHash>;

/// Of one step, by number or by name; with neither of all.
struct StepFilter {
  std::optional<std::uint32_t> number;
  std::string name;
};

struct FlowFilter {
  std::string job_id;  ///< empty: all jobs
  bool denied_only = false;
  std::int64_t since_ns = 0;  ///< of the last sighting
  std::uint32_t limit = 1000;
  StepFilter step = {};
};

/// Denied first, then by first sighting.
struct FlowPage {
  std::vector<StoredFlow> flows;
  Images images;  ///< of the flows' processes and their ancestors
  bool truncated = false;
};

struct ProcessPage {
  std::vector<StoredExec> processes;  ///< by time
  bool truncated = false;
};

/// Everything about one job, read in one snapshot.
struct JobEvidence {
  StoredJob job;
  JobCounts counts;
  ProcessPage processes;
  FlowPage flows;  ///< its images are of flows only; `processes` has all
  std::vector<StoredFinding> findings;
  bool findings_truncated = false;
  std::vector<StoredGap> gaps;  ///< of the job and of its sensor while the job ran
  std::vector<SequenceGap> sequence_gaps;
  bool gaps_truncated = false;    ///< of either kind more are stored
  std::vector<StoredStep> steps;  ///< that have a name, by number
};

}  // namespace weir::store

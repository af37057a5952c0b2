// SPDX-License-Identifier: Apache-2.0
// The sensor as a library: `weir-sensor` and `weir run` (embedded) both own one.
#pragma once

#include <sys/types.h>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "policy/compiled.h"
#include "sensor/app/config.h"
#include "sensor/base/result.h"

namespace grpc {
class Channel;
}  // namespace grpc

namespace weir {

/// What a job is to be. Strings come from the caller, who is trusted (uid 0, outside every scope) but not careful.
struct JobSpec {
  std::string name;                           ///< 1–128 bytes, printable
  std::string policy_text;                    ///< YAML, includes merged; empty: allow nothing but `allow`
  std::string policy_path;                    ///< for messages only
  std::optional<policy::Mode> mode;           ///< absent: the policy's; audit when there is no policy
  std::vector<std::string> allow;             ///< further endpoints
  std::string policy_job;                     ///< entry of `jobs:`
  std::map<std::string, std::string> labels;  ///< at most 64
  std::vector<std::string> command;           ///< for the record
  pid_t network_namespace_pid = 0;            ///< whose network namespace the job starts in; 0: the sensor's
  std::vector<std::string> resolvers;         ///< `system` resolvers as the caller sees them; empty: the sensor looks
  std::vector<std::string> search;            ///< search suffixes likewise
  bool host = false;                          ///< the whole host is the job's; it must be the only one
  std::vector<pid_t> pids;                    ///< with `host`: these and what descends from them are no mere services
};

/// A process that asks for the job of its own Runner.Worker: not root, outside every scope.
struct RunnerCall {
  pid_t pid = 0;
  uid_t uid = 0;
};

struct JobBegun {
  std::string job_id;  ///< [a-z0-9-], sorts by time
  std::filesystem::path cgroup_path;
  std::uint32_t scope_id = 0;
  bool armed = false;
  std::vector<std::string> not_armed_reasons;  ///< audit mode: what is not seen
  std::vector<std::string> warnings;           ///< of the policy, and of process lists that name no file here
  policy::OnDeny on_deny = policy::OnDeny::kReport;
};

struct JobEnded {
  std::string record_json;  ///< weir.record.v1 (docs/record.md)
  bool complete = false;    ///< everything that happened was recorded
  std::uint64_t allowed = 0;
  std::uint64_t denied = 0;
  std::uint64_t would_deny = 0;
  std::vector<std::string> leftovers;  ///< "pid comm" of processes still in the cgroup; they stay judged
  std::uint64_t last_sequence = 0;     ///< of the job's last event
  bool durable = false;                ///< the collector stored all of it
  bool not_stored = false;             ///< there is a collector, and it has not said so in time
};

struct JobView {
  std::string job_id;
  std::string name;
  policy::Mode mode = policy::Mode::kAudit;
  std::int64_t begin_time_ns = 0;  ///< Unix time
  std::uint32_t scope_id = 0;
  std::filesystem::path cgroup_path;
  bool armed = false;
  bool adopted = false;  ///< taken over from an earlier sensor process
  std::uint64_t allowed = 0;
  std::uint64_t denied = 0;
  std::uint64_t would_deny = 0;
  std::uint64_t lost = 0;
  std::uint32_t tasks = 0;
  std::map<std::string, std::string> labels;
  bool ended = false;            ///< EndJob ran; what outlived it stays judged until the last process is gone
  std::int64_t end_time_ns = 0;  ///< Unix time; 0: runs
  int exit_status = -1;          ///< of an ended job; -1: not known
  std::uint32_t leftovers = 0;   ///< live processes of an ended job
};

struct ProgramView {
  std::string name;    ///< "weir_connect4"
  std::string tag;     ///< BPF program tag, 16 hex digits
  std::string attach;  ///< "cgroup/connect4", "raw_tp/sched_process_exec"
  bool attached = false;
  bool resting = false;  ///< attached again when a job begins
  friend bool operator==(const ProgramView&, const ProgramView&) = default;
};

/// A class of the guard on this host.
struct GuardView {
  std::string name;   ///< as in a policy's `guard:`
  std::string state;  ///< "full", "partial", "off"
  std::string why;    ///< unless full
  std::string what;   ///< a few words for people
  friend bool operator==(const GuardView&, const GuardView&) = default;
};

struct SensorStatus {
  std::string version;
  std::string host;
  std::string kernel;
  bool armed = false;  ///< every program is attached
  std::vector<std::string> not_armed_reasons;
  std::int64_t start_time_ns = 0;
  std::vector<GuardView> guard;
  std::vector<ProgramView> programs;
  std::filesystem::path cgroup_root;
  std::filesystem::path pin_directory;
  std::uint64_t events_queued = 0;
  std::uint64_t events_dropped = 0;
  bool has_collector = false;
  bool collector_connected = false;
  std::uint64_t epoch = 0;
  std::vector<std::string> start_faults;  ///< what the start got over: state files that were set aside
  std::uint32_t jobs = 0;                 ///< that run; ended ones with processes left are not among them
};

/// Owner of the BPF programs, the event pipeline, the uplink, the DNS forwarder and the jobs.
///
/// Everything may be called from any thread. BeginJob, JoinJob and EndJob of one job do not overlap; calls for
/// different jobs do.
class Sensor {
 public:
  /// Loads and attaches (or adopts what an earlier sensor pinned, with its running jobs). A failure on a fresh start
  /// leaves nothing behind. kPrivilege and kUnsupported say what is missing and how to get it.
  /// `collector`: any channel, also in process; null: events are numbered and digested, and go nowhere.
  [[nodiscard]] static Result<std::unique_ptr<Sensor>> Create(const SensorConfig& config,
                                                              std::shared_ptr<grpc::Channel> collector);

  /// Without jobs: detaches and unpins everything. With running jobs: leaves programs and maps pinned, so that the
  /// jobs stay judged, for the next sensor to adopt.
  ~Sensor();
  Sensor(const Sensor&) = delete;
  Sensor& operator=(const Sensor&) = delete;

  /// kInvalid: `what` holds every fault of the policy, one a line. kNotArmed: block mode, and the canary was not judged
  /// as the policy says; everything was undone. kExists: a job that has the whole host is the only one.
  [[nodiscard]] Result<JobBegun> BeginJob(const JobSpec& asked);

  /// The job of an enrolled runner (docs/runner.md): of `asked` only name, labels, resolvers and the repository's
  /// policy count; the host decides what becomes of the latter. Its Runner.Worker is moved in, and its end is the
  /// job's. kPrivilege: the caller is no hook of an enrolled runner. kInvalid: no valid policy; the job was begun all
  /// the same, and reaches nothing but the runner's own endpoints.
  [[nodiscard]] Result<JobBegun> BeginRunnerJob(const RunnerCall& call, const JobSpec& asked);

  /// Moves a process into the job, with the sockets that it has open. The process should be stopped, or be blocked on
  /// its parent: what it opens meanwhile is not adopted. Returns how many sockets were adopted.
  [[nodiscard]] Result<std::uint32_t> JoinJob(const std::string& job_id, pid_t pid);

  /// Final canary, wait for the cgroup to empty, drain, record, remove. `exit_status`: a shell's, 0–255; -1: not known.
  [[nodiscard]] Result<JobEnded> EndJob(const std::string& job_id, int exit_status);

  /// Waits for no job that begins or ends meanwhile.
  [[nodiscard]] std::vector<JobView> ListJobs() const;
  [[nodiscard]] SensorStatus Status() const;
  /// Jobs that run; without asking the kernel.
  [[nodiscard]] std::size_t RunningJobs() const;
  /// How long ago the thread that keeps forwarders and state alive came round. Much more than the heartbeat: it hangs.
  [[nodiscard]] std::chrono::milliseconds SinceHeartbeat() const;

  /// The job whose scope a process is in, by identity in the kernel or by cgroup; nullopt: outside every scope. An
  /// error means that it could not be told: treat it as inside.
  [[nodiscard]] Result<std::optional<std::string>> JobOfProcess(pid_t pid) const;

  /// Puts a finding into a job's stream: a process of the job tried what is not for it.
  void ReportFinding(const std::string& job_id, const std::string& kind, const std::string& detail, pid_t pid);

 private:
  struct Parts;
  explicit Sensor(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace weir

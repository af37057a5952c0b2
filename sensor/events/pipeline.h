// SPDX-License-Identifier: Apache-2.0
// From the kernel's rings to whoever carries events away: read, decode, stamp, queue, number, write out.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sensor/base/result.h"
#include "sensor/events/event.h"

struct weir_flow_key;
struct weir_flow;

namespace weir::events {

/// What a scope's events are called and which rules its numbers mean. Given by the job registry.
struct JobInfo {
  std::string job_id;
  std::vector<std::string> rules;  ///< rule text; index + 1 is the rule_id
};

/// One event as it leaves: serialised weir.v1.Event with its sequence number set.
struct Outgoing {
  std::uint64_t sequence = 0;
  Importance importance = Importance::kPlain;
  std::string bytes;
  std::uint32_t scope_id = 0;
};

/// What became of a scope's records, since AddJob. `events_read` is to be compared with the kernel's WEIR_C_EVENTS:
/// equal after a Flush means that everything that the rings accepted was read.
struct ScopeTally {
  std::uint64_t events_read = 0;                     ///< records of the rings, refused ones included
  std::uint64_t refused = 0;                         ///< of these, records that did not decode
  std::map<std::string, std::uint64_t> dropped;      ///< per kind (KindName): the scope's share of the queue was full
  std::map<std::string, std::uint64_t> undelivered;  ///< per kind: not admitted to the sink
  std::uint64_t handed_on = 0;                       ///< events numbered and given to the sink
  friend bool operator==(const ScopeTally&, const ScopeTally&) = default;
};

/// Digest of a job's event stream so far: SHA-256 over each serialised weir.v1.Event in order of sequence, each
/// preceded by its length as 4 bytes, big endian.
struct StreamDigest {
  std::string sha256_hex;
  std::uint64_t events = 0;
  std::uint64_t first_sequence = 0;
  std::uint64_t last_sequence = 0;
};

struct PipelineStatus {
  std::uint64_t queued = 0;   ///< events waiting in the outgoing queue
  std::uint64_t dropped = 0;  ///< by the outgoing queue or the sink, all scopes
  std::uint64_t refused = 0;  ///< records that did not decode
  std::uint64_t unowned = 0;  ///< records of scopes that no job has (any more); not handed on
  std::uint64_t last_sequence = 0;
};

struct PipelineConfig {
  int events_ring_fd = -1;                  ///< map fd of weir_events; not owned. -1: none (tests)
  int denials_ring_fd = -1;                 ///< map fd of weir_denials; not owned. -1: none
  std::chrono::milliseconds idle_poll{20};  ///< events ring; shorter by itself while events come
  std::size_t queue_events = 65536;         ///< bound of the outgoing queue; a quarter is kept for critical events
  std::size_t queue_bytes = 16u << 20;
  /// Jobs taken over from an earlier sensor: the rings may still hold their records, which are read at once. Such a
  /// job's `events_read` lacks what the earlier sensor read, so compare its growth, not its value, with the kernel's.
  std::map<std::uint32_t, JobInfo> adopted;
};

/// Calls back for each entry of the flows map. sensor/bpf provides it.
using FlowVisitor = std::function<void(const weir_flow_key&, const weir_flow&)>;
using FlowSource = std::function<Result<>(const FlowVisitor&)>;

/// Owner of the two threads between rings and sink.
///
/// Threads: the *reader* reads both rings, decodes, stamps and queues; it never waits for anything but the rings. The
/// *writer* takes from the queue, adds job and rule, numbers, serialises, digests and calls the sink. All public
/// functions may be called from any other thread; none may be called from the sink.
///
/// Overflow of the queue: each scope has its share (queue.h), and loses nothing by another's flood. What does not fit
/// is dropped, plain events before critical ones, vital ones never; what is not admitted to the sink is dropped, too,
/// and has no number. Every drop is counted per scope and kind, and reported by a Gap event of that scope once there is
/// room.
class EventPipeline {
 public:
  /// Called by the writer, in order of sequence, without holes. Must not block for long.
  using Sink = std::function<void(Outgoing)>;
  /// Asked by the writer before each event: may it go to the sink? False: it is dropped, and the next one gets its
  /// number. May wait for a while (sensor/uplink Uplink::Admit is made for it).
  using Admission = std::function<bool(const Outgoing&)>;

  /// Maps the rings and starts both threads. `flows` and `admit` may be empty.
  [[nodiscard]] static Result<std::unique_ptr<EventPipeline>> Create(const PipelineConfig& config, FlowSource flows,
                                                                     Sink sink, Admission admit = {});
  ~EventPipeline();  ///< stops both threads; what the queue holds is still handed on, the rings are not read again
  EventPipeline(const EventPipeline&) = delete;
  EventPipeline& operator=(const EventPipeline&) = delete;

  /// Before the scope's first process enters.
  void AddJob(std::uint32_t scope_id, JobInfo info);
  /// After the job's JobEnd was submitted and waited for. Later records of the scope count as unowned.
  void RemoveJob(std::uint32_t scope_id);

  /// Queues an event of user space (JobBegin, Finding, Gap, Heartbeat, DnsQuery of the forwarder, …), stamped now.
  /// Never blocks. scope_id 0: about the sensor itself. `step`: of the process that it is about; 0: none.
  void Submit(std::uint32_t scope_id, Body body, std::uint32_t step = 0);
  /// The same, and waits until the writer has numbered it and given it to the sink. Returns its sequence number;
  /// kUnavailable after `deadline`, kExhausted when it was dropped, also by the sink.
  [[nodiscard]] Result<std::uint64_t> SubmitAndWait(std::uint32_t scope_id, Body body,
                                                    std::chrono::milliseconds deadline);

  /// Waits until everything that the rings held at the call was read, and what the queue held of `scope_id` (none: of
  /// all) was handed to the sink. kUnavailable after `deadline`.
  [[nodiscard]] Result<> Flush(std::optional<std::uint32_t> scope_id, std::chrono::milliseconds deadline);

  /// Submits FlowTotals for flows of `scope_id` (none: of all jobs) that changed since the last call for all jobs, or
  /// for all flows of one given scope. To be called every few seconds by the owner's timer, and at a job's end before
  /// Flush. Runs on the caller's thread, and waits for the writer (five seconds at most) when there are more than the
  /// queue holds. Returns how many were submitted.
  [[nodiscard]] Result<std::size_t> SubmitFlowTotals(std::optional<std::uint32_t> scope_id);

  [[nodiscard]] ScopeTally Tally(std::uint32_t scope_id) const;
  /// Of what was handed on so far. Flush first.
  [[nodiscard]] StreamDigest Digest(std::uint32_t scope_id) const;
  [[nodiscard]] PipelineStatus Status() const;

 private:
  struct Parts;
  explicit EventPipeline(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace weir::events

// SPDX-License-Identifier: Apache-2.0
// DNS over TCP for jobs (DESIGN 2.3.6). The connect hook turns a job's TCP connections to a resolver to a listener
// here; each query is judged by its name, as the kernel judges those over UDP, and what an answer teaches is in the
// kernel's tables before the job gets the answer.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/compiled.h"
#include "sensor/base/result.h"
#include "sensor/dnsforward/asker.h"
#include "sensor/events/event.h"

namespace weir::dns_forward {

/// What an allowed answer teaches. To be merged into weir_learned exactly as the kernel's DNS program does.
struct Lesson {
  std::uint32_t scope_id = 0;
  std::string_view name;                       ///< question, wire form, lower case
  std::span<const policy::Address> addresses;  ///< of the answer
  std::span<const policy::NamePort> ports;     ///< what the rule opens; empty: only the addresses' name
  std::uint32_t rule_id = 0;
  std::uint32_t ttl_s = 0;  ///< smallest of the answer
};

/// All are called on the forwarder's thread, while it holds its lock: they must be quick and must not call the
/// forwarder.
struct Callbacks {
  /// Writes the lesson into the kernel's tables. An error: the answer still goes to the job, whose connects will be
  /// denied; counted and reported as a finding.
  std::function<Result<>(const Lesson&)> learn;
  /// DnsQuery, DnsAnswer and Finding, with the process that made the connection (exec_id 0: it could not be found out).
  /// The same query with the same verdict is reported once a process image, as in the kernel.
  std::function<void(std::uint32_t scope_id, std::uint32_t step, events::Body)> event;
  /// At least once a second while the forwarder works. Feeds weir_scope.forwarder_ns; may be empty.
  std::function<void()> alive;
  /// Tell which process asks, and in which scope the socket of a local resolver was made: answers of one that a job
  /// made teach nothing (DESIGN 2.3.5). Without weir_socks local resolvers teach nothing at all.
  SocketMaps maps;
};

struct JobSpec {
  std::uint32_t scope_id = 0;
  int netns_fd = -1;                       ///< the job's network namespace; duplicated. -1: the sensor's own
  std::vector<policy::Address> resolvers;  ///< asked in this order, port `resolver_port`
  std::uint16_t resolver_port = 53;        ///< tests use another
  std::vector<std::string> search;         ///< the resolver's search suffixes, wire form, lower case, with root label
  std::shared_ptr<const policy::CompiledPolicy> policy;  ///< its names and mode
};

/// Host order. 0: that family is not to be had in the namespace.
struct Ports {
  std::uint16_t v4 = 0;  ///< on 127.0.0.1
  std::uint16_t v6 = 0;  ///< on ::1
  friend bool operator==(const Ports&, const Ports&) = default;
};

struct Limits {
  std::size_t connections_per_job = 32;  ///< more are closed at once, counted
  std::size_t connections_total = 256;
  std::size_t queries_in_flight = 64;            ///< a connection; reading pauses above
  std::size_t query_bytes = 64u << 10;           ///< of these queries; reading pauses above
  std::size_t output_bytes = 128u << 10;         ///< a connection; reading pauses above
  std::chrono::milliseconds client_idle{10000};  ///< also the time for one whole message
  std::chrono::milliseconds upstream_connect{2000};
  std::chrono::milliseconds upstream_answer{3000};  ///< then the next resolver is asked
};

/// Kept apart from events: exact even when events were lost. For the record.
struct Counters {
  std::uint64_t connections = 0;
  std::uint64_t connections_refused = 0;  ///< above a limit
  std::uint64_t queries_allowed = 0;
  std::uint64_t queries_denied = 0;  ///< REFUSED was answered
  std::uint64_t queries_would_deny = 0;
  std::uint64_t queries_failed = 0;   ///< no resolver answered; SERVFAIL was answered
  std::uint64_t answers_learned = 0;  ///< committed before they were delivered
  std::uint64_t answers_refused = 0;  ///< positive answers that taught nothing: malformed, foreign owner, not believed
  std::uint64_t answers_stray = 0;    ///< of an upstream, without a query; not delivered
  std::uint64_t learn_failed = 0;     ///< the kernel's tables were full
  friend bool operator==(const Counters&, const Counters&) = default;
};

/// Owner of one thread that serves all jobs by epoll. Public functions may be called from any other thread.
class Forwarder {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Forwarder>> Create(Callbacks callbacks, Limits limits = {});
  ~Forwarder();
  Forwarder(const Forwarder&) = delete;
  Forwarder& operator=(const Forwarder&) = delete;

  /// Opens listeners in the job's network namespace and serves them from now on. kExists: the scope has some already.
  [[nodiscard]] Result<Ports> AddJob(const JobSpec& job);
  /// Closes listeners and connections. Unknown scopes are ignored.
  void RemoveJob(std::uint32_t scope_id);
  /// Zero for unknown scopes. Read it before RemoveJob.
  [[nodiscard]] Counters CountersOf(std::uint32_t scope_id) const;

 private:
  struct Parts;
  explicit Forwarder(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace weir::dns_forward

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "policy/compiled.h"
#include "sensor/base/fd.h"
#include "sensor/dnsforward/asker.h"
#include "sensor/dnsforward/forwarder.h"
#include "sensor/dnsforward/message.h"
#include "sensor/dnsforward/name_table.h"
#include "sensor/dnsforward/netns.h"

namespace weir::dns_forward {

/// What one job's connections share. Guarded by the forwarder's lock.
struct Job {
  Job(const JobSpec& spec, Fd netns_fd, Listeners job_listeners)
      : scope_id(spec.scope_id),
        netns(std::move(netns_fd)),
        resolvers(spec.resolvers),
        resolver_port(spec.resolver_port),
        audit(spec.policy->mode == policy::Mode::kAudit),
        names(spec.policy, spec.search),
        listeners(std::move(job_listeners)) {}

  const std::uint32_t scope_id;
  const Fd netns;  ///< owns nothing: the sensor's own namespace
  const std::vector<policy::Address> resolvers;
  const std::uint16_t resolver_port;
  const bool audit;
  const NameTable names;
  const Listeners listeners;
  bool paused = false;  ///< its listeners wait for the next tick: there was no descriptor for a client
  std::size_t connections = 0;
  Counters counters;

  /// True the first time that this is said. Bounded: when full everything is forgotten, and some is told twice.
  [[nodiscard]] bool FirstTime(std::string_view what);

 private:
  std::unordered_set<std::size_t> told_;
};

/// Judges, records and learns for one job: everything about a message but its way.
class Judge {
 public:
  Judge(const Callbacks& callbacks, MessageParser& parser) : callbacks_(callbacks), parser_(parser) {}

  struct Ruling {
    Asker asker;
    Query query;
    NameJudgement name;
    bool forward = false;  ///< else it was refused
  };
  /// Reads and judges a query; counts and reports it.
  [[nodiscard]] Ruling OnQuery(Job& job, const Asker& asker, std::string_view message) const;

  /// Does `message` answer the query? Compares id and question.
  [[nodiscard]] bool Answers(std::string_view message, const Query& query) const;

  /// Learns what the answer teaches; returns when the kernel's tables have it. `believed`: the resolver is who it
  /// seems.
  void OnAnswer(Job& job, const Ruling& ruling, std::string_view message, const policy::Address& server,
                bool believed) const;

  void Report(Job& job, const Asker& asker, std::string kind, std::string detail) const;

 private:
  void Learn(Job& job, const Ruling& ruling, const Answer& answer) const;
  void ReportQuery(Job& job, const Ruling& ruling, events::Verdict verdict) const;
  void ReportAnswer(Job& job, const Ruling& ruling, const Answer& answer, const policy::Address& server) const;

  const Callbacks& callbacks_;
  MessageParser& parser_;
};

}  // namespace weir::dns_forward

// SPDX-License-Identifier: Apache-2.0
// A job's report as a value; renderers add nothing to it. Strings are as the store has them: hostile until escaped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "collector/report/record.h"
#include "collector/store/model.h"

namespace weir::report {

/// Whether anybody watched. "Nothing was denied" means something only under kWatched.
enum class Watch {
  kWatched,     ///< a readable record proves that enforcement was armed from begin to end
  kLapsed,      ///< armed at the beginning, but nothing proves that it still was at the end
  kNotWatched,  ///< the record says that it was not armed
  kUnfinished,  ///< no end of the job and no record has arrived
  kUnproven,    ///< a record arrived that cannot be read
};

struct Summary {
  Watch watch = Watch::kUnfinished;
  bool complete = false;             ///< nothing was lost between the kernel and this report
  std::vector<std::string> reasons;  ///< why not watched, or what is missing; sentences
  VerdictCounts counts;              ///< the record's, exact; without a record sums of what was stored
  bool counts_exact = false;         ///< only of a job that was watched
};

/// A process image with what is needed to draw it. `parent` and `children` are indices into JobReport::processes.
struct Process {
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  store::StoredExec stored;
  std::size_t parent = kNone;
  std::vector<std::size_t> children;
};

/// A flow or a lookup and who made it.
struct Contact {
  store::StoredFlow stored;
  std::size_t process = Process::kNone;  ///< index into JobReport::processes
  std::string executable;                ///< its path, or its comm when the exec was not seen
  std::vector<std::string> arguments;    ///< empty: not known
  std::vector<std::string> ancestry;     ///< executables from the job's first process down to this one

  [[nodiscard]] store::Verdict verdict() const { return stored.flow.key.verdict; }
  [[nodiscard]] bool refused() const {
    return verdict() == store::Verdict::kDeny || verdict() == store::Verdict::kWouldDeny;
  }
};

/// Allowed contacts with one name (or, without a name, one address), port and protocol.
struct Destination {
  std::string name;                    ///< may be empty
  std::vector<std::string> addresses;  ///< distinct, as first seen
  std::uint32_t port = 0;
  std::string protocol;
  std::vector<std::string> rules;      ///< distinct rules (or whys, where no rule spoke)
  std::vector<std::string> processes;  ///< distinct executables
  store::Totals totals;
};

/// A step of a workflow (store::Step), and all that is of it. Number 0: the Runner.Worker itself, and what is of no
/// known step.
struct StepReport {
  store::StoredStep stored;
  std::vector<std::string> arguments;  ///< of its first process
  std::size_t processes = 0;           ///< images
  std::size_t findings = 0;
  std::vector<std::string> reached;  ///< distinct destinations, the first few …
  std::size_t destinations = 0;      ///< … of so many
  std::vector<std::string> refused;  ///< titles of attempts (refused.h), the first few
  std::size_t denied = 0;            ///< attempts
  std::size_t would_deny = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t bytes_in = 0;
};

struct JobReport {
  store::StoredJob job;
  Summary summary;
  std::optional<Record> record;
  std::vector<Contact> refused;           ///< denied, then would-deny; by first sighting
  std::vector<Contact> allowed;           ///< by first sighting
  std::vector<Destination> destinations;  ///< of `allowed`; most bytes first
  std::vector<Process> processes;         ///< by time
  std::vector<std::size_t> roots;         ///< processes without a known parent
  std::vector<store::StoredFinding> findings;
  std::vector<store::StoredGap> gaps;
  std::vector<store::SequenceGap> sequence_gaps;
  std::vector<StepReport> steps;        ///< by number; empty when nothing is of one
  std::vector<std::string> suggestion;  ///< endpoints that would have allowed what was refused, as policy entries
};

}  // namespace weir::report

// SPDX-License-Identifier: Apache-2.0
// Where attacks are tried: a "runner" network namespace with one way out, a veth whose other end lies in an "outside"
// namespace. A packet socket there sees each frame that comes, whatever it is: what it has not seen did not leave. Jobs
// in block and in audit mode live on the runner at once.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/kernel/egress/world.h"

namespace weir::lab {

constexpr const char* kAllowedHost = "192.0.2.10";  ///< allowed: 443, TCP and UDP
constexpr const char* kAllowedHost6 = "2001:db8::10";
constexpr const char* kTcpOnlyHost = "192.0.2.11";  ///< allowed: 443, TCP
constexpr const char* kTrustedResolver = "192.0.2.53";
constexpr const char* kAllowedName = "registry.example.org";
constexpr const char* kRunner = "192.0.2.2";  ///< the jobs' own address
constexpr const char* kRunner6 = "2001:db8::2";
constexpr const char* kEvil = "203.0.113.66";
constexpr const char* kEvil6 = "2001:db8:e::66";
constexpr const char* kSecret = "leak";  ///< what no frame may carry

/// One IP packet that came out.
struct Frame {
  std::string bytes;  ///< from the IP header on
  Address dest{};     ///< IPv4 as ::ffff:a.b.c.d
  std::uint8_t proto = 0;
  std::uint16_t port = 0;  ///< TCP and UDP: destination
};

class Range {
 public:
  static constexpr std::uint32_t kBlocked = World::kScope;
  static constexpr std::uint32_t kAudited = 8;
  static constexpr std::uint32_t kAdmitted = 9;  ///< block mode; every kind of socket, and all of kAllowedHost

  static Result<std::unique_ptr<Range>> Open();
  Range(const Range&) = delete;
  Range& operator=(const Range&) = delete;
  ~Range() = default;

  World& world() { return *world_; }
  const TempCgroup& Job(std::uint32_t scope_id) const;
  const TempCgroup& stranger() const { return *stranger_; }  ///< a cgroup in no scope
  bool EnterRunner() const;                                  ///< of the calling thread
  bool EnterOutside() const;

  /// From now on what earlier TCP connections still send, such as a FIN once more after 200 ms, counts for nothing.
  void BeginRow();
  /// Frames since the last call, without what kernels say by themselves (ND, MLD, IGMP).
  std::vector<Frame> Take();
  /// Waits until `wanted` is true for a frame.
  bool Sees(const std::function<bool(const Frame&)>& wanted, std::chrono::milliseconds limit);

 private:
  Range() = default;
  Result<> Connect();
  Result<> Listen();
  Result<> AddPolicy();

  std::unique_ptr<World> world_;
  std::optional<TempCgroup> audited_, admitted_, stranger_;
  std::optional<Child> runner_keeper_, outside_keeper_, server_;
  Fd runner_, outside_, witness_;
  std::set<std::string> connections_, earlier_;  ///< seen, and seen before the row
};

/// A destination that no job's policy allows, or the secret itself.
bool IsLeak(const Frame& frame);
bool HoldsSecret(const Frame& frame);

}  // namespace weir::lab

// SPDX-License-Identifier: Apache-2.0
// The sensor's side of the guard's tables (bpf/guard_maps.bpf.h).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>

#include "bpf/abi.h"
#include "policy/guard.h"
#include "sensor/base/result.h"
#include "sensor/bpf/map.h"
#include "sensor/bpf/programs.h"

namespace weir::guard {

/// A file by identity, as the programs see it: s_dev and inode. Follows links.
[[nodiscard]] Result<weir_guarded_key> IdentityOf(const std::filesystem::path& path);
/// The same of a link itself: who takes it away may put another file in its place.
[[nodiscard]] Result<weir_guarded_key> LinkIdentityOf(const std::filesystem::path& path);

/// starttime of /proc/PID/stat in the unit of weir_protected.start_ns; 0: the process is gone.
[[nodiscard]] std::uint64_t StartOf(pid_t pid);

/// Views of the maps of one Programs, which must outlive this. Any thread may call anything.
class GuardTables {
 public:
  [[nodiscard]] static Result<GuardTables> Of(const sensor_bpf::Programs& programs);

  /// Before the scope's first process. Counts begin at 0. The row goes when the scope is swept: attempts of a scope
  /// without one are denied.
  [[nodiscard]] Result<> WriteScope(std::uint32_t scope_id, const policy::GuardMasks& masks) const;
  /// nullopt: no such scope.
  [[nodiscard]] Result<std::optional<weir_guard_scope>> ReadScope(std::uint32_t scope_id) const {
    return scopes_.Get(scope_id);
  }

  /// Is any scope judged?
  [[nodiscard]] Result<bool> AnyScope() const;

  /// `who`: WEIR_P_*.
  [[nodiscard]] Result<> Protect(pid_t pid, std::uint32_t who) const;
  [[nodiscard]] Result<> Unprotect(pid_t pid) const { return protected_.Remove(static_cast<std::uint32_t>(pid)); }

  [[nodiscard]] Result<> Guard(const weir_guarded_key& file, const weir_guarded& how) const {
    return guarded_.Put(file, how);
  }
  [[nodiscard]] Result<> Unguard(const weir_guarded_key& file) const { return guarded_.Remove(file); }

  /// Rows that an earlier sensor left.
  [[nodiscard]] Result<> ForEachProtected(const std::function<void(pid_t, const weir_protected&)>& visit) const;
  [[nodiscard]] Result<> ForEachGuarded(
      const std::function<void(const weir_guarded_key&, const weir_guarded&)>& visit) const {
    return guarded_.ForEach(visit);
  }

  /// A scope's own word about a socket, which goes before what is guarded. Rows go when the scope is swept.
  [[nodiscard]] Result<> WriteSocket(std::uint32_t scope_id, const weir_guarded_key& socket, bool allow) const;
  /// Of every scope.
  [[nodiscard]] Result<> RemoveSockets() const;
  [[nodiscard]] Result<> RemoveSocket(std::uint32_t scope_id, const weir_guarded_key& socket) const;

  /// A directory of ours, for the fallback. One that is too long for the table is not compared there.
  [[nodiscard]] Result<> WriteOwnPath(std::uint32_t index, const std::filesystem::path& path,
                                      std::uint32_t guard_class) const;
  [[nodiscard]] Result<> WriteHost(const weir_host& host) const { return host_.Put(0, host); }

 private:
  sensor_bpf::Map<std::uint32_t, weir_guard_scope> scopes_;
  sensor_bpf::Map<std::uint32_t, weir_protected> protected_;
  sensor_bpf::Map<weir_guarded_key, weir_guarded> guarded_;
  sensor_bpf::Map<weir_socket_key, std::uint32_t> sockets_;
  sensor_bpf::Map<std::uint32_t, weir_host> host_;
  sensor_bpf::Map<std::uint32_t, weir_own_path> own_paths_;
};

}  // namespace weir::guard

// SPDX-License-Identifier: Apache-2.0
#include "sensor/guard/tables.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "sensor/base/process_stat.h"

namespace weir::guard {
namespace {

weir_socket_key SocketKey(std::uint32_t scope_id, const weir_guarded_key& socket) {
  weir_socket_key key{};
  key.dev = socket.dev;
  key.inode = socket.inode;
  key.scope_id = scope_id;
  return key;
}

weir_guarded_key KeyOf(const struct stat& file) {
  return {std::uint64_t{major(file.st_dev)} << 20 | minor(file.st_dev), file.st_ino};
}

}  // namespace

Result<weir_guarded_key> IdentityOf(const std::filesystem::path& path) {
  struct stat file {};
  if (::stat(path.c_str(), &file) != 0) return FailErrno("cannot look at " + path.string(), errno);
  return KeyOf(file);
}

Result<weir_guarded_key> LinkIdentityOf(const std::filesystem::path& path) {
  struct stat file {};
  if (::lstat(path.c_str(), &file) != 0) return FailErrno("cannot look at " + path.string(), errno);
  return KeyOf(file);
}

std::uint64_t StartOf(pid_t pid) {
  const auto stat = ReadProcessStat(pid);
  return stat ? stat->start_ticks * WEIR_TICK_NS : 0;
}

Result<GuardTables> GuardTables::Of(const sensor_bpf::Programs& programs) {
  GuardTables tables;
  WEIR_TRY(sensor_bpf::BindMap(programs, "weir_guards", tables.scopes_));
  WEIR_TRY(sensor_bpf::BindMap(programs, "weir_protected", tables.protected_));
  WEIR_TRY(sensor_bpf::BindMap(programs, "weir_guarded", tables.guarded_));
  WEIR_TRY(sensor_bpf::BindMap(programs, "weir_sockets", tables.sockets_));
  WEIR_TRY(sensor_bpf::BindMap(programs, "weir_host", tables.host_));
  WEIR_TRY(sensor_bpf::BindMap(programs, "weir_own_paths", tables.own_paths_));
  return tables;
}

Result<> GuardTables::WriteScope(std::uint32_t scope_id, const policy::GuardMasks& masks) const {
  weir_guard_scope scope{};
  scope.deny = masks.deny;
  scope.report = masks.report;
  scope.kill = masks.kill;
  scope.services = masks.services;
  return scopes_.Put(scope_id, scope);
}

Result<bool> GuardTables::AnyScope() const {
  bool any = false;
  WEIR_TRY(scopes_.ForEach([&any](std::uint32_t, const weir_guard_scope&) { any = true; }));
  return any;
}

Result<> GuardTables::WriteOwnPath(std::uint32_t index, const std::filesystem::path& path,
                                   std::uint32_t guard_class) const {
  weir_own_path row{};
  const std::string written = path.lexically_normal().string();
  if (written.size() < sizeof(row.path)) {
    row.guard_class = guard_class;
    row.len = static_cast<std::uint32_t>(written.size());
    std::memcpy(row.path, written.data(), written.size());
  }
  return own_paths_.Put(index, row);
}

Result<> GuardTables::WriteSocket(std::uint32_t scope_id, const weir_guarded_key& socket, bool allow) const {
  return sockets_.Put(SocketKey(scope_id, socket), allow ? 1 : 2);
}

Result<> GuardTables::RemoveSocket(std::uint32_t scope_id, const weir_guarded_key& socket) const {
  return sockets_.Remove(SocketKey(scope_id, socket));
}

Result<> GuardTables::RemoveSockets() const {
  WEIR_TRY(sockets_.RemoveIf([](const weir_socket_key&, std::uint32_t) { return true; }));
  return {};
}

Result<> GuardTables::Protect(pid_t pid, std::uint32_t who) const {
  weir_protected entry{};
  entry.start_ns = StartOf(pid);
  entry.who = who;
  if (entry.start_ns == 0) return {};  // gone
  return protected_.Put(static_cast<std::uint32_t>(pid), entry);
}

Result<> GuardTables::ForEachProtected(const std::function<void(pid_t, const weir_protected&)>& visit) const {
  return protected_.ForEach(
      [&visit](std::uint32_t tgid, const weir_protected& entry) { visit(static_cast<pid_t>(tgid), entry); });
}

}  // namespace weir::guard

// SPDX-License-Identifier: Apache-2.0
#include "sensor/guard/tables.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>
#include <string>

namespace weir::guard {
namespace {

template <typename K, typename V>
Result<> Bind(const sensor_bpf::Programs& programs, const char* name, sensor_bpf::Map<K, V>& map) {
  const int fd = programs.MapFd(name);
  if (fd < 0) return Fail(Code::kInternal, std::string("the guard's programs have no table ") + name);
  map = sensor_bpf::Map<K, V>(fd, name);
  return {};
}

}  // namespace

Result<weir_guarded_key> IdentityOf(const std::filesystem::path& path) {
  struct stat file {};
  if (::stat(path.c_str(), &file) != 0) return FailErrno("cannot look at " + path.string(), errno);
  return weir_guarded_key{std::uint64_t{major(file.st_dev)} << 20 | minor(file.st_dev), file.st_ino};
}

Result<GuardTables> GuardTables::Of(const sensor_bpf::Programs& programs) {
  GuardTables tables;
  WEIR_TRY(Bind(programs, "weir_guards", tables.scopes_));
  WEIR_TRY(Bind(programs, "weir_protected", tables.protected_));
  WEIR_TRY(Bind(programs, "weir_guarded", tables.guarded_));
  WEIR_TRY(Bind(programs, "weir_sockets", tables.sockets_));
  WEIR_TRY(Bind(programs, "weir_host", tables.host_));
  return tables;
}

Result<> GuardTables::WriteScope(std::uint32_t scope_id, const policy::GuardMasks& masks) const {
  weir_guard_scope scope{};
  scope.deny = masks.deny;
  scope.report = masks.report;
  return scopes_.Put(scope_id, scope);
}

Result<> GuardTables::WriteSocket(std::uint32_t scope_id, const weir_guarded_key& socket, bool allow) const {
  weir_socket_key key{};
  key.dev = socket.dev;
  key.inode = socket.inode;
  key.scope_id = scope_id;
  return sockets_.Put(key, allow ? 1 : 2);
}

Result<> GuardTables::Protect(pid_t pid, std::uint32_t who) const {
  weir_protected entry{};
  entry.who = who;
  return protected_.Put(static_cast<std::uint32_t>(pid), entry);
}

}  // namespace weir::guard

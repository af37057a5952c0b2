// SPDX-License-Identifier: Apache-2.0
#include "sensor/jobs/stuck_streams.h"

#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/stat.h>

#include <cerrno>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sensor/base/fd.h"
#include "sensor/base/sock_diag.h"

namespace weir::jobs {
namespace {

using ByCookie = std::map<std::uint64_t, weir_stuck>;

Fd OpenNetnsOf(const std::string& process, std::uint32_t inode) {
  const std::string path = "/proc/" + process + "/ns/net";
  struct stat file {};
  if (::stat(path.c_str(), &file) != 0 || file.st_ino != inode) return {};
  Fd netns(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  // The process may have changed or died meanwhile.
  if (!netns || ::fstat(netns.get(), &file) != 0 || file.st_ino != inode) return {};
  return netns;
}

/// -1: no live process is in it.
Fd FindNetns(std::uint32_t inode) {
  if (Fd own = OpenNetnsOf("self", inode)) return own;
  const std::unique_ptr<DIR, int (*)(DIR*)> processes(::opendir("/proc"), ::closedir);
  if (!processes) return {};
  while (const dirent* entry = ::readdir(processes.get())) {
    if (entry->d_name[0] < '1' || entry->d_name[0] > '9') continue;
    if (Fd netns = OpenNetnsOf(entry->d_name, inode)) return netns;
  }
  return {};
}

void Leave(AbortedStreams& sum, std::uint64_t streams, std::string why) {
  sum.left += streams;
  sum.why = std::move(why);
}

/// Those of one protocol in one namespace. Removes from `wanted` what is done with.
Result<> AbortIn(int diag_fd, std::uint8_t protocol, ByCookie& wanted, AbortedStreams& sum) {
  // First the whole dump, then the aborts: an abort changes the tables that a dump walks.
  std::vector<inet_diag_msg> found;
  for (const std::uint8_t family : {std::uint8_t{AF_INET}, std::uint8_t{AF_INET6}}) {
    WEIR_TRY(DumpSockets(diag_fd, {family, protocol}, [&](const inet_diag_msg& socket, std::string_view) {
      const auto at = wanted.find(CookieOf(socket));
      if (at != wanted.end() && at->second.proto == protocol) found.push_back(socket);
    }));
  }
  for (const inet_diag_msg& socket : found) {
    auto aborted = AbortSocket(diag_fd, protocol, socket);
    WEIR_TRY(aborted);
    sum.aborted += *aborted ? 1 : 0;
    wanted.erase(CookieOf(socket));
  }
  std::erase_if(wanted, [&](const auto& stream) { return stream.second.proto == protocol; });
  return {};
}

Result<> AbortInNetns(std::uint32_t inode, ByCookie& wanted, AbortedStreams& sum) {
  const Fd netns = FindNetns(inode);
  if (!netns) return Fail(Code::kNotFound, "no process is left in their network namespace");
  const auto diag = OpenSockDiag(netns.get());
  WEIR_TRY(diag);
  WEIR_TRY(AbortIn(diag->get(), IPPROTO_TCP, wanted, sum));
  if (!wanted.empty()) WEIR_TRY(AbortIn(diag->get(), IPPROTO_SCTP, wanted, sum));
  return {};
}

}  // namespace

Result<AbortedStreams> AbortStuckStreams(const sensor_bpf::PolicyMaps& maps, std::uint32_t scope_id) {
  auto stuck = maps.StuckOf(scope_id);
  WEIR_TRY(stuck);
  std::map<std::uint32_t, ByCookie> by_netns;
  for (const auto& [cookie, stream] : *stuck) by_netns[stream.netns_inode].emplace(cookie, stream);
  AbortedStreams sum;
  for (auto& [inode, wanted] : by_netns) {
    const ByCookie all = wanted;
    if (auto done = AbortInNetns(inode, wanted, sum); !done) Leave(sum, wanted.size(), done.error().what);
    for (const auto& [cookie, stream] : all) {
      if (!wanted.contains(cookie)) WEIR_TRY(maps.ForgetStuck(cookie));
    }
  }
  return sum;
}

}  // namespace weir::jobs

// SPDX-License-Identifier: Apache-2.0
#include "sensor/dnsforward/asker.h"

#include <bpf/bpf.h>

#include <cstring>

#include "bpf/abi.h"
#include "sensor/base/sock_diag.h"
#include "sensor/dnsforward/server_scope.h"

namespace weir::dns_forward {
namespace {

// Written when the job's end was closed, before its end of stream was sent.
Asker FindGone(const sockaddr_storage& peer, std::uint32_t scope_id, int gone_fd) {
  if (gone_fd < 0) return {};
  // sin_port and sin6_port lie at the same place.
  sockaddr_in v4;
  std::memcpy(&v4, &peer, sizeof(v4));
  weir_fwd_gone_key key{};
  key.scope_id = scope_id;
  key.port = v4.sin_port;
  key.v6 = peer.ss_family == AF_INET6;
  weir_fwd_gone gone{};
  if (bpf_map_lookup_elem(gone_fd, &key, &gone)) return {};
  return {gone.exec_id, gone.tgid, gone.step};
}

}  // namespace

// In this order: a socket that is closed in between is in the map by then. And a number is used again, so what is there
// now counts before what was.
Asker FindAsker(int netns_fd, int accepted_fd, const sockaddr_storage& peer, std::uint32_t scope_id,
                const SocketMaps& maps) {
  if (maps.socks_fd >= 0) {
    const auto diag = OpenSockDiag(netns_fd);
    const auto client = diag ? FindClient(diag->get(), accepted_fd, maps.socks_fd)
                             : Result<PeerSocket>(tl::unexpected<Error>(diag.error()));
    if (client && client->scope_id == scope_id) return {client->exec_id, client->tgid, client->step};
  }
  return FindGone(peer, scope_id, maps.gone_fd);
}

}  // namespace weir::dns_forward

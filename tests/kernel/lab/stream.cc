// SPDX-License-Identifier: Apache-2.0
#include "tests/kernel/lab/stream.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace weir::lab {

Stream ConnectToSelf(const char* address) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  ::inet_pton(AF_INET, address, &at.sin_addr);
  socklen_t length = sizeof(at);
  const Fd server(::socket(AF_INET, SOCK_STREAM, 0));
  if (::bind(server.get(), reinterpret_cast<const sockaddr*>(&at), sizeof(at)) || ::listen(server.get(), 1) ||
      ::getsockname(server.get(), reinterpret_cast<sockaddr*>(&at), &length))
    return {};
  Stream stream;
  stream.client.Reset(::socket(AF_INET, SOCK_STREAM, 0));
  if (::connect(stream.client.get(), reinterpret_cast<const sockaddr*>(&at), sizeof(at))) return {};
  stream.peer.Reset(::accept(server.get(), nullptr, nullptr));
  return stream;
}

}  // namespace weir::lab

// SPDX-License-Identifier: Apache-2.0
// Sockets that answer on every address of a namespace, and the log that tells what arrived at which.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sensor/base/fd.h"
#include "sensor/base/result.h"

namespace weir::lab {

/// A non-blocking socket on all addresses of one family. type: SOCK_DGRAM, or SOCK_STREAM (which then listens).
Result<Fd> BindAny(int family, int type, std::uint16_t port);

struct Datagram {
  std::vector<std::uint8_t> data;
  sockaddr_storage peer{};
  socklen_t peer_length = 0;
  in6_addr local{};  ///< where it was sent to; IPv4 as ::ffff:a.b.c.d
};

/// Nothing when no datagram waits.
std::optional<Datagram> Receive(int fd);

/// Answers from the address that `datagram` was sent to.
void Reply(int fd, const Datagram& datagram, std::span<const std::uint8_t> data);

/// "192.0.2.1" or "2001:db8::1".
std::string AddressText(const sockaddr_storage& address);
std::string AddressText(const in6_addr& address);
std::uint16_t Port(const sockaddr_storage& address);

/// Address that an accepted connection was made to.
sockaddr_storage LocalAddress(int fd);

/// Host (a literal) and port to a socket address.
Result<sockaddr_storage> MakeAddress(const std::string& host, std::uint16_t port);
socklen_t Length(const sockaddr_storage& address);

/// Bytes of a stranger as one word of printable ASCII; at most `limit` of them.
std::string Escape(std::span<const std::uint8_t> bytes, std::size_t limit = 200);

/// Appends whole lines to a file at once, so that a reader never sees half of one.
class LineLog {
 public:
  /// Empty path: standard output.
  static Result<LineLog> Open(const std::string& path);
  void Write(std::string line) const;

 private:
  explicit LineLog(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
};

/// Creates `path`, which tells a waiting script that the server listens. Empty: nothing.
Result<> TellReady(const std::string& path);

}  // namespace weir::lab

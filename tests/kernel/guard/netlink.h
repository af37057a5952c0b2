// SPDX-License-Identifier: Apache-2.0
// Netlink messages byte by byte, for what no tool would send.
#pragma once

#include <linux/netlink.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "sensor/base/fd.h"

namespace weir::lab {

/// A message with `body` after its header.
inline std::string NetlinkMessage(std::uint16_t type, const std::string& body, std::uint16_t flags = NLM_F_REQUEST) {
  nlmsghdr header{};
  header.nlmsg_len = static_cast<__u32>(sizeof(header) + body.size());
  header.nlmsg_type = type;
  header.nlmsg_flags = flags;
  std::string bytes(reinterpret_cast<const char*>(&header), sizeof(header));
  bytes += body;
  bytes.resize((bytes.size() + 3) / 4 * 4);
  return bytes;
}

inline std::string NetlinkAttribute(std::uint16_t type, const std::string& value) {
  const nlattr header{static_cast<__u16>(sizeof(nlattr) + value.size()), type};
  std::string bytes(reinterpret_cast<const char*>(&header), sizeof(header));
  bytes += value;
  bytes.resize((bytes.size() + 3) / 4 * 4);
  return bytes;
}

inline std::string Bytes(std::uint32_t value) { return {reinterpret_cast<const char*>(&value), sizeof(value)}; }

/// errno of the sending, which is not what the kernel thinks of the message.
inline int NetlinkSend(int socket_fd, const std::string& bytes) {
  return send(socket_fd, bytes.data(), bytes.size(), 0) < 0 ? errno : 0;
}
inline int NetlinkSendBy(int protocol, const std::string& bytes) {
  const Fd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
  return fd ? NetlinkSend(fd.get(), bytes) : errno;
}
/// What the kernel answers to a message with NLM_F_ACK: errno or 0.
inline int NetlinkAsk(int socket_fd, const std::string& bytes) {
  if (const int error = NetlinkSend(socket_fd, bytes)) return error;
  char answer[4096] = {};
  if (recv(socket_fd, answer, sizeof(answer), 0) < static_cast<ssize_t>(sizeof(nlmsghdr) + sizeof(int))) return EPROTO;
  int error = 0;
  std::memcpy(&error, answer + sizeof(nlmsghdr), sizeof(error));
  return -error;
}

}  // namespace weir::lab

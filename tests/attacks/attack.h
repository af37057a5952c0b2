// SPDX-License-Identifier: Apache-2.0
// One way out that somebody might try. Each is one row of a table; attack_test.cc tries it in block and in audit mode.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tests/attacks/range.h"

namespace weir::lab {

/// One for all tests of the program: loading the programs takes an emulated CPU six seconds.
extern Range* range;

/// What an attack is given.
struct Aim {
  std::string address;
  std::uint16_t port = 0;
  std::string data;  ///< what to send
  int old_fd = -1;   ///< kOldDatagram, kOldStream: connected to the address before the process joined the job
};

constexpr unsigned kUntold = 1u << 0;        ///< the sender is told nothing: a stream, or a handshake of the kernel's
constexpr unsigned kSecretOnly = 1u << 1;    ///< other packets may leave; the secret must not
constexpr unsigned kAdmittedKind = 1u << 2;  ///< blocked where every kind of socket is admitted
constexpr unsigned kUnprivileged = 1u << 3;  ///< tried as nobody, without capabilities
constexpr unsigned kOldDatagram = 1u << 4;
constexpr unsigned kOldStream = 1u << 5;
constexpr unsigned kPeer = 1u << 6;          ///< somebody outside comes to this port of the runner
constexpr unsigned kMayBeMissing = 1u << 7;  ///< a kernel without it has nothing to hold; the test says so (SayAbsent)

constexpr unsigned kNoProcess = 1u << 8;  ///< a socket of the kernel's: recorded as the job's, without a process

constexpr int kMissing = 77;  ///< returned: this kernel does not have it
constexpr int kBroken = 99;   ///< returned: the attack itself could not be made

struct Attack {
  const char* name;
  /// Runs in the job, in the runner's namespace. errno of the call that was refused, 0, kMissing or kBroken.
  int (*run)(const Aim&);
  const char* address;
  std::uint16_t port = 443;
  unsigned flags = 0;
  std::string data = "leak of the secret";
  const char* recorded = nullptr;  ///< the destination in Weir's record, where it is written otherwise; "": none
};

std::vector<Attack> PlainAttacks();
std::vector<Attack> DatagramAttacks();
std::vector<Attack> HostAttacks();
std::vector<Attack> OtherIpAttacks();
std::vector<Attack> SyscallAttacks();
std::vector<Attack> LeaveAttacks();
std::vector<Attack> DnsAttacks();

struct SocketName {
  sockaddr_storage storage{};
  socklen_t length = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  int family() const { return storage.ss_family; }
};
/// Literal of either family; "%up0" behind a link-local one.
SocketName Name(const std::string& address, std::uint16_t port);

/// errno of a call that answers -1, else 0.
inline int Errno(long result) { return result < 0 ? errno : 0; }

// The usual ways, which several tables use.
int TcpConnect(const Aim& aim);
int UdpSendTo(const Aim& aim);
int UdpConnected(const Aim& aim);

}  // namespace weir::lab

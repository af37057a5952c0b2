// SPDX-License-Identifier: Apache-2.0
// What lab-client can do. Each function is a subcommand: prints `key=value` words and returns the exit status.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace weir::lab {

struct TcpOptions {
  std::string host{};
  std::uint16_t port = 0;
  bool udp = false;
  int family = 0;  ///< AF_UNSPEC, AF_INET or AF_INET6
};
/// getaddrinfo only.
int Lookup(const TcpOptions& options);
/// getaddrinfo, then connect to the first address; over UDP one datagram and its echo.
int Connect(const TcpOptions& options);

struct LoopOptions {
  std::string pattern;  ///< %p: process, %n: number
  std::uint16_t port = 0;
  unsigned count = 1;  ///< lookups of all processes together
  unsigned processes = 1;
  int family = 0;
};
/// Looks a name up and connects at once, over and over.
int Loop(const LoopOptions& options);

struct AlternateOptions {
  std::vector<std::string> targets;  ///< HOST:PORT
  unsigned count = 1;                ///< connects to each
};
int Alternate(const AlternateOptions& options);

struct BurstOptions {
  std::string server;
  std::string pattern;
  unsigned count = 64;
  bool mixed_case = false;
  bool edns = false;
  bool tcp = false;    ///< all questions in one write of one connection
  bool leave = false;  ///< with tcp: reset the connection behind the questions
  std::uint16_t type = 1;
  std::uint16_t connect_port = 0;  ///< then connect to each address; 0: do not
};
/// Many questions in flight on one socket.
int Burst(const BurstOptions& options);

struct SprayOptions {
  std::string first;  ///< IPv4 address; the next ones follow it
  unsigned count = 65535;
  std::uint16_t port = 9;
};
/// UDP connect() to many destinations; sends nothing.
int Spray(const SprayOptions& options);

struct HoldOptions {
  std::string host;  ///< a literal
  std::uint16_t port = 0;
  bool udp = false;
  std::string path;  ///< of a unix socket
};
/// Connects, prints `pid= fd=`, and gives the connected socket to everybody who comes to `path`, until killed.
int Hold(const HoldOptions& options);

struct TakeOptions {
  std::string path;  ///< from whoever holds there, or
  int pid = 0;       ///< from this process, by pidfd_getfd
  int number = -1;
  std::string text;
};
/// Gets hold of a connected socket and sends `text` as a request. 0: sent, 1: refused, 2: there was none.
int Take(const TakeOptions& options);

struct FloodOptions {
  unsigned destinations = 65535;  ///< UDP connects, each to another address of 198.18.0.0/16, port 9
  unsigned executions = 200000;   ///< of `program`, by vfork
  unsigned connects = 1000000;    ///< UDP connects, each to another port or address of 198.18.0.0/15, ports from 10 on
  unsigned workers = 2;           ///< processes
  std::string program;
};
/// All of that, and the truth about it: `forks= executions= allowed= denied= failed=`. An odd connect is one to
/// 198.19.0.0/16, which the policy is not to allow.
int Flood(const FloodOptions& options);

/// Runs `command` at the end of a chain of `depth` processes, each with an image of its own.
int Chain(unsigned depth, const std::vector<std::string>& command);
/// Runs `command` with one more argument of `bytes` bytes spread over as many arguments as the kernel's limit needs.
int LongArguments(unsigned bytes, const std::vector<std::string>& command);

/// How a connect went, for counting.
enum class Outcome { kOk, kRefused /* EPERM */, kOther, kLookupFailed };
struct Attempt {
  Outcome outcome = Outcome::kOther;
  int error = 0;  ///< errno, or a getaddrinfo code when the lookup failed
  double ms = 0;  ///< of lookup and connect together
  std::string address;
};
Attempt ResolveAndConnect(const TcpOptions& options);
const char* OutcomeName(Outcome outcome);
std::string Expand(std::string pattern, unsigned process, unsigned number);
std::string ErrnoName(int error);

}  // namespace weir::lab

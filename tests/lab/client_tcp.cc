// SPDX-License-Identifier: Apache-2.0
#include <netdb.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>

#include "tests/lab/client.h"
#include "tests/lab/sockets.h"

namespace weir::lab {
namespace {

using Clock = std::chrono::steady_clock;
using Addresses = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

constexpr int kConnectTimeoutMs = 10000;

double Since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

/// 0, or a getaddrinfo code.
int Resolve(const TcpOptions& options, Addresses& found) {
  addrinfo hints{};
  hints.ai_family = options.family;
  hints.ai_socktype = options.udp ? SOCK_DGRAM : SOCK_STREAM;
  addrinfo* list = nullptr;
  const int code = getaddrinfo(options.host.c_str(), std::to_string(options.port).c_str(), &hints, &list);
  found.reset(list);
  return code;
}

std::string Text(const addrinfo& entry) {
  sockaddr_storage storage{};
  std::memcpy(&storage, entry.ai_addr, entry.ai_addrlen);
  return AddressText(storage);
}

/// 0, or errno. A datagram must come back, because a UDP connect by itself asks nobody.
int ConnectTo(const addrinfo& entry) {
  const Fd fd(::socket(entry.ai_family, entry.ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, entry.ai_protocol));
  if (!fd) return errno;
  pollfd waiting{fd.get(), POLLOUT, 0};
  if (::connect(fd.get(), entry.ai_addr, entry.ai_addrlen) != 0) {
    if (errno != EINPROGRESS) return errno;
    if (::poll(&waiting, 1, kConnectTimeoutMs) != 1) return ETIMEDOUT;
    int error = 0;
    socklen_t length = sizeof(error);
    (void)::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &length);
    return error;
  }
  if (entry.ai_socktype != SOCK_DGRAM) return 0;
  if (::send(fd.get(), "ping", 4, 0) != 4) return errno;
  waiting.events = POLLIN;
  std::array<char, 8> echo{};
  if (::poll(&waiting, 1, kConnectTimeoutMs) != 1) return ETIMEDOUT;
  return ::recv(fd.get(), echo.data(), echo.size(), 0) == 4 ? 0 : errno;
}

/// Totals that forked processes share.
struct Totals {
  std::array<std::atomic<unsigned>, 4> n{};
  std::atomic<double> slowest_ms{0};
};

void Add(Totals& totals, const Attempt& attempt) {
  totals.n[static_cast<std::size_t>(attempt.outcome)]++;
  double slowest = totals.slowest_ms;
  while (attempt.ms > slowest && !totals.slowest_ms.compare_exchange_weak(slowest, attempt.ms)) {
  }
}

void Print(const std::string& what, const Totals& totals) {
  std::printf("%s ok=%u eperm=%u other=%u lookup_failed=%u slowest_ms=%.0f\n", what.c_str(), totals.n[0].load(),
              totals.n[1].load(), totals.n[2].load(), totals.n[3].load(), totals.slowest_ms.load());
}

}  // namespace

const char* OutcomeName(Outcome outcome) {
  constexpr std::array<const char*, 4> kNames = {"ok", "eperm", "other", "lookup-failed"};
  return kNames[static_cast<std::size_t>(outcome)];
}

std::string ErrnoName(int error) {
  const char* name = strerrorname_np(error);
  return error == 0 ? "0" : name == nullptr ? std::to_string(error) : name;
}

std::string Expand(std::string pattern, unsigned process, unsigned number) {
  const auto replace = [&](std::string_view mark, unsigned value) {
    for (std::size_t at = pattern.find(mark); at != std::string::npos; at = pattern.find(mark)) {
      pattern.replace(at, mark.size(), std::to_string(value));
    }
  };
  replace("%p", process);
  replace("%n", number);
  return pattern;
}

Attempt ResolveAndConnect(const TcpOptions& options) {
  const auto start = Clock::now();
  Addresses found(nullptr, freeaddrinfo);
  Attempt attempt;
  attempt.error = Resolve(options, found);
  if (attempt.error != 0) {
    attempt.outcome = Outcome::kLookupFailed;
  } else {
    attempt.address = Text(*found);
    attempt.error = ConnectTo(*found);
    attempt.outcome = attempt.error == 0 ? Outcome::kOk : attempt.error == EPERM ? Outcome::kRefused : Outcome::kOther;
  }
  attempt.ms = Since(start);
  return attempt;
}

int Lookup(const TcpOptions& options) {
  const auto start = Clock::now();
  Addresses found(nullptr, freeaddrinfo);
  errno = 0;
  const int code = Resolve(options, found);
  std::printf("lookup=%s code=%d ms=%.0f", code == 0 ? "ok" : "failed", code, Since(start));
  for (const addrinfo* entry = found.get(); entry != nullptr; entry = entry->ai_next) {
    std::printf(" address=%s", Text(*entry).c_str());
  }
  std::printf("\n");
  return code == 0 ? 0 : 1;
}

int Connect(const TcpOptions& options) {
  const Attempt attempt = ResolveAndConnect(options);
  const std::string error =
      attempt.outcome == Outcome::kLookupFailed ? gai_strerror(attempt.error) : ErrnoName(attempt.error);
  std::printf("connect=%s address=%s ms=%.0f error=%s\n", OutcomeName(attempt.outcome), attempt.address.c_str(),
              attempt.ms, error.c_str());
  return attempt.outcome == Outcome::kOk ? 0 : 1;
}

int Loop(const LoopOptions& options) {
  void* shared = ::mmap(nullptr, sizeof(Totals), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) return 1;
  auto* totals = new (shared) Totals;
  for (unsigned process = 0; process < options.processes; ++process) {
    if (::fork() != 0) continue;
    for (unsigned number = process; number < options.count; number += options.processes) {
      Add(*totals, ResolveAndConnect({Expand(options.pattern, process, number), options.port, false, options.family}));
    }
    std::_Exit(0);
  }
  while (::wait(nullptr) > 0) {
  }
  Print("loop", *totals);
  return totals->n[0] == options.count ? 0 : 1;
}

int Alternate(const AlternateOptions& options) {
  std::vector<std::pair<TcpOptions, Totals>> targets(options.targets.size());
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const std::string& target = options.targets[i];
    const std::size_t colon = target.rfind(':');
    if (colon == std::string::npos) return 64;
    targets[i].first.host = target.substr(0, colon);
    targets[i].first.port = static_cast<std::uint16_t>(std::stoi(target.substr(colon + 1)));
  }
  for (unsigned i = 0; i < options.count; ++i) {
    for (auto& [target, totals] : targets) Add(totals, ResolveAndConnect(target));
  }
  for (const auto& [target, totals] : targets) {
    Print("target=" + target.host + ":" + std::to_string(target.port), totals);
  }
  return 0;
}

}  // namespace weir::lab

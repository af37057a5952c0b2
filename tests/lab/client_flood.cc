// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <new>

#include "sensor/base/fd.h"
#include "tests/lab/client.h"
#include "tests/lab/sockets.h"

namespace weir::lab {
namespace {

constexpr std::uint32_t kAllowed = 0xc6120000;  // 198.18.0.0/16
constexpr std::uint32_t kDenied = 0xc6130000;   // 198.19.0.0/16
constexpr unsigned kRange = 1u << 16;
constexpr std::uint16_t kDestinationPort = 9;
constexpr std::uint16_t kConnectPort = 10;

/// Shared by the workers.
struct Done {
  std::atomic<unsigned> forks{0};
  std::atomic<unsigned> executions{0};
  std::atomic<unsigned> allowed{0};
  std::atomic<unsigned> denied{0};
  std::atomic<unsigned> failed{0};
};

void ConnectOnce(std::uint32_t address, std::uint16_t port, Done& done) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(address);
  const Fd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const int status = ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof(to));
  ++(status == 0 ? done.allowed : errno == EPERM ? done.denied : done.failed);
}

// The child borrows this process until its exec, so that 200,000 of them cost no copies.
void ExecuteOnce(const char* program, Done& done) {
  char* const arguments[] = {const_cast<char*>(program), nullptr};
  const pid_t child = ::vfork();
  if (child == 0) {
    ::execv(program, arguments);
    ::_exit(127);
  }
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child) {
    ++done.failed;
    return;
  }
  ++done.forks;
  ++(status == 0 ? done.executions : done.failed);
}

/// Every destination of the whole flood is another one; half of the connects go where nothing is allowed.
void Work(const FloodOptions& options, unsigned worker, Done& done) {
  for (unsigned i = worker; i < options.destinations; i += options.workers) {
    ConnectOnce(kAllowed + i % kRange, kDestinationPort, done);
  }
  for (unsigned i = worker; i < options.executions; i += options.workers) ExecuteOnce(options.program.c_str(), done);
  for (unsigned i = worker; i < options.connects; i += options.workers) {
    const unsigned n = i / 2;
    ConnectOnce((i % 2 == 0 ? kAllowed : kDenied) + n % kRange, static_cast<std::uint16_t>(kConnectPort + n / kRange),
                done);
  }
}

}  // namespace

int Flood(const FloodOptions& options) {
  void* shared = ::mmap(nullptr, sizeof(Done), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED || options.workers == 0) return 1;
  auto* done = new (shared) Done;
  for (unsigned worker = 0; worker < options.workers; ++worker) {
    const pid_t child = ::fork();
    if (child == 0) {
      Work(options, worker, *done);
      std::_Exit(0);
    }
    ++(child < 0 ? done->failed : done->forks);
  }
  while (::wait(nullptr) > 0) {
  }
  std::printf("flood forks=%u executions=%u allowed=%u denied=%u failed=%u\n", done->forks.load(),
              done->executions.load(), done->allowed.load(), done->denied.load(), done->failed.load());
  return done->failed == 0 ? 0 : 1;
}

}  // namespace weir::lab

// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "tests/lab/client.h"
#include "tests/lab/sockets.h"

namespace weir::lab {
namespace {

// MAX_ARG_STRLEN of linux/binfmts.h is 32 pages; the final NUL counts.
constexpr unsigned kMaxArgument = 131072 - 1;

int Exec(const std::vector<std::string>& command) {
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  ::execvp(arguments[0], arguments.data());
  std::perror(arguments[0]);
  return 127;
}

}  // namespace

int Spray(const SprayOptions& options) {
  auto target = MakeAddress(options.first, options.port);
  if (!target || target->ss_family != AF_INET) return 64;
  auto& address = reinterpret_cast<sockaddr_in*>(&*target)->sin_addr.s_addr;
  unsigned allowed = 0;
  unsigned refused = 0;
  for (unsigned i = 0; i < options.count; ++i, address = htonl(ntohl(address) + 1)) {
    const Fd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const int status = ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&*target), sizeof(sockaddr_in));
    allowed += status == 0;
    refused += status != 0 && errno == EPERM;
  }
  std::printf("spray allowed=%u eperm=%u other=%u\n", allowed, refused, options.count - allowed - refused);
  return 0;
}

int Chain(unsigned depth, const std::vector<std::string>& command) {
  if (depth == 0) return Exec(command);
  const pid_t child = ::fork();
  if (child == 0) {
    std::vector<std::string> next = {"/proc/self/exe", "chain", std::to_string(depth - 1), "--"};
    next.insert(next.end(), command.begin(), command.end());
    std::_Exit(Exec(next));
  }
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child) return 1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int LongArguments(unsigned bytes, const std::vector<std::string>& command) {
  std::vector<std::string> longer = command;
  while (bytes > 0) {
    const unsigned part = std::min(bytes, kMaxArgument);
    longer.emplace_back(part, 'A');
    bytes -= part;
  }
  return Exec(longer);
}

}  // namespace weir::lab

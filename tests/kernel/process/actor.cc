// SPDX-License-Identifier: Apache-2.0
// Does what its arguments say; the rest of them is ignored, so that tests can give any argv.
//   exit CODE | signal N | pause | fork N | chain N | deep N | thread-exec CODE | thread-exit CODE
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>

namespace {

constexpr char kSelf[] = "/proc/self/exe";

[[noreturn]] void Become(const char* verb, int number) {
  const std::string text = std::to_string(number);
  ::execl(kSelf, "actor", verb, text.c_str(), nullptr);
  ::_exit(126);
}

// Forks that many children, one after the other; none of them execs.
int Fork(int count) {
  for (int i = 0; i < count; ++i) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(0);
    if (child < 0 || ::waitpid(child, nullptr, 0) != child) return 1;
  }
  return 0;
}

// Each process forks one that execs, and waits for it.
int Deep(int levels) {
  if (levels == 0) return 0;
  const pid_t child = ::fork();
  if (child == 0) Become("deep", levels - 1);
  int status = 1;
  if (child < 0 || ::waitpid(child, &status, 0) != child) return 1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

// The main thread ends first; another ends the process.
int ThreadExit(int code) {
  std::thread([code] {
    ::usleep(50'000);
    ::exit(code);
  }).detach();
  ::pthread_exit(nullptr);
}

int ThreadExec(int code) {
  std::thread([code] { Become("exit", code); }).detach();
  for (;;) ::pause();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 64;
  const std::string verb = argv[1];
  const int number = argc > 2 ? std::atoi(argv[2]) : 0;
  if (verb == "exit") return number;
  if (verb == "signal") return ::raise(number), 1;
  if (verb == "pause") return ::pause(), 1;
  if (verb == "fork") return Fork(number);
  if (verb == "chain" && number > 0) Become("chain", number - 1);
  if (verb == "chain") return 0;
  if (verb == "deep") return Deep(number);
  if (verb == "thread-exec") return ThreadExec(number);
  if (verb == "thread-exit") return ThreadExit(number);
  return 64;
}

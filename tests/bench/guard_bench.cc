// SPDX-License-Identifier: Apache-2.0
// What the guard costs a task outside every scope: system calls with its programs attached over the same without.
// DESIGN 2.5 wants nothing measurable. Where the host refuses programs on kernel functions, only the others are
// attached; in a virtual machine (tests/vm/run --plain) all are, and an emulated CPU tells instructions rather than
// time.
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "guard.skel.h"
#include "sensor/bpf/fit.h"
#include "tests/kernel/egress/world.h"

namespace weir::lab {
namespace {

constexpr int kCalls = 4000;
constexpr int kRounds = 9;

struct Case {
  const char* name;
  void (*call)();
};

constexpr std::array kCases = {
    Case{"getppid", [] { (void)syscall(SYS_getppid); }},
    Case{"open and close", [] { close(open("/proc/self/status", O_RDONLY)); }},
    Case{"open for writing and close", [] { close(open("/dev/null", O_WRONLY)); }},
    Case{"stat",
         [] {
           struct stat file {};
           (void)stat("/sys/kernel/btf/vmlinux", &file);
         }},
    Case{"socket and close", [] { close(socket(AF_INET, SOCK_DGRAM, 0)); }},
    Case{"kill, signal 0", [] { (void)kill(getpid(), 0); }},
    Case{"unix socket pair",
         [] {
           int pair[2];
           if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) return;
           close(pair[0]);
           close(pair[1]);
         }},
};

double NsOf(const Case& one) {
  std::vector<double> rounds;
  for (int round = 0; round < kRounds; round++) {
    timespec begin{}, end{};
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (int i = 0; i < kCalls; i++) one.call();
    clock_gettime(CLOCK_MONOTONIC, &end);
    rounds.push_back(
        (static_cast<double>(end.tv_sec - begin.tv_sec) * 1e9 + static_cast<double>(end.tv_nsec - begin.tv_nsec)) /
        kCalls);
  }
  // The least is the one that nobody disturbed.
  return *std::min_element(rounds.begin(), rounds.end());
}

std::vector<double> MeasureAll() {
  std::vector<double> all;
  for (const Case& one : kCases) all.push_back(NsOf(one));
  return all;
}

int Run() {
  auto world = World::Create(WEIR_MODE_BLOCK);
  if (!world) {
    std::fprintf(stderr, "guard_bench: %s\n", world.error().what.c_str());
    return 1;
  }
  const std::vector<double> without = MeasureAll();
  bool refused = false;
  const auto load = [&] {
    return Skeleton<weir_guard>::Load((*world)->pins(), [&](weir_guard& skeleton) {
      sensor_bpf::FitToKernel(skeleton.obj);
      bpf_program* program = nullptr;
      bpf_object__for_each_program(program, skeleton.obj) {
        if (refused && !sensor_bpf::FunctionOf(bpf_program__section_name(program)).empty())
          bpf_program__set_autoload(program, false);
      }
    });
  };
  libbpf_set_print(nullptr);
  auto guard = load();
  if (!guard) {
    refused = true;
    guard = load();
  }
  if (!guard) {
    std::fprintf(stderr, "guard_bench: %s\n", guard.error().what.c_str());
    return 1;
  }
  std::vector<Link> links;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, (*guard)->obj) {
    if (bpf_program__fd(program) < 0) continue;
    const bool of_cgroup = std::string(bpf_program__section_name(program)).starts_with("cgroup");
    links.emplace_back(of_cgroup ? bpf_program__attach_cgroup(program, (*world)->root().fd())
                                 : bpf_program__attach(program));
    if (!links.back()) std::fprintf(stderr, "guard_bench: cannot attach %s\n", bpf_program__name(program));
  }
  const std::vector<double> with = MeasureAll();
  std::printf("%zu programs%s\n", links.size(), refused ? "; this host refuses those on kernel functions" : "");
  for (std::size_t i = 0; i < kCases.size(); i++)
    std::printf("%-28s without %8.0f ns   with %8.0f ns   ratio %.3f\n", kCases[i].name, without[i], with[i],
                with[i] / without[i]);
  return 0;
}

}  // namespace
}  // namespace weir::lab

int main() { return weir::lab::Run(); }

// SPDX-License-Identifier: Apache-2.0
// What the guard costs a task outside every scope: system calls with its programs attached, with empty programs in the
// same places (the least that any guard costs there), with those that stay attached while no job lives, and without.
// Where the host refuses programs on kernel functions, only the others are attached; in a virtual machine (tests/vm/run
// --plain) all are, and an emulated CPU tells instructions rather than time.
// The fallback, which stands in on such hosts, is measured alone.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fallback.skel.h"
#include "guard.skel.h"
#include "sensor/base/fd.h"
#include "sensor/bpf/fit.h"
#include "sensor/bpf/programs.h"
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

double NowNs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

double NsOf(const Case& one) {
  std::vector<double> rounds;
  for (int round = 0; round < kRounds; round++) {
    const double begin = NowNs();
    for (int i = 0; i < kCalls; i++) one.call();
    rounds.push_back((NowNs() - begin) / kCalls);
  }
  // The least is the one that nobody disturbed.
  return *std::min_element(rounds.begin(), rounds.end());
}

std::vector<double> MeasureAll() {
  std::vector<double> all;
  for (const Case& one : kCases) all.push_back(NsOf(one));
  return all;
}

/// A link, and the program that nobody else holds.
struct Attached {
  Fd program;
  Fd link;
};

/// Attaches an empty program of the same kind at the same place.
std::optional<Attached> AttachEmpty(const bpf_program* like, int cgroup) {
  const bpf_prog_type type = bpf_program__type(like);
  const bpf_attach_type at = bpf_program__expected_attach_type(like);
  const bool of_cgroup = type != BPF_PROG_TYPE_TRACING;
  // r0 = 0, for a cgroup program 1; exit
  const std::array<bpf_insn, 2> nothing{
      {{BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, of_cgroup ? 1 : 0}, {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}}};
  bpf_prog_load_opts options{};
  options.sz = sizeof(options);
  options.expected_attach_type = at;
  if (!of_cgroup) {
    const std::string function(sensor_bpf::FunctionOf(bpf_program__section_name(like)));
    const int id = libbpf_find_vmlinux_btf_id(function.c_str(), at);
    if (id < 0) return std::nullopt;
    options.attach_btf_id = static_cast<std::uint32_t>(id);
  }
  Attached attached;
  attached.program = Fd(bpf_prog_load(type, "weir_empty", "Dual BSD/GPL", nothing.data(), nothing.size(), &options));
  if (!attached.program) return std::nullopt;
  attached.link = Fd(of_cgroup ? bpf_link_create(attached.program.get(), cgroup, at, nullptr)
                               : bpf_raw_tracepoint_open(nullptr, attached.program.get()));
  if (!attached.link) return std::nullopt;
  return attached;
}

template <typename Visit>
void ForEachLoaded(bpf_object* object, Visit visit) {
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object) {
    if (bpf_program__fd(program) >= 0) visit(program);
  }
}

/// System calls while empty programs are attached.
std::vector<double> MeasureEmpty(bpf_object* object, int cgroup) {
  std::vector<Attached> attached;
  ForEachLoaded(object, [&](const bpf_program* program) {
    if (auto one = AttachEmpty(program, cgroup))
      attached.push_back(std::move(*one));
    else
      std::fprintf(stderr, "guard_bench: no empty program for %s\n", bpf_program__name(program));
  });
  return MeasureAll();
}

/// System calls while the fallback is attached; nullopt: it cannot be.
std::optional<std::vector<double>> MeasureFallback(const PinDir& pins) {
  auto fallback = Skeleton<weir_fallback>::Load(pins);
  if (!fallback || !fallback->Attach()) {
    std::fprintf(stderr, "guard_bench: cannot attach the fallback\n");
    return std::nullopt;
  }
  return MeasureAll();
}

int Run() {
  auto world = World::Create(WEIR_MODE_BLOCK);
  if (!world) {
    std::fprintf(stderr, "guard_bench: %s\n", world.error().what.c_str());
    return 1;
  }
  libbpf_set_print(nullptr);
  auto guard =
      Skeleton<weir_guard>::Load((*world)->pins(), [](weir_guard& skeleton) { sensor_bpf::FitToKernel(skeleton.obj); });
  if (!guard) {
    std::fprintf(stderr, "guard_bench: %s\n", guard.error().what.c_str());
    return 1;
  }
  const int cgroup = (*world)->root().fd();
  const std::vector<double> without = MeasureAll();
  const std::vector<double> empty = MeasureEmpty((*guard)->obj, cgroup);
  std::vector<Link> links;
  const auto attach = [&](bool resting) {
    ForEachLoaded((*guard)->obj, [&](bpf_program* program) {
      if (sensor_bpf::RestsWithoutJobs(bpf_program__name(program)) != resting) return;
      const bool of_cgroup = bpf_program__type(program) != BPF_PROG_TYPE_TRACING;
      links.emplace_back(of_cgroup ? bpf_program__attach_cgroup(program, cgroup) : bpf_program__attach(program));
      if (!links.back()) std::fprintf(stderr, "guard_bench: cannot attach %s\n", bpf_program__name(program));
    });
  };
  const double begin = NowNs();
  attach(/*resting=*/false);
  const double attached = NowNs() - begin;
  const std::vector<double> at_rest = MeasureAll();
  const double rouse = NowNs();
  attach(/*resting=*/true);
  const double roused = NowNs() - rouse;
  const std::vector<double> with = MeasureAll();
  const std::size_t count = links.size();
  const double end = NowNs();
  links.clear();
  const double detach = NowNs() - end;
  const auto fallback = MeasureFallback((*world)->pins());
  if (!fallback) return 1;
  std::printf("%zu programs, attached in %.0f ms and those that rest in %.0f ms, detached in %.0f ms\n", count,
              attached / 1e6, roused / 1e6, detach / 1e6);
  for (std::size_t i = 0; i < kCases.size(); i++)
    std::printf("%-28s without %8.0f ns   empty programs %.3f   no job %.3f   a job elsewhere %.3f   fallback %.3f\n",
                kCases[i].name, without[i], empty[i] / without[i], at_rest[i] / without[i], with[i] / without[i],
                (*fallback)[i] / without[i]);
  return 0;
}

}  // namespace
}  // namespace weir::lab

int main() { return weir::lab::Run(); }

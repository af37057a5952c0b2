// SPDX-License-Identifier: Apache-2.0
// What the programs cost on their hooks, by the kernel's own count of run time (BPF_ENABLE_STATS), over an empty
// program that runs on the same hook for the same calls. DESIGN 7: connect 100 ns, packet of a judged flow 60 ns,
// outside every scope 40 ns.
#include <arpa/inet.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "sensor/base/fd.h"
#include "tests/kernel/egress/world.h"

namespace weir::lab {
namespace {

constexpr const char* kAllowed = "192.0.2.10";
constexpr int kCalls = 100'000;
constexpr int kRounds = 5;
constexpr int kFailed = 1;

[[noreturn]] void Stop(const std::string& why) {
  std::fprintf(stderr, "hook_bench: %s\n", why.c_str());
  std::exit(kFailed);
}

/// A program that lets everything through, attached to the same cgroup.
struct Empty {
  Fd program, link;

  Empty(bpf_prog_type type, bpf_attach_type at, int cgroup_fd) {
    const bpf_insn pass[] = {{BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 1}, {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}};
    LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = at);
    program.Reset(bpf_prog_load(type, "empty", "GPL", pass, std::size(pass), &options));
    if (!program) Stop("cannot load an empty program");
    link.Reset(bpf_link_create(program.get(), cgroup_fd, at, nullptr));
    if (!link) Stop("cannot attach an empty program");
  }
};

struct Cost {
  std::uint64_t ns = 0, runs = 0;
};

Cost CostOf(int program_fd) {
  bpf_prog_info info{};
  std::uint32_t length = sizeof(info);
  if (bpf_obj_get_info_by_fd(program_fd, &info, &length)) Stop("cannot read a program's run time");
  return {info.run_time_ns, info.run_cnt};
}

sockaddr_in Server() {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(443);
  ::inet_pton(AF_INET, kAllowed, &at.sin_addr);
  return at;
}

struct Hook {
  const char* name;
  int ours, empty;
};

/// In a child in `cgroup`, `call` with a socket that is connected to a server outside every scope, again and again.
int Repeat(World& world, const TempCgroup& outside, const TempCgroup& cgroup, const std::function<int(int)>& call,
           int type) {
  return world.InCgroup(outside, [&] {
    if (!OwnNetwork({std::string(kAllowed) + "/32"})) return 99;
    const sockaddr_in at = Server();
    const Fd server(socket(AF_INET, type, 0));
    if (bind(server.get(), reinterpret_cast<const sockaddr*>(&at), sizeof(at))) return 98;
    const int room = 8 << 20;
    setsockopt(server.get(), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
    if (type == SOCK_STREAM && listen(server.get(), 1)) return 97;
    auto caller = Child::RunIn(cgroup, [&] {
      const Fd client(socket(AF_INET, type, 0));
      if (connect(client.get(), reinterpret_cast<const sockaddr*>(&at), sizeof(at))) return 96;
      const int on = 1;
      setsockopt(client.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
      for (int i = 0; i < kCalls; i++)
        if (call(client.get())) return 95;
      return 0;
    });
    if (!caller) return 94;
    if (type == SOCK_STREAM) {  // datagrams may be thrown away
      const Fd peer(accept(server.get(), nullptr, nullptr));
      std::vector<char> buffer(1 << 20);
      // Seldom, or a change of process beside every packet would be measured with it.
      while (recv(peer.get(), buffer.data(), buffer.size(), 0) > 0) usleep(1000);
    }
    return WEXITSTATUS(caller->Wait());
  });
}

void Measure(World& world, const TempCgroup& outside, const TempCgroup& cgroup, const char* what, const Hook& hook,
             int type, const std::function<int(int)>& call) {
  std::vector<double> over, empty;
  for (int round = 0; round < kRounds; round++) {
    const Cost ours = CostOf(hook.ours), none = CostOf(hook.empty);
    if (const int error = Repeat(world, outside, cgroup, call, type))
      Stop(std::string(what) + ": " + std::to_string(error));
    const Cost ours_after = CostOf(hook.ours), none_after = CostOf(hook.empty);
    const auto per_run = [](const Cost& a, const Cost& b) {
      return static_cast<double>(b.ns - a.ns) / static_cast<double>(std::max<std::uint64_t>(b.runs - a.runs, 1));
    };
    empty.push_back(per_run(none, none_after));
    over.push_back(per_run(ours, ours_after) - empty.back());
  }
  std::sort(over.begin(), over.end());
  std::sort(empty.begin(), empty.end());
  std::printf("%-44s %-14s empty %5.0f ns   over it %+6.0f ns   (%.0f to %.0f)\n", what, hook.name, empty[kRounds / 2],
              over[kRounds / 2], over.front(), over.back());
}

int Run() {
  // One CPU for all: what a cache costs that another CPU has just written is not the programs'.
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(0, &one);
  if (sched_setaffinity(0, sizeof(one), &one)) Stop("cannot stay on one CPU");
  auto made = World::Create(WEIR_MODE_BLOCK);
  if (!made) Stop(made.error().what);
  World& world = **made;
  auto outside = world.root().CreateChild("outside");
  if (!outside) Stop(outside.error().what);
  for (const std::uint8_t proto : {std::uint8_t{IPPROTO_TCP}, std::uint8_t{IPPROTO_UDP}})
    if (!world.Rule(WEIR_TABLE_ALLOW, kAllowed, 443, proto)) Stop("cannot write a rule");
  const Empty connect4(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_CONNECT, world.root().fd());
  const Empty egress(BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_EGRESS, world.root().fd());
  const Empty ingress(BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_INGRESS, world.root().fd());
  const auto& ours = world.egress().progs;
  const Hook on_connect{"connect4", bpf_program__fd(ours.weir_connect4), connect4.program.get()};
  const Hook on_egress{"egress", bpf_program__fd(ours.weir_egress), egress.program.get()};
  const Hook on_ingress{"ingress", bpf_program__fd(ours.weir_ingress), ingress.program.get()};
  const Fd stats(bpf_enable_stats(BPF_STATS_RUN_TIME));
  if (!stats) Stop("cannot switch the kernel's statistics on");

  const auto send_byte = [](int fd) { return send(fd, "x", 1, 0) == 1 ? 0 : 1; };
  const auto connect_again = [](int fd) {
    const sockaddr_in at = Server();
    return connect(fd, reinterpret_cast<const sockaddr*>(&at), sizeof(at));
  };
  if (world.InJob([] { return 0; })) Stop("cannot enter the job");
  const std::pair<const char*, const TempCgroup*> whos[] = {{"outside", &*outside}, {"job", &world.job()}};
  for (const auto& [who, cgroup] : whos) {
    const std::string name = who;
    Measure(world, *outside, *cgroup, (name + ": UDP connect").c_str(), on_connect, SOCK_DGRAM, connect_again);
    Measure(world, *outside, *cgroup, (name + ": UDP packet sent").c_str(), on_egress, SOCK_DGRAM, send_byte);
    Measure(world, *outside, *cgroup, (name + ": UDP packet received").c_str(), on_ingress, SOCK_DGRAM, send_byte);
    Measure(world, *outside, *cgroup, (name + ": TCP packet sent").c_str(), on_egress, SOCK_STREAM, send_byte);
    Measure(world, *outside, *cgroup, (name + ": TCP packet received").c_str(), on_ingress, SOCK_STREAM, send_byte);
  }
  return 0;
}

}  // namespace
}  // namespace weir::lab

int main() { return weir::lab::Run(); }

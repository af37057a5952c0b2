// SPDX-License-Identifier: Apache-2.0
#include "tests/attacks/range.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <thread>

#include "bpf/name.h"
#include "tests/kernel/egress/resolver.h"

namespace weir::lab {
namespace {

// A network namespace lives as long as this process.
Result<Child> Keeper(Fd* space) {
  int ready[2];
  if (pipe2(ready, O_CLOEXEC)) return FailErrno("pipe", errno);
  auto keeper = Child::Fork([&] {
    if (unshare(CLONE_NEWNET) || write(ready[1], "r", 1) != 1) return 1;
    for (;;) pause();
  });
  WEIR_TRY(keeper);
  keeper->Go();
  char byte;
  close(ready[1]);
  const bool made = read(ready[0], &byte, 1) == 1;
  close(ready[0]);
  *space = Fd(open(("/proc/" + std::to_string(keeper->pid()) + "/ns/net").c_str(), O_RDONLY | O_CLOEXEC));
  if (!made || !*space) return FailErrno("a network namespace", errno);
  return keeper;
}

// `command` in a namespace. No address waits to be checked for duplicates: nobody else is on this wire.
Result<> Shell(const Fd& space, const std::string& command) {
  auto child = Child::Fork([&] { return setns(space.get(), CLONE_NEWNET) ? 1 : std::system(command.c_str()) ? 2 : 0; });
  WEIR_TRY(child);
  if (child->Wait()) return Fail(Code::kInternal, "in a namespace: " + command);
  return {};
}

Result<> PutName(World& world, const std::string& name, std::uint32_t scope_id) {
  const std::string wire = WireName(name);
  weir_name_key key{};
  key.hash = weir_name_hash(WEIR_NAME_SEED, reinterpret_cast<const __u8*>(wire.data()), wire.size());
  key.scope_id = scope_id;
  key.len = static_cast<__u16>(wire.size());
  key.kind = WEIR_NAME_EXACT;
  weir_name value{};
  value.rule_id = 5;
  value.n_ports = 1;
  value.ports[0] = {WEIR_PROC_ANY, 5, htons(443), IPPROTO_TCP, 0};
  wire.copy(reinterpret_cast<char*>(value.name), sizeof(value.name));
  return MapPut(world.egress().maps.weir_names, key, value);
}

/// Addresses and ports of a TCP packet, as they stand in it; empty: it is none, or has headers in between.
std::string ConnectionOf(const Frame& frame) {
  if (frame.proto != IPPROTO_TCP || frame.bytes.empty()) return {};
  constexpr std::size_t kHead4 = 20, kAddresses4 = 12, kHead6 = 40, kAddresses6 = 8, kPorts = 4;
  const bool v6 = static_cast<unsigned char>(frame.bytes[0]) >> 4 == 6;
  const std::size_t head = v6 ? kHead6 : kHead4, addresses = v6 ? kAddresses6 : kAddresses4;
  const bool plain = v6 ? frame.bytes.size() > 6 && frame.bytes[6] == IPPROTO_TCP : frame.bytes[0] == 0x45;
  if (!plain || frame.bytes.size() < head + kPorts) return {};
  return frame.bytes.substr(addresses, head - addresses + kPorts);
}

bool IsKernelsOwn(const Frame& frame) {
  if (frame.proto == IPPROTO_IGMP) return true;
  if (frame.bytes[0] >> 4 != 6) return false;
  // Neighbours, routers and group memberships (RFC 4861, RFC 3810); behind a hop-by-hop header those of MLD.
  std::size_t at = sizeof(ip6_hdr);
  if (frame.proto == IPPROTO_HOPOPTS) at += 8;
  if (frame.bytes.size() <= at || (frame.proto != IPPROTO_ICMPV6 && frame.proto != IPPROTO_HOPOPTS)) return false;
  const auto type = static_cast<std::uint8_t>(frame.bytes[at]);
  return (type >= MLD_LISTENER_QUERY && type <= ND_REDIRECT) || type == 143;
}

std::optional<Frame> Parse(const char* data, std::size_t size) {
  if (size < sizeof(ethhdr) + sizeof(iphdr)) return std::nullopt;
  ethhdr ether;
  std::memcpy(&ether, data, sizeof(ether));
  Frame frame;
  frame.bytes.assign(data + sizeof(ether), size - sizeof(ether));
  std::size_t transport = 0;
  if (ntohs(ether.h_proto) == ETH_P_IP) {
    iphdr ip;
    std::memcpy(&ip, frame.bytes.data(), sizeof(ip));
    frame.dest[10] = frame.dest[11] = 0xff;
    std::memcpy(&frame.dest[12], &ip.daddr, 4);
    frame.proto = ip.protocol;
    transport = ip.ihl * 4u;
  } else if (ntohs(ether.h_proto) == ETH_P_IPV6 && frame.bytes.size() >= sizeof(ip6_hdr)) {
    ip6_hdr ip;
    std::memcpy(&ip, frame.bytes.data(), sizeof(ip));
    std::memcpy(frame.dest.data(), &ip.ip6_dst, 16);
    frame.proto = ip.ip6_nxt;
    transport = sizeof(ip);
  } else {
    return std::nullopt;
  }
  std::uint16_t port;
  if ((frame.proto == IPPROTO_TCP || frame.proto == IPPROTO_UDP) && frame.bytes.size() >= transport + 4) {
    std::memcpy(&port, frame.bytes.data() + transport + 2, 2);
    frame.port = ntohs(port);
  }
  return frame;
}

}  // namespace

Result<std::unique_ptr<Range>> Range::Open() {
  std::unique_ptr<Range> range(new Range);
  auto world = World::Create(WEIR_MODE_BLOCK);
  WEIR_TRY(world);
  range->world_ = std::move(*world);
  for (auto& [job, scope_id, mode] :
       {std::tuple{&range->audited_, kAudited, WEIR_MODE_AUDIT}, {&range->admitted_, kAdmitted, WEIR_MODE_BLOCK}}) {
    auto made = range->world_->AddJob(scope_id, mode);
    WEIR_TRY(made);
    job->emplace(std::move(*made));
  }
  auto stranger = range->world_->root().CreateChild("stranger");
  WEIR_TRY(stranger);
  range->stranger_.emplace(std::move(*stranger));
  WEIR_TRY(range->AddPolicy());
  WEIR_TRY(range->Connect());
  WEIR_TRY(range->Listen());
  return range;
}

Result<> Range::AddPolicy() {
  for (const std::uint32_t scope_id : {kBlocked, kAudited, kAdmitted}) {
    for (const std::uint8_t proto : {std::uint8_t{6}, std::uint8_t{17}})
      for (const char* host : {kAllowedHost, kAllowedHost6})
        WEIR_TRY(world_->Rule(WEIR_TABLE_ALLOW, host, 443, proto, 1, WEIR_PROC_ANY, scope_id));
    WEIR_TRY(world_->Rule(WEIR_TABLE_ALLOW, kTcpOnlyHost, 443, 6, 2, WEIR_PROC_ANY, scope_id));
    WEIR_TRY(world_->Resolver(kTrustedResolver, scope_id));
    WEIR_TRY(PutName(*world_, kAllowedName, scope_id));
  }
  for (const char* host : {kAllowedHost, kAllowedHost6})
    WEIR_TRY(world_->Rule(WEIR_TABLE_ALLOW, host, 0, 0, 3, WEIR_PROC_ANY, kAdmitted));
  weir_scope admitted{};
  admitted.generation = 1;
  admitted.mode = WEIR_MODE_BLOCK;
  admitted.flags = WEIR_S_ANY_PORT;
  admitted.kinds = ~0u;
  return world_->PutScope(kAdmitted, admitted);
}

Result<> Range::Connect() {
  auto outside = Keeper(&outside_);
  WEIR_TRY(outside);
  outside_keeper_.emplace(std::move(*outside));
  auto runner = Keeper(&runner_);
  WEIR_TRY(runner);
  runner_keeper_.emplace(std::move(*runner));
  const std::string quiet =
      "for what in all default up0 veth0; do f=/proc/sys/net/ipv6/conf/$what;"
      "  [ ! -e $f ] || { echo 0 >$f/accept_dad; echo 0 >$f/accept_ra; echo 0 >$f/router_solicitations; }; done;";
  // The peer of an unnamed pair is veth0: busybox's ip(8) can name only one end.
  WEIR_TRY(Shell(runner_, quiet + "ip link set lo up && ip link add up0 type veth && ip link set veth0 netns " +
                              std::to_string(outside_keeper_->pid()) + " && " + quiet +
                              "ip addr add 192.0.2.2/24 dev up0 && ip -6 addr add 2001:db8::2/64 dev up0 &&"
                              "ip link set up0 up && ip route add default via 192.0.2.1 &&"
                              "echo '0 2147483647' >/proc/sys/net/ipv4/ping_group_range &&"
                              "echo 5 >/proc/sys/net/ipv4/tcp_fastopen"));
  // Every address is at home there: a connection to a port where nobody listens is reset at once.
  WEIR_TRY(Shell(outside_, quiet +
                               "ip link set lo up && for a in 1 10 11 53; do ip addr add 192.0.2.$a/24 dev veth0; done;"
                               "for a in 2001:db8::1 2001:db8::10 fe80::1; do ip -6 addr add $a/64 dev veth0; done;"
                               "ip link set veth0 up && ip route add local 0.0.0.0/0 dev lo table main &&"
                               "ip -6 route add local ::/0 dev lo table main"));
  WEIR_TRY(Shell(runner_, "ip -6 route add default via 2001:db8::1"));
  std::thread([&] {
    if (!EnterOutside()) return;
    witness_ = Fd(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL)));
    const int room = 8 << 20;
    setsockopt(witness_.get(), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
  }).join();
  if (!witness_) return FailErrno("a packet socket outside", errno);
  return {};
}

// Takes connections to port 443 and keeps them. Datagrams to it are not answered by errors.
Result<> Range::Listen() {
  int ready[2];
  if (pipe2(ready, O_CLOEXEC)) return FailErrno("pipe", errno);
  auto server = Child::Fork([&] {
    if (!EnterOutside()) return 1;
    const int fd = socket(AF_INET6, SOCK_STREAM, 0), datagrams = socket(AF_INET6, SOCK_DGRAM, 0);
    sockaddr_in6 at{};
    at.sin6_family = AF_INET6;
    at.sin6_port = htons(443);
    for (const int each : {fd, datagrams})
      if (bind(each, reinterpret_cast<const sockaddr*>(&at), sizeof(at))) return 2;
    if (listen(fd, 64)) return 2;
    if (write(ready[1], "r", 1) != 1) return 3;
    for (;;) accept(fd, nullptr, nullptr);
  });
  WEIR_TRY(server);
  server->Go();
  server_.emplace(std::move(*server));
  char byte;
  close(ready[1]);
  const bool listens = read(ready[0], &byte, 1) == 1;
  close(ready[0]);
  return listens ? Result<>{} : Fail(Code::kInternal, "nobody listens outside");
}

const TempCgroup& Range::Job(std::uint32_t scope_id) const {
  return scope_id == kAudited ? *audited_ : scope_id == kAdmitted ? *admitted_ : world_->job();
}

bool Range::EnterRunner() const { return setns(runner_.get(), CLONE_NEWNET) == 0; }
bool Range::EnterOutside() const { return setns(outside_.get(), CLONE_NEWNET) == 0; }

void Range::BeginRow() {
  Take();
  earlier_ = connections_;
}

std::vector<Frame> Range::Take() {
  std::vector<Frame> frames;
  for (;;) {
    static char buffer[1 << 16];
    sockaddr_ll from{};
    socklen_t length = sizeof(from);
    const ssize_t got =
        recvfrom(witness_.get(), buffer, sizeof(buffer), MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&from), &length);
    if (got < 0) return frames;
    if (from.sll_pkttype == PACKET_OUTGOING || from.sll_hatype != 1) continue;
    auto frame = Parse(buffer, static_cast<std::size_t>(got));
    if (!frame || IsKernelsOwn(*frame)) continue;
    const std::string connection = ConnectionOf(*frame);
    if (!connection.empty()) connections_.insert(connection);
    if (!earlier_.contains(connection)) frames.push_back(std::move(*frame));
  }
}

bool Range::Sees(const std::function<bool(const Frame&)>& wanted, std::chrono::milliseconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  for (;;) {
    for (const Frame& frame : Take())
      if (wanted(frame)) return true;
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now()).count();
    if (left <= 0) return false;
    pollfd waiting{witness_.get(), POLLIN, 0};
    poll(&waiting, 1, static_cast<int>(left));
  }
}

bool HoldsSecret(const Frame& frame) { return frame.bytes.find(kSecret) != std::string::npos; }

bool IsLeak(const Frame& frame) {
  const bool allowed_host = frame.dest == ParseAddress(kAllowedHost) || frame.dest == ParseAddress(kAllowedHost6);
  const bool allowed = allowed_host && frame.port == 443;
  return !allowed || HoldsSecret(frame);
}

}  // namespace weir::lab

// SPDX-License-Identifier: Apache-2.0
#include "sensor/dnsforward/session.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "bpf/dns.h"
#include "sensor/base/sock_diag.h"
#include "sensor/dnsforward/server_scope.h"

namespace weir::dns_forward {
namespace {

constexpr std::size_t kReadBytes = 16384;
// How often each resolver is tried before the queries are given up.
constexpr std::size_t kRounds = 2;

enum class ReadEnd { kLater, kEnded, kFailed };

// One read; `take` gets what came.
template <typename Take>
ReadEnd ReadOnce(int fd, Take&& take) {
  std::array<char, kReadBytes> buffer;
  const ssize_t got = recv(fd, buffer.data(), buffer.size(), 0);
  if (got > 0) {
    take(std::string_view(buffer.data(), static_cast<std::size_t>(got)));
    return ReadEnd::kLater;
  }
  if (got == 0) return ReadEnd::kEnded;
  return errno == EAGAIN || errno == EINTR ? ReadEnd::kLater : ReadEnd::kFailed;
}

// Sends what the socket takes. False: the connection is lost.
bool SendSome(int fd, std::string& out) {
  if (out.empty()) return true;
  const ssize_t sent = send(fd, out.data(), out.size(), MSG_NOSIGNAL);
  if (sent > 0) out.erase(0, static_cast<std::size_t>(sent));
  if (out.empty() && out.capacity() > 4096) out.shrink_to_fit();
  return sent >= 0 || errno == EAGAIN || errno == EINTR;
}

bool IsLoopback(const policy::Address& address) {
  std::uint32_t words[4];
  std::memcpy(words, address.data(), sizeof(words));
  return weir_addr_is_loopback(words) != 0;
}

}  // namespace

Session::Session(Fd client, Job& job, const Judge& judge, const Callbacks& callbacks, const Limits& limits)
    : client_(std::move(client)),
      job_(job),
      judge_(judge),
      callbacks_(callbacks),
      limits_(limits),
      client_active_(Clock::now()) {
  ++job_.connections;
  ++job_.counters.connections;
}

Session::~Session() { --job_.connections; }

// A client that asks much and reads little waits: what it has in flight and what it has not read are bounded.
bool Session::Saturated() const {
  return pending_.size() >= limits_.queries_in_flight || to_client_.size() >= limits_.output_bytes;
}

Interest Session::ClientInterest() const { return {!client_ended_ && !Saturated(), !to_client_.empty()}; }

Interest Session::UpstreamInterest() const {
  return {!connecting_ && to_client_.size() < limits_.output_bytes, connecting_ || !to_upstream_.empty()};
}

// ---- the client -----------------------------------------------------------------------------------------------------

void Session::OnClient(bool readable, bool writable) {
  if (writable) FlushClient();
  if (readable && !over_) ReadClient();
}

void Session::ReadClient() {
  const ReadEnd end = ReadOnce(client_.get(), [this](std::string_view bytes) {
    from_client_.Add(bytes);  // single bytes are no activity: each message has to be whole in time
  });
  if (end == ReadEnd::kFailed) over_ = true;
  if (end == ReadEnd::kEnded) client_ended_ = true;
  TakeQueries();
}

void Session::TakeQueries() {
  while (!over_ && !Saturated()) {
    const auto message = from_client_.Next();
    if (!message) break;
    OnQuery(*message);
  }
  FlushUpstream();
  FlushClient();
  if (client_ended_ && pending_.empty() && to_client_.empty()) over_ = true;
}

void Session::OnQuery(std::string_view message) {
  client_active_ = Clock::now();
  // Nothing that an answer could be addressed to.
  if (message.size() < WEIR_DNS_HEADER_BYTES) {
    (void)judge_.OnQuery(job_, message);
    over_ = true;
    return;
  }
  Judge::Ruling ruling = judge_.OnQuery(job_, message);
  if (!ruling.forward) {
    AppendFrame(to_client_, FailureResponse(message, ruling.query, kRefused));
    return;
  }
  pending_.push_back({std::move(ruling), std::string(message), Clock::now()});
  if (!upstream_) {
    ConnectUpstream();
  } else if (!connecting_) {
    AppendFrame(to_upstream_, message);
  }
}

void Session::FlushClient() {
  if (over_) return;
  const std::size_t before = to_client_.size();
  if (!SendSome(client_.get(), to_client_)) over_ = true;
  if (to_client_.size() < before) client_active_ = Clock::now();
}

// ---- the resolver ---------------------------------------------------------------------------------------------------

void Session::ConnectUpstream() {
  while (!pending_.empty() && !upstream_) {
    if (failures_ >= kRounds * job_.resolvers.size()) return FailPending();
    auto socket = OpenUpstream(job_.netns ? job_.netns.get() : -1, job_.resolvers[resolver_], job_.resolver_port);
    if (!socket) {
      LoseUpstream();
      continue;
    }
    upstream_ = *std::move(socket);
    connecting_ = true;
    answered_ = 0;
    upstream_since_ = Clock::now();
  }
}

void Session::OnUpstream(bool readable, bool writable) {
  if (connecting_) {
    int error = 0;
    socklen_t bytes = sizeof(error);
    if (getsockopt(upstream_.get(), SOL_SOCKET, SO_ERROR, &error, &bytes) || error) {
      LoseUpstream();
      ConnectUpstream();
      return;
    }
    sockaddr_storage peer;
    bytes = sizeof(peer);
    // Readiness may be that of a socket which this one has replaced.
    if (!writable || getpeername(upstream_.get(), reinterpret_cast<sockaddr*>(&peer), &bytes)) return;
    OnConnected();
  }
  if (readable) ReadUpstream();
  if (upstream_) FlushUpstream();
  TakeQueries();  // an answer may have made room
}

void Session::OnConnected() {
  connecting_ = false;
  believed_ = IsBelieved();
  upstream_since_ = Clock::now();
  for (Pending& query : pending_) {
    query.asked_at = upstream_since_;
    AppendFrame(to_upstream_, query.message);
  }
}

// A remote resolver is who its address says, as far as the network is trusted (DESIGN 2.3.5). A local one is believed
// while its socket belongs to no scope. Whatever cannot be found out is not believed.
bool Session::IsBelieved() {
  const auto diag = OpenSockDiag(job_.netns ? job_.netns.get() : -1);
  const auto server = diag ? FindServer(diag->get(), upstream_.get(), callbacks_.socks_map_fd)
                           : Result<ServerSocket>(tl::unexpected<Error>(diag.error()));
  if (!server) {
    judge_.Report(job_, "resolver-unknown", server.error().what);
    return false;
  }
  if (!server->local) return !IsLoopback(job_.resolvers[resolver_]);
  if (server->scope_id) {
    judge_.Report(job_, "fake-resolver", "a resolver's local address is served over TCP by a job itself");
  }
  return callbacks_.socks_map_fd >= 0 && server->scope_id == 0;
}

void Session::ReadUpstream() {
  const ReadEnd end = ReadOnce(upstream_.get(), [this](std::string_view bytes) { from_upstream_.Add(bytes); });
  while (!over_) {
    const auto message = from_upstream_.Next();
    if (!message) break;
    OnAnswer(*message);
  }
  if (end == ReadEnd::kLater) return;
  LoseUpstream();
  ConnectUpstream();
}

void Session::OnAnswer(std::string_view message) {
  const auto asked = std::find_if(pending_.begin(), pending_.end(),
                                  [&](const Pending& query) { return judge_.Answers(message, query.ruling.query); });
  if (asked == pending_.end()) {
    ++job_.counters.answers_stray;
    return;
  }
  failures_ = 0;
  ++answered_;
  client_active_ = Clock::now();
  // First the kernel's tables, then the client: its connect cannot come too early.
  judge_.OnAnswer(job_, asked->ruling, message, job_.resolvers[resolver_], believed_);
  pending_.erase(asked);
  AppendFrame(to_client_, message);
}

void Session::FlushUpstream() {
  if (!upstream_ || connecting_ || SendSome(upstream_.get(), to_upstream_)) return;
  LoseUpstream();
  ConnectUpstream();
}

// Queries stay pending and are asked again: at the same resolver when it had answered (it may take only so many on one
// connection, or close idle ones), else at the next.
void Session::LoseUpstream() {
  const bool served = answered_ > 0;
  upstream_.Reset();
  connecting_ = false;
  believed_ = false;
  answered_ = 0;
  from_upstream_ = {};
  to_upstream_.clear();
  if (pending_.empty()) return;
  ++failures_;
  if (!served && !job_.resolvers.empty()) resolver_ = (resolver_ + 1) % job_.resolvers.size();
}

void Session::FailPending() {
  for (const Pending& query : pending_) {
    ++job_.counters.queries_failed;
    AppendFrame(to_client_, FailureResponse(query.message, query.ruling.query, kServFail));
  }
  pending_.clear();
  failures_ = 0;
  FlushClient();
}

// ---- time -----------------------------------------------------------------------------------------------------------

void Session::OnTick() {
  const auto now = Clock::now();
  if (upstream_ && connecting_ && now - upstream_since_ > limits_.upstream_connect) {
    LoseUpstream();
    ConnectUpstream();
  } else if (upstream_ && !pending_.empty() && now - pending_.front().asked_at > limits_.upstream_answer) {
    answered_ = 0;  // it answered others, but not this one: the next resolver
    LoseUpstream();
    ConnectUpstream();
  }
  TakeQueries();
  // Waiting for a resolver is not the client's idleness.
  if (pending_.empty() && now - client_active_ > limits_.client_idle) over_ = true;
  // A client that takes no answer for as long holds no connection either.
  if (!to_client_.empty() && now - client_active_ > limits_.client_idle) over_ = true;
}

}  // namespace weir::dns_forward

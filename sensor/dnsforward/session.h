// SPDX-License-Identifier: Apache-2.0
// One client connection and its connection to a resolver.
#pragma once

#include <netinet/in.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "sensor/base/fd.h"
#include "sensor/dnsforward/forwarder.h"
#include "sensor/dnsforward/frame.h"
#include "sensor/dnsforward/job.h"

namespace weir::dns_forward {

using Clock = std::chrono::steady_clock;

/// What a session asks of the loop: which readiness to wait for. A closed fd leaves the epoll set by itself.
struct Interest {
  bool read = false;
  bool write = false;
  friend bool operator==(const Interest&, const Interest&) = default;
};

/// Queries are judged one by one as they arrive and are in flight together; answers are matched by id and question. A
/// refused query is answered at once, before allowed ones that came earlier. Runs on the forwarder's thread under its
/// lock; never blocks.
class Session {
 public:
  Session(Fd client, const sockaddr_storage& peer, Job& job, const Judge& judge, const Callbacks& callbacks,
          const Limits& limits);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// `gone`: both directions are closed. What the client had sent is still judged; nobody takes an answer.
  void OnClient(bool readable, bool writable, bool gone);
  void OnUpstream(bool readable, bool writable);
  /// Deadlines; to be called a few times a second.
  void OnTick();

  [[nodiscard]] bool over() const { return over_; }
  [[nodiscard]] int client_fd() const { return client_.get(); }
  [[nodiscard]] int upstream_fd() const { return upstream_.get(); }  ///< -1: none
  [[nodiscard]] Interest ClientInterest() const;
  [[nodiscard]] Interest UpstreamInterest() const;

 private:
  struct Pending {
    Judge::Ruling ruling;
    std::string message;  ///< kept to be asked again elsewhere
    Clock::time_point asked_at;
    std::size_t timeouts = 0;  ///< resolvers that had their time and did not answer it
  };

  void ReadClient();
  void TakeQueries();
  void OnQuery(std::string_view message);
  void FlushClient();
  [[nodiscard]] bool Saturated() const;
  [[nodiscard]] const Asker& WhoAsks();

  void ConnectUpstream();
  void OnConnected();
  void ReadUpstream();
  void OnAnswer(std::string_view message);
  void FlushUpstream();
  void LoseUpstream();
  void FailPending();
  void FailOverdue(Clock::time_point now);
  void Fail(const Pending& query);
  void LookAtServer(bool has_answered);

  Fd client_;
  const sockaddr_storage peer_;
  Job& job_;
  const Judge& judge_;
  const Callbacks& callbacks_;
  const Limits& limits_;

  FrameReader from_client_;
  std::string to_client_;
  bool client_ended_ = false;  ///< sends no more; may still wait for answers
  bool over_ = false;
  Clock::time_point client_active_;
  std::optional<Asker> asker_;  ///< looked for at the first query

  Fd upstream_;
  bool connecting_ = false;
  std::optional<bool> believed_;   ///< none: not known before it answers
  bool server_was_local_ = false;  ///< as far as could be seen
  std::size_t resolver_ = 0;       ///< index of the one in use
  std::size_t failures_ = 0;       ///< connections lost since the last answer
  std::size_t answered_ = 0;       ///< by this connection
  Clock::time_point upstream_since_;
  FrameReader from_upstream_;
  std::string to_upstream_;
  std::deque<Pending> pending_;
  std::size_t pending_bytes_ = 0;
};

}  // namespace weir::dns_forward

// SPDX-License-Identifier: Apache-2.0
// What sock_diag tells of sockets, and that this kernel aborts them.
#include "sensor/base/sock_diag.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <vector>

#include "tests/kernel/lab/stream.h"

namespace weir {
namespace {

TEST(SockDiag, TellsOfASocketByItsCookieAndAbortsIt) {
  const lab::Stream stream = lab::ConnectToSelf("127.0.0.1");
  ASSERT_TRUE(stream.peer);
  std::uint64_t cookie = 0;
  socklen_t length = sizeof(cookie);
  ASSERT_EQ(::getsockopt(stream.client.get(), SOL_SOCKET, SO_COOKIE, &cookie, &length), 0);
  const auto diag = OpenSockDiag(-1);
  ASSERT_TRUE(diag);
  std::vector<inet_diag_msg> found;
  ASSERT_TRUE(DumpSockets(diag->get(), {AF_INET, IPPROTO_TCP}, [&](const inet_diag_msg& socket, std::string_view) {
    if (CookieOf(socket) == cookie) found.push_back(socket);
  }));
  ASSERT_EQ(found.size(), 1u);
  const auto aborted = AbortSocket(diag->get(), IPPROTO_TCP, found[0]);
  ASSERT_TRUE(aborted) << aborted.error().what;
  EXPECT_TRUE(*aborted);
  EXPECT_EQ(::send(stream.client.get(), "x", 1, MSG_NOSIGNAL), -1);
  EXPECT_EQ(errno, ECONNABORTED);
  const auto again = AbortSocket(diag->get(), IPPROTO_TCP, found[0]);
  ASSERT_TRUE(again) << again.error().what;
  EXPECT_FALSE(*again);
}

TEST(SockDiag, SaysWhenTheKernelRefusesTheQuestion) {
  const auto diag = OpenSockDiag(-1);
  ASSERT_TRUE(diag);
  EXPECT_FALSE(DumpSockets(diag->get(), {AF_INET, IPPROTO_ESP}, [](const inet_diag_msg&, std::string_view) {}));
}

}  // namespace
}  // namespace weir

// SPDX-License-Identifier: Apache-2.0
#include "sensor/base/netns.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>

namespace weir::dns_forward {
namespace {

bool RefuseThreads() {
  static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);
  constexpr auto kRefused = std::uint32_t{SECCOMP_RET_ERRNO} | EAGAIN;
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 1, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, kRefused),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{static_cast<unsigned short>(std::size(code)), code};
  return !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) && !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

TEST(Netns, IsAnErrorWhereThereAreNoThreads) {
  const pid_t child = fork();
  if (child == 0) {
    const Fd netns(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
    if (!netns || !RefuseThreads()) _exit(2);
    const auto made = MakeInNetns(netns.get(), []() -> Result<Fd> { return Fd(dup(0)); });
    _exit(made || made.error().code != Code::kExhausted ? 1 : 0);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace weir::dns_forward

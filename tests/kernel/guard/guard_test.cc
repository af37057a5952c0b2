// SPDX-License-Identifier: Apache-2.0
// The guard on real kernels: what root in a job tries is refused, and recorded with its process.
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "tests/kernel/guard/guard_world.h"

namespace weir::lab {
namespace {

class Guard : public testing::Test {
 protected:
  void SetUp() override {
    auto made = GuardWorld::Create(/*deny=*/true);
    ASSERT_TRUE(made) << made.error().what;
    world_ = std::move(*made);
  }
  std::unique_ptr<GuardWorld> world_;
};

TEST_F(Guard, RefusesBpf) {
  EXPECT_EQ(world_->InJob([] {
    bpf_attr attr{};
    attr.map_type = BPF_MAP_TYPE_ARRAY;
    attr.key_size = attr.value_size = 4;
    attr.max_entries = 1;
    return syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr)) < 0 ? errno : 0;
  }),
            EPERM);
  EXPECT_EQ(world_->Denied(WEIR_G_BPF), 1u);
  const auto findings = world_->Findings();
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].guard_class, WEIR_G_BPF);
  EXPECT_EQ(findings[0].verdict, WEIR_DENY);
  EXPECT_EQ(findings[0].value, static_cast<std::uint64_t>(BPF_MAP_CREATE));
  EXPECT_NE(findings[0].event.exec_id, 0u);
}

}  // namespace
}  // namespace weir::lab

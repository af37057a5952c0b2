// SPDX-License-Identifier: Apache-2.0
#include "tests/kernel/guard/guard_case.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace weir::lab {
namespace {

std::unique_ptr<GuardWorld> shared_world;  // NOLINT(cert-err58-cpp): a null pointer

// Removes the programs before the process ends: they are pinned nowhere, but their cgroups would stay.
class Ending : public testing::Environment {
 public:
  void TearDown() override { shared_world.reset(); }
};
const auto* const ending = testing::AddGlobalTestEnvironment(new Ending);  // NOLINT(cert-err58-cpp)

}  // namespace

GuardWorld* GuardCase::world_ = nullptr;

void GuardCase::SetUpTestSuite() {
  ASSERT_NE(std::getenv("WEIR_VM"), nullptr)
      << "changes the machine's settings and mounts: only in a VM (tests/vm/run)";
  if (shared_world) return;
  auto made = GuardWorld::Create();
  ASSERT_TRUE(made) << made.error().what;
  shared_world = std::move(*made);
  world_ = shared_world.get();
}

void GuardCase::SetUp() {
  ASSERT_NE(world_, nullptr);
  struct stat net {};
  ASSERT_EQ(stat("/proc/self/ns/net", &net), 0);
  ASSERT_TRUE(world_->SetHost({.pins_dev = 0, .netns_inode = static_cast<__u32>(net.st_ino), .mntns_inode = 0}));
  ASSERT_TRUE(world_->Judge(GuardWorld::Mode::kDeny));
}

void GuardCase::Refuses(std::uint32_t guard_class, std::uint64_t value, const std::function<int()>& attempt,
                        int refused) {
  ASSERT_TRUE(world_->Judge(GuardWorld::Mode::kDeny));
  EXPECT_EQ(world_->InJob(attempt), refused);
  EXPECT_EQ(world_->Denied(guard_class), 1u);
  world_->ExpectFinding(guard_class, value, WEIR_DENY);
}

void GuardCase::Holds(std::uint32_t guard_class, std::uint64_t value, const std::function<int()>& attempt,
                      int refused) {
  EXPECT_EQ(Outside(attempt), 0) << "outside the scope";
  ASSERT_TRUE(world_->Judge(GuardWorld::Mode::kReport));
  EXPECT_EQ(world_->InJob(attempt), 0) << "only reported";
  EXPECT_EQ(world_->Reported(guard_class), 1u);
  world_->ExpectFinding(guard_class, value, WEIR_WOULD_DENY);
  Refuses(guard_class, value, attempt, refused);
}

void GuardCase::Passes(const std::function<int()>& ordinary) {
  EXPECT_EQ(world_->InJob(ordinary), 0);
  for (const auto& finding : world_->Findings())
    ADD_FAILURE() << "class " << finding.guard_class << " value " << finding.value;
}

int GuardCase::Outside(const std::function<int()>& body) {
  auto child = Child::Fork(body);
  if (!child) return -1;
  const int status = child->Wait();
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int TryWrite(const std::string& path, const std::string& text) {
  const Fd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd) return errno;
  return ErrnoOf(::write(fd.get(), text.data(), text.size()));
}

}  // namespace weir::lab

// SPDX-License-Identifier: Apache-2.0
// What all tests of the guard's fallback share: a job in which every class is denied, a process outside that may be
// protected, and a file that may be guarded.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "sensor/guard/tables.h"
#include "tests/kernel/guard/guard_world.h"

namespace weir::lab {

/// What a process did that was ended, and what its end left undone: both in memory that outlives it.
struct Trace {
  std::uint32_t went_on;  ///< it returned from the call to its own code
  std::uint32_t effect;   ///< the case's own oracle
  char bytes[64];
};

class Fallback : public testing::Test {
 protected:
  static void SetUpTestSuite() { Start(WEIR_MODE_BLOCK); }
  static void TearDownTestSuite() { world_.reset(); }
  static void Start(std::uint32_t mode) {
    world_.reset();
    auto made = GuardWorld::CreateFallback(mode);
    ASSERT_TRUE(made) << made.error().what;
    world_ = std::move(*made);
  }

  void SetUp() override {
    ASSERT_TRUE(world_);
    char directory[] = "/tmp/weir-fallback-XXXXXX";
    ASSERT_NE(::mkdtemp(directory), nullptr);
    directory_ = directory;
    std::ofstream(directory_ / "secret") << "token";
    void* shared = ::mmap(nullptr, sizeof(Trace), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(shared, MAP_FAILED);
    trace_ = static_cast<Trace*>(shared);
    struct stat net {
    }, mnt{};
    ASSERT_EQ(::stat("/proc/self/ns/net", &net), 0);
    ASSERT_EQ(::stat("/proc/self/ns/mnt", &mnt), 0);
    ASSERT_TRUE(world_->SetHost(
        {.pins_dev = 0, .netns_inode = static_cast<__u32>(net.st_ino), .mntns_inode = static_cast<__u32>(mnt.st_ino)}));
    auto target = Child::Fork([] {
      ::signal(SIGUSR1, SIG_IGN);
      for (;;) ::pause();
      return 0;
    });
    ASSERT_TRUE(target);
    target_.emplace(std::move(*target));
    target_->Go();
    usleep(20'000);  // until it ignores the signal
  }
  void TearDown() override {
    static_cast<void>(MapDelete(world_->map("weir_protected"), static_cast<std::uint32_t>(target())));
    target_.reset();
    ::munmap(trace_, sizeof(Trace));
    std::filesystem::remove_all(directory_);
  }

  [[nodiscard]] pid_t target() const { return target_->pid(); }
  [[nodiscard]] std::uint64_t target_value() const { return static_cast<std::uint64_t>(target()); }
  void Protect(std::uint32_t who) { ASSERT_TRUE(world_->Protect(target(), who)); }
  void GuardSecret(std::uint32_t guard_class, std::uint32_t flags) {
    ASSERT_TRUE(world_->Guard(directory_ / "secret", guard_class, flags));
  }
  [[nodiscard]] std::uint64_t InodeOf(const std::filesystem::path& path) const {
    return guard::IdentityOf(path).value().inode;
  }
  void OwnPath(std::uint32_t guard_class, const std::string& path) {
    weir_own_path row{};
    row.guard_class = guard_class;
    row.len = static_cast<std::uint32_t>(path.size());
    std::memcpy(row.path, path.data(), std::min(path.size(), sizeof(row.path) - 1));
    ASSERT_TRUE(MapPut(world_->map("weir_own_paths"), std::uint32_t{0}, row));
  }

  /// wait(2) status of a process that makes the attempt in the job. What is in trace() is its doing.
  int InJob(const std::function<int()>& attempt) {
    *trace_ = {};
    auto child = Child::RunIn(world_->world().job(), [&] {
      const int result = attempt();
      trace_->went_on = 1;
      return result;
    });
    return child ? child->Wait() : -1;
  }
  int Outside(const std::function<int()>& attempt) {
    auto child = Child::Fork(attempt);
    return child ? child->Wait() : -1;
  }
  const Trace& trace() const { return *trace_; }

  /// Ended by SIGKILL before it does anything more, counted and recorded.
  void Ends(std::uint32_t guard_class, std::uint64_t value, const std::function<int()>& attempt) {
    ASSERT_TRUE(world_->Judge(GuardWorld::Mode::kDeny));
    const int status = InJob(attempt);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << "status " << status;
    EXPECT_EQ(trace_->went_on, 0u);
    EXPECT_EQ(world_->Denied(guard_class), 1u);
    world_->ExpectFinding(guard_class, value, WEIR_DENY);
  }
  /// The whole row: works outside and where it is reported, and ends who tries where it is denied.
  void Holds(std::uint32_t guard_class, std::uint64_t value, const std::function<int()>& attempt) {
    EXPECT_EQ(Outside(attempt), 0) << "outside the scope";
    ASSERT_TRUE(world_->Judge(GuardWorld::Mode::kReport));
    EXPECT_EQ(InJob(attempt), 0) << "only reported";
    EXPECT_EQ(world_->Reported(guard_class), 1u);
    world_->ExpectFinding(guard_class, value, WEIR_WOULD_DENY);
    Ends(guard_class, value, attempt);
  }
  void Passes(const std::function<int()>& ordinary) {
    ASSERT_TRUE(world_->Judge(GuardWorld::Mode::kDeny));
    EXPECT_EQ(InJob(ordinary), 0);
    for (const auto& finding : world_->Findings())
      ADD_FAILURE() << "class " << finding.guard_class << " value " << finding.value;
  }

  inline static std::unique_ptr<GuardWorld> world_;
  std::filesystem::path directory_;
  Trace* trace_ = nullptr;

 private:
  std::optional<Child> target_;
};

}  // namespace weir::lab

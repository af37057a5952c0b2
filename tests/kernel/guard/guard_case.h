// SPDX-License-Identifier: Apache-2.0
// What all tests of the guard share: one world for the whole program, since it takes seconds to make in a VM.
#pragma once

#include <gtest/gtest.h>

#include <cerrno>
#include <functional>
#include <string>

#include "tests/kernel/guard/guard_world.h"

namespace weir::lab {

class GuardCase : public testing::Test {
 protected:
  static void SetUpTestSuite();
  void SetUp() override;

  /// Tries `attempt` (0 or errno) outside the scope, where it must work; in the job under report, where it must work
  /// and be recorded once with class, value and process; and in the job under guard, where it must be refused with
  /// EPERM (or what the kernel makes of it), counted and recorded.
  void Holds(std::uint32_t guard_class, std::uint64_t value, const std::function<int()>& attempt, int refused = EPERM);
  /// Under guard only: the attempt cannot work here anyhow (no such hardware), or must not be let through.
  void Refuses(std::uint32_t guard_class, std::uint64_t value, const std::function<int()>& attempt,
               int refused = EPERM);
  /// It works in the job under guard, and nobody speaks of it.
  void Passes(const std::function<int()>& ordinary);
  int Outside(const std::function<int()>& body);
  GuardWorld& world() { return *world_; }

 private:
  static GuardWorld* world_;
};

/// Opens, writes and closes; errno or 0.
int TryWrite(const std::string& path, const std::string& text);

}  // namespace weir::lab

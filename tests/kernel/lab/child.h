// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <functional>
#include <utility>

#include "sensor/base/fd.h"
#include "sensor/base/result.h"

namespace weir::lab {

class TempCgroup;

/// A forked child of the test that waits at a gate, so that it can be moved and looked at before it acts. After Go() it
/// runs `body` and exits with its return value. `body` runs in a fork of the test: no GoogleTest assertions there.
/// The destructor kills and reaps it.
class Child {
 public:
  static Result<Child> Fork(std::function<int()> body);
  /// Fork, enter the cgroup, Go.
  static Result<Child> RunIn(const TempCgroup& cgroup, std::function<int()> body);

  Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, -1)), gate_(std::move(other.gate_)) {}
  Child& operator=(Child&&) = delete;
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child();

  [[nodiscard]] pid_t pid() const { return pid_; }
  void Go();
  /// Go, if it has not; then wait(2) status.
  int Wait();

 private:
  Child(pid_t pid, Fd gate) : pid_(pid), gate_(std::move(gate)) {}
  pid_t pid_ = -1;
  Fd gate_;
};

}  // namespace weir::lab

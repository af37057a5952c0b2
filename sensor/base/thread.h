// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pthread.h>
#include <signal.h>

#include <thread>
#include <utility>

namespace weir {

/// A named thread that takes no signals: those belong to main's one signal path. `name`: at most 15 characters. Throws
/// std::system_error when the system has no thread to give.
template <typename Run>
[[nodiscard]] std::thread StartThread(const char* name, Run run) {
  struct NoSignals {
    NoSignals() {
      sigset_t all;
      sigfillset(&all);
      pthread_sigmask(SIG_SETMASK, &all, &before);
    }
    ~NoSignals() { pthread_sigmask(SIG_SETMASK, &before, nullptr); }
    NoSignals(const NoSignals&) = delete;
    NoSignals& operator=(const NoSignals&) = delete;
    sigset_t before;
  };
  std::thread thread = [&] {
    const NoSignals during;
    return std::thread(std::move(run));
  }();
  pthread_setname_np(thread.native_handle(), name);
  return thread;
}

}  // namespace weir

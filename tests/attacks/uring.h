// SPDX-License-Identifier: Apache-2.0
// Just enough of io_uring(7) to submit one request and wait for it.
#pragma once

#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "sensor/base/fd.h"

namespace weir::lab {

class Uring {
 public:
  /// flags: IORING_SETUP_*. Not valid: errno says why.
  explicit Uring(unsigned flags = 0) {
    io_uring_params params{};
    params.flags = flags;
    params.sq_thread_idle = 100;
    fd_ = Fd(static_cast<int>(syscall(SYS_io_uring_setup, 4, &params)));
    if (!fd_) return;
    const auto map = [&](std::size_t bytes, off_t at) {
      return static_cast<char*>(mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd_.get(), at));
    };
    char* queue = map(params.sq_off.array + params.sq_entries * sizeof(unsigned), IORING_OFF_SQ_RING);
    char* done = map(params.cq_off.cqes + params.cq_entries * sizeof(io_uring_cqe), IORING_OFF_CQ_RING);
    entries_ = reinterpret_cast<io_uring_sqe*>(map(params.sq_entries * sizeof(io_uring_sqe), IORING_OFF_SQES));
    tail_ = reinterpret_cast<unsigned*>(queue + params.sq_off.tail);
    array_ = reinterpret_cast<unsigned*>(queue + params.sq_off.array);
    done_head_ = reinterpret_cast<unsigned*>(done + params.cq_off.head);
    done_ = reinterpret_cast<io_uring_cqe*>(done + params.cq_off.cqes);
    polled_ = flags & IORING_SETUP_SQPOLL;
  }
  explicit operator bool() const { return static_cast<bool>(fd_); }

  /// The result of the request: negative errno, or what the call would have answered.
  int Run(const io_uring_sqe& request) {
    entries_[0] = request;
    array_[*tail_ & 3] = 0;
    __atomic_store_n(tail_, *tail_ + 1, __ATOMIC_RELEASE);
    const unsigned flags = IORING_ENTER_GETEVENTS | (polled_ ? unsigned{IORING_ENTER_SQ_WAKEUP} : 0u);
    if (syscall(SYS_io_uring_enter, fd_.get(), 1, 1, flags, nullptr, 0) < 0) return -errno;
    const int result = done_[*done_head_ & 7].res;
    __atomic_store_n(done_head_, *done_head_ + 1, __ATOMIC_RELEASE);
    return result;
  }

 private:
  Fd fd_;
  io_uring_sqe* entries_ = nullptr;
  unsigned *tail_ = nullptr, *array_ = nullptr, *done_head_ = nullptr;
  io_uring_cqe* done_ = nullptr;
  bool polled_ = false;
};

}  // namespace weir::lab

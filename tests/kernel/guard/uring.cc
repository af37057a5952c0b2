// SPDX-License-Identifier: Apache-2.0
#include "tests/kernel/guard/uring.h"

#include <fcntl.h>
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "sensor/base/fd.h"

namespace weir::lab::Uring {
namespace {

std::byte* Map(int ring, std::size_t size, off_t what) {
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, what);
  return memory == MAP_FAILED ? nullptr : static_cast<std::byte*>(memory);
}

template <typename T>
T* At(std::byte* memory, std::uint32_t offset) {
  return reinterpret_cast<T*>(memory + offset);
}

}  // namespace

// The mappings live until the process ends; it is a child of a test.
int Open(const std::string& path, bool by_worker) {
  io_uring_params params{};
  const Fd ring(static_cast<int>(syscall(SYS_io_uring_setup, 1, &params)));
  if (!ring) return errno;
  auto* sq = Map(ring.get(), params.sq_off.array + params.sq_entries * sizeof(std::uint32_t), IORING_OFF_SQ_RING);
  auto* cq = Map(ring.get(), params.cq_off.cqes + params.cq_entries * sizeof(io_uring_cqe), IORING_OFF_CQ_RING);
  auto* entries = Map(ring.get(), params.sq_entries * sizeof(io_uring_sqe), IORING_OFF_SQES);
  if (!sq || !cq || !entries) return errno;
  auto* entry = At<io_uring_sqe>(entries, 0);
  *entry = {};
  entry->opcode = IORING_OP_OPENAT;
  entry->flags = by_worker ? IOSQE_ASYNC : 0;
  entry->fd = AT_FDCWD;
  entry->addr = reinterpret_cast<std::uint64_t>(path.c_str());
  entry->open_flags = O_RDONLY;
  At<std::uint32_t>(sq, params.sq_off.array)[0] = 0;
  __atomic_store_n(At<std::uint32_t>(sq, params.sq_off.tail), 1, __ATOMIC_RELEASE);
  if (syscall(SYS_io_uring_enter, ring.get(), 1, 1, IORING_ENTER_GETEVENTS, nullptr, 0) != 1) return errno;
  const int result = At<io_uring_cqe>(cq, params.cq_off.cqes)->res;
  return result < 0 ? -result : 0;
}

}  // namespace weir::lab::Uring

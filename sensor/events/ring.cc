// SPDX-License-Identifier: Apache-2.0
#include "sensor/events/ring.h"

#include <bpf/bpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace weir::events {
namespace {

std::size_t PageBytes() { return static_cast<std::size_t>(sysconf(_SC_PAGESIZE)); }

}  // namespace

Result<Ring> Ring::Open(int map_fd) {
  bpf_map_info info{};
  std::uint32_t info_bytes = sizeof(info);
  if (bpf_obj_get_info_by_fd(map_fd, &info, &info_bytes)) return FailErrno("read the ring's size", errno);
  if (info.type != BPF_MAP_TYPE_RINGBUF) return Fail(Code::kInvalid, "the map given as a ring is not a ring buffer");

  const std::size_t page = PageBytes();
  Ring ring;
  void* consumer = mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);
  if (consumer == MAP_FAILED) return FailErrno("map the ring's consumer page", errno);
  ring.consumer_page_ = consumer;
  ring.producer_bytes_ = page + 2 * std::size_t{info.max_entries};
  void* producer = mmap(nullptr, ring.producer_bytes_, PROT_READ, MAP_SHARED, map_fd, static_cast<off_t>(page));
  if (producer == MAP_FAILED) return FailErrno("map the ring's data", errno);
  ring.producer_pages_ = producer;
  ring.view_ = {static_cast<std::uint64_t*>(consumer), static_cast<const std::uint64_t*>(producer),
                static_cast<const std::byte*>(producer) + page, info.max_entries};
  return ring;
}

Ring::Ring(Ring&& other) noexcept
    : view_(std::exchange(other.view_, {})),
      consumer_page_(std::exchange(other.consumer_page_, nullptr)),
      producer_pages_(std::exchange(other.producer_pages_, nullptr)),
      producer_bytes_(std::exchange(other.producer_bytes_, 0)) {}

Ring& Ring::operator=(Ring&& other) noexcept {
  if (this != &other) {
    Unmap();
    view_ = std::exchange(other.view_, {});
    consumer_page_ = std::exchange(other.consumer_page_, nullptr);
    producer_pages_ = std::exchange(other.producer_pages_, nullptr);
    producer_bytes_ = std::exchange(other.producer_bytes_, 0);
  }
  return *this;
}

Ring::~Ring() { Unmap(); }

void Ring::Unmap() {
  if (consumer_page_) munmap(consumer_page_, PageBytes());
  if (producer_pages_) munmap(producer_pages_, producer_bytes_);
}

}  // namespace weir::events

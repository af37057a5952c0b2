// SPDX-License-Identifier: Apache-2.0
#include "tests/kernel/lab/rings.h"

#include <sys/epoll.h>

#include <utility>

namespace weir::lab {

Result<std::unique_ptr<Rings>> Rings::Open(const bpf_map* events, const bpf_map* denials) {
  std::unique_ptr<Rings> rings(new Rings);
  rings->ring_.reset(ring_buffer__new(bpf_map__fd(events), &OnRecord, &rings->plain_, nullptr));
  if (!rings->ring_) return FailErrno("open events ring", errno);
  if (const int error = ring_buffer__add(rings->ring_.get(), bpf_map__fd(denials), &OnRecord, &rings->urgent_)) {
    return FailErrno("open denials ring", -error);
  }
  return rings;
}

int Rings::OnRecord(void* source, void* data, std::size_t size) {
  const auto* from = static_cast<Source*>(source);
  const auto* first = static_cast<const std::byte*>(data);
  from->rings->records_.push_back({from->urgent, {first, first + size}});
  return 0;
}

std::vector<Record> Rings::Take() {
  ring_buffer__consume(ring_.get());
  return std::exchange(records_, {});
}

bool Rings::WaitForWake(std::chrono::milliseconds limit) {
  epoll_event event = {};
  return ::epoll_wait(ring_buffer__epoll_fd(ring_.get()), &event, 1, static_cast<int>(limit.count())) == 1;
}

}  // namespace weir::lab

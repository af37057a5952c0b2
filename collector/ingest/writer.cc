// SPDX-License-Identifier: Apache-2.0
#include "collector/ingest/writer.h"

#include <utility>

#include "collector/rpc/limits.h"

namespace weir::ingest {

Writer::Writer(store::Store& store, std::size_t max_bytes, Watcher watcher)
    : store_(store), max_bytes_(max_bytes), watcher_(std::move(watcher)), thread_([this] { Run(); }) {}

Writer::~Writer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

Result<> Writer::Submit(store::Batch batch, std::size_t bytes, Done done) {
  {
    const std::lock_guard lock(mutex_);
    // One batch is always taken, however large, so that a small bound cannot stop a stream for ever.
    if (!queue_.empty() && bytes_ + bytes > max_bytes_) {
      return Fail(Code::kExhausted, "too many batches wait for the disk; send again later");
    }
    bytes_ += bytes;
    queue_.push_back({std::move(batch), bytes, std::move(done)});
  }
  changed_.notify_one();
  return {};
}

void Writer::Run() {
  for (std::vector<Waiting> group = TakeGroup(); !group.empty(); group = TakeGroup()) Store(std::move(group));
}

std::vector<Writer::Waiting> Writer::TakeGroup() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
  std::vector<Waiting> group;
  std::size_t events = 0;
  while (!queue_.empty() && events < rpc::kMaxCommitEvents) {
    events += queue_.front().batch.events.size();
    bytes_ -= queue_.front().bytes;
    group.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  return group;
}

void Writer::Store(std::vector<Waiting> group) {
  std::vector<store::Batch> batches;
  for (Waiting& waiting : group) batches.push_back(std::move(waiting.batch));
  auto outcomes = store_.Append(batches);
  batches.clear();
  Tell(outcomes ? nullptr : &outcomes.error());
  for (std::size_t i = 0; i < group.size(); ++i) {
    if (outcomes) {
      group[i].done(std::move((*outcomes)[i]));
    } else {
      group[i].done(tl::unexpected<Error>(outcomes.error()));
    }
  }
}

void Writer::Tell(const Error* failure) {
  const bool failing = failure != nullptr;
  if (std::exchange(failing_, failing) != failing && watcher_) watcher_(failure);
}

}  // namespace weir::ingest

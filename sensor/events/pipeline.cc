// SPDX-License-Identifier: Apache-2.0
#include "sensor/events/pipeline.h"

#include <time.h>

#include <atomic>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "bpf/abi.h"
#include "sensor/base/thread.h"
#include "sensor/events/decode.h"
#include "sensor/events/jobs.h"
#include "sensor/events/queue.h"
#include "sensor/events/reader.h"
#include "sensor/events/to_proto.h"
#include "weir/v1/event.pb.h"

namespace weir::events {
namespace {

constexpr std::size_t kWriterBatch = 256;
constexpr auto kWriterWait = std::chrono::milliseconds(500);

std::int64_t UnixNowNs() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

std::uint64_t BootNowNs() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(now.tv_nsec);
}

std::chrono::milliseconds Remaining(std::chrono::steady_clock::time_point end) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
  return std::max(left, std::chrono::milliseconds(0));
}

// The sums of all flows together may wait so long for the writer; what does not fit then is dropped, and counted.
constexpr auto kTotalsWait = std::chrono::milliseconds(5000);

// DNS flows have a name's hash for an address: their names are in DnsQuery events. What is no flow (a finding's key, or
// one that does not decode) has none either, and a collector would refuse all that comes with it.
bool HasAddress(const FlowId& id) {
  return id.verdict != Verdict::kNone && (id.hook == Hook::kSocket || id.hook == Hook::kConnect ||
                                          id.hook == Hook::kSendmsg || id.hook == Hook::kPacket);
}

FlowTotals TotalsOf(FlowId id, const weir_flow& flow, std::int64_t boot_to_unix_ns) {
  const auto unix_ns = [&](std::uint64_t boot_ns) {
    return static_cast<std::int64_t>(boot_ns + static_cast<std::uint64_t>(boot_to_unix_ns));
  };
  return {std::move(id),  unix_ns(flow.first_ns), unix_ns(flow.last_ns), flow.count,
          flow.bytes_out, flow.bytes_in,          flow.packets_out,      flow.packets_in};
}

}  // namespace

struct EventPipeline::Parts {
  Parts(const PipelineConfig& config, FlowSource flow_source, Sink event_sink, Admission admission)
      : flows(std::move(flow_source)),
        sink(std::move(event_sink)),
        admit(std::move(admission)),
        queue(config.queue_events, config.queue_bytes, [this](const Event& event) { OnDrop(event); }) {}
  ~Parts();

  void OnDrop(const Event& event);
  void Write();
  void WriteItem(Item item);
  void WriteGaps();
  [[nodiscard]] std::optional<std::uint64_t> HandOn(Event event, Job& job);

  const FlowSource flows;
  const Sink sink;
  const Admission admit;
  JobTable jobs;
  EventQueue queue;
  std::atomic<std::uint64_t> dropped{0};
  std::atomic<std::uint64_t> unowned{0};
  std::atomic<std::uint64_t> last_sequence{0};

  std::mutex totals_mutex;
  std::uint64_t totals_since_boot_ns = 0;  ///< guarded by totals_mutex

  // The writer's own.
  v1::Event wire;
  std::uint64_t losses_reported = 0;  ///< sum of drops and refusals when each was last told by a gap

  std::unique_ptr<RingReader> reader;
  std::thread writer;
};

EventPipeline::Parts::~Parts() {
  if (reader) reader->Stop();  // the writer still asks for its counters
  queue.Close();
  if (writer.joinable()) writer.join();
}

void EventPipeline::Parts::OnDrop(const Event& event) {
  // The job's books first: WriteGaps looks at them when it sees the sum change.
  if (const auto job = jobs.Find(event.scope_id)) job->CountDrop(KindOf(event.body), UnixNowNs());
  ++dropped;
}

void EventPipeline::Parts::Write() {
  while (true) {
    std::vector<Item> items = queue.Pop(kWriterBatch, kWriterWait);
    if (items.empty() && queue.Closed()) return;
    WriteGaps();  // before a JobEnd that may be in this batch
    for (Item& item : items) WriteItem(std::move(item));
    WriteGaps();  // before a Flush returns
  }
}

void EventPipeline::Parts::WriteItem(Item item) {
  const auto job = jobs.Find(item.event.scope_id);
  if (!job) {
    ++unowned;
    if (item.waiter) item.waiter->set_value(Fail(Code::kNotFound, "no job has this scope"));
    return;
  }
  const Kind kind = KindOf(item.event.body);
  const std::optional<std::uint64_t> sequence = HandOn(std::move(item.event), *job);
  if (!sequence) {
    job->CountUndelivered(kind, UnixNowNs());
    ++dropped;
  }
  if (!item.waiter) return;
  if (sequence) {
    item.waiter->set_value(*sequence);
  } else {
    item.waiter->set_value(Fail(Code::kExhausted, "what waits for the collector is too much"));
  }
}

// Of scopes for which there is room; the others' losses go on, and one gap may tell of many.
void EventPipeline::Parts::WriteGaps() {
  const std::uint64_t losses = dropped.load() + reader->refused();
  if (losses == losses_reported) return;
  const std::int64_t now_ns = UnixNowNs();
  bool all = true;
  for (const auto& [scope_id, job] : jobs.All()) {
    bool told = queue.Roomy(scope_id);
    for (const Gap& gap : told ? job->Gaps(now_ns) : std::vector<Gap>{}) {
      const bool taken = HandOn({0, now_ns, scope_id, {}, gap}, *job).has_value();
      if (taken) job->Reported(gap);
      told = told && taken;
    }
    if (told) job->gap_from_ns = 0;
    all = all && told;
  }
  if (all) losses_reported = losses;
}

// Nothing when it is not admitted.
std::optional<std::uint64_t> EventPipeline::Parts::HandOn(Event event, Job& job) {
  const Importance importance = ImportanceOf(event.body);
  Enrich(event, job.info);
  event.sequence = last_sequence.load(std::memory_order_relaxed) + 1;
  ToProto(event, wire);
  Outgoing outgoing{event.sequence, importance, {}, event.scope_id};
  AppendSerialized(wire, outgoing.bytes);
  if (admit && !admit(outgoing)) return std::nullopt;
  {
    std::lock_guard lock(job.mutex);
    job.digest.Add(outgoing.bytes);
    if (job.first_sequence == 0) job.first_sequence = event.sequence;
    job.last_sequence = event.sequence;
  }
  ++job.handed_on;
  last_sequence = event.sequence;
  sink(std::move(outgoing));
  return event.sequence;
}

EventPipeline::EventPipeline(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
EventPipeline::~EventPipeline() = default;

Result<std::unique_ptr<EventPipeline>> EventPipeline::Create(const PipelineConfig& config, FlowSource flows, Sink sink,
                                                             Admission admit) {
  auto parts = std::make_unique<Parts>(config, std::move(flows), std::move(sink), std::move(admit));
  for (const auto& [scope_id, info] : config.adopted) parts->jobs.Add(scope_id, info);
  auto reader = RingReader::Create(config, parts->jobs, parts->queue);
  if (!reader) return tl::unexpected<Error>(std::move(reader).error());
  parts->reader = *std::move(reader);
  parts->writer = StartThread("weir-writer", [raw = parts.get()] { raw->Write(); });
  return std::unique_ptr<EventPipeline>(new EventPipeline(std::move(parts)));
}

void EventPipeline::AddJob(std::uint32_t scope_id, JobInfo info) { parts_->jobs.Add(scope_id, std::move(info)); }

void EventPipeline::RemoveJob(std::uint32_t scope_id) { parts_->jobs.Remove(scope_id); }

void EventPipeline::Submit(std::uint32_t scope_id, Body body, std::uint32_t step) {
  std::vector<Item> items;
  items.push_back({Event{0, UnixNowNs(), scope_id, {}, std::move(body), step}, nullptr});
  parts_->queue.Push(items);
}

Result<std::uint64_t> EventPipeline::SubmitAndWait(std::uint32_t scope_id, Body body,
                                                   std::chrono::milliseconds deadline) {
  auto waiter = std::make_shared<std::promise<Result<std::uint64_t>>>();
  std::future<Result<std::uint64_t>> numbered = waiter->get_future();
  std::vector<Item> items;
  items.push_back({Event{0, UnixNowNs(), scope_id, {}, std::move(body)}, std::move(waiter)});
  parts_->queue.Push(items);
  if (numbered.wait_for(deadline) != std::future_status::ready) {
    return Fail(Code::kUnavailable, "the event was not handed on in time");
  }
  return numbered.get();
}

Result<> EventPipeline::Flush(std::optional<std::uint32_t> scope_id, std::chrono::milliseconds deadline) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  if (!parts_->reader->WaitRead(deadline)) return Fail(Code::kUnavailable, "the rings were not read in time");
  if (!parts_->queue.WaitDrained(scope_id, Remaining(end))) {
    return Fail(Code::kUnavailable, "the outgoing events were not handed on in time");
  }
  return {};
}

Result<std::size_t> EventPipeline::SubmitFlowTotals(std::optional<std::uint32_t> scope_id) {
  if (!parts_->flows) return 0;
  std::lock_guard lock(parts_->totals_mutex);
  const std::uint64_t since_ns = scope_id ? 0 : parts_->totals_since_boot_ns;
  const std::uint64_t now_boot_ns = BootNowNs();
  const std::int64_t now_ns = UnixNowNs();
  std::map<std::uint32_t, std::vector<Item>> batches;
  std::size_t submitted = 0;
  const auto end = std::chrono::steady_clock::now() + kTotalsWait;
  const auto push = [&](std::uint32_t of_scope, std::vector<Item>& batch) {
    // There may be more flows than the queue holds events, and nothing is lost by waiting: the table has them.
    parts_->queue.WaitRoomy(of_scope, Remaining(end));
    parts_->queue.Push(batch);
  };
  WEIR_TRY(parts_->flows([&](const weir_flow_key& key, const weir_flow& flow) {
    FlowId id = DecodeFlowKey(key);
    if ((scope_id && key.scope_id != *scope_id) || flow.last_ns < since_ns || !HasAddress(id)) return;
    Body body = TotalsOf(std::move(id), flow, parts_->reader->boot_to_unix_ns());
    std::vector<Item>& batch = batches[key.scope_id];
    batch.push_back({Event{0, now_ns, key.scope_id, {}, std::move(body), key.step}, nullptr});
    ++submitted;
    if (batch.size() == kWriterBatch) push(key.scope_id, batch);
  }));
  for (auto& [of_scope, batch] : batches) push(of_scope, batch);
  if (!scope_id) parts_->totals_since_boot_ns = now_boot_ns;
  return submitted;
}

ScopeTally EventPipeline::Tally(std::uint32_t scope_id) const {
  const auto job = parts_->jobs.Find(scope_id);
  return job ? job->Tally() : ScopeTally{};
}

StreamDigest EventPipeline::Digest(std::uint32_t scope_id) const {
  const auto job = parts_->jobs.Find(scope_id);
  return job ? job->Digest() : StreamDigest{};
}

PipelineStatus EventPipeline::Status() const {
  return {parts_->queue.Size(), parts_->dropped.load(), parts_->reader->refused(),
          parts_->unowned.load() + parts_->reader->unowned(), parts_->last_sequence.load()};
}

}  // namespace weir::events

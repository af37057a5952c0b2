// SPDX-License-Identifier: Apache-2.0
// From ring records to bytes for the collector, stage by stage and whole. One core each: DESIGN 7 asks for 1,000,000
// events a second a core.
#include <benchmark/benchmark.h>

#include <cstring>
#include <random>
#include <vector>

#include "sensor/events/decode.h"
#include "sensor/events/digest.h"
#include "sensor/events/pipeline.h"
#include "sensor/events/queue.h"
#include "sensor/events/ring.h"
#include "sensor/events/to_proto.h"
#include "sensor/uplink/batch.h"
#include "tests/unit/events/records.h"
#include "weir/v1/event.pb.h"

namespace weir::events {
namespace {

using namespace std::string_literals;

const test::Record& FlowRecord() {
  static const test::Record record = test::Raw(test::FlowEvent());
  return record;
}

const test::Record& ExecRecord() {
  static const test::Record record =
      test::ExecRecord("/usr/bin/node\0script.js\0--verbose\0"s, "node\0bin\0usr\0"s, "project\0work\0home\0"s);
  return record;
}

void CountEvents(benchmark::State& state, std::int64_t events_an_iteration = 1) {
  state.SetItemsProcessed(state.iterations() * events_an_iteration);
}

void DecodeFlow(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(Decode(FlowRecord(), 1));
  CountEvents(state);
}
BENCHMARK(DecodeFlow);

void DecodeExec(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(Decode(ExecRecord(), 1));
  CountEvents(state);
}
BENCHMARK(DecodeExec);

/// A ring in ordinary memory, filled once and read again and again.
void ReadRing(benchmark::State& state) {
  constexpr std::uint64_t kBytes = 1u << 20;
  std::vector<std::byte> memory(2 * kBytes);
  const std::uint64_t step = (8 + FlowRecord().size() + 7) & ~std::uint64_t{7};
  std::uint64_t producer = 0, consumer = 0;
  for (; producer + step <= kBytes; producer += step) {
    const auto length = static_cast<std::uint32_t>(FlowRecord().size());
    std::memcpy(&memory[producer], &length, sizeof(length));
    std::memcpy(&memory[producer + 8], FlowRecord().data(), FlowRecord().size());
  }
  RingView view{&consumer, &producer, memory.data(), kBytes};
  for (auto _ : state) {
    consumer = 0;
    view.Consume(producer, [](std::span<const std::byte> record) { benchmark::DoNotOptimize(record.data()); });
  }
  CountEvents(state, static_cast<std::int64_t>(producer / step));
}
BENCHMARK(ReadRing);

void PushAndPop(benchmark::State& state) {
  EventQueue queue(32768, 64u << 20, [](const Event&) {});
  constexpr std::int64_t kBatch = 64;
  for (auto _ : state) {
    std::vector<Item> items;
    items.reserve(kBatch);
    for (std::int64_t i = 0; i < kBatch; ++i) items.push_back({Event{0, 0, 1, {}, Flow{}}, nullptr});
    queue.Push(items);
    benchmark::DoNotOptimize(queue.Pop(kBatch, std::chrono::milliseconds(0)));
  }
  CountEvents(state, kBatch);
}
BENCHMARK(PushAndPop);

void ToWire(benchmark::State& state) {
  const Event event = *Decode(FlowRecord(), 1);
  v1::Event wire;
  std::string bytes;
  for (auto _ : state) {
    bytes.clear();
    ToProto(event, wire);
    AppendSerialized(wire, bytes);
    benchmark::DoNotOptimize(bytes.data());
  }
  CountEvents(state);
}
BENCHMARK(ToWire);

void DigestRecord(benchmark::State& state) {
  RecordDigest digest;
  const std::string record(180, 'x');  // a flow's usual size
  for (auto _ : state) digest.Add(record);
  CountEvents(state);
}
BENCHMARK(DigestRecord);

void EncodeBatch(benchmark::State& state) {
  const std::vector<Outgoing> events(1024, Outgoing{1, Importance::kPlain, std::string(180, 'x')});
  for (auto _ : state) benchmark::DoNotOptimize(uplink::EncodeBatch("sensor-1", 1, events));
  CountEvents(state, 1024);
}
BENCHMARK(EncodeBatch);

/// Reader's work and writer's work on their two threads, with a sink that does nothing. Producers wait when the queue
/// is half full, so nothing is dropped.
void Pipeline(benchmark::State& state) {
  std::uint64_t got = 0;
  auto pipeline = *EventPipeline::Create({}, nullptr, [&](Outgoing) { ++got; });
  pipeline->AddJob(7, {"job-1", {"a:443", "example.org:443"}});
  constexpr std::int64_t kBatch = 8192;
  for (auto _ : state) {
    for (std::int64_t i = 0; i < kBatch; ++i) {
      pipeline->Submit(7, std::move(Decode(FlowRecord(), 1)->body));
    }
    if (!pipeline->Flush(std::nullopt, std::chrono::seconds(60))) state.SkipWithError("not flushed");
  }
  CountEvents(state, kBatch);
  if (pipeline->Status().dropped) state.SkipWithError("events were dropped");
}
BENCHMARK(Pipeline)->UseRealTime();

}  // namespace
}  // namespace weir::events

BENCHMARK_MAIN();

// SPDX-License-Identifier: Apache-2.0
// Events per second into the SQLite store, each commit synced to disk. Beside it: what the disk gives to plain appends
// with one fdatasync per batch, so that a slow disk is seen as such.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "collector/store/store.h"
#include "sensor/base/fd.h"
#include "tests/unit/store/events.h"

namespace weir::store {
namespace {

namespace fs = std::filesystem;

class Directory {
 public:
  Directory() {
    std::string pattern = fs::temp_directory_path() / "weir-bench-XXXXXX";
    path_ = ::mkdtemp(pattern.data());
  }
  ~Directory() { fs::remove_all(path_); }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

constexpr std::uint64_t kBatchEvents = 8192;

/// What a build looks like: of ten events one is an exec, three are forks, three exits, two flows and one the sums of a
/// flow. 200 images have the flows; destinations are spread over 4,096 addresses.
Event BuildEvent(std::uint64_t sequence) {
  const std::uint64_t image = 1 + sequence / 10;
  const auto pid = static_cast<std::uint32_t>(image);
  const auto flow = [](std::uint64_t n) {
    return FlowOf(n % 200, "192.0." + std::to_string(n / 256 % 16) + "." + std::to_string(n % 256));
  };
  switch (sequence % 10) {
    case 0: return At(sequence, "job", ExecOf(image, image / 2, "/usr/lib/gcc/x86_64-linux-gnu/12/cc1plus"));
    case 1:
    case 2:
    case 3: return At(sequence, "job", Fork{image, pid, pid / 2, 1});
    case 4:
    case 5:
    case 6: return At(sequence, "job", Exit{image, pid, 0});
    case 7:
    case 8: return At(sequence, "job", flow(sequence));
    default: return At(sequence, "job", TotalsOf(flow(sequence - 1), sequence, sequence * 100));
  }
}

/// The worst case: every event is a flow that was never seen before.
Event NewFlow(std::uint64_t sequence) {
  const std::uint64_t n = sequence;
  return At(sequence, "job",
            FlowOf(n / 65536, "10." + std::to_string(n >> 16 & 255) + "." + std::to_string(n >> 8 & 255) + "." +
                                  std::to_string(n & 255)));
}

template <Event (*Make)(std::uint64_t)>
void Append(benchmark::State& state) {
  const Directory directory;
  auto store = Store::Open({.path = directory.path() / "weir.db"}).value();
  std::uint64_t sequence = 0;
  for (auto _ : state) {
    state.PauseTiming();
    Batch batch = BatchOf({});
    for (std::uint64_t i = 0; i < kBatchEvents; ++i) batch.events.push_back(Make(++sequence));
    state.ResumeTiming();
    const auto outcomes = store->Append(std::span(&batch, 1));
    if (!outcomes || outcomes->front()->stored != kBatchEvents) state.SkipWithError("append failed");
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(sequence));
}
BENCHMARK(Append<BuildEvent>)->Name("store/append/build")->UseRealTime()->MinTime(3);
BENCHMARK(Append<NewFlow>)->Name("store/append/new-flows")->UseRealTime()->MinTime(3);

void PlainFile(benchmark::State& state) {
  const Directory directory;
  const Fd file(::open((directory.path() / "log").c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600));
  const std::string batch(kBatchEvents * 100, 'x');
  for (auto _ : state) {
    if (::write(file.get(), batch.data(), batch.size()) < 0 || ::fdatasync(file.get()) != 0) {
      state.SkipWithError("write failed");
    }
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kBatchEvents));
}
BENCHMARK(PlainFile)->Name("store/floor/append-100-bytes-and-sync")->UseRealTime();

void ListFlows(benchmark::State& state) {
  const Directory directory;
  auto store = Store::Open({.path = directory.path() / "weir.db"}).value();
  std::vector<Event> events;
  for (std::uint64_t i = 1; i <= 65535; ++i) events.push_back(NewFlow(i));
  const Batch batch = BatchOf(std::move(events));
  if (!store->Append(std::span(&batch, 1))) state.SkipWithError("append failed");
  for (auto _ : state) benchmark::DoNotOptimize(store->ListFlows({.job_id = "job", .limit = 100000})->flows.size());
  state.SetItemsProcessed(state.iterations() * 65535);
}
BENCHMARK(ListFlows)->Name("store/list/65535-flows")->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace weir::store

BENCHMARK_MAIN();

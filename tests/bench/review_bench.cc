// SPDX-License-Identifier: Apache-2.0
// Time of each question of a review over 1,000,000 stored events: 100 jobs of 10,000, as builds make them. Every job
// has 300 images with contacts, 2,000 contacts (100 of them refused) and 1,000 lookups.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "collector/query/suggest.h"
#include "collector/store/store.h"
#include "tests/unit/store/events.h"

namespace weir {
namespace {

namespace fs = std::filesystem;
using namespace store;

constexpr std::uint64_t kJobs = 100;
constexpr std::uint64_t kJobEvents = 10000;

std::string JobName(std::uint64_t job) { return "job-" + std::to_string(job); }

Flow JobFlow(std::uint64_t n) {
  Flow flow = FlowOf(n % 300 * 10, "198.51." + std::to_string(n / 256 % 4) + "." + std::to_string(n % 256),
                     n / 10 % 20 == 0 ? Verdict::kWouldDeny : Verdict::kAllow);
  flow.name = "host-" + std::to_string(n % 500) + ".example" + std::to_string(n % 40) + ".org";
  return flow;
}

Event JobEvent(std::uint64_t job, std::uint64_t n) {
  const std::uint64_t sequence = job * kJobEvents + n + 1;
  const auto pid = static_cast<std::uint32_t>(n);
  const auto body = [&]() -> Body {
    if (n == 0) return JobBegin{};
    if (n + 1 == kJobEvents) return JobEnd{0, "{}", true};
    switch (n % 10) {
      case 0: return ExecOf(n, n / 20 * 10, "/usr/lib/gcc/x86_64-linux-gnu/12/cc1plus");
      case 1:
      case 2:
      case 3: return Fork{n / 10 * 10, pid, pid / 2, 1};
      case 4:
      case 5: return Exit{n / 10 * 10, pid, 0};
      case 6: {
        const Flow flow = JobFlow(n);
        return DnsQuery{flow.key.exec_id, pid,    "node", flow.name, "A",  "192.0.2.53",
                        flow.key.verdict, "name", 0,      "",        false};
      }
      case 7:
      case 8: return JobFlow(n);
      default: return TotalsOf(JobFlow(n - 1), 10, n * 100);
    }
  }();
  return At(sequence, JobName(job), body);
}

/// The database of all benchmarks here; gone when the program ends.
class Million {
 public:
  Million() {
    std::string pattern = fs::temp_directory_path() / "weir-bench-XXXXXX";
    path_ = ::mkdtemp(pattern.data());
    store_ = Store::Open({.path = path_ / "weir.db"}).value();
    for (std::uint64_t job = 0; job < kJobs; ++job) {
      Batch batch = BatchOf({});
      for (std::uint64_t n = 0; n < kJobEvents; ++n) batch.events.push_back(JobEvent(job, n));
      store_->Append(std::span(&batch, 1)).value();
    }
  }
  ~Million() {
    store_.reset();
    fs::remove_all(path_);
  }
  Million(const Million&) = delete;
  Million& operator=(const Million&) = delete;
  static Store& Get() {
    static Million million;
    return *million.store_;
  }

 private:
  fs::path path_;
  std::unique_ptr<Store> store_;
};

void ListJobs(benchmark::State& state) {
  Store& store = Million::Get();
  for (auto _ : state) benchmark::DoNotOptimize(store.ListJobs(0, 100).value().jobs.size());
}
BENCHMARK(ListJobs)->Name("review/1M/100-jobs")->UseRealTime()->Unit(benchmark::kMillisecond);

void ListFlows(benchmark::State& state, const FlowFilter& filter) {
  Store& store = Million::Get();
  for (auto _ : state) benchmark::DoNotOptimize(store.ListFlows(filter).value().flows.size());
}
BENCHMARK_CAPTURE(ListFlows, all, FlowFilter{})
    ->Name("review/1M/flows-of-all-jobs")
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(ListFlows, denied, FlowFilter{"", true, 0, 1000})
    ->Name("review/1M/refused-flows-of-all-jobs")
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(ListFlows, one, FlowFilter{"job-50", false, 0, 1000})
    ->Name("review/1M/flows-of-one-job")
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

void LoadJob(benchmark::State& state) {
  Store& store = Million::Get();
  for (auto _ : state) benchmark::DoNotOptimize(store.LoadJob("job-50", {}).value().flows.flows.size());
}
BENCHMARK(LoadJob)->Name("review/1M/everything-about-one-job")->UseRealTime()->Unit(benchmark::kMillisecond);

void Suggest(benchmark::State& state) {
  Store& store = Million::Get();
  v1::SuggestPolicyRequest request;
  for (std::int64_t job = 0; job < state.range(0); ++job) request.add_job_ids(JobName(static_cast<std::uint64_t>(job)));
  for (auto _ : state) {
    v1::SuggestPolicyResponse response;
    if (!query::Suggest(store, request, {}, response)) state.SkipWithError("suggest failed");
  }
}
BENCHMARK(Suggest)->Name("review/1M/suggest-from-jobs")->Arg(1)->Arg(100)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace weir

BENCHMARK_MAIN();

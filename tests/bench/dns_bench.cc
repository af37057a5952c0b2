// SPDX-License-Identifier: Apache-2.0
// What reading DNS costs in the kernel, packet by packet: BPF_PROG_RUN with repetitions, the kernel's own clock. Root.
#include <benchmark/benchmark.h>

#include "tests/kernel/dns/probe.h"
#include "tests/unit/dns/vectors.h"

namespace weir::lab {
namespace {

using dnstest::Answer;
using dnstest::Bytes;
using dnstest::kA;
using dnstest::kCname;
using dnstest::Message;
using dnstest::Query;
using dnstest::Wire;

constexpr std::string_view kWww = "www.example.org";
constexpr int kTimes = 20000;

// The fixture of the kernel tests, for its tables and its packets.
class Bench : public DnsProbe {
 public:
  Bench() { SetUp(); }
  ~Bench() override = default;
  void TestBody() override {}

  void Allow(std::string_view name) { AddName(name, WEIR_NAME_EXACT, 7); }
  /// One query and what answers it, seconds.
  double Seconds(const Message& query, const std::vector<Bytes>& answers) {
    Repeat(kTimes);
    Judge(query, answers);
    return RunNs() * 1e-9;
  }
};

void Measure(benchmark::State& state, const Message& query, const std::vector<Bytes>& answers,
             std::string_view allowed) {
  Bench bench;
  if (testing::Test::HasFailure()) {
    state.SkipWithError("cannot load the programs (root?)");
    return;
  }
  if (!allowed.empty()) bench.Allow(allowed);
  for (auto _ : state) state.SetIterationTime(bench.Seconds(query, answers));
}

Bytes Addresses(std::uint16_t count) {
  Message answer = Answer(kWww, kA, count);
  for (unsigned i = 0; i < count; i++) answer.Pointer(12).A(192, 0, 2, static_cast<std::uint8_t>(i));
  return answer.bytes();
}

Bytes CnameAndTwo() {
  Message answer = Answer(kWww, kA, 3).Pointer(12).Record(kCname, Wire("edge.example.net"));
  const auto at = static_cast<unsigned>(answer.at() - Wire("edge.example.net").size());
  return answer.Pointer(at).A(192, 0, 2, 1).Pointer(at).A(192, 0, 2, 2).bytes();
}

void QueryAllowed(benchmark::State& state) { Measure(state, Query(kWww), {}, kWww); }
void QueryRefused(benchmark::State& state) { Measure(state, Query("a.b.evil.example"), {}, kWww); }
void QueryOf127Labels(benchmark::State& state) { Measure(state, Query(dnstest::ManyLabels()), {}, kWww); }
void QueryAndOneA(benchmark::State& state) { Measure(state, Query(kWww), {Addresses(1)}, kWww); }
void QueryAndCnameAndTwoA(benchmark::State& state) { Measure(state, Query(kWww), {CnameAndTwo()}, kWww); }
void QueryAnd64A(benchmark::State& state) { Measure(state, Query(kWww), {Addresses(64)}, kWww); }

BENCHMARK(QueryAllowed)->UseManualTime()->Iterations(5)->Unit(benchmark::kNanosecond);
BENCHMARK(QueryRefused)->UseManualTime()->Iterations(5)->Unit(benchmark::kNanosecond);
BENCHMARK(QueryOf127Labels)->UseManualTime()->Iterations(5)->Unit(benchmark::kNanosecond);
BENCHMARK(QueryAndOneA)->UseManualTime()->Iterations(5)->Unit(benchmark::kNanosecond);
BENCHMARK(QueryAndCnameAndTwoA)->UseManualTime()->Iterations(5)->Unit(benchmark::kNanosecond);
BENCHMARK(QueryAnd64A)->UseManualTime()->Iterations(5)->Unit(benchmark::kNanosecond);

}  // namespace
}  // namespace weir::lab

BENCHMARK_MAIN();

// SPDX-License-Identifier: Apache-2.0
// Any bytes as a sensor's batch: refused, or stored whole, once, and fit to be asked about. What the checks let through
// and the database then refuses would stop every other sensor's batches of the same commit.
#include <google/protobuf/stubs/logging.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "collector/ingest/convert.h"
#include "collector/query/render.h"
#include "collector/query/suggest.h"
#include "collector/report/build.h"
#include "collector/report/render.h"
#include "collector/store/store.h"
#include "weir/v1/ingest.pb.h"

namespace {

using namespace weir;

void Require(bool holds) {
  if (!holds) std::abort();
}

/// A store in memory (/dev/shm), made anew after a while so that it stays small.
class Place {
 public:
  Place() {
    std::string pattern = "/dev/shm/weir-fuzz-XXXXXX";
    Require(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~Place() {
    store_.reset();
    std::filesystem::remove_all(path_);
  }
  store::Store& Get() {
    constexpr int kUses = 500;
    if (!store_ || ++uses_ > kUses) {
      store_.reset();
      for (const auto& file : std::filesystem::directory_iterator(path_)) std::filesystem::remove(file);
      store_ = store::Store::Open({.path = path_ / "weir.db"}).value();
      uses_ = 0;
    }
    return *store_;
  }

 private:
  std::filesystem::path path_;
  std::unique_ptr<store::Store> store_;
  int uses_ = 0;
};

void Ask(store::Store& store, const std::string& job_id) {
  v1::SuggestPolicyRequest request;
  v1::SuggestPolicyResponse response;
  request.add_job_ids(job_id);
  Require(query::Suggest(store, request, {}, response).has_value());
  const auto jobs = store.ListJobs(0, 100);
  Require(jobs.has_value());
  for (const auto& job : jobs->jobs) {
    v1::JobRow row;
    query::Render(job, row);
    std::string bytes;
    Require(row.SerializeToString(&bytes) && row.ParseFromString(bytes));  // fails when a string is not UTF-8
  }
  auto evidence = store.LoadJob(job_id, {});
  Require(evidence.has_value());
  const report::JobReport report = report::BuildReport(std::move(*evidence));
  Require(nlohmann::json::accept(report::RenderJson(report)));
  Require(nlohmann::json::accept(report::RenderSarif(report, ".github/egress.yml")));
  (void)report::RenderHtml(report);
  (void)report::RenderMarkdown(report);
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  google::protobuf::SetLogHandler(nullptr);  // a line for each string that is not UTF-8
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Place place;
  v1::EventBatch wire;
  if (!wire.ParseFromArray(data, static_cast<int>(size))) return 0;
  const auto batch = ingest::ToBatch(wire);
  if (!batch) return batch.error().what.empty() ? std::abort(), 0 : 0;
  const std::uint64_t last = batch->events.back().sequence;
  store::Store& store = place.Get();
  const auto stored = store.Append(std::span(&*batch, 1));
  Require(stored.has_value());
  if (!stored->front()) {
    Require(stored->front().error().code == Code::kPrivilege);  // the job of an earlier input's sensor
    return 0;
  }
  Require(stored->front()->durable_sequence == last);
  Require(stored->front()->stored + stored->front()->duplicates == batch->events.size());
  const auto again = store.Append(std::span(&*batch, 1));
  Require(again.has_value() && again->front().has_value() && again->front()->stored == 0);
  Require(again->front()->missing == 0 && again->front()->durable_sequence == last);
  // Questions cost more than answers are worth for each input.
  const std::string& job_id = batch->events.front().job_id;
  if (!job_id.empty() && size % 8 == 0) Ask(store, job_id);
  return 0;
}

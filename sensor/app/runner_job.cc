// SPDX-License-Identifier: Apache-2.0
// Jobs that a runner's hook begins, and that end when their Runner.Worker does.
#include <poll.h>

#include <future>
#include <map>
#include <system_error>

#include "sensor/app/parts.h"
#include "sensor/runner/job_policy.h"
#include "sensor/runner/worker.h"

namespace weir {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds kWorkerLook = 200ms;

bool HasEnded(const Fd& process) {
  pollfd ended{process.get(), POLLIN, 0};
  return ::poll(&ended, 1, 0) != 0;
}

}  // namespace

Result<JobBegun> Sensor::BeginRunnerJob(const RunnerCall& call, const JobSpec& asked) {
  auto enrolments = runner::LoadEnrolments(parts_->config.runners_directory);
  WEIR_TRY(enrolments);
  auto worker = runner::FindWorker(call.pid, call.uid, *enrolments);
  WEIR_TRY(worker);
  Fd process = runner::OpenProcess(worker->pid, worker->start_ticks);
  auto job_id = JobOfProcess(worker->pid);
  WEIR_TRY(job_id);
  if (!process) return Fail(Code::kNotFound, "the Runner.Worker that asked has ended");
  if (*job_id) return Fail(Code::kExists, "this Runner.Worker is in job " + **job_id + " already");
  const runner::Enrolment& enrolment = (*enrolments)[worker->enrolment];
  runner::JobPolicy policy = runner::PolicyFor(enrolment, asked.labels, asked.policy_text, worker->executable);

  JobSpec spec;  // of what was asked only what names the job: the rest is the host's to say
  spec.name = asked.name;
  spec.labels = asked.labels;
  spec.labels["runner"] = enrolment.name;
  // For the hook at the end, which runs inside the job and may read its labels.
  spec.labels["on_deny"] = policy.fails_on_deny ? "fail" : "report";
  spec.policy_text = std::move(policy.text);
  spec.policy_path = policy.path;
  spec.network_namespace_pid = worker->pid;
  spec.resolvers = asked.resolvers;
  spec.search = asked.search;
  spec.host = enrolment.host;
  auto begun = BeginJob(spec);
  WEIR_TRY(begun);
  parts_->guard->Vouch(worker->pid);
  // Before it enters, so that no child of its is of no step. A failure costs the steps, and no job.
  const auto tgid = static_cast<std::uint32_t>(worker->pid);
  if (auto known = parts_->maps->WriteWorker(begun->scope_id, tgid, worker->start_ticks); !known)
    policy.warnings.push_back("steps are not told apart: " + known.error().what);
  if (auto joined = JoinJob(begun->job_id, worker->pid); !joined) {
    static_cast<void>(EndJob(begun->job_id, -1));
    return tl::unexpected<Error>(std::move(joined).error());
  }
  auto job = parts_->Find(begun->job_id);
  WEIR_TRY(job);
  {
    const std::lock_guard lock((*job)->mutex);
    (*job)->worker = std::move(process);
    (*job)->state.worker_pid = worker->pid;
    (*job)->state.worker_start_ticks = worker->start_ticks;
    static_cast<void>(parts_->store->Save((*job)->state, /*sync=*/false));
  }
  if (!policy.refused.empty()) return Fail(Code::kInvalid, policy.refused);
  begun->warnings.insert(begun->warnings.begin(), policy.warnings.begin(), policy.warnings.end());
  return begun;
}

/// The end is nobody's to ask for: a job that ends its Runner.Worker ends itself and stays judged to the last process.
/// Jobs that end at once do so beside each other: each waits for what outlives it.
void Sensor::Parts::WatchWorkers() {
  std::map<std::string, std::future<void>> ends;  // by job; its destructor waits
  const auto end = [this](const std::string& job_id) {
    static_cast<void>(End(job_id, -1));  // somebody else may have ended it meanwhile
  };
  std::unique_lock lock(mutex);
  while (!stop.wait_for(lock, kWorkerLook, [this] { return stopping; })) {
    lock.unlock();
    std::erase_if(ends, [](const auto& one) { return one.second.wait_for(0s) == std::future_status::ready; });
    for (const LiveJobPtr& job : Jobs()) {
      std::unique_lock held(job->mutex, std::try_to_lock);
      if (!held || job->ended || job->state.worker_pid == 0 || !HasEnded(job->worker)) continue;
      held.unlock();
      const std::string& job_id = job->state.job_id;
      if (ends.contains(job_id)) continue;
      try {
        ends.emplace(job_id, std::async(std::launch::async, end, job_id));
      } catch (const std::system_error&) {
        end(job_id);  // the host has no thread to give: one after the other
      }
    }
    lock.lock();
  }
}

}  // namespace weir

// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "sensor/jobs/file.h"
#include "sensor/jobs/job_id.h"
#include "sensor/jobs/job_state.h"

namespace weir::jobs {
namespace {

namespace fs = std::filesystem;

// A policy of 16 MiB (policy/policy.h) and its escapes.
constexpr std::size_t kMaxStateBytes = 64u << 20;

Result<> MakeDirectory(const fs::path& path) {
  std::error_code ignored;
  fs::create_directories(path.parent_path(), ignored);
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return FailErrno("cannot make " + path.string(), errno);
  return {};
}

std::vector<std::string> JsonFiles(const fs::path& directory) {
  std::vector<std::string> names;
  std::error_code failed;
  for (fs::directory_iterator entry(directory, failed), end; !failed && entry != end; entry.increment(failed)) {
    if (entry->path().extension() == ".json") names.push_back(entry->path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

// What a kill in the middle of ReplaceFile left.
void RemoveHalfWritten(const fs::path& directory) {
  std::error_code failed;
  for (fs::directory_iterator entry(directory, failed), end; !failed && entry != end; entry.increment(failed)) {
    if (entry->path().extension() == ".new") (void)::unlink(entry->path().c_str());
  }
}

}  // namespace

Result<StateStore> StateStore::Open(const fs::path& directory) {
  WEIR_TRY(MakeDirectory(directory));
  WEIR_TRY(MakeDirectory(directory / "jobs"));
  WEIR_TRY(MakeDirectory(directory / "records"));
  auto lock = DirectoryLock::Take(directory);
  WEIR_TRY(lock);
  RemoveHalfWritten(directory / "jobs");
  RemoveHalfWritten(directory / "records");
  return StateStore(directory, std::move(*lock));
}

fs::path StateStore::FileOf(const std::string& job_id) const { return directory_ / "jobs" / (job_id + ".json"); }

Result<> StateStore::Save(const JobState& state, bool sync) const {
  if (!IsJobId(state.job_id)) return Fail(Code::kInternal, "a job id that cannot be a file name");
  return ReplaceFile(FileOf(state.job_id), JobStateToJson(state), sync);
}

Result<LoadedStates> StateStore::LoadAll() const {
  LoadedStates loaded;
  for (const std::string& name : JsonFiles(directory_ / "jobs")) {
    const fs::path path = FileOf(name);
    auto text = ReadSmallFile(path, kMaxStateBytes);
    auto state = text ? JobStateFromJson(*text) : Result<JobState>(tl::unexpected<Error>(text.error()));
    if (state && state->job_id == name) {
      loaded.jobs.push_back(std::move(*state));
      continue;
    }
    const std::string why = state ? "it names another job" : state.error().what;
    loaded.faults.push_back("job state " + path.string() + " was set aside: " + why);
    std::error_code ignored;
    fs::rename(path, fs::path(path.string() + ".bad"), ignored);
  }
  return loaded;
}

Result<> StateStore::Remove(const std::string& job_id) const {
  if (!IsJobId(job_id)) return Fail(Code::kInternal, "a job id that cannot be a file name");
  if (::unlink(FileOf(job_id).c_str()) != 0 && errno != ENOENT) {
    return FailErrno("cannot remove the state of job " + job_id, errno);
  }
  return {};
}

bool StateStore::HasRecord(const std::string& job_id) const {
  return IsJobId(job_id) && ::access((directory_ / "records" / (job_id + ".json")).c_str(), F_OK) == 0;
}

Result<> StateStore::SaveRecord(const std::string& job_id, std::string_view text, std::size_t keep) const {
  if (!IsJobId(job_id)) return Fail(Code::kInternal, "a job id that cannot be a file name");
  const fs::path records = directory_ / "records";
  WEIR_TRY(ReplaceFile(records / (job_id + ".json"), text, /*sync=*/true));
  std::vector<std::string> names = JsonFiles(records);  // job ids sort by time of begin
  for (std::size_t i = 0; i + keep < names.size(); ++i) {
    // A job may outlast more than `keep` later ones.
    if (names[i] != job_id) (void)::unlink((records / (names[i] + ".json")).c_str());
  }
  return {};
}

}  // namespace weir::jobs

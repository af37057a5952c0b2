// SPDX-License-Identifier: Apache-2.0
#include "tests/kernel/process/process_fixture.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <climits>
#include <cstdlib>
#include <cstring>

#include "bpf/path.h"
#include "tests/kernel/lab/empty.h"

namespace weir::lab {
namespace {

std::string TurnPath(std::string_view parts, bool cut) {
  std::string path(weir_path_bound(static_cast<std::uint32_t>(parts.size())), '\0');
  path.resize(weir_path_turn(reinterpret_cast<const std::uint8_t*>(parts.data()),
                             static_cast<std::uint32_t>(parts.size()), cut,
                             reinterpret_cast<std::uint8_t*>(path.data()), static_cast<std::uint32_t>(path.size())));
  return path;
}

// Tables that only the egress programs use: a hundred megabytes that each test would have zeroed for nothing.
void ShrinkOthersTables(weir_process& process) {
  bpf_map* const tables[] = {process.maps.weir_exact, process.maps.weir_cidr, process.maps.weir_names,
                             process.maps.weir_learned, process.maps.weir_flows};
  for (bpf_map* table : tables) bpf_map__set_max_entries(table, 16);
}

std::vector<char*> Pointers(const std::vector<std::string>& args) {
  std::vector<char*> pointers = {const_cast<char*>("actor")};
  for (const std::string& arg : args) pointers.push_back(const_cast<char*>(arg.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

std::vector<Exec> Seen::ExecsOf(pid_t pid) const {
  std::vector<Exec> found;
  for (const Exec& exec : execs) {
    if (exec.fixed.event.tgid == static_cast<std::uint32_t>(pid)) found.push_back(exec);
  }
  return found;
}

std::optional<weir_exit_event> Seen::ExitOf(pid_t pid) const {
  for (const weir_exit_event& exit : exits) {
    if (exit.event.tgid == static_cast<std::uint32_t>(pid)) return exit;
  }
  return std::nullopt;
}

Result<std::shared_ptr<ProcessTest::Programs>> ProcessTest::Load(const std::function<void(weir_process&)>& prepare) {
  auto pins = PinDir::Create();
  WEIR_TRY(pins);
  auto skeleton = Skeleton<weir_process>::Load(*pins, [&](weir_process& process) {
    ShrinkOthersTables(process);
    if (prepare) prepare(process);
  });
  WEIR_TRY(skeleton);
  return std::make_shared<Programs>(Programs{std::move(*pins), std::move(*skeleton)});
}

void ProcessTest::Start(const std::function<void(weir_process&)>& prepare) {
  if (prepare || !ordinary_) {
    auto programs = Load(prepare);
    ASSERT_TRUE(programs) << programs.error().what;
    programs_ = std::move(*programs);
    if (!prepare) ordinary_ = programs_;
  } else {
    programs_ = ordinary_;
    ASSERT_TRUE(EmptyMaps(skeleton().obj));
  }
  auto cgroup = TempCgroup::Create("weir-process-test");
  ASSERT_TRUE(cgroup) << cgroup.error().what;
  cgroup_.emplace(std::move(*cgroup));
  auto rings = Rings::Open(skeleton().maps.weir_events, skeleton().maps.weir_denials);
  ASSERT_TRUE(rings) << rings.error().what;
  rings_ = std::move(*rings);
  rings_->Take();  // of the test before

  SetScope(0);
  const std::vector<weir_counts> counts(static_cast<std::size_t>(libbpf_num_possible_cpus()));
  ASSERT_EQ(0, bpf_map__update_elem(skeleton().maps.weir_counts, &kScope, sizeof(kScope), counts.data(),
                                    counts.size() * sizeof(weir_counts), BPF_ANY));
  ASSERT_TRUE(MapPut(skeleton().maps.weir_usage, kScope, weir_usage{}));
  ASSERT_TRUE(MapPut(skeleton().maps.weir_cgroups, cgroup_->id(), kScope));
  const auto attached = programs_->skeleton.Attach();
  ASSERT_TRUE(attached) << attached.error().what;
}

void ProcessTest::SetScope(std::uint32_t flags) {
  weir_scope scope = {};
  scope.cgroup_id = cgroup_->id();
  scope.generation = 1;
  scope.mode = WEIR_MODE_BLOCK;
  scope.flags = flags;
  ASSERT_TRUE(MapPut(skeleton().maps.weir_scopes, kScope, scope));
}

void ProcessTest::TearDown() {
  rings_.reset();
  if (programs_) weir_process::detach(&skeleton());
  programs_.reset();
}

ProcessTest::Ended ProcessTest::Run(std::function<int()> body) {
  auto child = Child::RunIn(*cgroup_, std::move(body));
  if (!child) {
    ADD_FAILURE() << child.error().what;
    return {};
  }
  const pid_t pid = child->pid();
  const int status = child->Wait();
  Take();
  return {pid, status};
}

ProcessTest::Ended ProcessTest::RunActor(const std::vector<std::string>& args) {
  return Run([&] { return ExecActor(args); });
}

const Seen& ProcessTest::Take() {
  for (const Record& record : rings_->Take()) Decode(record);
  return seen;
}

bool ProcessTest::TakeUntil(const std::function<bool(const Seen&)>& enough) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (!enough(Take())) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    ::usleep(2'000);
  }
  return true;
}

void ProcessTest::Decode(const Record& record) {
  EXPECT_EQ(record.event().scope_id, kScope);
  EXPECT_NE(record.event().boot_ns, 0u);
  EXPECT_EQ(record.urgent, record.kind() == WEIR_E_FINDING) << "kind " << record.kind();
  switch (record.kind()) {
    case WEIR_E_EXEC: {
      Exec exec{record.As<weir_exec_event>(), {}, {}, {}, {}};
      const weir_exec_event& fixed = exec.fixed;
      ASSERT_EQ(record.bytes.size(), sizeof(fixed) + fixed.args_len + fixed.path_len + fixed.cwd_len + fixed.step_len);
      const char* data = reinterpret_cast<const char*>(record.bytes.data()) + sizeof(fixed);
      exec.args.assign(data, fixed.args_len);
      exec.path = TurnPath({data + fixed.args_len, fixed.path_len}, fixed.flags & WEIR_X_PATH_CUT);
      exec.cwd = TurnPath({data + fixed.args_len + fixed.path_len, fixed.cwd_len}, fixed.flags & WEIR_X_CWD_CUT);
      exec.step.assign(data + fixed.args_len + fixed.path_len + fixed.cwd_len, fixed.step_len);
      seen.execs.push_back(std::move(exec));
      break;
    }
    case WEIR_E_FORK:
      ASSERT_EQ(record.bytes.size(), sizeof(weir_fork_event));
      seen.forks.push_back(record.As<weir_fork_event>());
      break;
    case WEIR_E_EXIT:
      ASSERT_EQ(record.bytes.size(), sizeof(weir_exit_event));
      seen.exits.push_back(record.As<weir_exit_event>());
      break;
    case WEIR_E_FINDING:
      ASSERT_EQ(record.bytes.size(), sizeof(weir_finding_event));
      seen.findings.push_back(record.As<weir_finding_event>());
      break;
    default: ADD_FAILURE() << "record of kind " << record.kind();
  }
}

std::uint64_t ProcessTest::Counter(std::uint32_t counter) const {
  std::vector<weir_counts> counts(static_cast<std::size_t>(libbpf_num_possible_cpus()));
  EXPECT_EQ(0, bpf_map__lookup_elem(skeleton().maps.weir_counts, &kScope, sizeof(kScope), counts.data(),
                                    counts.size() * sizeof(weir_counts), 0));
  std::uint64_t sum = 0;
  for (const weir_counts& cpu : counts) sum += cpu.n[counter];
  return sum;
}

std::optional<weir_task> ProcessTest::Task(pid_t pid) const {
  const auto task = MapGet<weir_task>(skeleton().maps.weir_tasks, static_cast<std::uint32_t>(pid));
  return task ? std::optional(*task) : std::nullopt;
}

std::uint64_t ProcessTest::UsageTasks() const {
  const auto usage = MapGet<weir_usage>(skeleton().maps.weir_usage, kScope);
  EXPECT_TRUE(usage);
  return usage ? usage->tasks : ~0ull;
}

const std::string& ActorPath() {
  static const std::string path = [] {
    char real[PATH_MAX];
    return std::string(::realpath(WEIR_ACTOR, real) != nullptr ? real : WEIR_ACTOR);
  }();
  return path;
}

std::uint32_t HomeFlags() {
  struct statfs info = {};
  return ::statfs(ActorPath().c_str(), &info) == 0 && info.f_type == TMPFS_MAGIC ? WEIR_X_TMPFS : 0;
}

int ExecActor(const std::vector<std::string>& args, const std::string& path) {
  ::execv(path.c_str(), Pointers(args).data());
  return 126;
}

int ExecFd(int fd, const std::vector<std::string>& args) {
  ::syscall(SYS_execveat, fd, "", Pointers(args).data(), environ, AT_EMPTY_PATH);
  return 126;
}

}  // namespace weir::lab

// SPDX-License-Identifier: Apache-2.0
#include "tests/kernel/guard/guard_world.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <fstream>
#include <sstream>

namespace weir::lab {
namespace {

constexpr std::uint32_t kAllClasses = (1u << WEIR_GUARD_CLASSES) - 1;

// task_struct.start_boottime as the kernel has it; /proc shows it in ticks only, so the comparison there is by tick.
std::uint64_t StartOf(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  std::getline(file, line);
  std::istringstream fields(line.substr(line.rfind(')') + 2));
  std::string skipped;
  for (int field = 3; field < 22; field++) fields >> skipped;
  std::uint64_t ticks = 0;
  fields >> ticks;
  return ticks;
}

}  // namespace

Result<std::unique_ptr<GuardWorld>> GuardWorld::Create(bool deny) {
  auto world = World::Create(WEIR_MODE_BLOCK);
  WEIR_TRY(world);
  auto guard = Skeleton<weir_guard>::Load((*world)->pins());
  WEIR_TRY(guard);
  std::unique_ptr<GuardWorld> made(new GuardWorld(std::move(*world), std::move(*guard)));
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, made->guard_->obj) {
    if (std::string(bpf_program__section_name(program)).starts_with("cgroup")) {
      auto link = AttachCgroup(program, made->world_->root().fd());
      WEIR_TRY(link);
      made->links_.push_back(std::move(*link));
      continue;
    }
    Link link(bpf_program__attach(program));
    if (!link) return FailErrno(std::string("attach ") + bpf_program__name(program), errno);
    made->links_.push_back(std::move(link));
  }
  weir_guard_scope scope{};
  (deny ? scope.deny : scope.report) = kAllClasses;
  WEIR_TRY(MapPut(made->guard_->maps.weir_guards, World::kScope, scope));
  return made;
}

std::uint64_t GuardWorld::Denied(std::uint32_t guard_class) {
  return MapGet<weir_guard_scope>(guard_->maps.weir_guards, World::kScope).value().denied[guard_class];
}

std::uint64_t GuardWorld::Reported(std::uint32_t guard_class) {
  return MapGet<weir_guard_scope>(guard_->maps.weir_guards, World::kScope).value().reported[guard_class];
}

std::vector<weir_finding_event> GuardWorld::Findings() {
  std::vector<weir_finding_event> findings;
  for (const Record& record : world_->rings().Take()) {
    if (record.kind() != WEIR_E_FINDING) continue;
    const auto event = record.As<weir_finding_event>();
    if (event.finding == WEIR_F_GUARD) findings.push_back(event);
  }
  return findings;
}

Result<> GuardWorld::Protect(pid_t pid, std::uint32_t who) {
  return MapPut(guard_->maps.weir_protected, static_cast<std::uint32_t>(pid), weir_protected{StartOf(pid), who, 0});
}

Result<> GuardWorld::Guard(const std::string& path, std::uint32_t guard_class, std::uint32_t flags) {
  struct stat file {};
  if (::stat(path.c_str(), &file) != 0) return FailErrno("stat " + path, errno);
  const weir_guarded_key key{std::uint64_t{major(file.st_dev)} << 20 | minor(file.st_dev), file.st_ino};
  return MapPut(guard_->maps.weir_guarded, key, weir_guarded{guard_class, flags});
}

Result<> GuardWorld::SetHost(const weir_host& host) { return MapPut(guard_->maps.weir_host, std::uint32_t{0}, host); }

}  // namespace weir::lab

// SPDX-License-Identifier: Apache-2.0
#include "tests/kernel/guard/guard_world.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "sensor/bpf/fit.h"
#include "sensor/guard/tables.h"

namespace weir::lab {
namespace {

constexpr std::uint32_t kAllClasses = (1u << WEIR_GUARD_CLASSES) - 1;

}  // namespace

Result<std::unique_ptr<GuardWorld>> GuardWorld::Create() {
  auto world = World::Create(WEIR_MODE_AUDIT);
  WEIR_TRY(world);
  auto guard = Skeleton<weir_guard>::Load((*world)->pins(), [](weir_guard& s) { sensor_bpf::FitToKernel(s.obj); });
  WEIR_TRY(guard);
  std::unique_ptr<GuardWorld> made(new GuardWorld(std::move(*world)));
  made->guard_.emplace(std::move(*guard));
  WEIR_TRY(made->Attach((*made->guard_)->obj));
  return made;
}

Result<std::unique_ptr<GuardWorld>> GuardWorld::CreateFallback(std::uint32_t mode) {
  auto world = World::Create(mode);
  WEIR_TRY(world);
  auto fallback = Skeleton<weir_fallback>::Load((*world)->pins());
  WEIR_TRY(fallback);
  std::unique_ptr<GuardWorld> made(new GuardWorld(std::move(*world)));
  made->fallback_.emplace(std::move(*fallback));
  WEIR_TRY(made->Attach((*made->fallback_)->obj));
  return made;
}

Result<> GuardWorld::Attach(bpf_object* object) {
  object_ = object;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object) {
    if (!bpf_program__autoload(program)) continue;
    if (std::string(bpf_program__section_name(program)).starts_with("cgroup")) {
      auto link = AttachCgroup(program, world_->root().fd());
      WEIR_TRY(link);
      links_.push_back(std::move(*link));
      continue;
    }
    Link link(bpf_program__attach(program));
    if (!link) return FailErrno(std::string("attach ") + bpf_program__name(program), errno);
    links_.push_back(std::move(link));
  }
  return Judge(Mode::kDeny);
}

Result<> GuardWorld::Judge(Mode mode) {
  weir_guard_scope scope{};
  scope.deny = mode == Mode::kDeny ? kAllClasses : 0;
  scope.report = mode == Mode::kReport ? kAllClasses : 0;
  scope.kill = scope.deny;
  world_->rings().Take();
  return MapPut(map("weir_guards"), World::kScope, scope);
}

std::uint64_t GuardWorld::Denied(std::uint32_t guard_class) {
  return MapGet<weir_guard_scope>(map("weir_guards"), World::kScope).value().denied[guard_class];
}

std::uint64_t GuardWorld::Reported(std::uint32_t guard_class) {
  return MapGet<weir_guard_scope>(map("weir_guards"), World::kScope).value().reported[guard_class];
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
  return MapPut(map("weir_protected"), static_cast<std::uint32_t>(pid), weir_protected{guard::StartOf(pid), who, 0});
}

Result<> GuardWorld::Guard(const std::string& path, std::uint32_t guard_class, std::uint32_t flags) {
  struct stat file {};
  if (::stat(path.c_str(), &file) != 0) return FailErrno("stat " + path, errno);
  const weir_guarded_key key{std::uint64_t{major(file.st_dev)} << 20 | minor(file.st_dev), file.st_ino};
  const weir_guarded entry{guard_class, flags};
  if (flags & WEIR_GF_BELOW) WEIR_TRY(MapPut(map("weir_guarded"), weir_guarded_key{key.dev, 0}, entry));
  return MapPut(map("weir_guarded"), key, entry);
}

Result<> GuardWorld::Unguard(const std::string& path) {
  struct stat file {};
  if (::stat(path.c_str(), &file) != 0) return FailErrno("stat " + path, errno);
  const weir_guarded_key key{std::uint64_t{major(file.st_dev)} << 20 | minor(file.st_dev), file.st_ino};
  return MapDelete(map("weir_guarded"), key);
}

void GuardWorld::ExpectFinding(std::uint32_t guard_class, std::uint64_t value, std::uint8_t verdict) {
  const auto findings = Findings();
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].guard_class, guard_class);
  EXPECT_EQ(findings[0].value, value);
  EXPECT_EQ(findings[0].verdict, verdict);
  EXPECT_EQ(findings[0].event.scope_id, World::kScope);
  EXPECT_NE(findings[0].event.exec_id, 0u);
  EXPECT_NE(findings[0].event.tgid, 0u);
}

Fd LoadProgram(bpf_prog_type type) {
  const bpf_insn yes[] = {{BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 1}, {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}};
  bpf_attr attr{};
  attr.prog_type = type;
  attr.insns = reinterpret_cast<std::uint64_t>(yes);
  attr.insn_cnt = 2;
  attr.license = reinterpret_cast<std::uint64_t>("GPL");
  return Fd(static_cast<int>(::syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr))));
}

int RuleDevices(const std::string& cgroup) {
  const Fd program = LoadProgram(BPF_PROG_TYPE_CGROUP_DEVICE);
  const Fd directory(::open(cgroup.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!program || !directory) return errno;
  bpf_attr attr{};
  attr.target_fd = static_cast<std::uint32_t>(directory.get());
  attr.attach_bpf_fd = static_cast<std::uint32_t>(program.get());
  attr.attach_type = BPF_CGROUP_DEVICE;
  attr.attach_flags = BPF_F_ALLOW_MULTI;
  bpf_attr query{};
  query.query.target_fd = attr.target_fd;
  query.query.attach_type = BPF_CGROUP_DEVICE;
  const auto call = [](int command, bpf_attr& what) { return ::syscall(SYS_bpf, command, &what, sizeof(what)) == 0; };
  if (!call(BPF_PROG_ATTACH, attr) || !call(BPF_PROG_QUERY, query)) return errno;
  attr.attach_flags = 0;  // not for taking away
  return call(BPF_PROG_DETACH, attr) ? 0 : errno;
}

int TryOpen(const std::string& path, int flags) {
  const Fd fd(::open(path.c_str(), flags | O_CLOEXEC, 0600));
  return fd ? 0 : errno;
}

Result<> GuardWorld::SetHost(const weir_host& host) { return MapPut(map("weir_host"), std::uint32_t{0}, host); }

}  // namespace weir::lab

// SPDX-License-Identifier: Apache-2.0
// Every program of every skeleton passes this kernel's verifier and attaches: cgroup programs at the root cgroup, which
// only a VM's test may touch.
#include <bpf/libbpf.h>
#include <egress.skel.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <guard.skel.h>
#include <process.skel.h>

#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sensor/base/fd.h"
#include "sensor/bpf/fit.h"
#include "tests/kernel/lab/cgroup.h"
#include "tests/kernel/lab/pin_dir.h"
#include "tests/kernel/lab/skeleton.h"

namespace weir::lab {
namespace {

// One attached program, whatever kind it is.
Result<Link> AttachProgram(bpf_program* program, int root_cgroup_fd) {
  if (std::string_view(bpf_program__section_name(program)).starts_with("cgroup")) {
    return AttachCgroup(program, root_cgroup_fd);
  }
  Link link(bpf_program__attach(program));
  if (!link) return FailErrno("attach", errno);
  return link;
}

Result<std::vector<Link>> AttachAll(bpf_object* object, int root_cgroup_fd) {
  std::vector<Link> links;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object) {
    if (!bpf_program__autoload(program)) continue;
    auto link = AttachProgram(program, root_cgroup_fd);
    if (!link) return Fail(link.error().code, std::string(bpf_program__name(program)) + ": " + link.error().what);
    links.push_back(std::move(*link));
  }
  return links;
}

// Loading alone does no harm anywhere, so these two also tell how a development machine's kernel takes the programs.
TEST(Load, Process) {
  const auto pins = PinDir::Create();
  ASSERT_TRUE(pins) << pins.error().what;
  const auto process = Skeleton<weir_process>::Load(*pins);
  EXPECT_TRUE(process) << process.error().what;
}

TEST(Load, Egress) {
  const auto pins = PinDir::Create();
  ASSERT_TRUE(pins) << pins.error().what;
  const auto egress = Skeleton<weir_egress>::Load(*pins);
  EXPECT_TRUE(egress) << egress.error().what;
}

TEST(Attach, AllTogetherAndTheyShareTheirMaps) {
  ASSERT_NE(std::getenv("WEIR_VM"), nullptr) << "attaches to the root cgroup: only in a VM (tests/vm/run)";
  const auto path = CgroupRoot();
  ASSERT_TRUE(path) << path.error().what;
  const Fd root(::open(path->c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  ASSERT_TRUE(root);
  const auto pins = PinDir::Create();
  ASSERT_TRUE(pins) << pins.error().what;
  const auto process = Skeleton<weir_process>::Load(*pins);
  ASSERT_TRUE(process) << process.error().what;
  const auto egress = Skeleton<weir_egress>::Load(*pins);
  ASSERT_TRUE(egress) << egress.error().what;

  const auto process_links = AttachAll((*process)->obj, root.get());
  ASSERT_TRUE(process_links) << process_links.error().what;
  EXPECT_GE(process_links->size(), 4u);
  const auto egress_links = AttachAll((*egress)->obj, root.get());
  ASSERT_TRUE(egress_links) << egress_links.error().what;
  EXPECT_GE(egress_links->size(), 6u);
  // Left out: one of two for perf, and 32-bit ioctls before they had a function of their own.
  const auto guard = Skeleton<weir_guard>::Load(*pins, [](weir_guard& s) { sensor_bpf::FitToKernel(s.obj); });
  ASSERT_TRUE(guard) << guard.error().what;
  const auto guard_links = AttachAll((*guard)->obj, root.get());
  ASSERT_TRUE(guard_links) << guard_links.error().what;
  EXPECT_GE(guard_links->size() + 2, static_cast<std::size_t>((*guard)->skeleton->prog_cnt));

  bpf_map_info ours{}, theirs{};
  __u32 size = sizeof(ours);
  ASSERT_EQ(0, bpf_obj_get_info_by_fd(bpf_map__fd((*process)->maps.weir_tasks), &ours, &size));
  ASSERT_EQ(0, bpf_obj_get_info_by_fd(bpf_map__fd((*egress)->maps.weir_tasks), &theirs, &size));
  EXPECT_EQ(ours.id, theirs.id) << "weir_tasks is not shared";
  ASSERT_EQ(0, bpf_obj_get_info_by_fd(bpf_map__fd((*guard)->maps.weir_tasks), &theirs, &size));
  EXPECT_EQ(ours.id, theirs.id) << "weir_tasks is not shared with the guard";
}

}  // namespace
}  // namespace weir::lab

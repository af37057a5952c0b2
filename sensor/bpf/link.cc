// SPDX-License-Identifier: Apache-2.0
#include "sensor/bpf/link.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <optional>
#include <string_view>
#include <utility>

namespace weir::sensor_bpf {
namespace {

std::optional<bpf_link_info> InfoOf(int link_fd) {
  bpf_link_info info{};
  std::uint32_t length = sizeof(info);
  if (bpf_obj_get_info_by_fd(link_fd, &info, &length) != 0) return std::nullopt;
  return info;
}

Result<> Describe(bpf_program* program, Link& link) {
  bpf_prog_info info{};
  std::uint32_t length = sizeof(info);
  if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &length) != 0) {
    return FailErrno("cannot look at program " + std::string(bpf_program__name(program)), errno);
  }
  link.program = bpf_program__name(program);
  link.attach = bpf_program__section_name(program);
  link.program_id = info.id;
  constexpr std::string_view kHex = "0123456789abcdef";
  for (const unsigned char byte : info.tag) {
    link.tag += kHex[byte >> 4];
    link.tag += kHex[byte & 15];
  }
  return {};
}

Result<Fd> Attach(bpf_program* program, const AttachPoint& at) {
  const std::string section = bpf_program__section_name(program);
  const int program_fd = bpf_program__fd(program);
  int link = -1;
  if (bpf_program__type(program) == BPF_PROG_TYPE_RAW_TRACEPOINT) {
    const std::string tracepoint = section.substr(section.find('/') + 1);
    link = bpf_raw_tracepoint_open(tracepoint.c_str(), program_fd);
  } else if (bpf_program__type(program) == BPF_PROG_TYPE_TRACING) {
    link = bpf_raw_tracepoint_open(nullptr, program_fd);  // its function was named when it was loaded
  } else if (section.starts_with("cgroup")) {
    link = bpf_link_create(program_fd, at.cgroup_fd, bpf_program__expected_attach_type(program), nullptr);
  } else {
    return Fail(Code::kInternal, "no way to attach a program of section " + section);
  }
  if (link >= 0) return Fd(link);
  if (errno == ENOENT) {
    return Fail(Code::kUnsupported, "the kernel has no attach point " + section, ENOENT);
  }
  if (errno == EPERM && section.starts_with("cgroup")) {  // privileges were checked before
    return Fail(Code::kUnsupported,
                "another program is attached exclusively at " + section +
                    " of the cgroup root or above it: it must be "
                    "attached with BPF_F_ALLOW_MULTI, or go",
                EPERM);
  }
  return FailErrno("cannot attach " + std::string(bpf_program__name(program)) + " to " + section, errno);
}

bool EndsSlowly(const Link& link) {
  const auto info = InfoOf(link.fd.get());
  return info && info->type == BPF_LINK_TYPE_TRACING;
}

/// In a process that was forked from one with threads: system calls only. `keep` ascends.
[[noreturn]] void CloseAndExit(const std::vector<int>& keep, int until_closed) {
  unsigned next = 0;
  for (const int fd : keep) {
    const auto kept = static_cast<unsigned>(fd);
    if (kept > next) ::syscall(SYS_close_range, next, kept - 1, 0);
    next = kept + 1;
  }
  ::syscall(SYS_close_range, next, ~0U, 0);
  char none = 0;
  while (::read(until_closed, &none, 1) < 0 && errno == EINTR) {
  }
  for (const int fd : keep) ::close(fd);
  ::_exit(0);
}

bool SameCgroup(const bpf_link_info& info, const AttachPoint& at) {
  return info.type == BPF_LINK_TYPE_CGROUP && info.cgroup.cgroup_id == at.cgroup_id;
}

}  // namespace

Result<Link> AttachPinned(bpf_program* program, const AttachPoint& at, const std::filesystem::path& pin) {
  Link link;
  WEIR_TRY(Describe(program, link));
  Fd pinned(bpf_obj_get(pin.c_str()));
  if (pinned) {
    const auto info = InfoOf(pinned.get());
    if (info && SameCgroup(*info, at) && bpf_link_update(pinned.get(), bpf_program__fd(program), nullptr) == 0) {
      link.fd = std::move(pinned);
      return link;
    }
  } else if (errno != ENOENT) {
    return FailErrno("cannot open the pinned link " + pin.string(), errno);
  }
  auto fresh = Attach(program, at);
  if (!fresh) return tl::unexpected<Error>(std::move(fresh).error());
  // Pin under another name, then rename over the old pin: a kill between two calls leaves one of them pinned.
  const std::filesystem::path fresh_pin = pin.string() + "_new";
  (void)::unlink(fresh_pin.c_str());
  if (bpf_obj_pin(fresh->get(), fresh_pin.c_str()) != 0) {
    return FailErrno("cannot pin " + fresh_pin.string(), errno);
  }
  if (::rename(fresh_pin.c_str(), pin.c_str()) != 0) {
    const int failed = errno;
    (void)::unlink(fresh_pin.c_str());
    return FailErrno("cannot pin " + pin.string(), failed);
  }
  link.fd = std::move(*fresh);
  return link;
}

bool CanAttachAgain(const bpf_program* program) {
  // A second time in the same place is one too many; where it cannot be at all, the kernel says so first.
  const Fd second(bpf_raw_tracepoint_open(nullptr, bpf_program__fd(program)));
  return !second && errno == EBUSY;
}

Fd CloseLinksElsewhere(std::vector<Link> links) {
  std::vector<int> keep;
  for (const Link& link : links) {
    if (EndsSlowly(link)) keep.push_back(link.fd.get());
  }
  int ends[2];
  if (keep.empty() || ::pipe2(ends, O_CLOEXEC) != 0) return {};
  const Fd until_closed(ends[0]);
  Fd done(ends[1]);
  keep.push_back(until_closed.get());
  std::sort(keep.begin(), keep.end());
  const pid_t child = ::_Fork();
  if (child == 0) {
    // A grandchild, so that nobody has to wait for it. Signals for the caller's group are not meant for it.
    ::setsid();
    if (::_Fork() == 0) CloseAndExit(keep, until_closed.get());
    ::_exit(0);
  }
  while (child > 0 && ::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  return done;
}

std::vector<Link> TakeCgroupLinks(std::vector<Link>& links) {
  const auto first = std::stable_partition(links.begin(), links.end(), [](const Link& link) {
    const auto info = InfoOf(link.fd.get());
    return !info || info->type != BPF_LINK_TYPE_CGROUP;
  });
  std::vector<Link> taken(std::make_move_iterator(first), std::make_move_iterator(links.end()));
  links.erase(first, links.end());
  return taken;
}

void DetachNow(const std::vector<Link>& cgroup_links) {
  // A link whose cgroup has gone, or that somebody detached, is refused: it is what was wanted.
  for (const Link& link : cgroup_links) (void)bpf_link_detach(link.fd.get());
}

bool IsAttached(const Link& link, const AttachPoint& at) {
  const auto info = InfoOf(link.fd.get());
  if (!info || info->prog_id != link.program_id) return false;
  // A cgroup link of a removed or force-detached cgroup reports cgroup 0.
  return info->type != BPF_LINK_TYPE_CGROUP || info->cgroup.cgroup_id == at.cgroup_id;
}

}  // namespace weir::sensor_bpf

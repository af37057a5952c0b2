// SPDX-License-Identifier: Apache-2.0
// Loading a generated skeleton in a test: maps pinned in the test's own directory, so that `egress` and `process`
// loaded with the same PinDir share them, as they do in the sensor.
#pragma once

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <functional>
#include <memory>
#include <string>

#include "sensor/base/result.h"
#include "tests/kernel/lab/pin_dir.h"

namespace weir::lab {

/// What bpftool generates for C++: struct S with static open, load, attach, destroy.
template <typename S>
class Skeleton {
 public:
  /// Opens, lets `prepare` change sizes or settings, and loads. Does not attach.
  static Result<Skeleton> Load(const PinDir& pins, const std::function<void(S&)>& prepare = {}) {
    LIBBPF_OPTS(bpf_object_open_opts, options);
    options.pin_root_path = pins.path().c_str();
    Skeleton skeleton(S::open(&options));
    if (!skeleton.skeleton_) return FailErrno("open skeleton", errno);
    if (prepare) prepare(*skeleton.skeleton_);
    if (const int error = S::load(skeleton.skeleton_.get())) return FailErrno("load skeleton", -error);
    return skeleton;
  }

  /// Attaches what attaches by itself (tracepoints); cgroup programs go through AttachCgroup.
  Result<> Attach() {
    if (const int error = S::attach(skeleton_.get())) return FailErrno("attach skeleton", -error);
    return {};
  }

  S* operator->() const { return skeleton_.get(); }
  S& operator*() const { return *skeleton_; }

 private:
  struct Destroy {
    void operator()(S* s) const { S::destroy(s); }
  };
  explicit Skeleton(S* skeleton) : skeleton_(skeleton) {}
  std::unique_ptr<S, Destroy> skeleton_;
};

struct DestroyLink {
  void operator()(bpf_link* link) const { bpf_link__destroy(link); }
};
using Link = std::unique_ptr<bpf_link, DestroyLink>;

/// Attaches one cgroup program by a link. `cgroup_fd`: a cgroup of the test's own, or the root inside a VM.
inline Result<Link> AttachCgroup(bpf_program* program, int cgroup_fd) {
  Link link(bpf_program__attach_cgroup(program, cgroup_fd));
  if (!link) return FailErrno(std::string("attach ") + bpf_program__name(program), errno);
  return link;
}

/// Writes one element. K and V must be what the map declares; sizes are checked by the kernel only up to the map's, so
/// here too.
template <typename K, typename V>
Result<> MapPut(const bpf_map* map, const K& key, const V& value) {
  if (const int error = bpf_map__update_elem(map, &key, sizeof(key), &value, sizeof(value), BPF_ANY)) {
    return FailErrno(std::string("update ") + bpf_map__name(map), -error);
  }
  return {};
}

/// Reads one element; ENOENT is Code::kInternal with sys_errno ENOENT.
template <typename V, typename K>
Result<V> MapGet(const bpf_map* map, const K& key) {
  V value{};
  if (const int error = bpf_map__lookup_elem(map, &key, sizeof(key), &value, sizeof(value), 0)) {
    return FailErrno(std::string("lookup in ") + bpf_map__name(map), -error);
  }
  return value;
}

template <typename K>
Result<> MapDelete(const bpf_map* map, const K& key) {
  if (const int error = bpf_map__delete_elem(map, &key, sizeof(key), 0)) {
    return FailErrno(std::string("delete from ") + bpf_map__name(map), -error);
  }
  return {};
}

}  // namespace weir::lab

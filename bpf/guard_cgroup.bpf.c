/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/*
 * Control groups: a job may do as it likes below its own cgroup, and nowhere else.
 *
 * One hook sees all of it, inode_permission: opening a cgroup's file for writing, making and removing cgroups; and also moving
 * a process, because the kernel then asks whether the mover may write cgroup.procs of the nearest common ancestor
 * (cgroup_procs_write_permission). Of a process outside and a cgroup inside the job that ancestor lies outside, so a job
 * cannot take the sensor in, to freeze or kill it there; clone3(CLONE_INTO_CGROUP) is asked alike.
 * Places are told by kernfs nodes, not by paths: neither other mounts nor cgroup namespaces change them.
 */
#include "guard_cgroup.bpf.h"

/* include/linux/fs.h */
#define WEIR_MAY_WRITE 0x2
#define WEIR_MAY_ACCESS 0x10

/* access(2) asks and does nothing. */
SEC("fmod_ret/security_inode_permission")
int BPF_PROG(weir_g_cgroup, struct inode *inode, int mask, int ret) {
    __u32 scope_id;

    if (ret || !(mask & WEIR_MAY_WRITE) || mask & WEIR_MAY_ACCESS) return ret;
    scope_id = weir_guarded_scope();
    return scope_id ? weir_judge_cgroup(weir_plain(inode), scope_id) : 0;
}

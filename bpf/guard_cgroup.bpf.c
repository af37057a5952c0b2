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
#include "guard.bpf.h"

/* include/uapi/linux/magic.h, include/linux/fs.h */
#define WEIR_CGROUP2_MAGIC 0x63677270
#define WEIR_CGROUP1_MAGIC 0x27e0eb
#define WEIR_MAY_WRITE 0x2
#define WEIR_MAY_ACCESS 0x10

static __always_inline struct kernfs_node *weir_kernfs_parent(struct kernfs_node *node) {
    struct kernfs_node___renamed *renamed = (void *)node;

    if (bpf_core_field_exists(renamed->__parent)) return BPF_CORE_READ(renamed, __parent);
    return BPF_CORE_READ(node, parent);
}

/* The nearest listed cgroup at or above a node (a struct kernfs_node *): its scope; 0: none. */
__weak __noinline __u32 weir_scope_of_node(__u64 node_of) {
    struct kernfs_node *node = (void *)node_of;

    for (int depth = 0; depth < WEIR_CGROUP_DEPTH && node; depth++) {
        __u64 id = BPF_CORE_READ(node, id);
        const __u32 *scope_id = bpf_map_lookup_elem(&weir_cgroups, &id);

        if (scope_id) return *scope_id;
        node = weir_kernfs_parent(node);
    }
    return 0;
}

/* access(2) asks and does nothing. A version 1 hierarchy numbers its own nodes: none of them is known to be the job's. */
SEC("fmod_ret/security_inode_permission")
int BPF_PROG(weir_g_cgroup, struct inode *inode, int mask, int ret) {
    __u32 scope_id;
    __u64 magic;

    if (ret || !(mask & WEIR_MAY_WRITE) || mask & WEIR_MAY_ACCESS) return ret;
    scope_id = weir_guarded_scope();
    if (!scope_id) return 0;
    magic = BPF_CORE_READ(inode, i_sb, s_magic);
    if (magic != WEIR_CGROUP1_MAGIC &&
        (magic != WEIR_CGROUP2_MAGIC || weir_scope_of_node((__u64)BPF_CORE_READ(inode, i_private)) == scope_id))
        return 0;
    return weir_guard_judge(WEIR_G_CGROUP, BPF_CORE_READ(inode, i_ino));
}

/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/* Does a file lie in a cgroup outside the job's? */
#ifndef WEIR_GUARD_CGROUP_BPF_H
#define WEIR_GUARD_CGROUP_BPF_H

#include "guard.bpf.h"

/* include/uapi/linux/magic.h */
#define WEIR_CGROUP2_MAGIC 0x63677270
#define WEIR_CGROUP1_MAGIC 0x27e0eb

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

/* A file that is written, or a directory: 0 or -EPERM. A version 1 hierarchy numbers its own nodes: none of them is known to
 * be the job's. */
static __always_inline int weir_judge_cgroup(struct inode *inode, __u32 scope_id) {
    __u64 magic = BPF_CORE_READ(inode, i_sb, s_magic);

    if (magic != WEIR_CGROUP1_MAGIC &&
        (magic != WEIR_CGROUP2_MAGIC || weir_scope_of_node((__u64)BPF_CORE_READ(inode, i_private)) == scope_id))
        return 0;
    return weir_guard_judge(WEIR_G_CGROUP, BPF_CORE_READ(inode, i_ino));
}

#endif /* WEIR_GUARD_CGROUP_BPF_H */

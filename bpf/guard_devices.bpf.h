/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/*
 * What a container engine needs of bpf(2): on cgroup v2 the rules which devices a container may open are a program of its
 * cgroup. Such a program sees no packet, and at a cgroup of the job's it rules over nobody else.
 */
#ifndef WEIR_GUARD_DEVICES_BPF_H
#define WEIR_GUARD_DEVICES_BPF_H

#include "guard_cgroup.bpf.h"
#include "guard_netns.bpf.h"

/* Is the descriptor a cgroup of this scope's? */
static __always_inline int weir_is_own_cgroup(__u32 fd, __u32 scope_id) {
    struct file *file = weir_file_of(fd);
    struct inode *inode = BPF_CORE_READ(file, f_inode);

    if (!file || BPF_CORE_READ(inode, i_sb, s_magic) != WEIR_CGROUP2_MAGIC) return 0;
    return weir_scope_of_node((__u64)BPF_CORE_READ(inode, i_private)) == scope_id;
}

#define WEIR_ATTR_HEAD 16 /* bytes of union bpf_attr that are looked at */

/* Is it such a program that is put there, taken away or asked for? `attr`: the command's argument (union bpf_attr of
 * include/uapi/linux/bpf.h), in the kernel's memory or in the task's. */
static __always_inline int weir_is_device_rule(__u32 command, const union bpf_attr *attr, __u32 scope_id) {
    switch (command) {
        case BPF_PROG_ATTACH:
        case BPF_PROG_DETACH:
            return attr->attach_type == BPF_CGROUP_DEVICE && weir_is_own_cgroup(attr->target_fd, scope_id);
        case BPF_PROG_QUERY:
            return attr->query.attach_type == BPF_CGROUP_DEVICE && weir_is_own_cgroup(attr->query.target_fd, scope_id);
        default:
            return 0;
    }
}

#endif /* WEIR_GUARD_DEVICES_BPF_H */

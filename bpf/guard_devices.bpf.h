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

/* The first words of union bpf_attr (include/uapi/linux/bpf.h), which as a whole takes a quarter of a program's stack. */
struct weir_attr {
    __u32 word[4];
};
#define WEIR_ATTR_PROG_TYPE 0    /* BPF_PROG_LOAD */
#define WEIR_ATTR_TARGET 0       /* BPF_PROG_ATTACH, BPF_PROG_DETACH, BPF_PROG_QUERY */
#define WEIR_ATTR_ATTACH_TYPE 2  /* BPF_PROG_ATTACH, BPF_PROG_DETACH */
#define WEIR_ATTR_QUERIED_TYPE 1 /* BPF_PROG_QUERY */

_Static_assert(__builtin_offsetof(union bpf_attr, prog_type) == WEIR_ATTR_PROG_TYPE * sizeof(__u32), "");
_Static_assert(__builtin_offsetof(union bpf_attr, target_fd) == WEIR_ATTR_TARGET * sizeof(__u32), "");
_Static_assert(__builtin_offsetof(union bpf_attr, attach_type) == WEIR_ATTR_ATTACH_TYPE * sizeof(__u32), "");
_Static_assert(__builtin_offsetof(union bpf_attr, query.target_fd) == WEIR_ATTR_TARGET * sizeof(__u32), "");
_Static_assert(__builtin_offsetof(union bpf_attr, query.attach_type) == WEIR_ATTR_QUERIED_TYPE * sizeof(__u32), "");

/* Is it such a program that is put there, taken away or asked for? */
static __always_inline int weir_is_device_rule(__u32 command, const struct weir_attr *attr, __u32 scope_id) {
    switch (command) {
        case BPF_PROG_ATTACH:
        case BPF_PROG_DETACH:
            if (attr->word[WEIR_ATTR_ATTACH_TYPE] != BPF_CGROUP_DEVICE) return 0;
            break;
        case BPF_PROG_QUERY:
            if (attr->word[WEIR_ATTR_QUERIED_TYPE] != BPF_CGROUP_DEVICE) return 0;
            break;
        default:
            return 0;
    }
    return weir_is_own_cgroup(attr->word[WEIR_ATTR_TARGET], scope_id);
}

#endif /* WEIR_GUARD_DEVICES_BPF_H */

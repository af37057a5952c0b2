/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/* Is a file, or a directory above it, on the list of guarded ones? By identity, so names, bind mounts and links do not matter. */
#ifndef WEIR_GUARD_FILES_BPF_H
#define WEIR_GUARD_FILES_BPF_H

#include "guard.bpf.h"

/* Directories above a file that are looked at. What lies deeper below a guarded directory is not seen; a job cannot make
 * directories there, and the runner's and Weir's own are not that deep. */
#define WEIR_GUARD_DEPTH 32

/* An entry that matters for this use of a file, or null. */
static __always_inline const struct weir_guarded *weir_guarded_entry(__u64 dev, __u64 inode, __u32 writing) {
    const struct weir_guarded_key key = {.dev = dev, .inode = inode};
    const struct weir_guarded *entry = bpf_map_lookup_elem(&weir_guarded, &key);

    return entry && (writing || !(entry->flags & WEIR_GF_WRITE_ONLY)) ? entry : 0;
}

/* Judges a use of what a dentry (a struct dentry *) names; it may be about to be made. 0 or -EPERM. */
__weak __noinline int weir_guard_path(__u64 dentry_of, __u32 writing) {
    struct dentry *at = (void *)dentry_of;
    struct super_block *sb = BPF_CORE_READ(at, d_sb);
    struct inode *inode = BPF_CORE_READ(at, d_inode);
    __u64 number = inode ? BPF_CORE_READ(inode, i_ino) : 0;
    __u64 dev = BPF_CORE_READ(sb, s_dev);
    const struct weir_guarded *entry;

    if (number) {
        entry = weir_guarded_entry(dev, number, writing);
        if (entry) return weir_guard_judge(entry->guard_class, number);
    }
    for (int depth = 0; depth < WEIR_GUARD_DEPTH; depth++) {
        struct dentry *parent = BPF_CORE_READ(at, d_parent);
        __u64 above;

        if (!parent || parent == at) break;
        above = BPF_CORE_READ(parent, d_inode, i_ino);
        entry = weir_guarded_entry(dev, above, writing);
        if (entry && entry->flags & WEIR_GF_BELOW) return weir_guard_judge(entry->guard_class, number ? number : above);
        at = parent;
    }
    /* It hangs in the air: opened by handle, and the kernel has not looked up where it lies. */
    if (at == BPF_CORE_READ(sb, s_root) || BPF_CORE_READ(at, d_parent) != at) return 0;
    entry = weir_guarded_entry(dev, 0, writing);
    return entry ? weir_guard_judge(entry->guard_class, number) : 0;
}

/* Does a dentry lie on the BPF file system of our pins? */
static __always_inline int weir_is_on_pins(struct dentry *dentry) {
    const struct weir_host *host = weir_host_entry();

    return host && host->pins_dev && BPF_CORE_READ(dentry, d_sb, s_dev) == host->pins_dev;
}

#endif /* WEIR_GUARD_FILES_BPF_H */

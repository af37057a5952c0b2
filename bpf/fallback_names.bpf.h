/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/*
 * Names in the fallback. What a path led to is gone by the time that the call returns, and nothing resolves paths here: one
 * that is relative is judged by the directory that it starts from, which is exact; one that begins with '/' is compared as it
 * is written. Another spelling (a link, "..", a second '/') is not seen.
 */
#ifndef WEIR_FALLBACK_NAMES_BPF_H
#define WEIR_FALLBACK_NAMES_BPF_H

#include "guard_files.bpf.h"
#include "guard_netns.bpf.h"

#define WEIR_AT_FDCWD (-100)

struct weir_written_path {
    char path[WEIR_OWN_PATH_BYTES];
};

/* 1: `longer` is `shorter` or lies below it. Both are zero-padded; `shorter` does not end with '/'. */
static __always_inline int weir_is_path_below(const char *longer, const char *shorter) {
    for (__u32 i = 0; i < WEIR_OWN_PATH_BYTES; i++) {
        if (!shorter[i]) return i && (!longer[i] || longer[i] == '/');
        if (longer[i] != shorter[i]) return 0;
    }
    return 0;
}

/* The directory that a relative path starts from. */
static __always_inline struct dentry *weir_start_of(__s32 directory) {
    struct task_struct *current = (void *)bpf_get_current_task();
    struct file *file;

    if (directory == WEIR_AT_FDCWD) return BPF_CORE_READ(current, fs, pwd.dentry);
    file = weir_file_of((__u32)directory);
    return file ? BPF_CORE_READ(file, f_path.dentry) : 0;
}

/* A path that was taken away, put over, or changed: 0 or -EPERM. */
__weak __noinline int weir_judge_name(__s32 directory, __u64 user_path) {
    struct weir_written_path written = {};
    struct dentry *start;

    if (bpf_probe_read_user_str(&written, sizeof(written), (void *)user_path) <= 0) return 0;
    if (written.path[0] != '/') {
        start = written.path[0] == '.' && written.path[1] == '.' ? 0 : weir_start_of(directory);
        if (!start) return 0;
        return weir_is_on_pins(start) ? weir_guard_judge(WEIR_G_MOUNT, 0) : weir_guard_path((__u64)start, 1);
    }
    for (__u32 i = 0; i < WEIR_OWN_PATHS; i++) {
        __u32 index = i;
        const struct weir_own_path *own = bpf_map_lookup_elem(&weir_own_paths, &index);

        if (!own || !own->len) break;
        if (weir_is_path_below(written.path, own->path)) return weir_guard_judge(own->guard_class, 0);
    }
    return 0;
}

/* A mount that was taken away: it holds Weir's directory when it is that or lies above it. In another mount namespace it is a
 * copy. */
__weak __noinline int weir_judge_umount(__u64 user_path) {
    struct task_struct *current = (void *)bpf_get_current_task();
    const struct weir_host *host = weir_host_entry();
    struct weir_written_path written = {};

    if (!host || BPF_CORE_READ(current, nsproxy, mnt_ns, ns.inum) != host->mntns_inode) return 0;
    if (bpf_probe_read_user_str(&written, sizeof(written), (void *)user_path) <= 0 || written.path[0] != '/') return 0;
    for (__u32 i = 0; i < WEIR_OWN_PATHS; i++) {
        __u32 index = i;
        const struct weir_own_path *own = bpf_map_lookup_elem(&weir_own_paths, &index);

        if (!own || !own->len) break;
        if (own->guard_class == WEIR_G_MOUNT && weir_is_path_below(own->path, written.path))
            return weir_guard_judge(WEIR_G_MOUNT, 0);
    }
    return 0;
}

#endif /* WEIR_FALLBACK_NAMES_BPF_H */

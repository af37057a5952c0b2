/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/*
 * What a process runs, gathered in one per-CPU buffer: file identity, argv, path, working directory. Tracepoints run with
 * preemption disabled and none of ours interrupts another, so one buffer a CPU is enough.
 */
#ifndef WEIR_WALK_BPF_H
#define WEIR_WALK_BPF_H

#include "task.bpf.h"

#define WEIR_PART_BYTES 256u /* NAME_MAX and its NUL, include/uapi/linux/limits.h */
#define WEIR_IMAGE_BYTES (WEIR_ARGS_BYTES + 2 * WEIR_PATH_BYTES + WEIR_STEP_VARS * WEIR_STEP_BYTES)
#define WEIR_MAX_MOUNTS 8u /* mounts above one another that a path may cross */

struct weir_image {
    struct weir_exec_event event; /* `event` and the first `used` bytes of `data` are the record */
    __u8 data[WEIR_IMAGE_BYTES + WEIR_PART_BYTES];
    struct weir_proc_name_key name;
    struct dentry *dentry;
    struct mount *mount;
    __u32 used;
    __u32 limit; /* of `used`, for the path that is being walked */
    __u32 parts; /* of that path, so far */
    __u32 vars;  /* of the environment, taken so far */
    __u64 env_at;
    __u64 env_end;
    __u32 env_inside; /* env_at is not the beginning of a variable */
    __u32 reserved;
};

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct weir_image);
} weir_image SEC(".maps") __weak;

static __always_inline struct weir_image *weir_image_buffer(void) {
    __u32 zero = 0;
    return bpf_map_lookup_elem(&weir_image, &zero);
}

static __always_inline struct mount *weir_mount_of(struct vfsmount *mnt) {
    return (void *)mnt - bpf_core_field_offset(struct mount, mnt);
}

#define WEIR_WALK_MORE 0
#define WEIR_WALK_END 1
#define WEIR_WALK_CUT 2

/*
 * One step of a path from its leaf towards the root: takes one name, or crosses one mount. The position is in the buffer,
 * so that the verifier sees every step alike; names may change under us (rename), which costs a wrong record at most.
 */
__weak __noinline int weir_walk_step(void) {
    struct weir_image *image = weir_image_buffer();
    struct dentry *dentry, *parent;
    struct mount *mount, *above;
    __u32 used;
    long bytes;

    if (!image || !image->dentry) return WEIR_WALK_CUT;
    dentry = image->dentry;
    mount = image->mount;
    parent = BPF_CORE_READ(dentry, d_parent);
    if (dentry == BPF_CORE_READ(mount, mnt.mnt_root)) {
        above = BPF_CORE_READ(mount, mnt_parent);
        if (!above || above == mount) return WEIR_WALK_END;
        image->dentry = BPF_CORE_READ(mount, mnt_mountpoint);
        image->mount = above;
        return WEIR_WALK_MORE;
    }
    used = image->used;
    if (used > WEIR_IMAGE_BYTES || ++image->parts > WEIR_PATH_PARTS) return WEIR_WALK_CUT;
    bytes = bpf_probe_read_kernel_str(image->data + used, WEIR_PART_BYTES, BPF_CORE_READ(dentry, d_name.name));
    if (bytes <= 0 || used + bytes > image->limit) return WEIR_WALK_CUT;
    image->used = used + bytes;
    /* Its own parent, and not the root of its mount: a file that never had a directory (memfd). */
    if (parent == dentry) return WEIR_WALK_END;
    image->dentry = parent;
    return WEIR_WALK_MORE;
}

/* Appends a path's parts, leaf first, each NUL-terminated. 1: cut (the parts nearest to the root are missing). */
__weak __noinline int weir_walk_path(__u64 dentry, __u64 mnt) {
    struct weir_image *image = weir_image_buffer();
    int step = WEIR_WALK_MORE;

    if (!image) return 1;
    image->dentry = (void *)dentry;
    image->mount = weir_mount_of((void *)mnt);
    image->limit = image->used + WEIR_PATH_BYTES;
    image->parts = 0;
    for (__u32 i = 0; i < WEIR_PATH_PARTS + WEIR_MAX_MOUNTS; i++) {
        step = weir_walk_step();
        if (step != WEIR_WALK_MORE) break;
    }
    return step != WEIR_WALK_END;
}

#endif /* WEIR_WALK_BPF_H */

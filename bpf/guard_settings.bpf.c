/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/* Settings and devices, by cgroup programs at the root: these need no ftrace, so no setting can switch them off. */
#include "guard_files.bpf.h"

#define WEIR_REFUSE 0
#define WEIR_PASS 1

/* Names as the kernel writes them (bpf_sysctl_get_name): path below /proc/sys, whatever the mount. */
#define WEIR_SETTING_BYTES 40
struct weir_setting {
    char name[WEIR_SETTING_BYTES]; /* zero-padded, so that words can be compared */
} __attribute__((aligned(8)));

#define WEIR_SETTINGS 12
static const struct weir_setting weir_settings[WEIR_SETTINGS] = {
    {"kernel/ftrace_enabled"},      /* 0 switches off every program that is not a cgroup's or a tracepoint's */
    {"kernel/sysrq"},               /* and then any key kills everything */
    {"kernel/modprobe"},            /* programs that the kernel starts as root, outside every scope */
    {"kernel/hotplug"},             /* the same */
    {"kernel/poweroff_cmd"},        /* the same */
    {"kernel/usermodehelper/bset"}, /* what those may do */
    {"kernel/usermodehelper/inheritable"},
    {"kernel/unprivileged_bpf_disabled"},
    {"kernel/kexec_load_disabled"},
    {"kernel/kexec_load_limit_reboot"},
    {"net/core/bpf_jit_enable"}, /* without it a restarted sensor attaches nothing */
    {"net/core/bpf_jit_limit"},  /* the same */
};

/* Without a branch a word: the verifier walks each way that a loop can end. */
static __always_inline int weir_setting_is(const struct weir_setting *name, const struct weir_setting *other) {
    const __u64 *left = (const void *)name, *right = (const void *)other;
    __u64 difference = 0;

#pragma unroll
    for (__u32 i = 0; i < WEIR_SETTING_BYTES / sizeof(*left); i++)
        difference |= left[i] ^ right[i];
    return !difference;
}

static __always_inline int weir_is_guarded_setting(const struct weir_setting *name) {
    for (int i = 0; i < WEIR_SETTINGS; i++) {
        if (weir_setting_is(name, &weir_settings[i])) return 1;
    }
    return 0;
}

/* A core dump goes to a file, or to a program ('|') or socket ('@', since 6.16) outside the scope. */
static __always_inline int weir_is_core_helper(struct bpf_sysctl *ctx, const struct weir_setting *name) {
    const struct weir_setting core_pattern = {"kernel/core_pattern"};
    char value[8] = {};

    if (!weir_setting_is(name, &core_pattern)) return 0;
    /* It does not fit, mostly: what counts is its beginning. */
    bpf_sysctl_get_new_value(ctx, value, sizeof(value));
    return value[0] == '|' || value[0] == '@';
}

SEC("cgroup/sysctl")
int weir_g_sysctl(struct bpf_sysctl *ctx) {
    struct weir_setting name = {};

    if (!ctx->write || !weir_guarded_scope()) return WEIR_PASS;
    /* A name that does not fit is none of ours. */
    if (bpf_sysctl_get_name(ctx, name.name, sizeof(name.name), 0) < 0) return WEIR_PASS;
    if (!weir_is_guarded_setting(&name) && !weir_is_core_helper(ctx, &name)) return WEIR_PASS;
    return weir_guard_judge(WEIR_G_SYSCTL, 0) ? WEIR_REFUSE : WEIR_PASS;
}

/* Documentation/admin-guide/devices.txt */
#define WEIR_MAJOR_MEM 1
#define WEIR_MAJOR_MISC 10
#define WEIR_MAJOR_PPP 108
#define WEIR_MAJOR_MSR 202

static __always_inline __u32 weir_device_class(__u32 major, __u32 minor) {
    switch (major) {
        case WEIR_MAJOR_MEM: /* mem, kmem, port */
            return minor == 1 || minor == 2 || minor == 4 ? WEIR_G_MEMORY : WEIR_GUARD_CLASSES;
        case WEIR_MAJOR_MSR: /* model-specific registers: where system calls enter the kernel, among others */
            return WEIR_G_MEMORY;
        case WEIR_MAJOR_PPP: /* packets to and from a terminal, as TUN has them to and from a file */
            return WEIR_G_TUN;
        case WEIR_MAJOR_MISC: /* net/tun, vhost-net; vhost-vsock */
            return minor == 200 || minor == 238 ? WEIR_G_TUN : minor == 241 ? WEIR_G_VSOCK : WEIR_GUARD_CLASSES;
        default:
            return WEIR_GUARD_CLASSES;
    }
}

/* Making a device node is free, opening it is not. */
SEC("cgroup/dev")
int weir_g_device(struct bpf_cgroup_dev_ctx *ctx) {
    __u32 access = ctx->access_type >> 16, type = ctx->access_type & 0xffff;
    __u32 major = ctx->major, minor = ctx->minor;
    __u32 guard_class = WEIR_GUARD_CLASSES;

    if (!(access & (BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE)) || !weir_guarded_scope()) return WEIR_PASS;
    if (type == BPF_DEVCG_DEV_CHAR) guard_class = weir_device_class(major, minor);
    if (type == BPF_DEVCG_DEV_BLOCK) {
        const struct weir_guarded *entry =
            weir_guarded_entry((__u64)major << 20 | minor, 0, access & BPF_DEVCG_ACC_WRITE);

        if (entry) guard_class = entry->guard_class;
    }
    return weir_guard_judge(guard_class, minor) ? WEIR_REFUSE : WEIR_PASS;
}

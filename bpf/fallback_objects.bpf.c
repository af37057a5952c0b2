/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/* After a system call that yielded something, or changed somebody else: judged by the object itself, not by the arguments,
 * wherever there is one. */
#include "fallback.bpf.h"
/* after fallback.bpf.h: it says what a judgement does */
#include "fallback_calls.bpf.h"
#include "fallback_names.bpf.h"
#include "guard_devices.bpf.h"
#include "guard_open.bpf.h"
#include "guard_sockets.bpf.h"

#define WEIR_FMODE_PATH 0x4000 /* include/linux/fs.h: only a place */

/* Judges a file of /proc that is some process's memory. 0: it is another file. */
static __always_inline int weir_judge_proc_memory(struct file *file, struct inode *inode) {
    struct weir_leaf leaf = {};
    struct task_struct *task;

    bpf_probe_read_kernel_str(&leaf, sizeof(leaf), BPF_CORE_READ(file, f_path.dentry, d_name.name));
    if (!WEIR_LEAF_IS(&leaf, "mem")) return 0;
    task = weir_task_of_proc(inode);
    if (task) weir_judge_access(weir_protects(task), BPF_CORE_READ(task, tgid));
    return 1;
}

static __always_inline void weir_judge_opened(__u32 fd, __u32 scope_id) {
    struct file *file = weir_file_of(fd);
    __u32 mode = BPF_CORE_READ(file, f_mode);
    struct inode *inode = BPF_CORE_READ(file, f_inode);

    if (!file || mode & WEIR_FMODE_PATH) return;
    if (BPF_CORE_READ(inode, i_sb, s_magic) == WEIR_PROC_MAGIC && weir_judge_proc_memory(file, inode)) return;
    if (mode & WEIR_FMODE_WRITE) weir_judge_cgroup(inode, scope_id);
    weir_guard_open((__u64)file);
}

static __always_inline struct sock *weir_sock_of(__u32 fd) {
    struct file *file = weir_file_of(fd);
    struct socket *sock;

    if (!file || (BPF_CORE_READ(file, f_inode, i_mode) & WEIR_S_IFMT) != WEIR_S_IFSOCK) return 0;
    sock = BPF_CORE_READ(file, private_data);
    return BPF_CORE_READ(sock, sk);
}

static __always_inline void weir_judge_socket(__u32 fd, __u32 protocol) {
    struct sock *sk = weir_sock_of(fd);

    if (sk) weir_judge_family(BPF_CORE_READ(sk, __sk_common.skc_family), (int)protocol);
}

static __always_inline void weir_judge_connected(__u32 fd, __u32 scope_id) {
    struct sock *sk = weir_sock_of(fd);
    struct unix_sock *own = (void *)sk;
    struct sock *peer;

    if (!sk || BPF_CORE_READ(sk, __sk_common.skc_family) != WEIR_AF_UNIX) return;
    peer = BPF_CORE_READ(own, peer);
    if (peer) weir_judge_unix(peer, scope_id);
}

/* include/uapi/linux/net.h */
#define WEIR_SYS_SOCKET 1
#define WEIR_SYS_CONNECT 3

/* 32-bit: all socket calls in one, with their arguments in memory. */
static __always_inline void weir_judge_socketcall(const struct weir_call *call, __u32 result) {
    __u32 arg[3] = {};

    if (bpf_probe_read_user(arg, sizeof(arg), (void *)call->arg[1])) return;
    if (call->arg[0] == WEIR_SYS_SOCKET) weir_judge_socket(result, arg[2]);
    if (call->arg[0] == WEIR_SYS_CONNECT) weir_judge_connected(arg[0], call->scope_id);
}

/* Is what a descriptor stands for one of Weir's programs, maps or links? The kernel calls the files "bpf-prog", "bpf-map" and
 * "bpf-link" or "bpf_link". */
static __always_inline int weir_is_own_object(__u32 fd) {
    struct file *file = weir_file_of(fd);
    void *object = BPF_CORE_READ(file, private_data);
    struct bpf_prog *program = object;
    struct bpf_map *map = object;
    struct bpf_link *link = object;
    char kind[8] = {}, name[16] = {};

    if (!file) return 0;
    bpf_probe_read_kernel_str(kind, sizeof(kind), BPF_CORE_READ(file, f_path.dentry, d_name.name));
    if (kind[0] != 'b' || kind[1] != 'p' || kind[2] != 'f') return 0;
    if (kind[4] == 'm') {
        BPF_CORE_READ_INTO(&name, map, name);
    } else {
        if (kind[4] == 'l') program = BPF_CORE_READ(link, prog);
        BPF_CORE_READ_INTO(&name, program, aux, name);
    }
    return name[0] == 'w' && name[1] == 'e' && name[2] == 'i' && name[3] == 'r' && name[4] == '_';
}

/* Of what was loaded, not of what the caller's memory says by now. */
static __always_inline int weir_is_device_program(__u32 fd) {
    struct file *file = weir_file_of(fd);
    struct bpf_prog *program = BPF_CORE_READ(file, private_data);

    return file && BPF_CORE_READ(program, type) == BPF_PROG_TYPE_CGROUP_DEVICE;
}

/* Reaching for what is Weir's is judged always; making and attaching programs, which is a way out for packets, in block mode.
 * To detach what is Weir's it must be reached first. The caller can change `argument` meanwhile: what is attached as a device
 * rule is one, or the kernel had refused it. A global function, because the exit's program has little stack left. */
__weak __noinline int weir_judge_bpf(__u32 command, __u64 argument, __u32 result, __u32 scope_id) {
    const struct weir_scope *scope;
    struct weir_attr head = {};

    switch (command) {
        case BPF_OBJ_GET:
        case BPF_PROG_GET_FD_BY_ID:
        case BPF_MAP_GET_FD_BY_ID:
        case BPF_LINK_GET_FD_BY_ID:
            if (weir_is_own_object(result)) weir_guard_judge(WEIR_G_BPF, command);
            break;
        case BPF_PROG_LOAD:
        case BPF_PROG_ATTACH:
        case BPF_RAW_TRACEPOINT_OPEN:
        case BPF_LINK_CREATE:
            if (command == BPF_PROG_LOAD && weir_is_device_program(result)) break;
            bpf_probe_read_user(&head, sizeof(head), (void *)argument);
            if (weir_is_device_rule(command, &head, scope_id)) break;
            scope = weir_scope_of(scope_id);
            if (scope && scope->mode == WEIR_MODE_BLOCK) weir_guard_judge(WEIR_G_BPF, command);
            break;
        default:
            break;
    }
    return 0;
}

/* A descriptor that was taken out of another process. */
static __always_inline void weir_judge_getfd(__u32 pidfd) {
    struct file *file = weir_file_of(pidfd);
    struct task_struct *task = file ? weir_task_of_pidfd(file) : 0;

    if (task) weir_judge_access(weir_protects(task), BPF_CORE_READ(task, tgid));
}

/* include/uapi/linux/ptrace.h */
#define WEIR_PTRACE_ATTACH_CALL 16
#define WEIR_PTRACE_SEIZE_CALL 0x4206

/* Everybody who runs on a CPU, or one process. */
static __always_inline void weir_judge_perf_event(__u32 pid, __u32 cpu) {
    if ((__s32)pid == -1 && (__s32)cpu >= 0) {
        weir_guard_judge(WEIR_G_MEMORY, 0);
        return;
    }
    weir_judge_access(weir_protects_pid(pid), pid);
}

static __always_inline void weir_judge_changed(__u32 pid) {
    if (weir_protects_pid(pid)) weir_guard_judge(WEIR_G_SIGNAL, pid);
}

/* include/uapi/linux/resource.h, ioprio.h: meant is a process, not a group or a user */
#define WEIR_PRIO_PROCESS 0
#define WEIR_IOPRIO_WHO_PROCESS 1

static __always_inline void weir_judge_process_call(const struct weir_call *call) {
    __u32 first = (__u32)call->arg[0], second = (__u32)call->arg[1];

    switch (call->kind) {
        case WEIR_CALL_GETFD:
            weir_judge_getfd(first);
            break;
        case WEIR_CALL_PTRACE:
            if (first == WEIR_PTRACE_ATTACH_CALL || first == WEIR_PTRACE_SEIZE_CALL)
                weir_judge_access(weir_protects_pid(second), second);
            break;
        case WEIR_CALL_PERF:
            weir_judge_perf_event(second, (__u32)call->arg[2]);
            break;
        case WEIR_CALL_PRLIMIT:
            if (call->arg[2]) weir_judge_changed(first);
            break;
        case WEIR_CALL_OF_PID:
            weir_judge_changed(first);
            break;
        case WEIR_CALL_PRIORITY:
            if (first == WEIR_PRIO_PROCESS) weir_judge_changed(second);
            break;
        case WEIR_CALL_IOPRIO:
            if (first == WEIR_IOPRIO_WHO_PROCESS) weir_judge_changed(second);
            break;
        default:
            break;
    }
}

/* TP_PROTO(struct pt_regs *regs, long ret), include/trace/events/syscalls.h. None of the calls returns more than an int. */
SEC("raw_tp/sys_exit")
int weir_fb_exit(struct bpf_raw_tracepoint_args *ctx) {
    struct pt_regs___x86 *regs = (void *)ctx->args[0];
    struct weir_call call = {};
    __s32 result = (__s32)ctx->args[1];

    if (result < 0) return 0;
    switch (weir_call_read(regs, BPF_CORE_READ(regs, orig_ax), &call)) {
        case WEIR_CALL_NONE:
            break;
        case WEIR_CALL_OPEN:
            weir_judge_opened((__u32)result, call.scope_id);
            break;
        case WEIR_CALL_SOCKET:
            weir_judge_socket((__u32)result, (__u32)call.arg[2]);
            break;
        case WEIR_CALL_CONNECT:
            weir_judge_connected((__u32)call.arg[0], call.scope_id);
            break;
        case WEIR_CALL_SOCKETCALL:
            weir_judge_socketcall(&call, (__u32)result);
            break;
        case WEIR_CALL_BPF:
            weir_judge_bpf((__u32)call.arg[0], call.arg[1], (__u32)result, call.scope_id);
            break;
        case WEIR_CALL_UMOUNT:
            weir_judge_umount(call.arg[0]);
            break;
        case WEIR_CALL_MOUNT:
            weir_judge_name(WEIR_AT_FDCWD, call.arg[1]);
            break;
        case WEIR_CALL_NAME:
            weir_judge_name(WEIR_AT_FDCWD, call.arg[0]);
            break;
        case WEIR_CALL_NAME_AT:
            weir_judge_name((__s32)call.arg[0], call.arg[1]);
            break;
        default:
            weir_judge_process_call(&call);
    }
    return 0;
}

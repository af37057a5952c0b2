/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/*
 * The system calls that the fallback looks at, by their numbers on x86-64: 64-bit ones, their x32 twins, and the 32-bit ones
 * that any process can make by int 0x80 (arch/x86/entry/syscalls). io_uring's operations are no system calls.
 */
#ifndef WEIR_FALLBACK_CALLS_BPF_H
#define WEIR_FALLBACK_CALLS_BPF_H

#include "guard.bpf.h"

#define WEIR_CALL_NONE 0
/* Judged before the call. */
#define WEIR_CALL_READ_MEMORY 1 /* (pid, …) */
#define WEIR_CALL_SETNS 2       /* (descriptor, type) */
#define WEIR_CALL_MODULE 3
#define WEIR_CALL_KEXEC 4
#define WEIR_CALL_REQUEST_KEY 5 /* (type, description, what to tell who makes it, …) */
/* Judged after it. */
#define WEIR_CALL_OPEN 6       /* returns the file */
#define WEIR_CALL_SOCKET 7     /* (family, type, protocol), returns the socket */
#define WEIR_CALL_CONNECT 8    /* (socket, …) */
#define WEIR_CALL_SOCKETCALL 9 /* (which, arguments) */
#define WEIR_CALL_BPF 10       /* (command, …), returns the object or 0 */
#define WEIR_CALL_GETFD 11     /* (pidfd, …) */
#define WEIR_CALL_PTRACE 12    /* (request, pid, …) */
#define WEIR_CALL_PERF 13      /* (attributes, pid, CPU, …) */
#define WEIR_CALL_PRLIMIT 14   /* (pid, resource, new, …) */
#define WEIR_CALL_OF_PID 15    /* (pid, …): scheduling, and where memory lies */
#define WEIR_CALL_PRIORITY 16  /* (0, pid, …) */
#define WEIR_CALL_IOPRIO 17    /* (1, pid, …) */
#define WEIR_CALL_UMOUNT 18    /* (path, …) */
#define WEIR_CALL_MOUNT 19     /* (source, path, …) */
#define WEIR_CALL_NAME 20      /* (path, …): takes a file away, or changes it without opening it */
#define WEIR_CALL_NAME_AT 21   /* (directory, path, …) */

#define WEIR_CALL_X32_BIT 0x40000000ull
#define WEIR_CALL_NUMBERS 548

/* One byte a number, so that any other call costs two loads. */
static const __u8 weir_calls_64[WEIR_CALL_NUMBERS] = {
    [2] = WEIR_CALL_OPEN,          /* open */
    [41] = WEIR_CALL_SOCKET,       /* socket */
    [42] = WEIR_CALL_CONNECT,      /* connect */
    [76] = WEIR_CALL_NAME,         /* truncate */
    [82] = WEIR_CALL_NAME,         /* rename */
    [84] = WEIR_CALL_NAME,         /* rmdir */
    [85] = WEIR_CALL_OPEN,         /* creat */
    [87] = WEIR_CALL_NAME,         /* unlink */
    [90] = WEIR_CALL_NAME,         /* chmod */
    [101] = WEIR_CALL_PTRACE,      /* ptrace */
    [141] = WEIR_CALL_PRIORITY,    /* setpriority */
    [142] = WEIR_CALL_OF_PID,      /* sched_setparam */
    [144] = WEIR_CALL_OF_PID,      /* sched_setscheduler */
    [165] = WEIR_CALL_MOUNT,       /* mount */
    [166] = WEIR_CALL_UMOUNT,      /* umount2 */
    [175] = WEIR_CALL_MODULE,      /* init_module */
    [203] = WEIR_CALL_OF_PID,      /* sched_setaffinity */
    [246] = WEIR_CALL_KEXEC,       /* kexec_load */
    [249] = WEIR_CALL_REQUEST_KEY, /* request_key */
    [251] = WEIR_CALL_IOPRIO,      /* ioprio_set */
    [256] = WEIR_CALL_OF_PID,      /* migrate_pages */
    [257] = WEIR_CALL_OPEN,        /* openat */
    [263] = WEIR_CALL_NAME_AT,     /* unlinkat */
    [264] = WEIR_CALL_NAME_AT,     /* renameat */
    [268] = WEIR_CALL_NAME_AT,     /* fchmodat */
    [279] = WEIR_CALL_OF_PID,      /* move_pages */
    [298] = WEIR_CALL_PERF,        /* perf_event_open */
    [302] = WEIR_CALL_PRLIMIT,     /* prlimit64 */
    [304] = WEIR_CALL_OPEN,        /* open_by_handle_at */
    [308] = WEIR_CALL_SETNS,       /* setns */
    [310] = WEIR_CALL_READ_MEMORY, /* process_vm_readv */
    [311] = WEIR_CALL_READ_MEMORY, /* process_vm_writev */
    [313] = WEIR_CALL_MODULE,      /* finit_module */
    [314] = WEIR_CALL_OF_PID,      /* sched_setattr */
    [316] = WEIR_CALL_NAME_AT,     /* renameat2 */
    [320] = WEIR_CALL_KEXEC,       /* kexec_file_load */
    [321] = WEIR_CALL_BPF,         /* bpf */
    [429] = WEIR_CALL_NAME_AT,     /* move_mount: taken from there */
    [437] = WEIR_CALL_OPEN,        /* openat2 */
    [438] = WEIR_CALL_GETFD,       /* pidfd_getfd */
    [521] = WEIR_CALL_PTRACE,      /* x32's ptrace */
    [528] = WEIR_CALL_KEXEC,       /* x32's kexec_load */
    [533] = WEIR_CALL_OF_PID,      /* x32's move_pages */
    [539] = WEIR_CALL_READ_MEMORY, /* x32's process_vm_readv */
    [540] = WEIR_CALL_READ_MEMORY, /* x32's process_vm_writev */
};

static const __u8 weir_calls_32[WEIR_CALL_NUMBERS] = {
    [5] = WEIR_CALL_OPEN,          /* open */
    [8] = WEIR_CALL_OPEN,          /* creat */
    [10] = WEIR_CALL_NAME,         /* unlink */
    [15] = WEIR_CALL_NAME,         /* chmod */
    [21] = WEIR_CALL_MOUNT,        /* mount */
    [22] = WEIR_CALL_UMOUNT,       /* umount */
    [26] = WEIR_CALL_PTRACE,       /* ptrace */
    [38] = WEIR_CALL_NAME,         /* rename */
    [40] = WEIR_CALL_NAME,         /* rmdir */
    [52] = WEIR_CALL_UMOUNT,       /* umount2 */
    [92] = WEIR_CALL_NAME,         /* truncate */
    [97] = WEIR_CALL_PRIORITY,     /* setpriority */
    [102] = WEIR_CALL_SOCKETCALL,  /* socketcall */
    [128] = WEIR_CALL_MODULE,      /* init_module */
    [154] = WEIR_CALL_OF_PID,      /* sched_setparam */
    [156] = WEIR_CALL_OF_PID,      /* sched_setscheduler */
    [193] = WEIR_CALL_NAME,        /* truncate64 */
    [241] = WEIR_CALL_OF_PID,      /* sched_setaffinity */
    [283] = WEIR_CALL_KEXEC,       /* kexec_load */
    [287] = WEIR_CALL_REQUEST_KEY, /* request_key */
    [289] = WEIR_CALL_IOPRIO,      /* ioprio_set */
    [294] = WEIR_CALL_OF_PID,      /* migrate_pages */
    [295] = WEIR_CALL_OPEN,        /* openat */
    [301] = WEIR_CALL_NAME_AT,     /* unlinkat */
    [302] = WEIR_CALL_NAME_AT,     /* renameat */
    [306] = WEIR_CALL_NAME_AT,     /* fchmodat */
    [317] = WEIR_CALL_OF_PID,      /* move_pages */
    [336] = WEIR_CALL_PERF,        /* perf_event_open */
    [340] = WEIR_CALL_PRLIMIT,     /* prlimit64 */
    [342] = WEIR_CALL_OPEN,        /* open_by_handle_at */
    [346] = WEIR_CALL_SETNS,       /* setns */
    [347] = WEIR_CALL_READ_MEMORY, /* process_vm_readv */
    [348] = WEIR_CALL_READ_MEMORY, /* process_vm_writev */
    [350] = WEIR_CALL_MODULE,      /* finit_module */
    [351] = WEIR_CALL_OF_PID,      /* sched_setattr */
    [353] = WEIR_CALL_NAME_AT,     /* renameat2 */
    [357] = WEIR_CALL_BPF,         /* bpf */
    [359] = WEIR_CALL_SOCKET,      /* socket */
    [362] = WEIR_CALL_CONNECT,     /* connect */
    [429] = WEIR_CALL_NAME_AT,     /* move_mount */
    [437] = WEIR_CALL_OPEN,        /* openat2 */
    [438] = WEIR_CALL_GETFD,       /* pidfd_getfd */
};

struct weir_call {
    __u64 arg[3];
    __u32 kind; /* WEIR_CALL_* */
    __u32 scope_id;
};

#define WEIR_TS_COMPAT 2 /* arch/x86/include/asm/thread_info.h */

/* What a task of a scope calls, or has called. Returns WEIR_CALL_*; outside every scope always NONE. */
static __always_inline __u32 weir_call_read(struct pt_regs___x86 *regs, __u64 number, struct weir_call *call) {
    struct task_struct *current;

    number &= ~WEIR_CALL_X32_BIT;
    if (number >= WEIR_CALL_NUMBERS || !(weir_calls_64[number] | weir_calls_32[number])) return WEIR_CALL_NONE;
    call->scope_id = weir_guarded_scope();
    if (!call->scope_id) return WEIR_CALL_NONE;
    current = (void *)bpf_get_current_task();
    if (BPF_CORE_READ(current, thread_info.status) & WEIR_TS_COMPAT) {
        call->arg[0] = (__u32)BPF_CORE_READ(regs, bx);
        call->arg[1] = (__u32)BPF_CORE_READ(regs, cx);
        call->arg[2] = (__u32)BPF_CORE_READ(regs, dx);
        call->kind = weir_calls_32[number];
    } else {
        call->arg[0] = BPF_CORE_READ(regs, di);
        call->arg[1] = BPF_CORE_READ(regs, si);
        call->arg[2] = BPF_CORE_READ(regs, dx);
        call->kind = weir_calls_64[number];
    }
    return call->kind;
}

#endif /* WEIR_FALLBACK_CALLS_BPF_H */

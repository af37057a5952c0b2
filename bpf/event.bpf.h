/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/* What all records have in common, and findings. A record that the ring refuses is counted, by kind and scope. */
#ifndef WEIR_EVENT_BPF_H
#define WEIR_EVENT_BPF_H

#include "ring.bpf.h"

/* Denials wake the sensor; everything else waits for its poll, because a wake-up costs ten times the verdict. */
#define WEIR_QUIET BPF_RB_NO_WAKEUP
#define WEIR_WAKE BPF_RB_FORCE_WAKEUP

/* Keeps the records' types in BTF, where the layout test looks for them. */
union weir_records {
    struct weir_exec_event exec;
    struct weir_fork_event fork;
    struct weir_exit_event exit;
    struct weir_flow_event flow;
    struct weir_dns_event dns;
    struct weir_finding_event finding;
};
const volatile union weir_records *const volatile weir_record_types __weak = 0;

/* Whose record it is. */
struct weir_who {
    __u64 exec_id;
    __u32 scope_id;
    __u32 tgid;
    __u32 step;
};

static __always_inline struct weir_who weir_who_task(const struct weir_task *task, __u32 tgid) {
    struct weir_who who = {.exec_id = task->exec_id, .scope_id = task->scope_id, .tgid = tgid, .step = task->step};

    return who;
}

static __always_inline struct weir_who weir_who_sock(const struct weir_sock *sock) {
    struct weir_who who = {
        .exec_id = sock->exec_id, .scope_id = sock->scope_id, .tgid = sock->tgid, .step = sock->step};

    return who;
}

static __always_inline void weir_event_begin(struct weir_event *event, __u16 kind, const struct weir_who *who) {
    event->boot_ns = weir_now();
    event->exec_id = who->exec_id;
    event->scope_id = who->scope_id;
    event->tgid = who->tgid;
    event->step = who->step;
    event->kind = kind;
    event->reserved = 0;
}

static __always_inline void weir_comm(__u8 comm[WEIR_COMM_BYTES]) {
    struct task_struct *task = (void *)bpf_get_current_task();
    BPF_CORE_READ_INTO((char(*)[WEIR_COMM_BYTES])comm, task, comm);
}

/* Sends a record that lies in memory to the ring of plain events. */
static __always_inline void weir_event_output(__u32 scope_id, void *record, __u64 bytes, __u32 lost) {
    int sent = weir_events_admit(scope_id, bytes) && !bpf_ringbuf_output(&weir_events, record, bytes, WEIR_QUIET);

    weir_count(scope_id, sent ? WEIR_C_EVENTS : lost);
}

struct weir_found {
    __u64 value;
    __u32 finding; /* WEIR_F_* */
    __u16 guard_class;
    __u8 verdict;
};

static __always_inline void weir_find(const struct weir_who *who, const struct weir_found *found) {
    struct weir_finding_event *record = 0;
    __u32 scope_id = who->scope_id;

    if (weir_denials_admit(scope_id, sizeof(*record))) record = bpf_ringbuf_reserve(&weir_denials, sizeof(*record), 0);
    if (!record) {
        weir_count(scope_id, WEIR_C_LOST_FINDING);
        return;
    }
    weir_event_begin(&record->event, WEIR_E_FINDING, who);
    record->value = found->value;
    record->finding = found->finding;
    record->guard_class = found->guard_class;
    record->verdict = found->verdict;
    record->reserved = 0;
    __builtin_memset(record->comm, 0, sizeof(record->comm));
    bpf_ringbuf_submit(record, WEIR_WAKE);
    weir_count(scope_id, WEIR_C_EVENTS);
}

static __always_inline void weir_finding(const struct weir_who *who, __u32 finding, __u64 value) {
    struct weir_found found = {.value = value, .finding = finding};

    weir_find(who, &found);
}

#endif /* WEIR_EVENT_BPF_H */

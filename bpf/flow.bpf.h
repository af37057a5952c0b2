/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/*
 * Recording what was decided. Never changes a verdict: a full ring, a full table or a missing counter costs the record,
 * and that loss is counted.
 */
#ifndef WEIR_FLOW_BPF_H
#define WEIR_FLOW_BPF_H

#include "decide.bpf.h"
#include "note.bpf.h"

static __always_inline void weir_flow_event_fill(struct weir_flow_event *record, const struct weir_sock *sock,
                                                 __u32 generation, __u32 socket_kind, int in_process) {
    const struct weir_who who = weir_who_sock(sock);
    const struct weir_learned *learned;
    struct weir_dest dest = {};

    weir_event_begin(&record->event, WEIR_E_FLOW, &who);
    record->rule_id = sock->rule_id;
    record->generation = generation;
    record->port = sock->port;
    record->source_port = 0;
    record->proto = sock->proto;
    record->verdict = sock->verdict;
    record->hook = sock->hook;
    record->why = sock->why;
    record->socket_kind = socket_kind;
    record->reserved = 0;
    __builtin_memcpy(record->addr, sock->addr, 16);
    /* In the packet path `current` may be a stranger in whose softirq the packet is sent. */
    __builtin_memset(record->comm, 0, sizeof(record->comm));
    if (in_process) weir_comm(record->comm);
    __builtin_memcpy(dest.addr, sock->addr, 16);
    learned = weir_name_of(sock->scope_id, &dest);
    if (learned)
        __builtin_memcpy(record->name, learned->name, WEIR_NAME_BYTES);
    else
        __builtin_memset(record->name, 0, WEIR_NAME_BYTES);
}

/* Two calls, because the verifier wants to see which ring a reservation came from. */
static __noinline int weir_flow_send(const struct weir_sock *sock, __u32 generation, __u32 socket_kind,
                                     int in_process) {
    struct weir_flow_event *record = 0;

    if (sock->verdict == WEIR_ALLOW) {
        if (weir_events_admit(sock->scope_id, sizeof(*record)))
            record = bpf_ringbuf_reserve(&weir_events, sizeof(*record), 0);
        if (!record) {
            weir_count(sock->scope_id, WEIR_C_LOST_FLOW);
            return 0;
        }
        weir_flow_event_fill(record, sock, generation, socket_kind, in_process);
        bpf_ringbuf_submit(record, WEIR_QUIET);
    } else {
        if (weir_denials_admit(sock->scope_id, sizeof(*record)))
            record = bpf_ringbuf_reserve(&weir_denials, sizeof(*record), 0);
        if (!record) {
            weir_count(sock->scope_id, WEIR_C_LOST_DENIAL);
            return 0;
        }
        weir_flow_event_fill(record, sock, generation, socket_kind, in_process);
        bpf_ringbuf_submit(record, WEIR_WAKE);
    }
    weir_count(sock->scope_id, WEIR_C_EVENTS);
    return 0;
}

static __always_inline void weir_flow_key_of(struct weir_flow_key *key, const struct weir_sock *sock) {
    __builtin_memset(key, 0, sizeof(*key));
    key->exec_id = sock->exec_id;
    key->scope_id = sock->scope_id;
    key->step = sock->step;
    key->port = sock->port;
    key->proto = sock->proto;
    key->verdict = sock->verdict;
    key->hook = sock->hook;
    key->why = sock->why;
    __builtin_memcpy(key->addr, sock->addr, 16);
}

static __noinline int weir_flow_touch(const struct weir_sock *sock, __u32 generation, __u32 socket_kind,
                                      int in_process) {
    struct weir_flow_key key;

    weir_flow_key_of(&key, sock);
    if (!weir_flow_note(&key, sock->rule_id, sock->tgid)) return 0;
    return weir_flow_send(sock, generation, socket_kind, in_process);
}

/* Moves the bytes that a socket counted into its flow. Called every WEIR_FOLD_PACKETS packets, when the destination
 * changes, at the socket's end, and from then on with each packet: a stream goes on sending what its process has left
 * to it. */
#define WEIR_FOLD_PACKETS 64u

static __noinline int weir_flow_fold(struct weir_sock *sock) {
    struct weir_flow_key key;
    struct weir_flow *flow;

    if (!(sock->flags & WEIR_K_FLOW) || !(sock->packets_out | sock->packets_in)) return 0;
    weir_flow_key_of(&key, sock);
    flow = bpf_map_lookup_elem(&weir_flows, &key);
    if (!flow) return 0;
    __u64 bytes_out = sock->bytes_out, bytes_in = sock->bytes_in;
    /* Signed: when two CPUs take the same counts, the socket owes them, and the next one to come pays it back. */
    __s32 packets_out = (__s32)sock->packets_out, packets_in = (__s32)sock->packets_in;
    /* Subtract what was taken instead of clearing: another CPU may be counting on this socket. */
    __sync_fetch_and_add(&sock->bytes_out, -bytes_out);
    __sync_fetch_and_add(&sock->bytes_in, -bytes_in);
    __sync_fetch_and_add(&sock->packets_out, (__u32)-packets_out);
    __sync_fetch_and_add(&sock->packets_in, (__u32)-packets_in);
    __sync_fetch_and_add(&flow->bytes_out, bytes_out);
    __sync_fetch_and_add(&flow->bytes_in, bytes_in);
    __sync_fetch_and_add(&flow->packets_out, (__u64)(__s64)packets_out);
    __sync_fetch_and_add(&flow->packets_in, (__u64)(__s64)packets_in);
    flow->last_ns = weir_now();
    return 0;
}

#endif /* WEIR_FLOW_BPF_H */

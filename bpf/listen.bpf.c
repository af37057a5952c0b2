/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/*
 * Sockets on which a job waits for others. Nothing is refused: what is written to a peer outside is judged like any egress.
 * But a job that can be reached from outside is worth telling.
 *
 * The kernel tells of every change of a stream socket's state, whatever system call made it (io_uring, 32-bit, MPTCP, SCTP,
 * DCCP); a change to LISTEN is made by the task that listens. Datagram sockets do not listen: nobody can tell one that waits
 * for peers from one that has sent to them.
 */
#include "note.bpf.h"
/* after linux/types.h */
#include "address.h"

#define WEIR_TCP_LISTEN 10 /* include/net/tcp_states.h */

/* Where it can be reached, as a finding's value (abi.h); 0: only on this host's loopback. */
static __always_inline __u64 weir_listen_value(struct sock *sk) {
    __u64 value = BPF_CORE_READ(sk, __sk_common.skc_num);
    __u32 v4 = BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr);

    value |= (__u64)(BPF_CORE_READ(sk, sk_protocol) & 0xff) << WEIR_LISTEN_PROTOCOL_SHIFT;
    if (BPF_CORE_READ(sk, __sk_common.skc_family) == WEIR_AF_INET6) {
        __u32 v6[4];

        bpf_probe_read_kernel(v6, sizeof(v6),
                              (void *)sk + bpf_core_field_offset(struct sock, __sk_common.skc_v6_rcv_saddr));
        if (!(v6[0] | v6[1] | v6[2] | v6[3])) return value | WEIR_LISTEN_ANY6;
        if (weir_addr_is_loopback(v6)) return 0;
        if (!weir_addr_is_v4(v6)) return value | WEIR_LISTEN_ONE6;
        v4 = v6[3];
    }
    if (((const __u8 *)&v4)[0] == 127) return 0;
    return value | (__u64)v4 << WEIR_LISTEN_ADDRESS_SHIFT;
}

/* TP_PROTO(const struct sock *sk, const int oldstate, const int newstate), include/trace/events/sock.h */
SEC("raw_tp/inet_sock_set_state")
int weir_listen(struct bpf_raw_tracepoint_args *ctx) {
    struct weir_found found = {.finding = WEIR_F_LISTENER};
    const struct weir_task *task;
    struct weir_who who;
    __u32 tgid;

    if ((int)ctx->args[2] != WEIR_TCP_LISTEN) return 0;
    task = weir_current(&tgid);
    if (!task || !task->scope_id || task->flags & WEIR_T_CANARY) return 0;
    found.value = weir_listen_value((void *)ctx->args[0]);
    who = weir_who_task(task, tgid);
    if (found.value) weir_find_once(&who, &found);
    return 0;
}

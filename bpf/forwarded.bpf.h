/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/*
 * Who asked the forwarder? It sees a connection on loopback; the process that made it stands in the storage of the socket at the
 * other end, which the sensor reads by sock_diag while that socket is there. A socket that its process has closed is freed as
 * soon as its end of stream is acknowledged, so what it knew is kept here.
 */
#ifndef WEIR_FORWARDED_BPF_H
#define WEIR_FORWARDED_BPF_H

#include "address_hooks.bpf.h"

/* For cgroup/sock_release, which runs before the end of the stream is sent. The hook's context does not tell the port. */
static __always_inline void weir_forwarded_closed(struct bpf_sock *sk, const struct weir_sock *sock) {
    const __u32 *seen = (const __u32 *)sock->seen_addr;
    const struct weir_scope *scope = weir_scope_of(sock->scope_id);
    struct weir_fwd_gone_key key = {.scope_id = sock->scope_id, .v6 = !weir_addr_is_v4(seen)};
    struct weir_fwd_gone gone = {.exec_id = sock->exec_id, .tgid = sock->tgid, .step = sock->step};

    if (!scope || sock->proto != WEIR_TCP || !sock->seen_port || !weir_addr_is_loopback(seen)) return;
    if (sock->seen_port != (key.v6 ? scope->forwarder_port6 : scope->forwarder_port4)) return;
    key.port = bpf_htons(BPF_CORE_READ(weir_kernel_sock(sk), __sk_common.skc_num));
    if (key.port) bpf_map_update_elem(&weir_fwd_gone, &key, &gone, BPF_ANY);
}

#endif /* WEIR_FORWARDED_BPF_H */

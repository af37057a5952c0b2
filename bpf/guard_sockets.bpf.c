/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/* Sockets: kinds that no cgroup hook sees, TUN devices, packet filters by socket option, and unix sockets of deputies. */
#include "guard_sockets.bpf.h"

SEC("fmod_ret/security_socket_create")
int BPF_PROG(weir_g_socket, int family, int type, int protocol, int kern, int ret) {
    return ret || kern ? ret : weir_judge_family(family, protocol);
}

/* For a descriptor of /dev/net/tun that came from outside: opening it is refused already. */
SEC("fmod_ret/security_tun_dev_create")
int BPF_PROG(weir_g_tunnew, int ret) {
    return ret ? ret : weir_guard_judge(WEIR_G_TUN, 0);
}

SEC("fmod_ret/security_tun_dev_open")
int BPF_PROG(weir_g_tunopen, void *security, int ret) {
    return ret ? ret : weir_guard_judge(WEIR_G_TUN, 0);
}

SEC("fmod_ret/security_tun_dev_attach")
int BPF_PROG(weir_g_tunsk, struct sock *sk, void *security, int ret) {
    return ret ? ret : weir_guard_judge(WEIR_G_TUN, 0);
}

SEC("fmod_ret/security_tun_dev_attach_queue")
int BPF_PROG(weir_g_tunqueue, void *security, int ret) {
    return ret ? ret : weir_guard_judge(WEIR_G_TUN, 0);
}

/* Options that replace packet filters: include/uapi/linux/netfilter_ipv4/ip_tables.h, netfilter_arp/arp_tables.h,
 * netfilter_bridge/ebtables.h, netfilter_ipv6/ip6_tables.h; all of IPVS (ip_vs.h, IP_VS_BASE_CTL on). */
#define WEIR_SOL_IP 0
#define WEIR_SOL_IPV6 41
#define WEIR_IPVS_FIRST 1152
#define WEIR_IPVS_LAST 1199

static __always_inline int weir_is_filter_option(int level, int option) {
    if (option == 64 || option == 65) return level == WEIR_SOL_IP || level == WEIR_SOL_IPV6;
    if (level != WEIR_SOL_IP) return 0;
    return option == 96 || option == 97 || option == 128 || option == 129 ||
           (option >= WEIR_IPVS_FIRST && option <= WEIR_IPVS_LAST);
}

SEC("fmod_ret/security_socket_setsockopt")
int BPF_PROG(weir_g_sockopt, struct socket *sock, int level, int option, int ret) {
    if (ret || !weir_is_filter_option(level, option) || !weir_guarded_scope()) return ret;
    if (!weir_is_host_net(BPF_CORE_READ(sock, sk, __sk_common.skc_net.net))) return 0;
    return weir_guard_judge(WEIR_G_NETFILTER, (__u32)option);
}

/* Streams, and packets in sequence. */
SEC("fmod_ret/security_unix_stream_connect")
int BPF_PROG(weir_g_uconnect, struct sock *sock, struct sock *other, struct sock *newsk, int ret) {
    __u32 scope_id = ret ? 0 : weir_guarded_scope();

    return scope_id ? weir_judge_unix(weir_plain(other), scope_id) : ret;
}

/* Datagrams: connect, and each send to a name. */
SEC("fmod_ret/security_unix_may_send")
int BPF_PROG(weir_g_usend, struct socket *sock, struct socket *other, int ret) {
    __u32 scope_id = ret ? 0 : weir_guarded_scope();

    return scope_id ? weir_judge_unix(BPF_CORE_READ(other, sk), scope_id) : ret;
}

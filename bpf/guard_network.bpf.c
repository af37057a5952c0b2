/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/*
 * The host's network namespace: links, addresses, routes and packet filters are not the job's to change; in a namespace of its
 * own it does as it likes, as long as nothing of it reaches into another. By netlink, by ioctl, and by going there (setns).
 * What netlink is told has been copied into the kernel before these programs look at it.
 */
#include "guard.bpf.h"

/* include/uapi/linux/netlink.h */
#define WEIR_NETLINK_ROUTE 0
#define WEIR_NETLINK_XFRM 6
#define WEIR_NETLINK_NETFILTER 12
#define WEIR_NETLINK_GENERIC 16
#define WEIR_NETLINK_RDMA 20
/* include/uapi/linux/rtnetlink.h, if_link.h, genetlink.h */
#define WEIR_RTM_NEWLINK 16
#define WEIR_RTM_DELLINK 17
#define WEIR_RTM_SETLINK 19
#define WEIR_RTM_KIND 3
#define WEIR_RTM_GET 2
#define WEIR_IFINFO_BYTES 16
#define WEIR_IFLA_LINK_NETNSID 37
#define WEIR_IFLA_TARGET_NETNSID 46
#define WEIR_GENL_ID_CTRL 16

#define WEIR_MESSAGES 64 /* in one send; more are not looked at, and refused */
#define WEIR_ATTRIBUTES 96
#define WEIR_NL_HEADER 16
#define WEIR_NL_CUT 0xffff

struct weir_nl_header {
    __u32 len;
    __u16 type;
    __u16 flags;
    __u32 seq;
    __u32 pid;
};

struct weir_nl_attr {
    __u16 len;
    __u16 type;
};

static __always_inline __u32 weir_nl_align(__u32 len) {
    return (len + 3) & ~3u;
}

/* Does a link message name another namespace by id? A link made so has its other end, or itself, there. WEIR_NL_CUT: cannot
 * be walked. Of several attributes of a type the kernel takes the last: any one counts here. */
__weak __noinline int weir_link_reaches_out(__u64 data, __u32 len) {
    __u32 at = WEIR_NL_HEADER + WEIR_IFINFO_BYTES;

    for (int i = 0; i < WEIR_ATTRIBUTES; i++) {
        struct weir_nl_attr attr = {};
        __u32 type;

        if (at + sizeof(attr) > len) return 0;
        if (bpf_probe_read_kernel(&attr, sizeof(attr), (void *)data + at)) return 1;
        if (attr.len < sizeof(attr)) return 0;
        type = attr.type & 0x3fff;
        if (type == WEIR_IFLA_LINK_NETNSID || type == WEIR_IFLA_TARGET_NETNSID) return 1;
        at += weir_nl_align(attr.len);
    }
    return 1;
}

static __always_inline int weir_is_link_message(__u32 type) {
    return type == WEIR_RTM_NEWLINK || type == WEIR_RTM_DELLINK || type == WEIR_RTM_SETLINK;
}

/* One message to the kernel's routing in the host's namespace, or (host: 0) in another one. */
static __always_inline int weir_judge_route(__u64 data, const struct weir_nl_header *header, int host) {
    __u32 type = header->type;

    if (!host) {
        if (!weir_is_link_message(type) || !weir_link_reaches_out(data, header->len)) return 0;
        return weir_guard_judge(WEIR_G_TUNNEL, type);
    }
    if ((type & WEIR_RTM_KIND) == WEIR_RTM_GET) return 0;
    return weir_guard_judge(weir_is_link_message(type) ? WEIR_G_TUNNEL : WEIR_G_ROUTES, type);
}

/* Generic netlink: families have numbers of this boot. Those that the sensor listed only tell or do no harm. */
static __always_inline int weir_judge_generic(__u32 family) {
    if (family == WEIR_GENL_ID_CTRL || bpf_map_lookup_elem(&weir_genl, &family)) return 0;
    return weir_guard_judge(WEIR_G_TUNNEL, family);
}

/* What netlink_rcv_skb() and its like would do with a buffer, message by message. */
__weak __noinline int weir_judge_messages(__u64 data, __u32 len, __u32 protocol, __u32 host) {
    for (int i = 0; i < WEIR_MESSAGES; i++) {
        struct weir_nl_header header = {};
        __u32 step;
        int ret = 0;

        if (len < WEIR_NL_HEADER) return 0;
        if (bpf_probe_read_kernel(&header, sizeof(header), (void *)data)) break;
        if (header.len < WEIR_NL_HEADER || header.len > len) return 0;
        if (header.type >= WEIR_NL_HEADER) { /* below: NOOP, ERROR, DONE, which the kernel skips */
            if (protocol == WEIR_NETLINK_ROUTE) ret = weir_judge_route(data, &header, (int)host);
            if (protocol == WEIR_NETLINK_GENERIC) ret = weir_judge_generic(header.type);
            if (ret) return ret;
        }
        step = weir_nl_align(header.len);
        if (step >= len) return 0;
        data += step;
        len -= step;
    }
    return weir_guard_judge(WEIR_G_ROUTES, WEIR_NL_CUT);
}

static __always_inline __u32 weir_first_type(struct sk_buff *skb) {
    struct weir_nl_header header = {};

    if (BPF_CORE_READ(skb, len) >= sizeof(header))
        bpf_probe_read_kernel(&header, sizeof(header), BPF_CORE_READ(skb, data));
    return header.type;
}

SEC("fmod_ret/security_netlink_send")
int BPF_PROG(weir_g_netlink, struct sock *sk, struct sk_buff *skb, int ret) {
    __u32 protocol;
    int host;

    if (ret || !weir_guarded_scope()) return ret;
    protocol = BPF_CORE_READ(sk, sk_protocol);
    host = weir_is_host_net(BPF_CORE_READ(sk, __sk_common.skc_net.net));
    if (protocol == WEIR_NETLINK_ROUTE || (host && protocol == WEIR_NETLINK_GENERIC))
        return weir_judge_messages((__u64)BPF_CORE_READ(skb, data), BPF_CORE_READ(skb, len), protocol, (__u32)host);
    if (!host) return 0;
    if (protocol == WEIR_NETLINK_NETFILTER) return weir_guard_judge(WEIR_G_NETFILTER, weir_first_type(skb));
    if (protocol == WEIR_NETLINK_XFRM || protocol == WEIR_NETLINK_RDMA)
        return weir_guard_judge(WEIR_G_TUNNEL, weir_first_type(skb));
    return 0;
}

/* include/uapi/linux/sockios.h, asm-generic/ioctls.h */
#define WEIR_SOCKIO_FIRST 0x8900
#define WEIR_SOCKIO_LAST 0x89ff
#define WEIR_TIOCSETD 0x5423
#define WEIR_S_IFMT 0170000
#define WEIR_S_IFSOCK 0140000

/* Requests of sockets that only tell, or concern the socket alone. SIOCETHTOOL is among them: what it sets are the card's
 * settings. SIOCGIFBR and SIOCGIFVLAN are not: what they do stands in their argument. */
static __always_inline int weir_ioctl_tells(__u32 request) {
    switch (request) {
        case 0x8901 ... 0x8907: /* FIOSETOWN … SIOCGSTAMPNS */
        case 0x8910:            /* SIOCGIFNAME … */
        case 0x8912:
        case 0x8913:
        case 0x8915:
        case 0x8917:
        case 0x8919:
        case 0x891b:
        case 0x891d:
        case 0x891f:
        case 0x8921:
        case 0x8925: /* SIOCGIFENCAP */
        case 0x8927: /* SIOCGIFHWADDR */
        case 0x8929:
        case 0x8933: /* SIOCGIFINDEX */
        case 0x8935:
        case 0x8938:
        case 0x8942:
        case 0x8946 ... 0x8948: /* SIOCETHTOOL, SIOCGMIIPHY, SIOCGMIIREG */
        case 0x894b ... 0x894c: /* SIOCOUTQNSD, SIOCGSKNS */
        case 0x8954:
        case 0x8961:
        case 0x8970:
        case 0x8994: /* SIOCBONDINFOQUERY */
        case 0x89b1: /* SIOCGHWTSTAMP */
            return 1;
        default:
            return 0;
    }
}

/* Links: flags aside, everything that makes, removes or joins them. */
static __always_inline __u32 weir_ioctl_class(__u32 request) {
    return request == 0x8940 || request == 0x8941 || (request >= 0x8980 && request <= 0x89af) || request >= 0x89f0
               ? WEIR_G_TUNNEL
               : WEIR_G_ROUTES;
}

static __always_inline int weir_judge_ioctl(struct file *file, __u32 request) {
    struct socket *sock;

    /* A line discipline can make a network link of a terminal (SLIP, PPP); which one stands in the job's memory. */
    if (request == WEIR_TIOCSETD) return weir_guard_judge(WEIR_G_TUN, 0);
    if (request < WEIR_SOCKIO_FIRST || request > WEIR_SOCKIO_LAST || weir_ioctl_tells(request)) return 0;
    if (!weir_guarded_scope() || (BPF_CORE_READ(file, f_inode, i_mode) & WEIR_S_IFMT) != WEIR_S_IFSOCK) return 0;
    sock = BPF_CORE_READ(file, private_data);
    if (!weir_is_host_net(BPF_CORE_READ(sock, sk, __sk_common.skc_net.net))) return 0;
    return weir_guard_judge(weir_ioctl_class(request), request);
}

SEC("fmod_ret/security_file_ioctl")
int BPF_PROG(weir_g_ioctl, struct file *file, unsigned int request, unsigned long arg, int ret) {
    return ret ? ret : weir_judge_ioctl(file, request);
}

/* Since 6.8, and in stable kernels since 5.10.210 and 6.1.77: 32-bit system calls. Before, the one above sees them. User space
 * does not load this where the function is missing. */
SEC("fmod_ret/security_file_ioctl_compat")
int BPF_PROG(weir_g_ioctl32, struct file *file, unsigned int request, unsigned long arg, int ret) {
    return ret ? ret : weir_judge_ioctl(file, request);
}

/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/*
 * The host's network namespace: links, addresses, routes and packet filters are not the job's to change. In a namespace of its
 * own it does as it likes, as long as nothing of it reaches into the host's. What netlink is told has been copied into the
 * kernel before these programs look at it.
 */
#include "guard_netns.bpf.h"

/* include/uapi/linux/netlink.h */
#define WEIR_NETLINK_ROUTE 0
#define WEIR_NETLINK_SOCK_DIAG 4
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
#define WEIR_IFLA_LINKINFO 18
#define WEIR_IFLA_NET_NS_PID 19
#define WEIR_IFLA_NET_NS_FD 28
#define WEIR_IFLA_LINK_NETNSID 37
#define WEIR_IFLA_TARGET_NETNSID 46
#define WEIR_IFLA_INFO_DATA 2
#define WEIR_INFO_PEER 1 /* of veth, vxcan and netkit: a link message of its own */
#define WEIR_NLA_TYPE 0x3fff
#define WEIR_GENL_ID_CTRL 16
#define WEIR_SOCK_DESTROY 21 /* include/uapi/linux/sock_diag.h: aborts other processes' connections */

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

static __always_inline int weir_is_host_fd(__u64 at) {
    const struct weir_host *host = weir_host_entry();
    struct file *file;
    __u32 fd = 0;

    if (bpf_probe_read_kernel(&fd, sizeof(fd), (void *)at)) return 1;
    file = weir_file_of(fd);
    return !host || (file && weir_ns_of_file(file) == host->netns_inode);
}

/* Does one of a link's attributes name a namespace that is, or may be, the host's? Its id: for the other end, or the link
 * itself. A process: whose it is cannot be looked up here. A descriptor: that can. Of several attributes of a type the kernel
 * takes the last; any one counts here, and so does what cannot be walked. */
__weak __noinline int weir_link_reaches_out(__u64 at, __u64 end) {
    for (int i = 0; i < WEIR_ATTRIBUTES; i++) {
        struct weir_nl_attr attr = {};
        __u32 type;

        if (at + sizeof(attr) > end) return 0;
        if (bpf_probe_read_kernel(&attr, sizeof(attr), (void *)at)) return 1;
        if (attr.len < sizeof(attr)) return 0;
        type = attr.type & WEIR_NLA_TYPE;
        if (type == WEIR_IFLA_LINK_NETNSID || type == WEIR_IFLA_TARGET_NETNSID || type == WEIR_IFLA_NET_NS_PID)
            return 1;
        if (type == WEIR_IFLA_NET_NS_FD && weir_is_host_fd(at + sizeof(attr))) return 1;
        at += weir_nl_align(attr.len);
    }
    return 1;
}

/* Address of the last attribute of a type, 0: none. */
__weak __noinline __u64 weir_nl_find(__u64 at, __u64 end, __u32 type) {
    __u64 found = 0;

    for (int i = 0; i < WEIR_ATTRIBUTES; i++) {
        struct weir_nl_attr attr = {};

        if (at + sizeof(attr) > end || bpf_probe_read_kernel(&attr, sizeof(attr), (void *)at) ||
            attr.len < sizeof(attr))
            break;
        if ((attr.type & WEIR_NLA_TYPE) == type) found = at;
        at += weir_nl_align(attr.len);
    }
    return found;
}

/* End of an attribute at an address. */
static __always_inline __u64 weir_nl_end(__u64 at) {
    struct weir_nl_attr attr = {};

    bpf_probe_read_kernel(&attr, sizeof(attr), (void *)at);
    return at + attr.len;
}

/* The same of a link's peer, which stands three levels down. */
static __always_inline int weir_peer_reaches_out(__u64 at, __u64 end) {
    at = weir_nl_find(at, end, WEIR_IFLA_LINKINFO);
    if (at) at = weir_nl_find(at + sizeof(struct weir_nl_attr), weir_nl_end(at), WEIR_IFLA_INFO_DATA);
    if (at) at = weir_nl_find(at + sizeof(struct weir_nl_attr), weir_nl_end(at), WEIR_INFO_PEER);
    return at && weir_link_reaches_out(at + sizeof(struct weir_nl_attr) + WEIR_IFINFO_BYTES, weir_nl_end(at));
}

static __always_inline int weir_message_reaches_out(__u64 data, __u32 len) {
    __u64 at = data + WEIR_NL_HEADER + WEIR_IFINFO_BYTES;

    return weir_link_reaches_out(at, data + len) || weir_peer_reaches_out(at, data + len);
}

static __always_inline int weir_is_link_message(__u32 type) {
    return type == WEIR_RTM_NEWLINK || type == WEIR_RTM_DELLINK || type == WEIR_RTM_SETLINK;
}

/* One message to the kernel's routing in the host's namespace, or (host: 0) in another one. */
static __always_inline int weir_judge_route(__u64 data, const struct weir_nl_header *header, int host) {
    __u32 type = header->type;

    if (!host) {
        if (!weir_is_link_message(type) || !weir_message_reaches_out(data, header->len)) return 0;
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
            if (protocol == WEIR_NETLINK_SOCK_DIAG && header.type == WEIR_SOCK_DESTROY)
                ret = weir_guard_judge(WEIR_G_ROUTES, header.type);
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
    if (protocol == WEIR_NETLINK_ROUTE ||
        (host && (protocol == WEIR_NETLINK_GENERIC || protocol == WEIR_NETLINK_SOCK_DIAG)))
        return weir_judge_messages((__u64)BPF_CORE_READ(skb, data), BPF_CORE_READ(skb, len), protocol, (__u32)host);
    if (!host) return 0;
    if (protocol == WEIR_NETLINK_NETFILTER) return weir_guard_judge(WEIR_G_NETFILTER, weir_first_type(skb));
    if (protocol == WEIR_NETLINK_XFRM || protocol == WEIR_NETLINK_RDMA)
        return weir_guard_judge(WEIR_G_TUNNEL, weir_first_type(skb));
    return 0;
}

/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/* The host's links and routes by ioctl, older than netlink and still there; and links made of terminals. */
#include "guard.bpf.h"

/* include/uapi/linux/sockios.h, asm-generic/ioctls.h */
#define WEIR_SOCKIO_FIRST 0x8900
#define WEIR_SOCKIO_LAST 0x89ff
#define WEIR_TIOCSETD 0x5423

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

/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/*
 * What the BPF programs and user space say to each other: map keys, map values and events.
 *
 * The only header that both sides include. Plain C, fixed-width fields ordered by size, explicit `reserved`, no
 * bool, no enum-typed field, no packing. tests/kernel/abi_test.cc compares every struct here with the BTF of the
 * loaded objects, field by field.
 *
 * Conventions:
 *  - An address is 16 bytes in network order; IPv4 is written IPv4-mapped (::ffff:a.b.c.d, RFC 4291 2.5.5.2), so that
 *    one decision serves both families. Addresses below 64:ff9b::/96 (NAT64, RFC 6052) are written as the IPv4 address
 *    that they embed.
 *  - A port is __be16 (network order) wherever it sits in a key; 0 means any port. A protocol is the IANA number;
 *    0 means any.
 *  - A name is in DNS wire form (RFC 1035 3.1): length bytes, lower case, with the root label, zero-padded.
 *  - Times are nanoseconds of CLOCK_BOOTTIME.
 *  - scope_id is never reused before a reboot; 0 means "outside every scope".
 */
#ifndef WEIR_ABI_H
#define WEIR_ABI_H

#include <linux/types.h>

#define WEIR_ABI_VERSION 5u

#define WEIR_NAME_BYTES 256u /* RFC 1035 2.3.4 allows 255; one more keeps u64 loads aligned */
#define WEIR_COMM_BYTES 16u  /* TASK_COMM_LEN, include/linux/sched.h */
#define WEIR_ARGS_BYTES 4096u
#define WEIR_PATH_BYTES 1024u
#define WEIR_PATH_PARTS 32u
#define WEIR_STEP_BYTES 256u /* of one variable that tells a step's name, and its NUL */
#define WEIR_STEP_VARS 3u

#define WEIR_MAX_SCOPES 512u
#define WEIR_MAX_TASKS 65536u
#define WEIR_MAX_SCOPE_TASKS 16384u /* one scope's share */
#define WEIR_MAX_FLOWS 262144u      /* all scopes together */
#define WEIR_MAX_SCOPE_FLOWS 65536u /* one scope's share, so that one job cannot blind another */
#define WEIR_MAX_LEARNED 1048576u   /* all scopes together */
#define WEIR_MAX_SCOPE_LEARNED 262144u
#define WEIR_MAX_PENDING 65536u
#define WEIR_MAX_SCOPE_PENDING 8192u
#define WEIR_MAX_RULES 1048576u
#define WEIR_MAX_STUCK 65536u
#define WEIR_STEPS_KEPT 16u   /* of a scope, the newest; a power of two */
#define WEIR_SOCK_PENDING 64u /* DNS queries in flight on one socket; the oldest goes first, counted */
#define WEIR_NAME_PORTS 8u
#define WEIR_ANSWER_ADDRS 64u /* addresses of one DNS answer */

/* ---- verdicts and why -------------------------------------------------------------------------------------- */

/* struct weir_flow_key.verdict. Zero is never written, so a forgotten field shows. */
#define WEIR_ALLOW 1u
#define WEIR_DENY 2u
#define WEIR_WOULD_DENY 3u /* audit mode: let through, and block mode would not have */

/* Which rule of the decision spoke. Below 32: reasons to allow. */
#define WEIR_WHY_RULE 1u        /* exact address rule */
#define WEIR_WHY_CIDR 2u        /* address range rule */
#define WEIR_WHY_NAME 3u        /* learned from a DNS answer to an allowed name */
#define WEIR_WHY_LOOPBACK 4u    /* 127.0.0.0/8, ::1 */
#define WEIR_WHY_LOCAL 5u       /* a subnet of the job's own container engine */
#define WEIR_WHY_RESOLVER 6u    /* a trusted resolver, port 53; each query is judged by its name */
#define WEIR_WHY_SEARCH 7u      /* allowed name + search suffix: let through, teaches nothing */
#define WEIR_WHY_ESTABLISHED 8u /* this socket's destination was allowed in this policy generation */
#define WEIR_WHY_KIND 9u        /* a kind of socket that the policy admits */
#define WEIR_WHY_DNS_TCP 10u    /* TCP to a resolver, redirected to the sensor's forwarder */
/* 32 and above: reasons to deny. */
#define WEIR_WHY_DENY_RULE 32u   /* a deny rule */
#define WEIR_WHY_NO_RULE 33u     /* nothing allows it */
#define WEIR_WHY_PROCESS 34u     /* a rule allows it, but not to this executable */
#define WEIR_WHY_SOCKET_KIND 35u /* family, type or protocol that the policy does not admit */
#define WEIR_WHY_DNS_NAME 36u    /* the name asked for is not allowed */
#define WEIR_WHY_DNS_FORM 37u    /* not exactly one well-formed question */
#define WEIR_WHY_DNS_TYPE 38u    /* a query type that no rule needs */
#define WEIR_WHY_DNS_TCP_OFF 39u /* TCP to a resolver while the forwarder is away */
#define WEIR_WHY_DNS_REPLY 40u   /* source port 53 out of a scope */
#define WEIR_WHY_FOREIGN 41u     /* socket of another scope */
#define WEIR_WHY_TRANSLATED 42u  /* the address after NAT is not allowed */
#define WEIR_WHY_FRAGMENT 43u    /* a fragment without its transport header */
#define WEIR_WHY_ENDED 44u       /* the scope has ended */
#define WEIR_WHY_EXPIRED 45u     /* learned, but older than dns.max_age */
#define WEIR_WHY_PACKET_FORM 46u /* headers that do not parse */
#define WEIR_WHY_STUCK 47u       /* a stream that holds refused bytes: they would leave first, or with it */
#define WEIR_WHY_SOURCE 48u      /* to loopback, from an address elsewhere: the answer, or an error, would go there */

/* Which hook judged. */
#define WEIR_HOOK_SOCKET 1u
#define WEIR_HOOK_CONNECT 2u
#define WEIR_HOOK_SENDMSG 3u
#define WEIR_HOOK_PACKET 4u
#define WEIR_HOOK_DNS 5u
#define WEIR_HOOK_FORWARDER 6u /* the sensor's DNS-over-TCP forwarder, in user space */
#define WEIR_HOOK_FINDING 7u   /* not a hook: struct weir_flow_key of a finding, which deduplicates it; no flow */

/* ---- counters ---------------------------------------------------------------------------------------------- */

/*
 * Per scope and CPU (map weir_counts). Verdicts are counted apart from events: what was denied is exact even when the
 * record of it was lost. WEIR_C_VERDICT + hook * 4 + verdict is the counter of one hook's verdict; the first 32 are
 * reserved for that.
 */
#define WEIR_C_VERDICT 0u
#define WEIR_C_LOST_EXEC 32u /* the ring, or the scope's share of it, was full: event not sent */
#define WEIR_C_LOST_FORK 33u
#define WEIR_C_LOST_EXIT 34u
#define WEIR_C_LOST_FLOW 35u
#define WEIR_C_LOST_DNS 36u
#define WEIR_C_LOST_DENIAL 37u
#define WEIR_C_LOST_FINDING 38u
#define WEIR_C_FLOWS_FULL 39u   /* flow not tracked: table or the scope's share full (verdict unaffected) */
#define WEIR_C_LEARNED_FULL 40u /* address not learned: connects to it will be denied */
#define WEIR_C_PENDING_FULL 41u /* query not remembered: its answer teaches nothing */
#define WEIR_C_TASKS_FULL 42u   /* task not tracked, but judged by its cgroup (weir_stand_ins) */
#define WEIR_C_ARGS_CUT 43u     /* argv longer than WEIR_ARGS_BYTES or unreadable */
#define WEIR_C_PATH_CUT 44u
#define WEIR_C_ANSWER_STRAY 45u /* DNS answer without a pending query */
#define WEIR_C_ANSWER_FORM 46u  /* DNS answer refused: malformed, foreign owner, truncated chain */
#define WEIR_C_ANSWER_OK 47u    /* DNS answer committed */
#define WEIR_C_EXECS 48u
#define WEIR_C_FORKS 49u
#define WEIR_C_EXITS 50u
#define WEIR_C_QUERIES 51u
#define WEIR_C_ADOPTED 52u    /* sockets taken into the scope */
#define WEIR_C_EVENTS 53u     /* events accepted by the rings: what user space must have read when it is complete */
#define WEIR_C_STUCK_FULL 54u /* stream with refused bytes not remembered: it cannot be aborted at the end */
#define WEIR_C_STEPS 55u      /* steps that the scope's Runner.Worker began */
#define WEIR_C_STEP_CUT 56u   /* a step's environment not read to its end: its name may be missing */
#define WEIR_COUNTERS 64u

struct weir_counts {
    __u64 n[WEIR_COUNTERS];
};

/* One scope's use of a ring, as far as the programs know it: the reader does not say whose records it has taken. What
 * began to be written before `mark` is read as soon as the reader stands behind it. */
struct weir_ring_use {
    __u64 mark;   /* position in the ring from which on `since` counts */
    __u64 before; /* bytes of records in the window before that; 0 once they are known to be read */
    __u64 since;
};

#define WEIR_RING_EVENTS 0u
#define WEIR_RING_DENIALS 1u
#define WEIR_RINGS 2u

/* A scope's use of what is shared (map weir_usage; shared by CPUs, updated atomically, read approximately). */
struct weir_usage {
    __u64 flows;
    __u64 learned;
    __u64 pending;
    __u64 tasks;
    struct weir_ring_use rings[WEIR_RINGS];
};

/* ---- scopes and their members ------------------------------------------------------------------------------ */

#define WEIR_MODE_AUDIT 1u
#define WEIR_MODE_BLOCK 2u

/* struct weir_scope.flags: which tables hold anything, so that a lookup that cannot hit is not made. */
#define WEIR_S_DENY_EXACT (1u << 0)
#define WEIR_S_DENY_CIDR (1u << 1)
#define WEIR_S_ALLOW_CIDR (1u << 2)
#define WEIR_S_PROCESS (1u << 3)     /* some rule is bound to executables */
#define WEIR_S_NO_LOOPBACK (1u << 4) /* loopback is not allowed by itself */
#define WEIR_S_ANY_PORT (1u << 5)    /* some address rule has port 0 */
#define WEIR_S_ENDED (1u << 6)       /* job over; what is left of it is denied in block mode */
#define WEIR_S_HOST (1u << 7)        /* the whole host is its: see WEIR_T_SERVICE */

/* struct weir_scope.kinds: kinds of sockets that the policy admits besides TCP, MPTCP and UDP. */
#define WEIR_KIND_RAW (1u << 0)
#define WEIR_KIND_PING (1u << 1)
#define WEIR_KIND_SCTP (1u << 2)
#define WEIR_KIND_UDPLITE (1u << 3)
#define WEIR_KIND_DCCP (1u << 4)
#define WEIR_KIND_L2TP (1u << 5)
#define WEIR_KIND_OTHER (1u << 6)

/* weir_scopes: scope_id -> this. Written whole by the sensor. */
struct weir_scope {
    __u64 cgroup_id;        /* the job's cgroup (kernfs node id) */
    __u64 learned_max_ns;   /* dns.max_age; 0: learned entries live for the job */
    __u64 forwarder_ns;     /* boot time of the forwarder's last heartbeat; older than WEIR_FORWARDER_STALE_NS: away */
    __u32 generation;       /* of the policy; a socket's kept verdict holds only for the same one */
    __u32 mode;             /* WEIR_MODE_* */
    __u32 flags;            /* WEIR_S_* */
    __u32 kinds;            /* WEIR_KIND_* */
    __be16 forwarder_port4; /* on 127.0.0.1 in the job's network namespace; 0: none */
    __be16 forwarder_port6; /* on ::1 */
    __u32 reserved;
};

#define WEIR_FORWARDER_STALE_NS 5000000000ull

/* struct weir_task.flags */
#define WEIR_T_CANARY (1u << 0) /* the sensor's own probe: judged, kept in weir_canary, no event, no counter */
#define WEIR_T_LEFT (1u << 1)   /* was moved to a cgroup outside its scope (reported once) */
/* In the scope because the host is, and not in the job's own cgroup: judged alike, but the guard lets it do what services of a
 * host do (weir_guard_scope.services). Inherited; gone for good once it, or who it descends from, comes into that cgroup. */
#define WEIR_T_SERVICE (1u << 2)
#define WEIR_T_WORKER (1u << 3) /* the scope's Runner.Worker: each process that it forks begins a step */
#define WEIR_T_BEGINS \
    (1u << 4) /* a step's first process, until its first exec: that one's environment names the step */

/* weir_tasks: tgid -> this. Written by the process programs; the sensor marks canaries. */
struct weir_task {
    __u64 exec_id; /* of the process image that runs; unique until reboot */
    __u64 parent_exec_id;
    __u64 start_ns;  /* start of the process (task_struct.start_boottime) */
    __u64 proc_mask; /* executable lists (policy `process:`) that this image is on */
    __u32 scope_id;
    __u32 ppid;
    __u32 flags;
    __u32 step; /* which began it (weir_steps); 0: none, or not known */
};

/*
 * weir_steps: the steps of a job that a Runner.Worker runs. Step 0 is the Worker itself, written by the sensor before that
 * process enters the scope: its tgid, its start (in the unit of struct weir_protected) and how many steps it has begun so far.
 * A miss: the scope has no steps. Step N is the N-th process that the Worker, by whichever thread, has forked; written by the
 * process programs. Such a row claims its number, since no program of 5.10 can add and read in one go: of several that insert
 * the same one succeeds. The newest WEIR_STEPS_KEPT stay.
 *
 * A process is of the step that its parent was of when it forked, whatever becomes of either later. One that comes into the
 * scope by its cgroup is of the newest step; of none (0) once weir_tasks had no room for a process of the scope, because it may
 * be that one, and to be of no known step is better than to be of another's.
 */
struct weir_step_key {
    __u32 scope_id;
    __u32 step;
};

struct weir_step {
    __u64 start_ns;
    __u32 tgid;
    __u32 begun; /* step 0: the newest step */
    __u32 lost;  /* step 0: 1: weir_tasks had no room for some process of the scope */
    __u32 reserved;
};

/* weir_untracked: one counter of tasks that weir_tasks had no room for, and of scopes with WEIR_S_HOST. While it is not 0, a
 * task that is not in weir_tasks may still be a job's: programs then look at its cgroup, and judge it as weir_stand_ins says
 * (scope_id -> weir_task without image: exec_id and proc_mask 0, so a rule that is bound to executables denies). */

/* weir_cgroups: cgroup id -> scope_id. A task that enters this subtree enters the scope; 0: this subtree is in none, though
 * one above it is. Written by the sensor. */

/* weir_births: one entry. The cgroup directly below which every scope's cgroup lies, so that one comparison tells sockets
 * that the kernel made elsewhere. Written by the process programs as tasks enter scopes. */
struct weir_births {
    __u64 cgroup_id;
    __u32 level;  /* of that cgroup, the root's is 0; 0: not known yet, or no help */
    __u32 places; /* how many such cgroups there are, at most two counted; the others count only when it is 1 */
};

/* weir_canary: scope_id -> the last verdict on the sensor's probe. Written by connect4/6. */
struct weir_canary {
    __u64 boot_ns;
    __u64 netns_cookie; /* of the probe's socket */
    __u32 generation;
    __u8 verdict;
    __u8 why;
    __u8 reserved[2];
};

/* weir_netns: network namespaces whose loopback and interfaces the job did not make. Value: __u32 1. */
struct weir_netns_key {
    __u64 cookie; /* bpf_get_netns_cookie() */
    __u32 scope_id;
    __u32 reserved;
};

/* weir_resolvers: trusted resolvers of a scope. Value: __u32 flags, none yet. */
struct weir_resolver_key {
    __u32 scope_id;
    __u8 addr[16];
};

/* weir_fwd_ports: loopback ports of forwarders -> the scope that each serves (no other scope may connect). */
struct weir_fwd_key {
    __u64 netns_cookie;
    __be16 port;
    __u8 reserved[6];
};

/* weir_fwd_gone: who made a connection to the scope's forwarder whose socket is closed on the job's side. While it is
 * open, its socket storage says so; a job that closes right behind its question would be nobody otherwise. */
struct weir_fwd_gone_key {
    __u32 scope_id;
    __be16 port; /* of the job's end */
    __u8 v6;     /* 1: connected to ::1; the families have ports of their own */
    __u8 reserved;
};

struct weir_fwd_gone {
    __u64 exec_id;
    __u32 tgid;
    __u32 step;
};

/* ---- policy ------------------------------------------------------------------------------------------------ */

#define WEIR_TABLE_DENY 0u
#define WEIR_TABLE_ALLOW 1u

#define WEIR_PROC_ANY (~0ull) /* weir_rule.proc_mask: not bound to executables */

/* Rule ids the sensor did not take from the policy. */
#define WEIR_RULE_NONE 0u
#define WEIR_RULE_LOCAL 0xfffffff0u /* engine subnets */

/* weir_exact: host addresses. */
struct weir_addr_key {
    __u32 scope_id;
    __u8 table; /* WEIR_TABLE_* */
    __u8 proto;
    __be16 port;
    __u8 addr[16];
};

/* weir_cidr: longest prefix match. prefixlen counts from scope_id: 64 + prefix bits of the 128-bit address. */
#define WEIR_CIDR_FIXED_BITS 64u
struct weir_cidr_key {
    __u32 prefixlen;
    struct weir_addr_key rule;
};

/* weir_exact, weir_cidr: the merged rule. The compiler has already folded covering rules into narrower ones, so the
 * longest match alone decides. */
struct weir_rule {
    __u64 proc_mask; /* any common bit with weir_task.proc_mask matches */
    __u32 rule_id;   /* 1-based index into the policy's list of rules */
    __u32 reserved;
};

#define WEIR_NAME_EXACT 0u
#define WEIR_NAME_BELOW 1u  /* any depth below this name; not the name itself */
#define WEIR_NAME_SEARCH 2u /* a search suffix of the resolver */

/* weir_names. `hash` is weir_name_hash() of the name; the stored name is compared as a whole, so a forged hash gains
 * nothing. Only the most specific entry is consulted: the compiler has merged broader ones into it. */
struct weir_name_key {
    __u64 hash;
    __u32 scope_id;
    __u16 len; /* of the wire form, root label included */
    __u8 kind; /* WEIR_NAME_* */
    __u8 reserved;
};

struct weir_name_port {
    __u64 proc_mask;
    __u32 rule_id;
    __be16 port;
    __u8 proto;
    __u8 reserved;
};

#define WEIR_N_DENY (1u << 0) /* a deny rule: lookups are refused */

struct weir_name {
    struct weir_name_port ports[WEIR_NAME_PORTS];
    __u32 n_ports;
    __u32 flags;   /* WEIR_N_* */
    __u32 rule_id; /* the rule that decides about the lookup */
    __u32 reserved;
    __u8 name[WEIR_NAME_BYTES];
};

/* weir_learned: what DNS answers taught. port 0 and proto 0: only the address's name, allows nothing. */
struct weir_learned_key {
    __u32 scope_id;
    __be16 port;
    __u8 proto;
    __u8 reserved;
    __u8 addr[16];
};

#define WEIR_L_NAME_ONLY (1u << 0)
#define WEIR_L_ANY_PORT (1u << 1)

struct weir_learned {
    __u64 learned_ns;
    __u64 expiry_ns; /* 0: lives for the job */
    __u64 proc_mask;
    __u32 rule_id;
    __u32 flags; /* WEIR_L_* */
    __u8 name[WEIR_NAME_BYTES];
};

/* weir_procs: executables of `process:` lists by identity. Value: __u64 mask of lists. */
struct weir_proc_key {
    __u64 dev; /* kernel's s_dev encoding: major << 20 | minor */
    __u64 inode;
    __u32 scope_id;
    __u32 reserved;
};

/* weir_proc_names: the same by the executable file's own name (dentry of mm->exe_file), zero-padded. Value: __u64. */
#define WEIR_PROC_NAME_BYTES 60u
struct weir_proc_name_key {
    __u32 scope_id;
    __u8 name[WEIR_PROC_NAME_BYTES];
};

/* ---- guard ------------------------------------------------------------------------------------------------- */

/*
 * Classes of attempts that the guard judges (DESIGN 2.5). Those from WEIR_G_BPF on are about the guard itself, the sensor and
 * the runner; those from WEIR_G_PACKET on are ways out that no cgroup hook sees.
 */
#define WEIR_G_BPF 0u           /* value: bpf(2) command */
#define WEIR_G_MODULES 1u       /* modules, kexec; value: enum kernel_read_file_id or kernel_load_data_id */
#define WEIR_G_SIGNAL 2u        /* signal, limit or priority of a protected process; value: its tgid */
#define WEIR_G_PTRACE 3u        /* memory or descriptors of the sensor, or of any process outside; value: its tgid */
#define WEIR_G_RUNNER_MEMORY 4u /* the same of the runner; value: its tgid */
#define WEIR_G_RUNNER_FILES 5u  /* the runner's credential files; value: inode */
#define WEIR_G_SENSOR_FILES 6u  /* writing Weir's own files; value: inode */
#define WEIR_G_CGROUP 7u        /* writing a file of a cgroup outside the job's; value: inode */
#define WEIR_G_SYSCTL 8u        /* a setting that switches programs off or starts helpers; value: 0 */
#define WEIR_G_SYSRQ 9u         /* value: 0 */
#define WEIR_G_MOUNT 10u        /* taking Weir's pins away; value: 0 */
#define WEIR_G_MEMORY 11u       /* physical memory; value: device minor, 0 for /proc/kcore, probes and perf */
#define WEIR_G_PACKET 12u       /* value: socket protocol */
#define WEIR_G_XDP 13u
#define WEIR_G_VSOCK 14u
#define WEIR_G_FAMILY 15u /* other socket families that carry data off the host; value: family */
#define WEIR_G_TUN 16u
#define WEIR_G_TUNNEL 17u /* links of the host's network namespace; value: message type, generic family or ioctl */
#define WEIR_G_ROUTES \
    18u /* its addresses, routes, rules, queues, and sockets of others; value: message type or ioctl */
#define WEIR_G_NETFILTER 19u /* its packet filter; value: nfnetlink type, or socket option */
#define WEIR_G_NETNS 20u     /* joining the host's network namespace; value: inode of the namespace */
#define WEIR_G_SOCKETS 21u   /* unix sockets that act for others; value: inode of the socket's file */
#define WEIR_G_HELPERS 22u   /* programs that the kernel or cron starts; value: WEIR_HELPER_*, or inode of a file */
#define WEIR_GUARD_CLASSES 23u

#define WEIR_HELPER_MODULE 0u /* modprobe */
#define WEIR_HELPER_KEY 1u    /* request-key; no file of a disk has this inode */
#define WEIR_GUARD_ROOM 32u   /* a power of two */

/* weir_guards: scope_id -> what is denied and what only reported (bit: class), and how often either happened. Masks are
 * written by the sensor. A miss: the scope is gone, and everything is denied. Where only the fallback runs
 * (fallback.bpf.c), "denied" means that the process was killed: it kills for what is in `deny` and `kill`, and reports what
 * is in `deny` alone. */
struct weir_guard_scope {
    __u64 denied[WEIR_GUARD_ROOM];
    __u64 reported[WEIR_GUARD_ROOM];
    __u32 deny;
    __u32 report;
    __u32 kill;
    __u32 services; /* classes that are judged for tasks with WEIR_T_SERVICE, too */
};

/* weir_protected: tgid -> whose process that is. Written by the sensor. */
#define WEIR_P_SENSOR 1u
#define WEIR_P_RUNNER 2u
#define WEIR_TICK_NS 10000000ull /* USER_HZ, the unit of starttime in /proc/PID/stat (proc(5)) */
struct weir_protected {
    /* Start of the process, because a tgid can be another's later: starttime of /proc/PID/stat * WEIR_TICK_NS, and compared
     * in that unit, since user space sees no finer one. 0: whoever has the tgid. A stale entry protects a process too many,
     * which is the harmless direction. */
    __u64 start_ns;
    __u32 who;
    __u32 reserved;
};

/*
 * weir_guarded: files, directories and sockets by identity -> how they are guarded. Written by the sensor.
 *
 * For each device with a WEIR_GF_BELOW directory there must be a second entry, inode 0: it says how a file is judged of which
 * the kernel does not know where it lies (opened by handle), and the block device itself. A directory without WEIR_GF_BELOW
 * is held in its place (not renamed, not removed); what lies in it is free.
 */
struct weir_guarded_key {
    __u64 dev; /* kernel's s_dev encoding */
    __u64 inode;
};
#define WEIR_GF_WRITE_ONLY (1u << 0) /* reading is nobody's business */
#define WEIR_GF_BELOW (1u << 1)      /* a directory: and everything below it */
#define WEIR_GF_UNASKED (1u << 2)    /* the C library uses it on its own: the fallback reports, and ends nobody */
struct weir_guarded {
    __u32 guard_class; /* WEIR_G_* */
    __u32 flags;       /* WEIR_GF_* */
};

/* weir_sockets: a scope's own word about unix sockets, before weir_guarded's. Value: __u32, 1 allow, 2 deny. */
struct weir_socket_key {
    __u64 dev;
    __u64 inode;
    __u32 scope_id;
    __u32 reserved;
};

/* weir_host: one entry; what the guard must tell from a job's own. Written by the sensor. */
struct weir_host {
    __u64 pins_dev;    /* s_dev of the BPF file system that holds Weir's pins; 0: none */
    __u32 netns_inode; /* of the network namespace in which the sensor runs; 0: each one is judged as if it were that */
    __u32 mntns_inode; /* of the mount namespace in which the pins are mounted; 0: the same */
};

/* weir_own_paths: index -> a directory of Weir's as it is written, for the fallback: where no program sees what a path leads
 * to, strings are compared. Written by the sensor; rows without a path come last. */
#define WEIR_OWN_PATHS 2u
#define WEIR_OWN_PATH_BYTES 120u
struct weir_own_path {
    __u32 guard_class; /* of taking it away */
    __u32 len;         /* without the zero byte */
    char path[WEIR_OWN_PATH_BYTES];
};

/* weir_genl: number of a generic netlink family that a job may speak to in the host's network namespace, such as ethtool's
 * (numbers are of this boot, CTRL_CMD_GETFAMILY tells them) -> __u32 1. Written by the sensor. A miss: WEIR_G_TUNNEL, since
 * families such as openvswitch's send packets, and others make tunnels; the controller itself is always free. */

/* ---- sockets, queries, flows ------------------------------------------------------------------------------- */

#define WEIR_K_DNS (1u << 0)     /* has connected or sent to a trusted resolver's port 53 */
#define WEIR_K_ADOPTED (1u << 1) /* not seen at its birth */
#define WEIR_K_CANARY (1u << 2)
#define WEIR_K_FLOW (1u << 3)   /* addr/port/proto name a flow to which bytes are added */
#define WEIR_K_STUCK (1u << 4)  /* a stream that holds bytes which were refused: nothing leaves on it any more */
#define WEIR_K_CLOSED (1u << 5) /* its process is done with it; what a stream still sends is added packet by packet */
#define WEIR_K_HERE (1u << 6)   /* a process has named a loopback destination on it */

/* weir_socks: socket storage, cloned to accepted sockets. Written by all programs; by the sensor at adoption. */
struct weir_sock {
    __u64 exec_id;      /* of the process that made, connected or last sent */
    __u64 netns_cookie; /* 0: not known; such a socket's answers teach nothing */
    __u64 bytes_out;    /* since last added to the flow */
    __u64 bytes_in;
    __u32 packets_out;
    __u32 packets_in;
    __u32 scope_id;
    __u32 generation; /* of the kept verdict; 0: none kept */
    __u32 rule_id;
    __u32 tgid;
    __u32 step;  /* of the process */
    __u32 flags; /* WEIR_K_* */
    /* The flow: the destination as the process gave it. */
    __be16 port;
    __u8 proto;
    __u8 verdict;
    __u8 why;
    __u8 hook;
    __be16 dns_port; /* resolver's port as the process gave it, before NAT */
    __be16 seen_port;
    __u8 reserved[6];
    __u8 addr[16];
    __u8 seen_addr[16]; /* destination of the last packet that was judged and let through: after NAT */
    __u8 dns_addr[16];
};

/* weir_stuck: cookie of a stream that holds refused bytes (SO_COOKIE) -> this. The kernel would send them again when nobody
 * judges any more, so the sensor aborts these streams at the end of their scope. */
struct weir_stuck {
    __u32 scope_id;
    __u32 netns_inode; /* of the stream's network namespace (nsfs) */
    __u32 proto;
    __u32 reserved;
};

/* weir_flows: one per process image, step, destination and verdict. Deduplicates events and carries the sums. (Of several
 * steps is only the Worker's own image, of which each step is a fork until it executes something.) */
struct weir_flow_key {
    __u64 exec_id;
    __u32 scope_id;
    __u32 step;
    __be16 port;
    __u8 proto;
    __u8 verdict;
    __u8 hook; /* WEIR_HOOK_*; DNS flows have the name's hash in addr[0..7] and the type in port */
    __u8 why;
    __u8 reserved[2];
    __u8 addr[16];
};

struct weir_flow {
    __u64 first_ns;
    __u64 last_ns;
    __u64 count; /* connects, sends, queries or refused packets */
    __u64 bytes_out;
    __u64 bytes_in;
    __u64 packets_out;
    __u64 packets_in;
    __u32 rule_id;
    __u32 tgid;
};

/* ---- events ------------------------------------------------------------------------------------------------ */

#define WEIR_E_EXEC 1u    /* struct weir_exec_event + data */
#define WEIR_E_FORK 2u    /* struct weir_fork_event */
#define WEIR_E_EXIT 3u    /* struct weir_exit_event */
#define WEIR_E_FLOW 4u    /* struct weir_flow_event */
#define WEIR_E_DNS 5u     /* struct weir_dns_event: a query judged (first of its kind) */
#define WEIR_E_ANSWER 6u  /* struct weir_dns_event: an answer that taught new addresses */
#define WEIR_E_FINDING 7u /* struct weir_finding_event */

/* Every event begins with this. Allowed traffic and processes go through weir_events, without wake-up; denials and
 * findings through weir_denials, with one. */
struct weir_event {
    __u64 boot_ns;
    __u64 exec_id;
    __u32 scope_id;
    __u32 tgid;
    __u32 step; /* of the process; 0: none, or not known */
    __u16 kind; /* WEIR_E_* */
    __u16 reserved;
};

#define WEIR_X_DELETED (1u << 0)
#define WEIR_X_MEMFD (1u << 1)
#define WEIR_X_TMPFS (1u << 2)
#define WEIR_X_ARGS_CUT (1u << 3)
#define WEIR_X_PATH_CUT (1u << 4)
#define WEIR_X_CWD_CUT (1u << 5)
#define WEIR_X_ENTERED (1u << 6) /* not an exec: the process joined the scope with this image */

/* data: args_len bytes of argv (NUL-separated), then path_len, then cwd_len bytes, then step_len bytes. Paths are dentry names
 * leaf first, each NUL-terminated, as walking d_parent yields them; user space turns them round (bpf/path.h). The last part is
 * there for the exec that names a step: as many as it has of the variables GITHUB_ACTION, GITHUB_ACTION_REF and
 * GITHUB_ACTION_REPOSITORY, in the order of the environment, "NAME=value" and a NUL each; a value may be cut. */
struct weir_exec_event {
    struct weir_event event;
    __u64 parent_exec_id;
    __u64 start_ns;
    __u64 dev;
    __u64 inode;
    __u64 cgroup_id;
    __u32 ppid;
    __u32 uid;
    __u32 gid;
    __u32 flags; /* WEIR_X_* */
    __u32 args_len;
    __u16 path_len;
    __u16 cwd_len;
    __u64 args_full_len; /* length of argv before it was cut */
    __u32 step_len;
    __u32 reserved;
    __u8 comm[WEIR_COMM_BYTES];
};

struct weir_fork_event {
    struct weir_event event; /* tgid: the child; exec_id: the image it shares with its parent */
    __u64 start_ns;
    __u32 ppid;
    __u32 reserved;
};

struct weir_exit_event {
    struct weir_event event;
    __u32 code; /* wait(2) status */
    __u32 reserved;
};

struct weir_flow_event {
    struct weir_event event;
    __u32 rule_id;
    __u32 generation;
    __be16 port;
    __be16 source_port;
    __u8 proto;
    __u8 verdict;
    __u8 hook;
    __u8 why;
    __u32 socket_kind; /* WEIR_HOOK_SOCKET: family << 24 | type << 16 | protocol */
    __u32 reserved;    /* keeps name on 8 bytes */
    __u8 addr[16];
    __u8 comm[WEIR_COMM_BYTES];
    __u8 name[WEIR_NAME_BYTES]; /* what DNS taught about addr; empty when nothing did */
};

#define WEIR_DNS_EVENT_ADDRS 8u

struct weir_dns_event {
    struct weir_event event;
    __u32 rule_id;
    __u32 ttl; /* seconds; smallest of the answer */
    __u16 qtype;
    __u16 n_addrs; /* in the answer; at most WEIR_DNS_EVENT_ADDRS are in addrs */
    __u8 verdict;
    __u8 why;
    __u8 hook;
    __u8 reserved;
    __u8 server[16];
    __u8 comm[WEIR_COMM_BYTES];
    __u8 name[WEIR_NAME_BYTES]; /* as far as it parsed */
    __u8 addrs[WEIR_DNS_EVENT_ADDRS][16];
};

#define WEIR_F_LEFT_CGROUP 1u    /* value: id of the cgroup that it was moved to */
#define WEIR_F_FAKE_RESOLVER 2u  /* a resolver's loopback address is served by the job itself */
#define WEIR_F_FOREIGN_SOCKET 3u /* value: scope of the socket */
#define WEIR_F_ANSWER_REFUSED 4u /* value: parser's reason */
#define WEIR_F_LEARNED_FULL 5u   /* value: addresses of the answer that were not learned */
#define WEIR_F_GUARD 6u          /* guard_class and verdict say what was tried; value: see WEIR_G_* */
#define WEIR_F_LISTENER 7u       /* a stream socket that can be reached from outside; value: WEIR_LISTEN_* */

/* Bits of a listener's value: 0 to 15 the port (host order; 0: the kernel chooses one), then the protocol, then which address
 * it is bound to: one of IPv6, all of both families, or the IPv4 one (network order; 0: all) in the upper half. */
#define WEIR_LISTEN_PROTOCOL_SHIFT 16
#define WEIR_LISTEN_ONE6 (1ull << 24)
#define WEIR_LISTEN_ANY6 (1ull << 25)
#define WEIR_LISTEN_ADDRESS_SHIFT 32

struct weir_finding_event {
    struct weir_event event;
    __u64 value;
    __u32 finding; /* WEIR_F_* */
    __u16 guard_class;
    __u8 verdict; /* of the guard: WEIR_DENY or WEIR_WOULD_DENY */
    __u8 reserved;
    __u8 comm[WEIR_COMM_BYTES];
};

#ifdef __cplusplus
#define WEIR_ASSERT_SIZE(type, bytes) static_assert(sizeof(struct type) == (bytes), #type)
#else
#define WEIR_ASSERT_SIZE(type, bytes) _Static_assert(sizeof(struct type) == (bytes), #type)
#endif

WEIR_ASSERT_SIZE(weir_counts, 512);
WEIR_ASSERT_SIZE(weir_ring_use, 24);
WEIR_ASSERT_SIZE(weir_usage, 80);
WEIR_ASSERT_SIZE(weir_scope, 48);
WEIR_ASSERT_SIZE(weir_task, 48);
WEIR_ASSERT_SIZE(weir_step_key, 8);
WEIR_ASSERT_SIZE(weir_step, 24);
WEIR_ASSERT_SIZE(weir_canary, 24);
WEIR_ASSERT_SIZE(weir_netns_key, 16);
WEIR_ASSERT_SIZE(weir_resolver_key, 20);
WEIR_ASSERT_SIZE(weir_fwd_key, 16);
WEIR_ASSERT_SIZE(weir_fwd_gone_key, 8);
WEIR_ASSERT_SIZE(weir_fwd_gone, 16);
WEIR_ASSERT_SIZE(weir_addr_key, 24);
WEIR_ASSERT_SIZE(weir_cidr_key, 28);
WEIR_ASSERT_SIZE(weir_rule, 16);
WEIR_ASSERT_SIZE(weir_name_key, 16);
WEIR_ASSERT_SIZE(weir_name_port, 16);
WEIR_ASSERT_SIZE(weir_name, 400);
WEIR_ASSERT_SIZE(weir_learned_key, 24);
WEIR_ASSERT_SIZE(weir_learned, 288);
WEIR_ASSERT_SIZE(weir_proc_key, 24);
WEIR_ASSERT_SIZE(weir_proc_name_key, 64);
WEIR_ASSERT_SIZE(weir_guard_scope, 528);
WEIR_ASSERT_SIZE(weir_protected, 16);
WEIR_ASSERT_SIZE(weir_guarded_key, 16);
WEIR_ASSERT_SIZE(weir_guarded, 8);
WEIR_ASSERT_SIZE(weir_socket_key, 24);
WEIR_ASSERT_SIZE(weir_host, 16);
WEIR_ASSERT_SIZE(weir_own_path, 128);
WEIR_ASSERT_SIZE(weir_sock, 128);
WEIR_ASSERT_SIZE(weir_flow_key, 40);
WEIR_ASSERT_SIZE(weir_flow, 64);
WEIR_ASSERT_SIZE(weir_event, 32);
WEIR_ASSERT_SIZE(weir_exec_event, 128);
WEIR_ASSERT_SIZE(weir_fork_event, 48);
WEIR_ASSERT_SIZE(weir_exit_event, 40);
WEIR_ASSERT_SIZE(weir_flow_event, 344);
WEIR_ASSERT_SIZE(weir_dns_event, 464);
WEIR_ASSERT_SIZE(weir_finding_event, 64);

#endif /* WEIR_ABI_H */

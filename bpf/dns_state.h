/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/*
 * What the DNS parser works on. In the kernel it lies in a per-CPU map value: cursors that live in memory, not in
 * registers, are what keeps the verifier's work small. Programs may be interrupted and preempted by one another on one CPU,
 * so each use takes a slot of its own (dns_maps.bpf.h).
 */
#ifndef WEIR_DNS_STATE_H
#define WEIR_DNS_STATE_H

#include "abi.h"

#define WEIR_DNS_MESSAGE_BYTES 4096u /* longest answer that is read (the usual largest EDNS size) */
#define WEIR_DNS_QUERY_BYTES 512u    /* longest query (RFC 1035 2.3.4); none that parses needs more than 346 */
#define WEIR_DNS_HEADER_BYTES 12u
#define WEIR_DNS_NAME_MAX 255u /* RFC 1035 2.3.4, root label included */
#define WEIR_DNS_LABELS 128u   /* 127 labels of one byte, one more for a mask */
#define WEIR_DNS_NAME_ROOM 512u
#define WEIR_DNS_CUTS \
    8u /* search suffixes that one name may end with; glibc and musl take at most 6 and more is junk */

/* Resource record types (IANA). */
#define WEIR_DNS_A 1u
#define WEIR_DNS_CNAME 5u
#define WEIR_DNS_AAAA 28u
#define WEIR_DNS_OPT 41u
#define WEIR_DNS_RRSIG 46u
#define WEIR_DNS_SVCB 64u
#define WEIR_DNS_HTTPS 65u

/* What the parser says; the value of WEIR_F_ANSWER_REFUSED. Stable numbers: they reach reports. */
#define WEIR_DNS_OK 0
#define WEIR_DNS_E_SHORT 1     /* ends inside a field */
#define WEIR_DNS_E_SIZE 2      /* longer than we read, or nothing at all */
#define WEIR_DNS_E_DIRECTION 3 /* QR: an answer sent as query, or the other way */
#define WEIR_DNS_E_OPCODE 4
#define WEIR_DNS_E_FLAGS 5      /* bits that a query has no use for */
#define WEIR_DNS_E_QUESTIONS 6  /* not exactly one */
#define WEIR_DNS_E_RECORDS 7    /* a query with records, or an answer with more than WEIR_ANSWER_ADDRS */
#define WEIR_DNS_E_LABEL 8      /* a length byte of 64 to 191 */
#define WEIR_DNS_E_LONG 9       /* a name of more than 255 bytes, or of too many steps */
#define WEIR_DNS_E_POINTER 10   /* compression where none may be, or not strictly backwards */
#define WEIR_DNS_E_CLASS 11     /* not IN */
#define WEIR_DNS_E_TRAILING 12  /* bytes after the end */
#define WEIR_DNS_E_EDNS 13      /* an OPT record that could carry data */
#define WEIR_DNS_E_MISMATCH 14  /* not the question that was asked */
#define WEIR_DNS_E_TRUNCATED 15 /* TC: the client will ask again over TCP */
#define WEIR_DNS_E_RCODE 16     /* the server reports a failure; not malformed */
#define WEIR_DNS_E_OWNER 17     /* a record that the question's chain does not lead to */
#define WEIR_DNS_E_RDATA 18     /* record data of the wrong length */
#define WEIR_DNS_E_TYPE 19      /* a record type that has no place in such an answer (DNAME too) */
#define WEIR_DNS_E_CHAIN 20     /* CNAME after an address */
#define WEIR_DNS_E_STATE 21     /* no scratch memory: a fault of ours */
#define WEIR_DNS_E_SEGMENTS 22  /* one packet here that leaves as several datagrams (UDP_SEGMENT) */
#define WEIR_DNS_E_PAGES 23     /* in pages that the sender can still write (MSG_ZEROCOPY, splice) */

/* What an answer to a pending query may teach. */
#define WEIR_TEACH_NONE 0u
#define WEIR_TEACH_NAME 1u  /* what its addresses are called, for the record */
#define WEIR_TEACH_RULES 2u /* what the matched name's ports allow, too */

/* weir_pending: a query on its way. */
struct weir_pending_key {
    __u64 cookie; /* of the socket */
    __u32 slot;   /* of WEIR_SOCK_PENDING */
    __u32 reserved;
};

struct weir_pending {
    __u64 asked_ns;
    __u64 exec_id;
    struct weir_name_key rule; /* entry that allowed the name, looked up again at the answer; len 0: none */
    __u32 scope_id;
    __u32 tgid;
    __u32 step;
    __u16 qtype;
    __u16 id; /* transaction, host order */
    __be16 server_port;
    __u8 teach; /* WEIR_TEACH_* */
    __u8 reserved[5];
    __u8 server[16];
    __u8 name[WEIR_NAME_BYTES];
};

/* Filled in by the caller of weir_dns_query() and weir_dns_answer(). */
struct weir_dns_in {
    __u64 cookie;      /* of the socket */
    __u64 exec_id;     /* query: of the sender */
    __u32 payload_off; /* of the UDP payload in the packet */
    __u32 payload_len;
    __u32 scope_id;
    __u32 tgid;         /* query */
    __u32 step;         /* query */
    __u32 mode;         /* WEIR_MODE_*; in audit a query that would be denied is remembered too */
    __u32 teach;        /* query: 0: this server's answers are not to be believed */
    __be16 server_port; /* query: as the process gave it; answer: source of the packet */
    __u8 reserved[2];
    __u8 server[16];
};

/* Filled in by them. The name is in weir_dns_state.asked.name, the addresses are in .addrs. */
struct weir_dns_out {
    __u64 exec_id;   /* answer: who asked */
    __u64 name_hash; /* query: of the whole name */
    __u32 tgid;      /* answer */
    __u32 why;       /* query: WEIR_WHY_* */
    __u32 rule_id;   /* query: that allowed or denied it */
    __u32 code;      /* WEIR_DNS_* of the parser */
    __u32 ttl;       /* answer: smallest */
    __u32 n_addrs;   /* answer */
    __u32 n_new;     /* answer: entries that were not known before */
    __u32 n_lost;    /* answer: entries that could not be learned; raise WEIR_F_LEARNED_FULL */
    __u32 n_barred;  /* answer: addresses that no name may open (link-local, metadata, multicast) */
    __u16 qtype;
    __u16 reserved;
};

struct weir_dns_state {
    struct weir_dns_in in;
    struct weir_dns_out out;
    struct weir_pending asked;   /* query: being made; answer: what the answer must be to */
    struct weir_learned learned; /* answer: the value that is being entered */

    /* The message and the cursor. */
    __u64 len;
    __u64 at;
    __u16 id;
    __u16 flags;
    __u16 qtype;
    __u16 n_answers;
    __u32 ttl;
    __u32 n_addrs;

    /* The name decoder. names[0..511]: the question, then the name that the chain has come to; names[512..]: scratch. */
    __u64 name_base;
    __u64 name_len;
    __u64 name_left;    /* bytes of the current label still to copy */
    __u64 name_segment; /* where the current run of labels began: pointers must go before it */
    __u64 name_end;     /* first byte behind the name in the message */
    __u64 name_plain;   /* compression is refused */
    __u64 n_labels;
    __u64 owner_at; /* where in the message the chain's current name was read: a pointer to it needs no comparing */

    /* Right-to-left hashing: hashes[k] is the hash of the suffix that begins at starts[k]. */
    __u64 hash;
    __u64 hash_at;
    __u64 hash_label;

    /* Matching. */
    struct weir_name_key match;
    __u32 match_flags;
    __u32 match_rule_id;
    __u64 cut_at; /* label at which to look for the next search suffix */
    __u32 n_cuts;
    __u32 n_ports;
    struct weir_name_port ports[WEIR_NAME_PORTS];
    __u8 cuts[WEIR_DNS_CUTS]; /* labels at which a search suffix begins */

    __u64 hashes[WEIR_DNS_LABELS];
    __u8 starts[WEIR_DNS_LABELS];
    __u8 addrs[WEIR_ANSWER_ADDRS][16];
    __u8 names[2 * WEIR_DNS_NAME_ROOM + 16];
    __u8 buf[WEIR_DNS_MESSAGE_BYTES + 16]; /* words are read over the end, and what lies there is never used */
};

WEIR_ASSERT_SIZE(weir_pending_key, 16);
WEIR_ASSERT_SIZE(weir_pending, 328);

#endif /* WEIR_DNS_STATE_H */

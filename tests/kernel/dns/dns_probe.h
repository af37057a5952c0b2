/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/* What the test program that runs bpf/dns.bpf.c is told, and what it found. */
#ifndef WEIR_DNS_PROBE_H
#define WEIR_DNS_PROBE_H

#include "../../../bpf/dns_state.h"

#define WEIR_PROBE_PARSE_QUERY 0u  /* parser alone: the packet's payload is a query */
#define WEIR_PROBE_PARSE_ANSWER 1u /* parser alone: an answer to `asked` */
#define WEIR_PROBE_JUDGE                                                                    \
  2u /* weir_dns_query() of n_queries queries of query_len bytes, then weir_dns_answer() of \
        n_answers answers; all behind one another in the payload */

#define WEIR_PROBE_ANSWERS 4u
#define WEIR_PROBE_QUERIES 80u

struct weir_probe_in {
  struct weir_dns_in in;
  struct weir_pending asked; /* parse answer: the question; parse query: asked_ns is the hash's seed */
  __u32 op;                  /* WEIR_PROBE_* */
  __u32 n_queries;
  __u32 query_len;
  __u32 n_answers;
  __u32 answer_len[WEIR_PROBE_ANSWERS];
  __be16 answer_port;
  __u8 reserved[6];
  __u8 answer_server[16];
};

struct weir_probe_out {
  struct weir_dns_out query;  /* of the last one */
  struct weir_dns_out answer; /* of the last one */
  __u64 hash;
  __u32 answer_result[WEIR_PROBE_ANSWERS]; /* WEIR_ANSWER_* */
  __u32 code;                              /* of the parser */
  __u32 n_addrs;
  __u32 ttl;
  __u32 name_len;
  __u16 id;
  __u16 qtype;
  __u32 reserved;
  __u8 name[WEIR_NAME_BYTES];
  __u8 addrs[WEIR_ANSWER_ADDRS][16];
};

#endif /* WEIR_DNS_PROBE_H */

/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/*
 * Runs the DNS programs on packets that a test hands to BPF_PROG_RUN. Query and answer come in one packet, one behind
 * the other, because the socket that such a run pretends lives for one run only.
 */
#include "dns_probe.h"

#include "../../../bpf/dns_maps.bpf.h"

#define WEIR_PROBE_PAYLOAD 28 /* IPv4 without options, UDP */

int weir_dns_load(struct __sk_buff* skb, __u32 slot);
int weir_dns_parse_query(__u32 slot);
int weir_dns_parse_answer(__u32 slot);
int weir_dns_hash_name(__u32 slot, __u64 seed);

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct weir_probe_in);
} weir_probe_in SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct weir_probe_out);
} weir_probe_out SEC(".maps");

static __always_inline void weir_probe_note(struct weir_probe_out* out, const struct weir_dns_state* s) {
  out->id = s->id;
  out->qtype = s->qtype;
  out->n_addrs = s->n_addrs;
  out->ttl = s->ttl;
  out->name_len = (__u32)s->name_len;
  out->hash = s->hashes[0];
  __builtin_memcpy(out->name, s->names, WEIR_NAME_BYTES);
  __builtin_memcpy(out->addrs, s->addrs, sizeof(out->addrs));
}

static __always_inline void weir_probe_parse(struct __sk_buff* skb, __u32 slot, struct weir_dns_state* s,
                                             const struct weir_probe_in* in, struct weir_probe_out* out) {
  int code;

  __builtin_memcpy(&s->asked, &in->asked, sizeof(s->asked));
  s->len = s->in.payload_len;
  code = s->len ? weir_dns_load(skb, slot) : 0;
  if (!code) code = in->op == WEIR_PROBE_PARSE_QUERY ? weir_dns_parse_query(slot) : weir_dns_parse_answer(slot);
  if (!code && in->op == WEIR_PROBE_PARSE_QUERY) weir_dns_hash_name(slot, in->asked.asked_ns);
  out->code = (__u32)code;
  weir_probe_note(out, s);
}

static __always_inline void weir_probe_judge(struct __sk_buff* skb, __u32 slot, struct weir_dns_state* s,
                                             const struct weir_probe_in* in, struct weir_probe_out* out) {
  s->in.cookie = bpf_get_socket_cookie(skb);
  s->in.payload_len = in->query_len;
  for (__u32 i = 0; i < WEIR_PROBE_QUERIES; i++) {
    if (i >= in->n_queries) break;
    weir_dns_query(skb, slot);
    s->in.payload_off += in->query_len;
  }
  __builtin_memcpy(&out->query, &s->out, sizeof(s->out));
  if (out->query.why >= 32 && in->in.mode == WEIR_MODE_BLOCK) return;
  s->in.server_port = in->answer_port;
  __builtin_memcpy(s->in.server, in->answer_server, 16);
  for (__u32 i = 0; i < WEIR_PROBE_ANSWERS; i++) {
    if (i >= in->n_answers) break;
    s->in.payload_len = in->answer_len[i];
    out->answer_result[i] = (__u32)weir_dns_answer(skb, slot);
    s->in.payload_off += in->answer_len[i];
  }
  __builtin_memcpy(&out->answer, &s->out, sizeof(s->out));
  weir_probe_note(out, s);
}

SEC("cgroup_skb/egress")
int weir_probe(struct __sk_buff* skb) {
  __u32 zero = 0;
  const struct weir_probe_in* in = bpf_map_lookup_elem(&weir_probe_in, &zero);
  struct weir_probe_out* out = bpf_map_lookup_elem(&weir_probe_out, &zero);
  int slot = weir_slot_take();
  struct weir_dns_state* s = weir_dns_state_of((__u32)slot);

  if (in && out && s) {
    __builtin_memcpy(&s->in, &in->in, sizeof(s->in));
    s->in.payload_off = WEIR_PROBE_PAYLOAD;
    if (in->op == WEIR_PROBE_JUDGE)
      weir_probe_judge(skb, (__u32)slot, s, in, out);
    else
      weir_probe_parse(skb, (__u32)slot, s, in, out);
  }
  weir_slot_give(slot);
  return 1;
}

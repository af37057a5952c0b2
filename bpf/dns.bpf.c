/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/*
 * DNS messages in the packet path (DESIGN 2.3): queries are judged by their name before they leave, answers teach addresses
 * before they arrive. The calls and who fills what are in dns_maps.bpf.h; the parser is dns.h.
 */
#include "dns_learn.bpf.h"

/* Copies the UDP payload into the state. */
__attribute__((noinline)) int weir_dns_load(struct __sk_buff *skb, __u32 slot) {
    struct weir_dns_state *s = weir_dns_state_of(slot);
    __u64 last;

    if (!s) return WEIR_DNS_E_STATE;
    s->len = s->in.payload_len;
    if (s->len == 0 || s->len > WEIR_DNS_MESSAGE_BYTES) return WEIR_DNS_E_SIZE;
    last = s->len - 1;
    WEIR_BOUND(last, WEIR_DNS_MESSAGE_BYTES - 1);
    return bpf_skb_load_bytes(skb, s->in.payload_off, s->buf, (__u32)last + 1) ? WEIR_DNS_E_SHORT : WEIR_DNS_OK;
}

static __always_inline void weir_dns_begin(struct weir_dns_state *s) {
    __builtin_memset(&s->out, 0, sizeof(s->out));
    __builtin_memset(&s->asked, 0, sizeof(s->asked));
    s->asked.exec_id = s->in.exec_id;
    s->asked.tgid = s->in.tgid;
    s->asked.step = s->in.step;
    s->asked.scope_id = s->in.scope_id;
    s->asked.server_port = s->in.server_port;
    __builtin_memcpy(s->asked.server, s->in.server, 16);
    s->id = 0;
    s->qtype = 0;
    s->name_len = 0;
    __builtin_memset(s->names, 0, WEIR_NAME_BYTES); /* what an earlier message left is no name of this one */
}

/* What may the answer teach? A refused name's (audit mode) and a search suffix's addresses get a name, for the record. */
static __always_inline __u8 weir_dns_teach(const struct weir_dns_state *s, __u32 why) {
    if (!s->in.teach || !weir_dns_teaches(s->qtype)) return WEIR_TEACH_NONE;
    return why == WEIR_WHY_NAME ? WEIR_TEACH_RULES : WEIR_TEACH_NAME;
}

static __always_inline int weir_dns_is_copied(const struct __sk_buff *skb) {
    return skb->len <= (__u64)(long)skb->data_end - (__u64)(long)skb->data;
}

/*
 * A malformed query is never remembered: nothing is known of what its answer would have to look like.
 *
 * Segmentation offload is malformed too (udp(7), UDP_SEGMENT): the kernel cuts such a packet into datagrams behind this hook,
 * and a label of an allowed wildcard name has room for a whole query for another name, with a cut on either side of it.
 *
 * So is a payload outside the packet's linear part. With MSG_ZEROCOPY and splice(2) that is memory of the sender's, who can
 * write another name there while the packet waits in a queue. What resolvers send by send(2) or sendmsg(2) is copied.
 */
__attribute__((noinline)) int weir_dns_query(struct __sk_buff *skb, __u32 slot) {
    struct weir_dns_state *s = weir_dns_state_of(slot);
    int code, why;

    if (!s) return WEIR_WHY_DNS_FORM;
    weir_dns_begin(s);
    code = skb->gso_size ? WEIR_DNS_E_SEGMENTS : !weir_dns_is_copied(skb) ? WEIR_DNS_E_PAGES : weir_dns_load(skb, slot);
    if (!code) code = weir_dns_parse_query(slot);
    s->asked.id = s->id;
    s->asked.qtype = s->qtype;
    __builtin_memcpy(s->asked.name, s->names, WEIR_NAME_BYTES);
    s->out.qtype = s->qtype;
    s->out.code = (__u32)code;
    s->out.why = WEIR_WHY_DNS_FORM;
    if (code || weir_dns_hash_name(slot, weir_name_seed)) return WEIR_WHY_DNS_FORM;
    s->out.name_hash = s->hashes[0];
    why = weir_dns_match(slot, s->in.scope_id);
    s->out.why = (__u32)why;
    s->out.rule_id = s->match_rule_id;
    if (why >= 32 && s->in.mode != WEIR_MODE_AUDIT) return why;
    s->asked.teach = weir_dns_teach(s, (__u32)why);
    if (why == WEIR_WHY_NAME) s->asked.rule = s->match;
    weir_dns_remember(skb, slot);
    return why;
}

/* The socket's query that this message answers; WEIR_SOCK_PENDING: none. */
__attribute__((noinline)) int weir_dns_find_pending(struct __sk_buff *skb, __u32 slot, __u32 first) {
    struct weir_dns_state *s = weir_dns_state_of(slot);
    __u32 place = first;

    if (!s) return WEIR_SOCK_PENDING;
    for (int i = 0; i < (int)WEIR_SOCK_PENDING; i++) {
        if (place >= WEIR_SOCK_PENDING) break;
        if (weir_dns_is_answer_to(slot, place)) return (int)place;
        place = (__u32)weir_dns_next_pending(skb, s->id, place + 1);
    }
    return WEIR_SOCK_PENDING;
}

/* Collects and commits the answer to the query in s->asked. */
__attribute__((noinline)) int weir_dns_use(struct __sk_buff *skb, __u32 slot, __u32 place) {
    struct weir_dns_state *s = weir_dns_state_of(slot);
    int code = WEIR_DNS_OK;

    if (!s) return WEIR_ANSWER_REFUSED;
    s->out.exec_id = s->asked.exec_id;
    s->out.tgid = s->asked.tgid;
    s->out.qtype = s->asked.qtype;
    if (s->asked.teach != WEIR_TEACH_NONE) code = weir_dns_collect(slot);
    s->out.code = (__u32)code;
    /* Truncated, or a failure of the server's: nothing to learn and nothing wrong. Another try may have the same id. */
    if (code == WEIR_DNS_E_TRUNCATED || code == WEIR_DNS_E_RCODE) return WEIR_ANSWER_USED;
    if (code) return WEIR_ANSWER_REFUSED;
    s->out.n_addrs = s->n_addrs;
    s->out.ttl = s->ttl;
    if (s->asked.teach != WEIR_TEACH_NONE) weir_dns_commit(slot);
    weir_dns_done(skb, slot, place);
    weir_count(s->asked.scope_id, WEIR_C_ANSWER_OK);
    return WEIR_ANSWER_USED;
}

/* Strays are sorted out before their content is looked at: what nobody asked for is no reason to raise anything. */
__attribute__((noinline)) int weir_dns_answer(struct __sk_buff *skb, __u32 slot) {
    struct weir_dns_state *s = weir_dns_state_of(slot);
    int code, place, result = WEIR_ANSWER_STRAY;

    if (!s) return WEIR_ANSWER_REFUSED;
    weir_dns_begin(s);
    s->n_addrs = 0;
    code = weir_dns_load(skb, slot);
    if (!code && s->len < WEIR_DNS_HEADER_BYTES) code = WEIR_DNS_E_SHORT;
    if (!code) {
        place = weir_dns_next_pending(skb, (__u32)weir_dns_get16(s, 0), 0);
        if (place >= (int)WEIR_SOCK_PENDING) goto stray;
        code = weir_dns_answer_head(slot);
    }
    if (!code) {
        place = weir_dns_find_pending(skb, slot, (__u32)place);
        if (place >= (int)WEIR_SOCK_PENDING) goto stray;
        result = weir_dns_use(skb, slot, (__u32)place);
    } else {
        s->out.code = (__u32)code;
        result = WEIR_ANSWER_REFUSED;
    }
    if (result == WEIR_ANSWER_REFUSED) weir_count(s->in.scope_id, WEIR_C_ANSWER_FORM);
    return result;
stray:
    weir_count(s->in.scope_id, WEIR_C_ANSWER_STRAY);
    return WEIR_ANSWER_STRAY;
}

/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Copyright the Weir authors */
/*
 * The DNS message parser (RFC 1035, RFC 6891), strict and without recursion or allocation. It runs in the packet programs,
 * in the sensor's DNS-over-TCP forwarder, in the unit tests and under the fuzzer: the same lines.
 *
 * Host use: one `struct weir_dns_state` (9 KB, zeroed once), then for a query
 *
 *     memcpy(s.buf, message, s.len = size);                  // size <= WEIR_DNS_QUERY_BYTES
 *     int code = weir_dns_parse_query(&s);                   // WEIR_DNS_OK or WEIR_DNS_E_*
 *     s.id, s.qtype; names[0..name_len-1]                    // wire form, lower case, zero-padded
 *     weir_dns_hash_name(&s, seed);                          // hashes[k]: of the suffix at starts[k], for weir_names
 *
 * and for its answer
 *
 *     s.asked.id, s.asked.qtype, s.asked.name = of the query (name zero-padded to WEIR_NAME_BYTES)
 *     memcpy(s.buf, message, s.len = size);                  // size <= WEIR_DNS_MESSAGE_BYTES
 *     int code = weir_dns_parse_answer(&s);                  // then addrs[0..n_addrs-1], ttl
 *
 * A caller checks the size before it copies. Addresses for which weir_dns_addr_is_barred() holds must not be learned with
 * ports. No function keeps state outside `s`; any thread may use its own.
 */
#ifndef WEIR_DNS_H
#define WEIR_DNS_H

#include "dns_answer.h"
#include "dns_name.h"
#include "dns_query.h"
#include "dns_state.h"

#endif /* WEIR_DNS_H */

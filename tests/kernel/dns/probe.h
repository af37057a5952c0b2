// SPDX-License-Identifier: Apache-2.0
// The DNS programs in the kernel, one scope, and packets that BPF_PROG_RUN hands to them.
#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "dns_probe.skel.h"
#include "tests/kernel/dns/dns_probe.h"
#include "tests/kernel/lab/skeleton.h"
#include "tests/unit/dns/message.h"

namespace weir::lab {

inline constexpr std::uint32_t kScope = 41;
inline constexpr std::uint8_t kTcp = 6, kUdp = 17;

struct Port {
  std::uint16_t number = 443;
  std::uint8_t protocol = kTcp;
  std::uint32_t rule_id = 0;  ///< 0: that of the name
  std::uint64_t processes = WEIR_PROC_ANY;
};

/// weir_name of a wire or dotted name.
weir_name_key NameKey(const dnstest::Bytes& wire, std::uint8_t kind);

class DnsProbe : public testing::Test {
 protected:
  void SetUp() override;

  void AddName(std::string_view dotted, std::uint8_t kind, std::uint32_t rule_id, std::vector<Port> ports = {{}},
               std::uint32_t flags = 0);
  void SetScope(std::uint32_t mode, std::uint64_t learned_max_ns = 0);
  void SetUsage(std::uint64_t learned, std::uint64_t pending);
  weir_usage Usage();
  std::uint64_t Count(std::uint32_t counter);
  std::size_t LearnedEntries();
  std::optional<weir_learned> Learned(const dnstest::Address& address, std::uint16_t port = 443,
                                      std::uint8_t protocol = kTcp);
  void PutLearned(const dnstest::Address& address, const weir_learned& value, std::uint16_t port = 443);

  /// A question to a trusted resolver, 192.0.2.53 port 53, in block mode; answers come from there.
  weir_probe_in Question() const;
  weir_probe_out Parse(std::uint32_t op, const dnstest::Bytes& message, const weir_pending& asked);
  /// Sends the queries (all of one size), then hears the answers.
  weir_probe_out Judge(weir_probe_in in, const std::vector<dnstest::Bytes>& queries,
                       const std::vector<dnstest::Bytes>& answers = {});
  weir_probe_out Judge(const dnstest::Message& query, const std::vector<dnstest::Bytes>& answers = {}) {
    return Judge(Question(), {query.bytes()}, answers);
  }
  /// Nanoseconds of the last run, mean of its repetitions.
  std::uint32_t RunNs() const { return run_ns_; }
  void Repeat(int times) { repeat_ = times; }
  /// The packet is one that leaves in segments of this size; 0: is not.
  void Segment(std::uint32_t bytes) { segment_bytes_ = bytes; }

  // Loaded once, with empty maps for each case: half a second of an emulated CPU.
  static std::optional<PinDir> pins_;
  static std::optional<Skeleton<weir_dns_probe>> bpf_;

 private:
  weir_probe_out Run(const weir_probe_in& in, const dnstest::Bytes& payload);

  int repeat_ = 1;
  std::uint32_t segment_bytes_ = 0;
  std::uint32_t run_ns_ = 0;
};

}  // namespace weir::lab

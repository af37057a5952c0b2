// SPDX-License-Identifier: Apache-2.0
#include "bpf/name.h"

#include <gtest/gtest.h>

#include <cctype>
#include <random>
#include <set>

#include "tests/unit/dns/parser.h"
#include "tests/unit/dns/vectors.h"

namespace weir::dnstest {
namespace {

TEST(Name, LowersAsciiLettersAndNothingElse) {
  for (unsigned byte = 0; byte < 256; byte++) {
    for (unsigned at = 0; at < 8; at++) {
      // Neighbours at both extremes show a carry from one byte to the next.
      for (const std::uint64_t around : {0ull, ~0ull, 0x4141414141414141ull, 0x5b5b5b5b5b5b5b5bull}) {
        const std::uint64_t hole = 0xffull << (8 * at);
        const std::uint64_t lowered = weir_lower64((around & ~hole) | std::uint64_t{byte} << (8 * at));
        const unsigned expected = byte >= 'A' && byte <= 'Z' ? byte + 32 : byte;
        ASSERT_EQ(lowered >> (8 * at) & 0xff, expected) << "byte " << byte << " at " << at;
      }
    }
  }
}

TEST(Name, OnePassHashesEverySuffix) {
  for (const std::string& name : {std::string("a"), std::string("www.example.org"), LongName(), ManyLabels()}) {
    auto state = Prepare(Query(name).bytes());
    ASSERT_EQ(weir_dns_parse_query(state.get()), WEIR_DNS_OK);
    ASSERT_EQ(weir_dns_hash_name(state.get(), 42), WEIR_DNS_OK);
    const Bytes wire = Wire(name);
    std::size_t at = 0;
    for (unsigned k = 0; k < state->n_labels; k++) {
      ASSERT_EQ(state->starts[k], at);
      EXPECT_EQ(state->hashes[k], weir_name_hash(42, wire.data() + at, wire.size() - at)) << name << " label " << k;
      at += wire[at] + 1u;
    }
    EXPECT_EQ(at + 1, wire.size());
  }
}

TEST(Name, TheRootHasAHashToo) {
  auto state = Prepare(Query("").bytes());
  ASSERT_EQ(weir_dns_parse_query(state.get()), WEIR_DNS_OK);
  ASSERT_EQ(weir_dns_hash_name(state.get(), 42), WEIR_DNS_OK);
  const std::uint8_t root = 0;
  EXPECT_EQ(state->n_labels, 0u);
  EXPECT_EQ(state->hashes[0], weir_name_hash(42, &root, 1));
}

TEST(Name, HashDependsOnTheSeed) {
  const Bytes wire = Wire("www.example.org");
  EXPECT_NE(weir_name_hash(1, wire.data(), wire.size()), weir_name_hash(2, wire.data(), wire.size()));
}

TEST(Name, HashesOfManyNamesDiffer) {
  std::set<std::uint64_t> hashes;
  for (int i = 0; i < 200000; i++) {
    const Bytes wire = Wire("h" + std::to_string(i) + ".example.org");
    EXPECT_TRUE(hashes.insert(weir_name_hash(WEIR_NAME_SEED, wire.data(), wire.size())).second) << i;
  }
}

// The sensor fills weir_names under hashes of one version and may be restarted as another: the function is a format.
TEST(Name, HashIsStable) {
  const Bytes wire = Wire("www.example.org");
  EXPECT_EQ(weir_name_hash(WEIR_NAME_SEED, wire.data(), wire.size()), 0x9a7a5a92ee2c34e3ull);
}

}  // namespace
}  // namespace weir::dnstest

// SPDX-License-Identifier: Apache-2.0
#include "collector/report/words.h"

#include <gtest/gtest.h>

namespace weir::report {
namespace {

TEST(Words, GroupsDigits) {
  EXPECT_EQ(Grouped(0), "0");
  EXPECT_EQ(Grouped(999), "999");
  EXPECT_EQ(Grouped(1000), "1,000");
  EXPECT_EQ(Grouped(18446744073709551615u), "18,446,744,073,709,551,615");
  EXPECT_EQ(Plural(1, "event"), "1 event");
  EXPECT_EQ(Plural(1200, "event"), "1,200 events");
}

TEST(Words, ScalesBytes) {
  EXPECT_EQ(Bytes(0), "0 B");
  EXPECT_EQ(Bytes(1023), "1023 B");
  EXPECT_EQ(Bytes(1536), "1.5 KiB");
  EXPECT_EQ(Bytes(12u << 20), "12 MiB");
  EXPECT_EQ(Bytes(~std::uint64_t{0}), "16 EiB");
}

TEST(Words, WritesTimes) {
  EXPECT_EQ(Time(0), "unknown");
  EXPECT_EQ(Time(-5), "unknown");
  EXPECT_EQ(Time(1'767'225'600'123'000'000), "2026-01-01T00:00:00.123Z");
  EXPECT_EQ(Duration(8'000'000), "8 ms");
  EXPECT_EQ(Duration(1'800'000'000), "1.8 s");
  EXPECT_EQ(Duration(192'000'000'000), "3 min 12 s");
  EXPECT_EQ(Duration(7'500'000'000'000), "2 h 5 min");
}

TEST(Words, NamesEndpoints) {
  store::Flow flow;
  flow.key = {1, "2001:db8::1", 53, "udp", store::Verdict::kDeny, store::Hook::kConnect, "no-rule"};
  EXPECT_EQ(Endpoint(flow), "[2001:db8::1]:53/udp");
  flow.name = "a.example.org";
  EXPECT_EQ(Endpoint(flow), "a.example.org:53/udp");
  flow.key.hook = store::Hook::kSocket;
  flow.socket_kind = "inet/raw/icmp";
  EXPECT_EQ(Endpoint(flow), "socket inet/raw/icmp");
}

TEST(Words, ExplainsEachWhyOfTheSensor) {
  for (const char* why :
       {"rule",        "cidr",     "name",     "loopback",    "local",        "resolver",       "search",
        "established", "kind",     "dns-tcp",  "deny-rule",   "no-rule",      "process",        "socket-kind",
        "dns-name",    "dns-form", "dns-type", "dns-tcp-off", "dns-reply",    "foreign-socket", "translated",
        "fragment",    "ended",    "expired",  "packet-form", "stuck-stream", "foreign-source"}) {
    EXPECT_NE(WhyClause(why), why);
  }
  EXPECT_EQ(WhyClause("from-the-future"), "from-the-future");
}

struct StampRow {
  Watch watch;
  bool complete;
  std::uint64_t denied;
  std::uint64_t would_deny;
  std::string_view stamp;
};

TEST(Stamp, NeverCallsAnUnwatchedOrIncompleteJobClean) {
  for (const StampRow& row : {StampRow{Watch::kWatched, true, 0, 0, "CLEAN"},
                              {Watch::kWatched, false, 0, 0, "INCOMPLETE"},
                              {Watch::kWatched, true, 1, 0, "DENIED"},
                              {Watch::kWatched, false, 1, 0, "DENIED"},
                              {Watch::kWatched, true, 0, 2, "WOULD BE DENIED"},
                              {Watch::kWatched, false, 0, 2, "INCOMPLETE"},
                              {Watch::kNotWatched, true, 0, 0, "NOT WATCHED"},
                              {Watch::kNotWatched, true, 5, 0, "NOT WATCHED"},
                              {Watch::kUnfinished, true, 0, 0, "UNFINISHED"},
                              {Watch::kUnproven, true, 0, 0, "NOT PROVEN"},
                              {Watch::kLapsed, true, 0, 0, "NOT PROVEN"}}) {
    Summary summary;
    summary.watch = row.watch;
    summary.complete = row.complete;
    summary.counts = {9, row.denied, row.would_deny};
    EXPECT_EQ(Stamp(summary), row.stamp);
  }
}

}  // namespace
}  // namespace weir::report

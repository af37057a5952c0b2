// SPDX-License-Identifier: Apache-2.0
#include "collector/report/words.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <utility>

namespace weir::report {
namespace {

using store::Hook;

constexpr std::int64_t kNsPerMs = 1'000'000;
constexpr std::int64_t kNsPerSecond = 1'000'000'000;

constexpr std::pair<std::string_view, std::string_view> kWhys[] = {
    {"rule", "an address rule allows it"},
    {"cidr", "an address range rule allows it"},
    {"name", "an allowed name led to this address"},
    {"loopback", "loopback is allowed"},
    {"local", "a network of the job's own container engine"},
    {"resolver", "a trusted resolver; each lookup is judged by its name"},
    {"search", "an allowed name with a search suffix; its answer teaches nothing"},
    {"established", "the flow was allowed when it began"},
    {"kind", "a kind of socket that the policy admits"},
    {"dns-tcp", "DNS over TCP, judged by the sensor's forwarder"},
    {"deny-rule", "a deny rule names it"},
    {"no-rule", "no rule allows it"},
    {"process", "a rule allows it, but not to this executable"},
    {"socket-kind", "a kind of socket that the policy does not admit"},
    {"dns-name", "no rule allows this name"},
    {"dns-form", "not exactly one well-formed DNS question"},
    {"dns-type", "a type of DNS question that no rule needs"},
    {"dns-tcp-off", "DNS over TCP while the sensor's forwarder was away"},
    {"dns-reply", "a packet from source port 53 out of the job"},
    {"foreign-socket", "a socket of another job"},
    {"translated", "the address after NAT is not allowed"},
    {"fragment", "a fragment without its transport header"},
    {"ended", "the job had ended"},
    {"expired", "the name was looked up longer ago than dns.max_age allows"},
    {"packet-form", "headers that do not parse"},
    {"stuck-stream", "the stream holds refused bytes"},
    {"foreign-source", "the answer would go to a source address elsewhere"},
};

}  // namespace

std::string Grouped(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, 1, ',');
  return digits;
}

std::string Plural(std::uint64_t count, std::string_view noun) {
  return Grouped(count) + " " + std::string(noun) + (count == 1 ? "" : "s");
}

std::string Bytes(std::uint64_t bytes) {
  constexpr std::array<const char*, 6> kUnits = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return std::to_string(bytes) + " B";
  auto value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), value < 10 ? "%.1f %s" : "%.0f %s", value, kUnits[unit]);
  return text.data();
}

std::string Time(std::int64_t ns) {
  if (ns <= 0) return "unknown";
  const std::time_t seconds = ns / kNsPerSecond;
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  std::array<char, 40> date{};
  const std::size_t length = std::strftime(date.data(), date.size(), "%Y-%m-%dT%H:%M:%S", &utc);
  std::array<char, 8> millis{};
  std::snprintf(millis.data(), millis.size(), ".%03dZ", static_cast<int>(ns % kNsPerSecond / kNsPerMs));
  return std::string(date.data(), length) + millis.data();
}

std::string TimeRange(std::int64_t from_ns, std::int64_t until_ns) {
  return "from " + Time(from_ns) + " until " + Time(until_ns);
}

std::string Duration(std::int64_t ns) {
  const std::int64_t seconds = ns / kNsPerSecond;
  if (seconds >= 3600) return std::to_string(seconds / 3600) + " h " + std::to_string(seconds / 60 % 60) + " min";
  if (seconds >= 60) return std::to_string(seconds / 60) + " min " + std::to_string(seconds % 60) + " s";
  if (ns < kNsPerSecond) return std::to_string(std::max<std::int64_t>(ns, 0) / kNsPerMs) + " ms";
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f s", static_cast<double>(ns) / static_cast<double>(kNsPerSecond));
  return text.data();
}

std::string_view ModeWord(store::Mode mode) {
  switch (mode) {
    case store::Mode::kAudit: return "audit";
    case store::Mode::kBlock: return "block";
    case store::Mode::kUnknown: break;
  }
  return "unknown";
}

std::string_view VerdictWord(store::Verdict verdict) {
  switch (verdict) {
    case store::Verdict::kAllow: return "allow";
    case store::Verdict::kDeny: return "deny";
    case store::Verdict::kWouldDeny: return "would-deny";
    case store::Verdict::kUnknown: break;
  }
  return "unknown";
}

std::string_view HookWord(Hook hook) {
  switch (hook) {
    case Hook::kSocket: return "socket";
    case Hook::kConnect: return "connect";
    case Hook::kSendmsg: return "sendmsg";
    case Hook::kPacket: return "packet";
    case Hook::kDns: return "dns";
    case Hook::kForwarder: return "forwarder";
    case Hook::kUnknown: break;
  }
  return "unknown";
}

std::string_view WatchWord(Watch watch) {
  switch (watch) {
    case Watch::kWatched: return "watched";
    case Watch::kLapsed: return "lapsed";
    case Watch::kNotWatched: return "not-watched";
    case Watch::kUnfinished: return "unfinished";
    case Watch::kUnproven: return "unproven";
  }
  return "unproven";
}

std::string WhyClause(std::string_view why) {
  for (const auto& [keyword, clause] : kWhys) {
    if (keyword == why) return std::string(clause);
  }
  return std::string(why);
}

std::string_view Stamp(const Summary& summary) {
  switch (summary.watch) {
    case Watch::kNotWatched: return "NOT WATCHED";
    case Watch::kUnfinished: return "UNFINISHED";
    case Watch::kLapsed:
    case Watch::kUnproven: return "NOT PROVEN";
    case Watch::kWatched: break;
  }
  if (summary.counts.denied != 0) return "DENIED";
  if (!summary.complete) return "INCOMPLETE";
  return summary.counts.would_deny != 0 ? "WOULD BE DENIED" : "CLEAN";
}

std::string Headline(const JobReport& report) {
  const Summary& summary = report.summary;
  switch (summary.watch) {
    case Watch::kNotWatched:
      return "Enforcement was not armed. That nothing is listed here does not mean that nothing happened.";
    case Watch::kUnfinished:
      return "Neither the job's end nor its enforcement record has arrived: the job still runs, or its end was lost. "
             "Nothing here is final.";
    case Watch::kLapsed:
      return "Enforcement was armed at the beginning, but nothing proves that it still was at the end. What happened "
             "in "
             "between may be missing.";
    case Watch::kUnproven: return "The enforcement record cannot be read, so nothing proves that this job was watched.";
    case Watch::kWatched: break;
  }
  const VerdictCounts& counts = summary.counts;
  std::string text = "Armed from begin to end: " + Grouped(counts.denied) + " denied, ";
  if (counts.would_deny != 0) text += Grouped(counts.would_deny) + " would be denied in block mode, ";
  text += Grouped(counts.allowed) + " allowed.";
  text += summary.complete ? " The record is complete."
                           : " The record is INCOMPLETE: the counts are exact, but some details are missing.";
  return text;
}

std::string Endpoint(const store::Flow& flow) {
  if (flow.key.hook == Hook::kSocket) return "socket " + flow.socket_kind;
  std::string host = flow.name.empty() ? flow.key.address : flow.name;
  if (host.find(':') != std::string::npos) host = "[" + host + "]";
  if (flow.key.port != 0) host += ":" + std::to_string(flow.key.port);
  return flow.key.protocol.empty() ? host : host + "/" + flow.key.protocol;
}

std::string CountText(const Summary& summary, std::uint64_t count) {
  if (summary.counts_exact) return Grouped(count);
  return count == 0 ? "unknown" : "≥ " + Grouped(count);
}

std::string ContactTitle(const Contact& contact) {
  const store::Flow& flow = contact.stored.flow;
  if (flow.key.hook != Hook::kDns) return Endpoint(flow);
  return "lookup of " + (flow.name.empty() ? "(unreadable)" : flow.name) + " " + contact.stored.query_type;
}

}  // namespace weir::report

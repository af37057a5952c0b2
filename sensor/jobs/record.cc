// SPDX-License-Identifier: Apache-2.0
#include "sensor/jobs/record.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>

#include "sensor/events/keywords.h"

namespace weir::jobs {

using nlohmann::ordered_json;

namespace {

constexpr std::uint32_t kLastKernelHook = WEIR_HOOK_DNS;

struct LostKind {
  std::uint32_t counter;
  const char* kind;
};
constexpr std::array<LostKind, 7> kLost{{{WEIR_C_LOST_EXEC, "exec"},
                                         {WEIR_C_LOST_FORK, "fork"},
                                         {WEIR_C_LOST_EXIT, "exit"},
                                         {WEIR_C_LOST_FLOW, "flow"},
                                         {WEIR_C_LOST_DNS, "dns"},
                                         {WEIR_C_LOST_DENIAL, "denial"},
                                         {WEIR_C_LOST_FINDING, "finding"}}};

std::uint64_t Verdicts(const sensor_bpf::Counts& counts, std::uint32_t hook, std::uint32_t verdict) {
  return counts[WEIR_C_VERDICT + hook * 4 + verdict];
}

std::uint64_t Of(const std::map<std::string, std::uint64_t>& from, const char* key) {
  const auto found = from.find(key);
  return found == from.end() ? 0 : found->second;
}

using KindCounts = std::map<std::string, std::uint64_t>;

// By earlier sensor processes and by this one.
KindCounts Together(KindCounts counts, const KindCounts& more) {
  for (const auto& [kind, count] : more) counts[kind] += count;
  return counts;
}

KindCounts Dropped(const RecordFacts& facts) { return Together(facts.job.dropped, facts.dropped); }
KindCounts Undelivered(const RecordFacts& facts) { return Together(facts.job.undelivered, facts.undelivered); }

std::string Sha256Hex(std::string_view bytes) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  EVP_Digest(bytes.data(), bytes.size(), digest, &length, EVP_sha256(), nullptr);
  std::string hex;
  for (unsigned i = 0; i < length; ++i) {
    char two[3];
    std::snprintf(two, sizeof(two), "%02x", digest[i]);
    hex += two;
  }
  return hex;
}

std::string Hex64(std::uint64_t value) {
  char text[17];
  std::snprintf(text, sizeof(text), "%016llx", static_cast<unsigned long long>(value));
  return text;
}

// One segment: its digest. Several (the sensor was restarted): the digest of their digests, a line each.
std::string StreamDigest(const std::vector<StreamSegment>& segments) {
  if (segments.size() == 1) return segments.front().sha256;
  std::string lines;
  for (const StreamSegment& segment : segments) lines += segment.sha256 + "\n";
  return Sha256Hex(lines);
}

ordered_json CountsJson(const RecordFacts& facts) {
  const VerdictSums sums = SumVerdicts(facts.counts, facts.forwarder);
  ordered_json out = {{"allowed", sums.allowed}, {"denied", sums.denied}, {"would_deny", sums.would_deny}};
  ordered_json hooks = ordered_json::object();
  for (std::uint32_t hook = WEIR_HOOK_SOCKET; hook <= kLastKernelHook; ++hook) {
    hooks[std::string(events::HookWord(hook))] = {{"allowed", Verdicts(facts.counts, hook, WEIR_ALLOW)},
                                                  {"denied", Verdicts(facts.counts, hook, WEIR_DENY)},
                                                  {"would_deny", Verdicts(facts.counts, hook, WEIR_WOULD_DENY)}};
  }
  hooks["forwarder"] = {{"allowed", Of(facts.forwarder, "queries_allowed")},
                        {"denied", Of(facts.forwarder, "queries_denied")},
                        {"would_deny", Of(facts.forwarder, "queries_would_deny")}};
  out["hooks"] = std::move(hooks);
  out["steps"] = facts.counts[WEIR_C_STEPS];
  out["executions"] = facts.counts[WEIR_C_EXECS];
  out["forks"] = facts.counts[WEIR_C_FORKS];
  out["exits"] = facts.counts[WEIR_C_EXITS];
  out["dns_queries"] = facts.counts[WEIR_C_QUERIES];
  out["sockets_adopted"] = facts.counts[WEIR_C_ADOPTED];
  out["streams_aborted"] = facts.streams.aborted;
  out["answers"] = {{"learned", facts.counts[WEIR_C_ANSWER_OK]},
                    {"stray", facts.counts[WEIR_C_ANSWER_STRAY]},
                    {"refused", facts.counts[WEIR_C_ANSWER_FORM]}};
  out["tables_full"] = {{"flows", facts.counts[WEIR_C_FLOWS_FULL]},
                        {"learned", facts.counts[WEIR_C_LEARNED_FULL]},
                        {"pending", facts.counts[WEIR_C_PENDING_FULL]},
                        {"tasks", facts.counts[WEIR_C_TASKS_FULL]}};
  out["truncated"] = {{"arguments", facts.counts[WEIR_C_ARGS_CUT]},
                      {"paths", facts.counts[WEIR_C_PATH_CUT]},
                      {"step_names", facts.counts[WEIR_C_STEP_CUT]}};
  return out;
}

ordered_json CanariesJson(const std::vector<Canary>& canaries) {
  ordered_json out = ordered_json::array();
  for (const Canary& canary : canaries) {
    out.push_back({{"at", TimeText(canary.time_ns)},
                   {"destination", std::string(kCanaryAddress) + ":" + std::to_string(kCanaryPort) + "/udp"},
                   {"expected", events::VerdictWord(canary.expected_verdict)},
                   {"verdict", canary.verdict == 0 ? "none" : events::VerdictWord(canary.verdict)},
                   {"why", canary.why == 0 ? "" : events::WhyWord(canary.why)},
                   {"errno", canary.connect_errno},
                   {"proven", canary.proven},
                   {"reason", canary.reason}});
  }
  return out;
}

ordered_json EventsJson(const RecordFacts& facts) {
  ordered_json segments = ordered_json::array();
  std::uint64_t events = 0;
  for (const StreamSegment& segment : facts.job.segments) {
    events += segment.events;
    segments.push_back({{"epoch", Hex64(segment.epoch)},
                        {"first_sequence", segment.first_sequence},
                        {"last_sequence", segment.last_sequence},
                        {"events", segment.events},
                        {"sha256", segment.sha256}});
  }
  return {{"count", events}, {"sha256", StreamDigest(facts.job.segments)}, {"segments", std::move(segments)}};
}

ordered_json LossesJson(const RecordFacts& facts) {
  ordered_json gaps = ordered_json::array();
  for (const RecordedGap& gap : facts.job.gaps) {
    gaps.push_back({{"reason", gap.reason},
                    {"from", TimeText(gap.from_ns)},
                    {"until", TimeText(gap.until_ns)},
                    {"lost_at_most", gap.lost_at_most}});
  }
  const KindCounts undelivered = Undelivered(facts);
  std::uint64_t sum = 0;
  for (const auto& [kind, count] : undelivered) sum += count;
  return {{"kernel", LostInKernel(facts.counts)}, {"sensor", Dropped(facts)},
          {"undecodable", facts.refused},         {"undelivered", sum},
          {"undelivered_by_kind", undelivered},   {"gaps", std::move(gaps)}};
}

void Explain(const RecordFacts& facts, std::vector<std::string>& reasons) {
  const auto say = [&reasons](std::string why) { reasons.push_back(std::move(why)); };
  if (!facts.job.armed) say("the job was not armed");
  for (const Canary& canary : facts.job.canaries) {
    if (!canary.proven) say("a canary was not proven: " + canary.reason);
  }
  if (facts.job.canaries.size() < 2) say("there was no canary at the job's end");
  for (const auto& program : facts.programs) {
    if (!program.attached) say("program " + program.name + " is not attached any more");
  }
  if (!facts.has_counts) say("the kernel's counters of the job are gone");
  for (const auto& [kind, count] : LostInKernel(facts.counts)) {
    say("lost " + std::to_string(count) + " " + kind + " records: a ring was full");
  }
  for (const auto& [kind, count] : Dropped(facts)) {
    if (count != 0) say("dropped " + std::to_string(count) + " " + kind + " events: the sensor's queue was full");
  }
  if (facts.refused != 0) say(std::to_string(facts.refused) + " records did not decode");
  for (const auto& [kind, count] : Undelivered(facts)) {
    if (count != 0) say(std::to_string(count) + " " + kind + " events were not delivered to the collector");
  }
  if (facts.counts[WEIR_C_FLOWS_FULL] != 0) say("the table of flows was full: sums of some flows are missing");
  if (facts.counts[WEIR_C_TASKS_FULL] != 0) say("the table of tasks was full: some processes have no record");
  const std::uint64_t accepted = facts.counts[WEIR_C_EVENTS];
  const std::uint64_t read = facts.events_read + facts.events_read_before;
  if (facts.has_counts && read != accepted) {
    say("the rings took " + std::to_string(accepted) + " records, " + std::to_string(read) + " were read");
  }
  for (const RecordedGap& gap : facts.job.gaps) {
    if (gap.lost_at_most == 0) continue;  // listed all the same
    say("gap (" + gap.reason + "): at most " + std::to_string(gap.lost_at_most) + " records were lost");
  }
  const std::uint64_t stuck = facts.streams.left + facts.counts[WEIR_C_STUCK_FULL];
  if (stuck != 0) {
    say("refused bytes of " + std::to_string(stuck) + " streams may leave once Weir's programs are gone: " +
        (facts.streams.left != 0 ? facts.streams.why : "more such streams than Weir can remember"));
  }
  if (!facts.leftovers.empty()) say(std::to_string(facts.leftovers.size()) + " processes outlived the job");
  for (const std::string& reason : facts.further_reasons) say(reason);
}

}  // namespace

VerdictSums SumVerdicts(const sensor_bpf::Counts& counts, const std::map<std::string, std::uint64_t>& forwarder) {
  VerdictSums sums;
  for (std::uint32_t hook = WEIR_HOOK_SOCKET; hook <= kLastKernelHook; ++hook) {
    sums.allowed += Verdicts(counts, hook, WEIR_ALLOW);
    sums.denied += Verdicts(counts, hook, WEIR_DENY);
    sums.would_deny += Verdicts(counts, hook, WEIR_WOULD_DENY);
  }
  sums.allowed += Of(forwarder, "queries_allowed");
  sums.denied += Of(forwarder, "queries_denied");
  sums.would_deny += Of(forwarder, "queries_would_deny");
  return sums;
}

std::map<std::string, std::uint64_t> LostInKernel(const sensor_bpf::Counts& counts) {
  std::map<std::string, std::uint64_t> lost;
  for (const LostKind& kind : kLost) {
    if (counts[kind.counter] != 0) lost[kind.kind] = counts[kind.counter];
  }
  return lost;
}

std::string TimeText(std::int64_t unix_ns) {
  if (unix_ns == 0) return {};
  const std::time_t seconds = unix_ns / 1'000'000'000;
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  char date[32];
  const std::size_t length = std::strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &utc);
  char fraction[16];
  std::snprintf(fraction, sizeof(fraction), ".%09dZ", static_cast<int>(unix_ns % 1'000'000'000));
  return std::string(date, length) + fraction;
}

Record BuildRecord(const RecordFacts& facts) {
  Record record;
  Explain(facts, record.reasons);
  record.complete = record.reasons.empty();
  const JobState& job = facts.job;

  ordered_json programs = ordered_json::array();
  for (const auto& program : facts.programs) {
    programs.push_back(
        {{"name", program.name}, {"tag", program.tag}, {"attach", program.attach}, {"attached", program.attached}});
  }
  ordered_json guard = ordered_json::object();
  for (const GuardFact& fact : facts.guard) {
    guard[fact.name] = {{"state", fact.state},
                        {"why", fact.why},
                        {"action", fact.action},
                        {"denied", fact.denied},
                        {"reported", fact.reported}};
  }

  const ordered_json statement = {
      {"_type", "https://in-toto.io/Statement/v1"},
      {"subject", {{{"name", "weir-job:" + job.job_id}, {"digest", {{"sha256", StreamDigest(job.segments)}}}}}},
      {"predicateType", kRecordPredicateType},
      {"predicate",
       {{"schema", kRecordSchema},
        {"job",
         {{"id", job.job_id},
          {"name", job.name},
          {"labels", job.labels},
          {"command", job.command},
          {"cgroup", job.cgroup_path},
          {"scope_id", job.scope_id},
          {"begin", TimeText(job.begin_time_ns)},
          {"end", TimeText(facts.end_time_ns)},
          {"exit_status", facts.exit_status}}},
        {"sensor",
         {{"name", facts.sensor_name},
          {"version", facts.sensor_version},
          {"host", facts.host},
          {"kernel", facts.kernel},
          {"restarts", std::count_if(job.gaps.begin(), job.gaps.end(),
                                     [](const RecordedGap& gap) { return gap.reason == "sensor-down"; })}}},
        {"policy",
         {{"digest", job.policy_digest},
          {"mode", events::WordOf(events::kModeKeywords, static_cast<std::uint32_t>(job.mode))},
          {"on_deny", facts.on_deny},
          {"path", job.policy_path},
          {"job", job.policy_job}}},
        {"armed", {{"armed", job.armed}, {"at", TimeText(job.armed_time_ns)}, {"reasons", job.not_armed_reasons}}},
        {"canaries", CanariesJson(job.canaries)},
        {"programs", std::move(programs)},
        {"guard", std::move(guard)},
        {"counts", CountsJson(facts)},
        {"lost", LossesJson(facts)},
        {"events", EventsJson(facts)},
        {"leftovers", facts.leftovers},
        {"killed", facts.killed},
        {"complete", record.complete},
        {"reasons", record.reasons}}}};
  record.json = statement.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
  return record;
}

}  // namespace weir::jobs

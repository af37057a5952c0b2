// SPDX-License-Identifier: Apache-2.0
// Every bound of the collector's services. What is larger is refused, never cut: a sensor cuts before it sends and says
// so in the event.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace weir::rpc {

// ---- batches (proto/weir/v1/ingest.proto) ----
inline constexpr std::size_t kMaxBatchEvents = 8192;
inline constexpr std::size_t kMaxBatchBytes = std::size_t{4} << 20;
/// One event alone may be larger than a batch of many: a policy of 100,000 rules travels in its JobBegin.
inline constexpr std::size_t kMaxEventBytes = std::size_t{16} << 20;
/// Batches of one stream that wait for the disk; then the stream is not read, and the sensor's own window fills.
inline constexpr int kMaxPendingBatches = 4;
/// Batches of all streams that wait for the disk; above it a stream ends with RESOURCE_EXHAUSTED and is resumed later.
inline constexpr std::size_t kMaxQueuedBytes = std::size_t{256} << 20;
/// Events that share one commit.
inline constexpr std::size_t kMaxCommitEvents = 65536;

// ---- fields of events, in bytes ----
inline constexpr std::size_t kMaxSensorName = 253;  // a DNS name, RFC 1035 2.3.4
inline constexpr std::size_t kMaxJobId = 128;
inline constexpr std::size_t kMaxJobName = 128;
inline constexpr std::size_t kMaxKeyword = 64;
inline constexpr std::size_t kMaxAddress = 64;
inline constexpr std::size_t kMaxDnsName = 1024;  // 255 bytes, each written \DDD (RFC 4343 2.1)
inline constexpr std::size_t kMaxRule = 2048;
inline constexpr std::size_t kMaxDetail = 4096;
inline constexpr std::size_t kMaxShortText = 256;  // host, kernel, version
inline constexpr std::size_t kMaxPath = 4096;      // PATH_MAX
inline constexpr std::size_t kMaxStepText = 1024;  // sensors send 255, and an ellipsis
inline constexpr std::size_t kMaxComm = 16;        // TASK_COMM_LEN
inline constexpr std::size_t kMaxArguments = 8192;
inline constexpr std::size_t kMaxArgumentBytes = std::size_t{64} << 10;  // sensors send 4 KiB
inline constexpr std::size_t kMaxCommandBytes = std::size_t{4} << 20;    // ARG_MAX and more
inline constexpr std::size_t kMaxPolicyBytes = std::size_t{14} << 20;
inline constexpr std::size_t kMaxRecordBytes = std::size_t{14} << 20;
inline constexpr std::size_t kMaxLabels = 64;
inline constexpr std::size_t kMaxLabelName = 128;
inline constexpr std::size_t kMaxLabelValue = 4096;
inline constexpr std::size_t kMaxAnswerAddresses = 64;
inline constexpr std::size_t kMaxLostKinds = 64;

// ---- questions (proto/weir/v1/review.proto) ----
inline constexpr std::uint32_t kDefaultJobs = 100;
inline constexpr std::uint32_t kMaxJobs = 10000;
inline constexpr std::uint32_t kDefaultFlows = 1000;
inline constexpr std::uint32_t kMaxFlows = 100000;
inline constexpr std::uint32_t kDefaultProcesses = 10000;
inline constexpr std::uint32_t kMaxProcesses = 50000;
inline constexpr std::size_t kMaxSuggestJobs = 1000;
inline constexpr std::size_t kMaxPolicyPath = 1024;
/// Distinct contacts that one suggestion may be made from.
inline constexpr std::size_t kMaxSuggestFlows = 500000;
/// A question that takes longer is given up, however long its client would wait: it holds back the log's checkpoint.
inline constexpr std::chrono::seconds kMaxAnswerTime{120};
/// Rows are left out (and `truncated` set) beyond this size of a listing.
inline constexpr std::size_t kMaxListingBytes = std::size_t{128} << 20;
/// Reports of the largest jobs; clients must allow for it (rpc::ClientArguments).
inline constexpr int kMaxAnswerBytes = 256 << 20;
/// Questions that wait for a worker; more are refused with RESOURCE_EXHAUSTED.
inline constexpr std::size_t kMaxWaitingQuestions = 64;
inline constexpr int kWorkers = 2;

}  // namespace weir::rpc

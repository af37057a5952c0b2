// SPDX-License-Identifier: Apache-2.0
// The uplink against a collector of the test's in the same process, which misbehaves on command.
#include "sensor/uplink/uplink.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

#include "sensor/uplink/batch.h"
#include "weir/v1/ingest.grpc.pb.h"

namespace weir::uplink {
namespace {

using namespace std::chrono_literals;
using events::Importance;
using events::Outgoing;

constexpr std::uint64_t kEpoch = 0x1122334455667788;

Outgoing Make(std::uint64_t sequence, std::size_t padding = 0) {
  v1::Event event;
  event.set_sequence(sequence);
  event.mutable_finding()->set_detail(std::string(padding, 'p'));
  return {sequence, Importance::kPlain, event.SerializeAsString()};
}

/// Stores events by sequence, as a collector does. `behave` is asked after each batch.
class FakeCollector final : public v1::EventIngest::Service {
 public:
  struct Call {
    int stream;  ///< 1 for the first
    int batch;   ///< of this stream, from 1
    std::uint64_t first, last;
  };
  using Reply = grpc::ServerReaderWriter<v1::EventAck, v1::EventBatch>;
  /// Returns false to end the stream with UNAVAILABLE.
  using Behave = std::function<bool(const Call&, Reply&)>;

  /// `address`: also listens there.
  explicit FakeCollector(Behave behave, const std::string& address = "") : behave_(std::move(behave)) {
    grpc::ServerBuilder builder;
    if (!address.empty()) builder.AddListeningPort(address, grpc::InsecureServerCredentials());
    builder.RegisterService(this);
    builder.SetMaxReceiveMessageSize(static_cast<int>(kBatchBytes));
    server_ = builder.BuildAndStart();
  }
  ~FakeCollector() override { server_->Shutdown(std::chrono::system_clock::now() + 100ms); }

  std::shared_ptr<grpc::Channel> Channel() { return server_->InProcessChannel({}); }

  static void Ack(Reply& stream, std::uint64_t sequence, std::uint64_t epoch = kEpoch) {
    v1::EventAck ack;
    ack.set_epoch(epoch);
    ack.set_durable_sequence(sequence);
    stream.Write(ack);
  }

  grpc::Status Stream(grpc::ServerContext*, Reply* stream) override {
    const int number = ++streams_;
    v1::EventBatch batch;
    for (int i = 1; stream->Read(&batch); ++i) {
      Store(batch);
      const Call call{number, i, batch.events(0).sequence(), batch.events(batch.events_size() - 1).sequence()};
      if (!behave_(call, *stream)) return {grpc::StatusCode::UNAVAILABLE, "as the test wants"};
    }
    return grpc::Status::OK;
  }

  std::map<std::uint64_t, int> Stored() {
    std::lock_guard lock(mutex_);
    return stored_;
  }
  int streams() const { return streams_; }
  int faults() const { return faults_; }

 private:
  void Store(const v1::EventBatch& batch) {
    std::lock_guard lock(mutex_);
    if (batch.sensor() != "sensor-1" || batch.epoch() != kEpoch) ++faults_;
    if (batch.events_size() == 0 || batch.events_size() > static_cast<int>(kBatchEvents)) ++faults_;
    if (batch.ByteSizeLong() > kBatchBytes) ++faults_;
    std::uint64_t expected = batch.events(0).sequence();
    for (const auto& event : batch.events()) {
      if (event.sequence() != expected++) ++faults_;
      ++stored_[event.sequence()];
    }
  }

  Behave behave_;
  std::atomic<int> streams_{0};
  std::atomic<int> faults_{0};
  std::mutex mutex_;
  std::map<std::uint64_t, int> stored_;
  std::unique_ptr<grpc::Server> server_;
};

UplinkConfig Config() {
  UplinkConfig config;
  config.sensor = "sensor-1";
  config.epoch = kEpoch;
  config.backoff_first = 10ms;
  config.backoff_max = 40ms;
  return config;
}

/// As the pipeline does it: a number that is not admitted is the next one's. Returns how many were admitted.
std::uint64_t Send(Uplink& uplink, std::uint64_t first, std::uint64_t last, std::size_t padding = 0) {
  std::uint64_t sequence = first;
  for (std::uint64_t i = first; i <= last; ++i) {
    events::Outgoing event = Make(sequence, padding);
    if (!uplink.Admit(event)) continue;
    uplink.Append(std::move(event));
    ++sequence;
  }
  return sequence - first;
}

void ExpectAll(FakeCollector& collector, std::uint64_t last) {
  const auto stored = collector.Stored();
  ASSERT_EQ(stored.size(), last);
  EXPECT_EQ(stored.begin()->first, 1u);
  EXPECT_EQ(stored.rbegin()->first, last);
  EXPECT_EQ(collector.faults(), 0);
}

TEST(EncodeBatch, IsAnEventBatch) {
  const std::vector<Outgoing> events = {Make(7), Make(8, 300)};
  v1::EventBatch batch;
  ASSERT_TRUE(batch.ParseFromString(EncodeBatch("sensor-1", kEpoch, events)));
  EXPECT_EQ(batch.sensor(), "sensor-1");
  EXPECT_EQ(batch.epoch(), kEpoch);
  ASSERT_EQ(batch.events_size(), 2);
  EXPECT_EQ(batch.events(0).sequence(), 7u);
  EXPECT_EQ(batch.events(1).finding().detail().size(), 300u);
}

TEST(Uplink, DeliversAndWaitsUntilDurable) {
  FakeCollector collector([](const auto& call, auto& stream) {
    FakeCollector::Ack(stream, call.last);
    return true;
  });
  auto uplink = *Uplink::Create(Config(), collector.Channel());
  Send(*uplink, 1, 20'000);
  ASSERT_TRUE(uplink->WaitDurable(20'000, 10s));
  ExpectAll(collector, 20'000);
  const auto status = uplink->Status();
  EXPECT_TRUE(status.connected);
  EXPECT_EQ(status.acknowledged, 20'000u);
  EXPECT_EQ(status.waiting, 0u);
  EXPECT_EQ(status.reconnects, 0u);
}

TEST(Uplink, KeepsBatchesBelowFourMebibytes) {
  FakeCollector collector([](const auto& call, auto& stream) {
    FakeCollector::Ack(stream, call.last);
    return true;
  });
  auto config = Config();
  config.window_bytes = 64u << 20;
  auto uplink = *Uplink::Create(config, collector.Channel());
  Send(*uplink, 1, 300, 40'000);  // 12 MB
  ASSERT_TRUE(uplink->WaitDurable(300, 10s));
  ExpectAll(collector, 300);
}

TEST(Uplink, SendsAgainWhatWasNotAcknowledged) {
  // Each of the first five streams takes a batch, acknowledges half of it, and breaks.
  FakeCollector collector([](const auto& call, auto& stream) {
    if (call.stream > 5) {
      FakeCollector::Ack(stream, call.last);
      return true;
    }
    FakeCollector::Ack(stream, (call.first + call.last) / 2);
    return false;
  });
  auto uplink = *Uplink::Create(Config(), collector.Channel());
  Send(*uplink, 1, 1000);
  ASSERT_TRUE(uplink->WaitDurable(1000, 10s));
  ExpectAll(collector, 1000);
  EXPECT_GE(collector.streams(), 6);
  EXPECT_GE(uplink->Status().reconnects, 5u);
  EXPECT_NE(uplink->Status().last_error.find("as the test wants"), std::string::npos);
}

TEST(Uplink, SendsAllAgainWhenNothingWasAcknowledged) {
  FakeCollector collector([](const auto& call, auto& stream) {
    if (call.stream == 1) return false;
    FakeCollector::Ack(stream, call.last);
    return true;
  });
  auto uplink = *Uplink::Create(Config(), collector.Channel());
  Send(*uplink, 1, 10);
  ASSERT_TRUE(uplink->WaitDurable(10, 10s));
  ExpectAll(collector, 10);
  EXPECT_GE(collector.Stored()[1], 2) << "sent twice, stored once by its number";
}

TEST(Uplink, TakesAcknowledgementsOutOfOrder) {
  FakeCollector collector([](const auto& call, auto& stream) {
    FakeCollector::Ack(stream, call.last);
    FakeCollector::Ack(stream, call.first);
    FakeCollector::Ack(stream, 0);
    return true;
  });
  auto uplink = *Uplink::Create(Config(), collector.Channel());
  for (std::uint64_t i = 1; i <= 50; ++i) {
    Send(*uplink, i, i);
    ASSERT_TRUE(uplink->WaitDurable(i, 10s)) << i;
  }
  EXPECT_EQ(uplink->Status().acknowledged, 50u);
  EXPECT_EQ(collector.streams(), 1);
}

TEST(Uplink, LeavesACollectorThatAcknowledgesWhatItNeverGot) {
  FakeCollector collector([](const auto& call, auto& stream) {
    if (call.stream == 1) FakeCollector::Ack(stream, 1'000'000);
    if (call.stream == 2) FakeCollector::Ack(stream, call.last, kEpoch + 1);
    if (call.stream > 2) FakeCollector::Ack(stream, call.last);
    return true;
  });
  auto uplink = *Uplink::Create(Config(), collector.Channel());
  Send(*uplink, 1, 10);
  ASSERT_TRUE(uplink->WaitDurable(10, 10s));
  EXPECT_GE(collector.streams(), 3);
  EXPECT_EQ(uplink->Status().acknowledged, 10u);
}

TEST(Uplink, ReconnectsWhenAcknowledgementsStayAway) {
  FakeCollector collector([](const auto& call, auto& stream) {
    if (call.stream > 1) FakeCollector::Ack(stream, call.last);
    return true;
  });
  auto config = Config();
  config.ack_deadline = 100ms;
  auto uplink = *Uplink::Create(config, collector.Channel());
  Send(*uplink, 1, 10);
  const auto durable = uplink->WaitDurable(10, 10s);
  ASSERT_TRUE(durable) << durable.error().what;
  EXPECT_EQ(uplink->Status().last_error, "no acknowledgement in time");
}

TEST(Uplink, WaitsForASlowCollectorInsteadOfDropping) {
  FakeCollector collector([](const auto& call, auto& stream) {
    std::this_thread::sleep_for(2ms);
    FakeCollector::Ack(stream, call.last);
    return true;
  });
  auto config = Config();
  config.window_bytes = 64u << 10;
  config.backpressure = 5000ms;
  auto uplink = *Uplink::Create(config, collector.Channel());
  Send(*uplink, 1, 1);
  ASSERT_TRUE(uplink->WaitDurable(1, 10s)) << "connected";
  EXPECT_EQ(Send(*uplink, 2, 3000, 100), 2999u);
  ASSERT_TRUE(uplink->WaitDurable(3000, 20s));
  ExpectAll(collector, 3000);
}

TEST(Uplink, BoundsWhatItKeepsWhileTheCollectorIsAway) {
  auto channel = grpc::CreateChannel("unix:/nonexistent/weir.sock", grpc::InsecureChannelCredentials());
  auto config = Config();
  config.window_bytes = 64u << 10;
  auto uplink = *Uplink::Create(config, channel);
  const auto begin = std::chrono::steady_clock::now();
  const std::uint64_t admitted = Send(*uplink, 1, 10'000, 100);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s) << "nobody is there to wait for";
  const auto status = uplink->Status();
  EXPECT_FALSE(status.connected);
  EXPECT_EQ(status.waiting, admitted);
  EXPECT_LT(admitted, 10'000u);
  EXPECT_GT(status.waiting, 100u);
  const auto durable = uplink->WaitDurable(1, 300ms);
  ASSERT_FALSE(durable);
  EXPECT_EQ(durable.error().code, Code::kUnavailable);
}

TEST(Uplink, IsBackSoonAfterACollectorThatWasAwayForLong) {
  const std::string address = "unix-abstract:weir-uplink-test-" + std::to_string(::getpid());
  auto uplink = *Uplink::Create(Config(), grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
  Send(*uplink, 1, 10);
  std::this_thread::sleep_for(3500ms);  // the channel's own pauses are 1, 1.6 and 2.6 s
  FakeCollector collector(
      [](const auto& call, auto& stream) {
        FakeCollector::Ack(stream, call.last);
        return true;
      },
      address);
  const auto durable = uplink->WaitDurable(10, 500ms);
  EXPECT_TRUE(durable) << durable.error().what;
  uplink.reset();
}

TEST(Uplink, RefusesANamelessSensorAndEpochZero) {
  FakeCollector collector([](const auto&, auto&) { return true; });
  auto config = Config();
  config.sensor = "";
  EXPECT_FALSE(Uplink::Create(config, collector.Channel()));
  config = Config();
  config.sensor = std::string(254, 's');
  EXPECT_FALSE(Uplink::Create(config, collector.Channel()));
  config = Config();
  config.epoch = 0;
  EXPECT_FALSE(Uplink::Create(config, collector.Channel()));
}

TEST(Uplink, EndsAtOnceWhileTheCollectorIsSilent) {
  FakeCollector collector([](const auto&, auto&) { return true; });
  auto uplink = *Uplink::Create(Config(), collector.Channel());
  Send(*uplink, 1, 10);
  const auto begin = std::chrono::steady_clock::now();
  uplink.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 3s);
}

}  // namespace
}  // namespace weir::uplink

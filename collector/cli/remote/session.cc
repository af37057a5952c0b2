// SPDX-License-Identifier: Apache-2.0
#include "collector/cli/remote/session.h"

#include <unistd.h>

#include <filesystem>
#include <utility>

#include "collector/app/collector.h"
#include "sensor/app/sensor.h"
#include "sensor/control/service.h"

namespace weir::cli {
namespace {

// So many `weir run` without a daemon may run at once. Each has a sensor of its own in a numbered place; a place that
// a killed one left behind is taken over, with its jobs, by the next that finds it.
constexpr int kMostEmbeddedSensors = 16;

std::string Numbered(const std::string& path, int number) {
  return number == 1 ? path : path + "-" + std::to_string(number);
}

Result<std::unique_ptr<Sensor>> CreateSensor(const Places& places, Collector& collector) {
  for (int number = 1;; ++number) {
    SensorConfig config;
    // A sensor takes absolute paths only; on a command line, relative ones are usual.
    if (!places.cgroup_root.empty()) config.cgroup_root = std::filesystem::absolute(places.cgroup_root);
    config.pin_directory = std::filesystem::absolute(Numbered(places.pin_dir, number));
    config.state_directory = std::filesystem::absolute(Numbered(places.sensor_state(), number));
    auto sensor = Sensor::Create(config, collector.InProcessChannel());
    if (sensor || sensor.error().code != Code::kExists || number == kMostEmbeddedSensors) return sensor;
  }
}

// Asked for by name, or usable when it answers?
bool Wanted(Places::Which which, const Result<>& answers) {
  return which == Places::Which::kRunning || (which == Places::Which::kAny && answers.has_value());
}

// A service that is there but closed to us must not be passed over in silence: the local database is not its data.
bool Closed(Places::Which which, const Result<>& answers) {
  return which == Places::Which::kAny && !answers && answers.error().code != Code::kUnavailable;
}

}  // namespace

struct Session::Parts {
  // In the order of dependence: the server goes first, then the sensor, whose last events the collector still takes.
  std::unique_ptr<Collector> collector;
  std::unique_ptr<Sensor> sensor;
  std::unique_ptr<control::ControlServer> control;
};

Session::Session() = default;
Session::Session(Session&&) noexcept = default;
Session::~Session() = default;

Result<> Session::OpenDatabase(const Places& places, bool create) {
  const std::string path = places.database();
  if (!create && access(path.c_str(), F_OK) != 0) {
    if (errno == EACCES) return FailErrno("reading the local database " + path, EACCES);
    return Fail(Code::kUnavailable, "no collector answers on " + places.collector_socket +
                                        ", and there is no database " + path + " yet: `weir run` makes it" +
                                        (geteuid() == 0 ? "" : " (jobs that root ran are in root's: try sudo)"));
  }
  CollectorConfig config;
  config.database = std::filesystem::absolute(path);
  auto collector = Collector::Open(config);
  if (!collector) return tl::unexpected(collector.error());
  parts_ = std::make_unique<Parts>();
  parts_->collector = *std::move(collector);
  review_.emplace(parts_->collector->InProcessChannel(), "the collector in this process");
  return {};
}

Result<> Session::Embed(const Places& places) {
  WEIR_TRY(OpenDatabase(places, true));
  auto sensor = CreateSensor(places, *parts_->collector);
  if (!sensor) return tl::unexpected(sensor.error());
  parts_->sensor = *std::move(sensor);
  auto control = control::ControlServer::Start({}, *parts_->sensor);
  if (!control) return tl::unexpected(control.error());
  parts_->control = *std::move(control);
  sensor_.emplace(parts_->control->InProcessChannel(), "the sensor in this process");
  return {};
}

Result<Session> Session::OpenForJobs(const Places& places) {
  Session session;
  const auto answers = ProbeSocket(places.sensor_socket);
  if (!Wanted(places.sensor, answers)) {
    if (Closed(places.sensor, answers)) return tl::unexpected(answers.error());
    if (geteuid() != 0) {
      return Fail(Code::kPrivilege,
                  "no sensor answers on " + places.sensor_socket +
                      ", and starting one needs root: loading BPF programs takes CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN "
                      "and CAP_SYS_ADMIN. Run this command with sudo, or start weir-sensor as a service");
    }
    WEIR_TRY(session.Embed(places));
    return session;
  }
  auto sensor = SensorEnd::Connect(places.sensor_socket);
  if (!sensor) return tl::unexpected(sensor.error());
  session.sensor_ = *std::move(sensor);
  auto review = ReviewEnd::Connect(places.collector_socket);
  if (review) {
    session.review_ = *std::move(review);
  } else {
    session.review_missing_ = review.error().what;
  }
  return session;
}

Result<Session> Session::OpenForReview(const Places& places) {
  Session session;
  const auto answers = ProbeSocket(places.collector_socket);
  if (!Wanted(places.collector, answers)) {
    if (Closed(places.collector, answers)) return tl::unexpected(answers.error());
    WEIR_TRY(session.OpenDatabase(places, false));
    return session;
  }
  auto review = ReviewEnd::Connect(places.collector_socket);
  if (!review) return tl::unexpected(review.error());
  session.review_ = *std::move(review);
  return session;
}

}  // namespace weir::cli

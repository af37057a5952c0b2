// SPDX-License-Identifier: Apache-2.0
// What a command speaks to: running services where they answer, else the same code inside this process.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "collector/cli/host/places.h"
#include "collector/cli/remote/review_end.h"
#include "collector/cli/remote/sensor_end.h"
#include "sensor/base/result.h"

namespace weir::cli {

/// Owns the ends and, embedded, the parts behind them. Opening starts threads; so no fork after it.
class Session {
 public:
  /// To run jobs. Without a running sensor one is made here, with a collector on the local database; that needs root.
  /// With a running sensor, no collector to ask is no error: review() is then null and `review_missing` says why.
  [[nodiscard]] static Result<Session> OpenForJobs(const Places& places);

  /// To read what was recorded. Without a running collector the local database is opened, if there is one.
  [[nodiscard]] static Result<Session> OpenForReview(const Places& places);

  Session(Session&&) noexcept;
  Session& operator=(Session&&) = delete;
  ~Session();

  /// Only after OpenForJobs.
  [[nodiscard]] const SensorEnd& sensor() const { return *sensor_; }
  [[nodiscard]] const ReviewEnd* review() const { return review_ ? &*review_ : nullptr; }
  [[nodiscard]] const std::string& review_missing() const { return review_missing_; }
  [[nodiscard]] bool embedded() const { return parts_ != nullptr; }

 private:
  struct Parts;
  Session();
  Result<> Embed(const Places& places);
  Result<> OpenDatabase(const Places& places, bool create);

  std::unique_ptr<Parts> parts_;  // outlives the ends, which hold channels into it
  std::optional<SensorEnd> sensor_;
  std::optional<ReviewEnd> review_;
  std::string review_missing_;
};

}  // namespace weir::cli

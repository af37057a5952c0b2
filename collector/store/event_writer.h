// SPDX-License-Identifier: Apache-2.0
// One row per event (or one changed row, for flows and jobs).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "collector/store/model.h"
#include "collector/store/sqlite.h"

namespace weir::store {

/// Where an event stands.
struct Place {
  std::int64_t job_ref = 0;  ///< 0: about the sensor
  std::int64_t stream_id = 0;
  std::uint64_t sequence = 0;
  std::int64_t time_ns = 0;
  std::uint32_t step = 0;
};

class EventWriter {
 public:
  [[nodiscard]] static Result<std::unique_ptr<EventWriter>> Create(Database& database);

  /// Inside the caller's transaction.
  [[nodiscard]] Result<> Write(const Place& place, std::string_view sensor, const Body& body);

 private:
  struct Statements;
  struct Visitor;
  struct Delete {
    void operator()(Statements* statements) const;
  };
  explicit EventWriter(Statements* statements) : statements_(statements) {}
  std::unique_ptr<Statements, Delete> statements_;
};

}  // namespace weir::store

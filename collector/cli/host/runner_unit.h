// SPDX-License-Identifier: Apache-2.0
// The systemd unit of a self-hosted runner, and the drop-in that lets it start only once the sensor is armed
// (docs/decisions/0016-a-runners-unit.md).
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "sensor/base/result.h"

namespace weir::cli {

/// Where systemd looks for units, first come, first taken; and where drop-ins of this host's owner belong. Tests have
/// others.
struct UnitPlaces {
  std::vector<std::filesystem::path> units = {"/etc/systemd/system", "/run/systemd/system",
                                              "/usr/local/lib/systemd/system", "/usr/lib/systemd/system",
                                              "/lib/systemd/system"};
  std::filesystem::path drop_ins = "/etc/systemd/system";
};

inline constexpr const char* kSensorUnit = "weir-sensor.service";

/// Names of the services that run what is in `runner`: by their WorkingDirectory or ExecStart. Never by DIR/.service,
/// where the runner's own installer notes the name: that file is the runner's user's to write, and this decides what
/// root writes where.
[[nodiscard]] std::vector<std::string> UnitsOf(const std::filesystem::path& runner, const UnitPlaces& places);

/// What the runner's own installer noted in DIR/.service; for people to read, and for nothing else. Empty: nothing.
[[nodiscard]] std::string NotedUnit(const std::filesystem::path& runner);

/// True when `name` is a service's name and there is a unit of it, or the template that it is made from.
[[nodiscard]] bool HasUnit(const std::string& name, const UnitPlaces& places);

using Variables = std::vector<std::pair<std::string, std::string>>;

/// Writes NAME.d/50-weir.conf for the unit of `runner`. False: it was so already. The variables are the hooks': with
/// them here, a job that takes them out of DIR/.env gains nothing.
[[nodiscard]] Result<bool> WriteDropIn(const std::string& unit, const std::filesystem::path& runner,
                                       const Variables& variables, const UnitPlaces& places);

/// Removes every drop-in that was written for `runner`, also of units that are gone. Their names.
[[nodiscard]] Result<std::vector<std::string>> RemoveDropIns(const std::filesystem::path& runner,
                                                             const UnitPlaces& places);

/// Has systemd read its units again; nothing where systemd does not run. Only while this process has one thread.
[[nodiscard]] Result<> ReloadUnits();

}  // namespace weir::cli

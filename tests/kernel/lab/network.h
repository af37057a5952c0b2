// SPDX-License-Identifier: Apache-2.0
// A network of the test's own.
#pragma once

#include <string>
#include <vector>

namespace weir::lab {

/// In a child: a network namespace of its own with loopback up and `addresses` (with prefix) on it. False on failure.
bool OwnNetwork(const std::vector<std::string>& addresses);

}  // namespace weir::lab

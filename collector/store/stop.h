// SPDX-License-Identifier: Apache-2.0
// How a question is given up.
#pragma once

#include <functional>

namespace weir::store {

/// Asked now and then while a query runs; true ends it. Empty: never.
using Stop = std::function<bool()>;

}  // namespace weir::store

// SPDX-License-Identifier: Apache-2.0
// From the wire to values. Pure: the whole trust boundary towards sensors can be tested without a server.
#pragma once

#include "collector/store/model.h"
#include "sensor/base/result.h"

namespace weir::v1 {
class EventBatch;
}

namespace weir::ingest {

/// Checks every field against collector/rpc/limits.h and converts. One fault refuses the whole batch (kInvalid, naming
/// event and field); an event of a kind that this collector does not know is kUnsupported: a newer collector can still
/// take it, the sensor has not dropped it. `batch` may be emptied of its large strings.
[[nodiscard]] Result<store::Batch> ToBatch(v1::EventBatch& batch);

}  // namespace weir::ingest

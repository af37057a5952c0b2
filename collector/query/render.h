// SPDX-License-Identifier: Apache-2.0
// From values to the wire. Pure.
#pragma once

#include "collector/store/model.h"
#include "weir/v1/review.pb.h"

namespace weir::query {

/// Counts are the enforcement record's where there is one that can be read.
void Render(const store::JobSummary& summary, v1::JobRow& row);
void Render(const store::StoredFlow& flow, const store::Images& images, v1::FlowRow& row);
void Render(const store::StoredExec& stored, v1::ProcessRow& row);

}  // namespace weir::query

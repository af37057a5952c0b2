// SPDX-License-Identifier: Apache-2.0
// A report as people and programs read it. All four are pure; everything that a job chose is escaped for its place.
#pragma once

#include <string>
#include <string_view>

#include "collector/report/model.h"

namespace weir::report {

/// Schema weir.report.v1 (docs/schemas.md): ASCII, members in a stable order, nothing left out.
[[nodiscard]] std::string RenderJson(const JobReport& report);

/// For a job summary or a pull-request comment: the verdict first, tables bounded, with "and N more".
[[nodiscard]] std::string RenderMarkdown(const JobReport& report);

/// One file without scripts and without external resources, for light and dark screens and for print.
[[nodiscard]] std::string RenderHtml(const JobReport& report);

/// SARIF 2.1.0 within GitHub's limits. Results lie at `policy_path`, the place to change when a denial was wrong.
[[nodiscard]] std::string RenderSarif(const JobReport& report, std::string_view policy_path);

}  // namespace weir::report

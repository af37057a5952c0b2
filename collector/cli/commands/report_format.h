// SPDX-License-Identifier: Apache-2.0
// The kinds of reports by name and by file name.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sensor/base/result.h"
#include "weir/v1/review.pb.h"

namespace weir::cli {

/// "md", "html", "json", "sarif"; also "markdown" and "htm".
[[nodiscard]] std::optional<v1::ReportFormat> ReportFormatOf(std::string_view name);

/// `--report` of `weir run`: a file whose extension names the format, "-" (Markdown on standard output), or FORMAT:FILE
/// where the name does not tell, e.g. "md:/dev/stdout".
struct ReportWish {
  v1::ReportFormat format = v1::REPORT_FORMAT_UNSPECIFIED;
  std::string path;
};
[[nodiscard]] Result<ReportWish> ParseReportWish(const std::string& text);

}  // namespace weir::cli

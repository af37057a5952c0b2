// SPDX-License-Identifier: Apache-2.0
#include "collector/cli/commands/report_format.h"

namespace weir::cli {

std::optional<v1::ReportFormat> ReportFormatOf(std::string_view name) {
  if (name == "json") return v1::REPORT_FORMAT_JSON;
  if (name == "md" || name == "markdown") return v1::REPORT_FORMAT_MARKDOWN;
  if (name == "html" || name == "htm") return v1::REPORT_FORMAT_HTML;
  if (name == "sarif") return v1::REPORT_FORMAT_SARIF;
  return std::nullopt;
}

Result<ReportWish> ParseReportWish(const std::string& text) {
  if (text == "-") return ReportWish{v1::REPORT_FORMAT_MARKDOWN, text};
  if (const std::size_t colon = text.find(':'); colon != std::string::npos && colon + 1 < text.size()) {
    if (const auto format = ReportFormatOf(text.substr(0, colon))) return ReportWish{*format, text.substr(colon + 1)};
  }
  const std::size_t dot = text.rfind('.');
  const auto format = dot == std::string::npos ? std::nullopt : ReportFormatOf(text.substr(dot + 1));
  if (format) return ReportWish{*format, text};
  return Fail(Code::kInvalid, "'" + text +
                                  "': the name ends in none of .json, .md, .html, .sarif; write the format before it, "
                                  "e.g. md:" +
                                  (text.empty() ? "FILE" : text));
}

}  // namespace weir::cli

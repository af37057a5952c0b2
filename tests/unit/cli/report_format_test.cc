// SPDX-License-Identifier: Apache-2.0
#include "collector/cli/commands/report_format.h"

#include <gtest/gtest.h>

namespace weir::cli {
namespace {

TEST(ReportWish, TakesTheFormatFromTheNameOrBeforeIt) {
  struct {
    const char* text;
    v1::ReportFormat format;
    const char* path;
  } const cases[] = {{"a.json", v1::REPORT_FORMAT_JSON, "a.json"},
                     {"a.b.md", v1::REPORT_FORMAT_MARKDOWN, "a.b.md"},
                     {"/x/a.html", v1::REPORT_FORMAT_HTML, "/x/a.html"},
                     {"a.sarif", v1::REPORT_FORMAT_SARIF, "a.sarif"},
                     {"-", v1::REPORT_FORMAT_MARKDOWN, "-"},
                     {"json:-", v1::REPORT_FORMAT_JSON, "-"},
                     {"md:/tmp/step_summary_1", v1::REPORT_FORMAT_MARKDOWN, "/tmp/step_summary_1"},
                     {"sarif:a.json", v1::REPORT_FORMAT_SARIF, "a.json"},
                     {"dir:a.json", v1::REPORT_FORMAT_JSON, "dir:a.json"}};
  for (const auto& c : cases) {
    const auto wish = ParseReportWish(c.text);
    ASSERT_TRUE(wish) << c.text;
    EXPECT_EQ(wish->format, c.format) << c.text;
    EXPECT_EQ(wish->path, c.path) << c.text;
  }
}

TEST(ReportWish, RefusesWhatNamesNoFormat) {
  for (const char* text : {"", "report", "report.txt", "json:", "a.json/x", "."}) {
    EXPECT_EQ(ParseReportWish(text).error().code, Code::kInvalid) << text;
  }
}

}  // namespace
}  // namespace weir::cli

// SPDX-License-Identifier: Apache-2.0
#include "collector/cli/term/screen.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>

namespace weir::cli {
namespace {

constexpr int kUsualColumns = 80;
// Narrower than this, nothing can be laid out: tables then wrap as the terminal does.
constexpr int kLeastColumns = 40;

int ColumnsOf(int fd) {
  winsize size{};
  if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  const char* text = std::getenv("COLUMNS");
  if (text == nullptr) return kUsualColumns;
  int columns = 0;
  const std::string_view view(text);
  const auto [end, error] = std::from_chars(view.data(), view.data() + view.size(), columns);
  return error == std::errc{} && end == view.data() + view.size() && columns > 0 ? columns : kUsualColumns;
}

bool WantsColour() {
  const char* no_color = std::getenv("NO_COLOR");
  if (no_color != nullptr && *no_color != '\0') return false;
  const char* term = std::getenv("TERM");
  return term != nullptr && std::string_view(term) != "dumb";
}

std::string_view Code(Tone tone) {
  switch (tone) {
    case Tone::kPlain: return "";
    case Tone::kBold: return "\x1b[1m";
    case Tone::kDim: return "\x1b[2m";
    case Tone::kGood: return "\x1b[32m";
    case Tone::kWarn: return "\x1b[33m";
    case Tone::kBad: return "\x1b[31m";
  }
  return "";
}

}  // namespace

Screen ScreenOf(int fd) {
  if (isatty(fd) == 0) return {};
  const int columns = ColumnsOf(fd);
  return {.columns = columns < kLeastColumns ? kLeastColumns : columns, .colour = WantsColour()};
}

std::string Paint(const Screen& screen, Tone tone, std::string_view text) {
  const std::string_view code = Code(tone);
  if (!screen.colour || code.empty()) return std::string(text);
  return std::string(code) + std::string(text) + "\x1b[0m";
}

}  // namespace weir::cli

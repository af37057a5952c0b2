// SPDX-License-Identifier: Apache-2.0
#include "bpf/path.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace std::string_literals;

constexpr std::uint8_t kUntouched = 0xa5;

// Turns `parts` in a buffer of exactly the promised bound, with guard bytes behind it.
std::string Turn(std::string_view parts, bool cut = false) {
  const auto length = static_cast<std::uint32_t>(parts.size());
  const std::uint32_t bound = weir_path_bound(length);
  std::vector<std::uint8_t> out(bound + 16, kUntouched);
  const std::uint32_t written =
      weir_path_turn(reinterpret_cast<const std::uint8_t*>(parts.data()), length, cut, out.data(), bound);
  EXPECT_LE(written, bound);
  for (std::size_t i = written; i < out.size(); ++i) EXPECT_EQ(out[i], kUntouched) << "byte " << i << " was written";
  return {out.begin(), out.begin() + written};
}

struct Row {
  const char* name;
  std::string parts;
  bool cut;
  std::string path;
};

class PathTable : public ::testing::TestWithParam<Row> {};

TEST_P(PathTable, TurnsRound) { EXPECT_EQ(Turn(GetParam().parts, GetParam().cut), GetParam().path); }

INSTANTIATE_TEST_SUITE_P(
    Rows, PathTable,
    ::testing::Values(Row{"Root", "", false, "/"}, Row{"NothingIsKnown", "", true, ""},
                      Row{"OnePart", "init\0"s, false, "/init"}, Row{"TwoParts", "bin\0usr\0"s, false, "/usr/bin"},
                      Row{"Deep", "d\0c\0b\0a\0"s, false, "/a/b/c/d"}, Row{"Cut", "d\0c\0"s, true, "c/d"},
                      Row{"CutOnePart", "d\0"s, true, "d"}, Row{"MemoryFile", "memfd:x\0"s, false, "/memfd:x"},
                      Row{"LastPartWithoutNul", "bin\0usr"s, false, "/usr/bin"}, Row{"OnlyNuls", "\0\0\0"s, false, "/"},
                      Row{"OnlyNulsCut", "\0\0\0"s, true, ""},
                      Row{"EmptyPartsInside", "bin\0\0\0usr\0"s, false, "/usr/bin"},
                      Row{"LeadingNul", "\0bin\0"s, false, "/bin"},
                      Row{"SlashInsideAPartIsNoSeparator", "etc/passwd\0"s, false, "/etc\0passwd"s},
                      Row{"DotsAreNames", "..\0.\0"s, false, "/./.."},
                      Row{"EscapesAndNewlinesStay", "a\x1b[2J\n\xff\0"s, false, "/a\x1b[2J\n\xff"}),
    [](const auto& row) { return row.param.name; });

TEST(Path, RefusesASmallBufferAndLeavesItAlone) {
  const std::string parts = "bin\0usr\0"s;
  for (std::uint32_t size = 0; size < 8; ++size) {
    std::vector<std::uint8_t> out(16, kUntouched);
    EXPECT_EQ(weir_path_turn(reinterpret_cast<const std::uint8_t*>(parts.data()), 8, 0, out.data(), size), 0u);
    EXPECT_EQ(out, std::vector<std::uint8_t>(16, kUntouched)) << "size " << size;
  }
  std::vector<std::uint8_t> out(8);
  EXPECT_EQ(weir_path_turn(reinterpret_cast<const std::uint8_t*>(parts.data()), 8, 0, out.data(), 8), 8u);
}

TEST(Path, TheLongestRecordFits) {
  EXPECT_EQ(Turn(std::string(WEIR_PATH_BYTES, 'x')), "/" + std::string(WEIR_PATH_BYTES, 'x'));
  std::string parts, path;
  for (unsigned i = 0; i < WEIR_PATH_BYTES / 2; ++i) {
    parts += "x\0"s;
    path += "/x";
  }
  EXPECT_EQ(Turn(parts), path);
}

// Turning round, written the slow way.
std::string Expected(std::string_view parts, bool cut) {
  std::string path;
  std::string part;
  bool first_part_missing = cut;
  std::vector<std::string> names;
  for (const char byte : parts) {
    if (byte != 0) part += byte == '/' ? '\0' : byte;
    if (byte == 0 && !part.empty()) names.push_back(std::exchange(part, {}));
  }
  if (!part.empty()) names.push_back(part);
  for (auto name = names.rbegin(); name != names.rend(); ++name) {
    if (!std::exchange(first_part_missing, false)) path += '/';
    path += *name;
  }
  return path.empty() && !cut ? "/" : path;
}

TEST(Path, AgreesWithTheSlowWayOnRandomBytes) {
  std::mt19937 random(1);
  for (int round = 0; round < 20'000; ++round) {
    std::string parts(random() % 40, '\0');
    for (char& byte : parts) byte = "\0\0/ab\xff"[random() % 6];
    const bool cut = random() % 2 == 0;
    EXPECT_EQ(Turn(parts, cut), Expected(parts, cut)) << "round " << round;
  }
}

}  // namespace

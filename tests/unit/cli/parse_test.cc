// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "collector/cli/commands/program.h"
#include "collector/cli/host/exit_code.h"

namespace weir::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

struct Case {
  const char* name;
  std::vector<std::string> arguments;
  const char* says = "";  // part of the message, or of the help page
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }
std::string NameOf(const testing::TestParamInfo<Case>& info) { return info.param.name; }

class UsageError : public testing::TestWithParam<Case> {};
TEST_P(UsageError, Is64WithAMessageAndAHint) {
  const Parsed parsed = Parse(GetParam().arguments, {}, {});
  EXPECT_FALSE(parsed.action) << "would have run";
  EXPECT_EQ(parsed.exit_code, kExitUsage);
  EXPECT_EQ(parsed.out, "");
  EXPECT_THAT(parsed.err, AllOf(HasSubstr("weir: "), HasSubstr(GetParam().says), HasSubstr("--help")));
}
INSTANTIATE_TEST_SUITE_P(
    All, UsageError,
    testing::Values(
        Case{"NoCommand", {}, "a command is required: run, job,"}, Case{"UnknownCommand", {"walk"}, "walk"},
        Case{"MistypedCommand", {"egres"}, "did you mean 'egress'?"},
        Case{"MistypedFlag", {"egress", "--denid"}, "did you mean '--denied'?"},
        Case{"MistypedStep", {"policy", "chekc"}, "did you mean 'check'?"},
        // An unset variable must not turn a policy into none, or one job into all.
        Case{"EmptyPolicy", {"run", "--policy", "", "--", "true"}, "--policy: the value is empty"},
        Case{"EmptyPolicyOfAStep", {"job", "begin", "--policy", ""}, "--policy: the value is empty"},
        Case{"EmptyAllow", {"run", "--allow", "", "--", "true"}, "--allow: the value is empty"},
        Case{"EmptyJob", {"egress", "--job", ""}, "--job: the value is empty"},
        Case{"EmptyStep", {"egress", "--step", ""}, "--step: the value is empty"},
        Case{"EmptyFile", {"policy", "check", ""}, "FILE: the value is empty"},
        Case{"PlaceOfRecordsWithoutAll", {"job", "list", "--collector", "/c"}, "--all"},
        Case{"ListBadSince", {"job", "list", "--all", "--since", "yesterday"}, "yesterday"},
        Case{"UnknownFlag", {"run", "--no-such-option", "--", "true"}, "--no-such-option"},
        Case{"RunWithoutCommand", {"run"}, "command to run"},
        Case{"RunWithoutCommandAfterDashes", {"run", "--"}, "command to run"},
        Case{"RunWithEmptyCommand", {"run", "--", ""}, "command to run"},
        Case{"RunWithCommandBeforeDashes", {"run", "true"}, "after `--`: weir run -- true"},
        Case{"UnknownMode", {"run", "--mode", "blok", "--", "true"}, "blok"},
        Case{"PolicyTwice", {"run", "--policy", "a", "--policy", "b", "--", "true"}, "--policy"},
        Case{"PolicyWithoutValue", {"run", "--policy", "--", "true"}, "--policy"},
        Case{"ReportOfUnknownKind", {"run", "--report", "report.pdf", "--", "true"}, "report.pdf"},
        Case{"ReportWithoutExtension", {"run", "--report", "report", "--", "true"}, "md:report"},
        Case{"SensorAndEmbedded", {"run", "--sensor", "/s", "--embedded", "--", "true"}, "--sensor"},
        Case{"SensorAndCgroupRoot", {"run", "--sensor", "/s", "--cgroup-root", "/c", "--", "true"}, "--sensor"},
        Case{"EmptyJobName", {"run", "--job", "", "--", "true"}, "1 to 128"},
        Case{"LongJobName", {"run", "--job", std::string(129, 'a'), "--", "true"}, "1 to 128"},
        Case{"HostileJobName", {"run", "--job", "a\x1b[2Jb", "--", "true"}, "printable"},
        Case{"LabelWithoutEquals", {"run", "--label", "x", "--", "true"}, "KEY=VALUE"},
        Case{"LabelWithoutKey", {"run", "--label", "=x", "--", "true"}, "KEY=VALUE"},
        Case{"DashesWhereNothingIsRun", {"status", "--", "true"}, "--"},
        Case{"JobWithoutStep", {"job"}, "a command is required: begin, join,"},
        Case{"JobUnknownStep", {"job", "pause"}, "pause"},
        Case{"JoinWithoutJob", {"job", "join", "--", "true"}, "--job"},
        Case{"JoinWithoutCommand", {"job", "join", "--job", "x"}, "command to run"},
        Case{"EndWithoutJob", {"job", "end"}, "--job"},
        Case{"EndStatusTooLarge", {"job", "end", "--job", "x", "--exit-status", "256"}, "--exit-status"},
        Case{"BeginNegativePid", {"job", "begin", "--pid", "-4"}, "--pid"},
        Case{"SinceWithoutAll", {"job", "list", "--since", "2h"}, "--all"},
        Case{"ProcessesWithoutJob", {"processes"}, "--job"},
        Case{"ProcessesLimitZero", {"processes", "--job", "x", "--limit", "0"}, "--limit"},
        Case{"EgressBadSince", {"egress", "--since", "yesterday"}, "yesterday"},
        Case{"EgressBadFormat", {"egress", "--format", "xml"}, "xml"},
        Case{"EgressTwoPlaces", {"egress", "--collector", "/c", "--state-dir", "/s"}, "--collector"},
        Case{"ReportWithoutJob", {"report"}, "--job"},
        Case{"ReportBadFormat", {"report", "--job", "x", "--format", "pdf"}, "pdf"},
        Case{"PolicyWithoutStep", {"policy"}, "required"}, Case{"CheckWithoutFile", {"policy", "check"}, "FILE"},
        Case{"CheckLabelWithoutRuns", {"policy", "check", "--label", "a=b", "f.yml"}, "--unused-in"},
        Case{"CheckPlaceWithoutRuns", {"policy", "check", "--state-dir", "/s", "f.yml"}, "--unused-in"},
        Case{"CheckTooManyRuns", {"policy", "check", "--unused-in", "101", "f.yml"}, "--unused-in"},
        Case{"ExplainWithoutEndpoint", {"policy", "explain", "f.yml"}, "ENDPOINT"},
        Case{"DiffOneFile", {"policy", "diff", "a.yml"}, "AFTER"},
        Case{"SuggestWithoutJob", {"policy", "suggest"}, "--job"},
        Case{"CompletionUnknownShell", {"completion", "tcsh"}, "tcsh"},
        Case{"CompletionWithoutShell", {"completion"}, "SHELL"}),
    NameOf);

class Accepted : public testing::TestWithParam<Case> {};
TEST_P(Accepted, LeavesAnAction) {
  const Parsed parsed = Parse(GetParam().arguments, {}, {});
  EXPECT_TRUE(parsed.action) << parsed.err;
  EXPECT_EQ(parsed.err, "");
}
INSTANTIATE_TEST_SUITE_P(
    All, Accepted,
    testing::Values(
        Case{"Run", {"run", "--", "true"}},
        Case{"RunWithEverything",
             {"run",
              "--policy",
              "p.yml",
              "--mode",
              "block",
              "--allow",
              "a.example.org",
              "--allow",
              "[2001:db8::/32]",
              "--job",
              "build",
              "--report",
              "r.json",
              "--report",
              "-",
              "--report",
              "md:/dev/stdout",
              "--fail-on-deny",
              "--quiet",
              "--label",
              "a=b=c",
              "--",
              "echo",
              "--mode",
              "[1,2]",
              "--"}},
        Case{"RunOfACommandNamedAsOurs", {"run", "--", "job", "list"}},
        Case{"RunEmbedded", {"run", "--cgroup-root", "/c", "--pin-dir", "/p", "--state-dir", "/s", "--", "true"}},
        Case{"RunAtASensor", {"run", "--sensor", "/s", "--", "true"}},
        Case{"Begin", {"job", "begin", "--name", "n", "--pid", "1", "--pid", "2"}},
        Case{"Join", {"job", "join", "--job", "x", "--", "true"}},
        Case{"End", {"job", "end", "--job", "x", "--exit-status", "255", "--report", "r.html"}},
        Case{"ListAll", {"job", "list", "--all", "--since", "7d", "--format", "json"}},
        Case{"Show", {"job", "show", "--job", "latest"}},
        Case{"Egress", {"egress", "--job", "x", "--denied", "--since", "2026-11-23", "--limit", "5"}},
        Case{"Tree", {"processes", "--job", "x", "--tree"}}, Case{"Doctor", {"doctor", "--format", "json"}},
        Case{"Status", {"status"}}, Case{"Check", {"policy", "check", "a.yml", "b.yml"}},
        Case{"CheckUnused", {"policy", "check", "--unused-in", "20", "--label", "a=b", "--state-dir", "/s", "a.yml"}},
        Case{"Explain", {"policy", "explain", "a.yml", "example.org", "--process", "npm"}},
        Case{"Diff", {"policy", "diff", "a.yml", "b.yml"}},
        Case{"Suggest", {"policy", "suggest", "--job", "a", "--job", "b", "--bind-processes", "-o", "f.yml"}},
        Case{"Completion", {"completion", "fish"}}, Case{"Version", {"version"}}),
    NameOf);

// Every page has the parts of a manual page and fits its lines.
void ExpectPage(const std::vector<std::string>& command) {
  std::vector<std::string> arguments = command;
  arguments.emplace_back("--help");
  const Parsed parsed = Parse(arguments, {.columns = 80, .colour = false}, {});
  std::string name = "weir";
  for (const auto& word : command) name += " " + word;
  SCOPED_TRACE(name);
  EXPECT_EQ(parsed.exit_code, kExitOk);
  EXPECT_FALSE(parsed.action);
  EXPECT_THAT(parsed.out, HasSubstr("NAME\n    " + name + " - "));
  EXPECT_THAT(parsed.out, HasSubstr("\nSYNOPSIS\n"));
  EXPECT_THAT(parsed.out, HasSubstr("\nDESCRIPTION\n"));
  EXPECT_THAT(parsed.out, HasSubstr("\nEXAMPLES\n"));
  EXPECT_THAT(parsed.out, Not(HasSubstr("TODO")));
  // Examples are for pasting, so they alone are not broken.
  std::istringstream lines(parsed.out.substr(0, parsed.out.find("\nEXAMPLES\n")));
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80U) << line;
}

void ExpectPages(const Node& node, std::vector<std::string> path) {
  ExpectPage(path);
  for (const Node& child : node.children) {
    path.push_back(child.name);
    ExpectPages(child, path);
    path.pop_back();
  }
}

TEST(Help, EveryCommandHasAPage) { ExpectPages(ProgramTree(), {}); }

TEST(Help, NamesEveryExitCodeOfRun) {
  const std::string page = Parse({"run", "--help"}, {}, {}).out;
  for (const char* code : {"\n    any\n", "\n    10\n", "\n    64\n", "\n    65\n", "\n    69\n", "\n    77\n"}) {
    EXPECT_THAT(page, HasSubstr(code));
  }
}

TEST(Help, NamesOperandsWithoutTheirChecks) {
  for (const auto& command : {std::vector<std::string>{"egress"}, {"job", "end"}, {"job", "begin"}, {"job", "list"}}) {
    auto arguments = command;
    arguments.emplace_back("--help");
    const std::string page = Parse(arguments, {}, {}).out;
    EXPECT_THAT(page, Not(HasSubstr(":INT"))) << command.back();
    EXPECT_THAT(page, Not(HasSubstr(":UINT"))) << command.back();
    EXPECT_THAT(page, Not(HasSubstr(":POSITIVE"))) << command.back();
  }
}

TEST(Version, IsAFlagAsWell) {
  const Parsed parsed = Parse({"--version"}, {}, {});
  EXPECT_EQ(parsed.exit_code, kExitOk);
  EXPECT_THAT(parsed.out, testing::StartsWith("weir "));
}

TEST(Help, EscapesWhatItRepeats) {
  EXPECT_THAT(Parse({"run", "--mode", "\x1b[31m\n::error::x", "--", "true"}, {}, {}).err, Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace weir::cli

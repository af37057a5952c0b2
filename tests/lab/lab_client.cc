// SPDX-License-Identifier: Apache-2.0
// lab-client: does inside a job what the tests need done, and counts how it went.
#include <netinet/in.h>

#include <CLI/CLI.hpp>
#include <csignal>

#include "tests/lab/client.h"

namespace {

using weir::lab::AlternateOptions;
using weir::lab::BurstOptions;
using weir::lab::FloodOptions;
using weir::lab::LoopOptions;
using weir::lab::SprayOptions;
using weir::lab::TcpOptions;

void AddFamily(CLI::App* command, int& family) {
  command->add_flag_function(
      "-4", [&](auto) { family = AF_INET; }, "IPv4 only");
  command->add_flag_function(
      "-6", [&](auto) { family = AF_INET6; }, "IPv6 only");
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("A client for tests");
  app.require_subcommand(1);
  int status = 0;

  TcpOptions tcp;
  auto* lookup = app.add_subcommand("lookup", "Resolve NAME");
  lookup->add_option("name", tcp.host)->required();
  AddFamily(lookup, tcp.family);
  lookup->final_callback([&] { status = weir::lab::Lookup(tcp); });

  auto* connect = app.add_subcommand("connect", "Resolve HOST and connect to PORT");
  connect->add_option("host", tcp.host)->required();
  connect->add_option("port", tcp.port)->required();
  connect->add_flag("--udp", tcp.udp, "A datagram and its echo");
  AddFamily(connect, tcp.family);
  connect->final_callback([&] { status = weir::lab::Connect(tcp); });

  LoopOptions loop;
  auto* loop_command = app.add_subcommand("loop", "Resolve a new name and connect at once, COUNT times");
  loop_command->add_option("--pattern", loop.pattern, "%p: process, %n: number")->required();
  loop_command->add_option("--port", loop.port)->required();
  loop_command->add_option("--count", loop.count);
  loop_command->add_option("--processes", loop.processes);
  AddFamily(loop_command, loop.family);
  loop_command->final_callback([&] { status = weir::lab::Loop(loop); });

  AlternateOptions alternate;
  auto* alternate_command = app.add_subcommand("alternate", "Connect to each HOST:PORT in turn, COUNT times");
  alternate_command->add_option("targets", alternate.targets)->required();
  alternate_command->add_option("--count", alternate.count);
  alternate_command->final_callback([&] { status = weir::lab::Alternate(alternate); });

  BurstOptions burst;
  auto* burst_command = app.add_subcommand("burst", "Many questions in flight on one socket");
  burst_command->add_option("--server", burst.server)->required();
  burst_command->add_option("--pattern", burst.pattern, "%n: number")->required();
  burst_command->add_option("--count", burst.count);
  burst_command->add_option("--type", burst.type);
  burst_command->add_option("--connect", burst.connect_port, "Then connect to this port of each address");
  burst_command->add_flag("--mixed-case", burst.mixed_case);
  burst_command->add_flag("--edns", burst.edns);
  burst_command->add_flag("--tcp", burst.tcp);
  burst_command->add_flag("--leave", burst.leave, "With --tcp: reset the connection behind the questions");
  burst_command->final_callback([&] { status = weir::lab::Burst(burst); });

  SprayOptions spray;
  auto* spray_command = app.add_subcommand("spray", "UDP connect() to COUNT addresses from FIRST on");
  spray_command->add_option("first", spray.first)->required();
  spray_command->add_option("--count", spray.count);
  spray_command->add_option("--port", spray.port);
  spray_command->final_callback([&] { status = weir::lab::Spray(spray); });

  FloodOptions flood;
  auto* flood_command = app.add_subcommand("flood", "More destinations, executions and connects than any table holds");
  flood_command->add_option("program", flood.program, "What to execute")->required();
  flood_command->add_option("--destinations", flood.destinations);
  flood_command->add_option("--executions", flood.executions);
  flood_command->add_option("--connects", flood.connects);
  flood_command->add_option("--workers", flood.workers);
  flood_command->final_callback([&] { status = weir::lab::Flood(flood); });

  weir::lab::HoldOptions hold;
  auto* hold_command = app.add_subcommand("hold", "Connect to HOST:PORT and give the socket away at a unix socket");
  hold_command->add_option("path", hold.path)->required();
  hold_command->add_option("host", hold.host)->required();
  hold_command->add_option("port", hold.port)->required();
  hold_command->add_flag("--udp", hold.udp);
  hold_command->final_callback([&] { status = weir::lab::Hold(hold); });

  weir::lab::TakeOptions take;
  auto* take_command = app.add_subcommand("take", "Send TEXT on a connected socket of somebody else's");
  take_command->add_option("text", take.text)->required();
  take_command->add_option("--from", take.path, "By SCM_RIGHTS, from this unix socket");
  take_command->add_option("--pid", take.pid, "By pidfd_getfd, from this process");
  take_command->add_option("--fd", take.number);
  take_command->final_callback([&] { status = weir::lab::Take(take); });

  unsigned amount = 0;
  std::vector<std::string> command;
  auto* chain = app.add_subcommand("chain", "Run COMMAND below DEPTH processes");
  chain->add_option("depth", amount)->required();
  chain->add_option("command", command)->required();
  chain->final_callback([&] { status = weir::lab::Chain(amount, command); });

  auto* long_arguments = app.add_subcommand("long-arguments", "Run COMMAND with BYTES more of arguments");
  long_arguments->add_option("bytes", amount)->required();
  long_arguments->add_option("command", command)->required();
  long_arguments->final_callback([&] { status = weir::lab::LongArguments(amount, command); });

  std::signal(SIGPIPE, SIG_IGN);
  CLI11_PARSE(app, argc, argv);
  return status;
}

// plumbline-assess: the demonstration, a sample organisation to try by hand, a crowd.
#include <CLI/CLI.hpp>

#include "assess/demo/demonstration.h"
#include "assess/demo/sample.h"
#include "assess/tools/flood.h"

int main(int argc, char** argv) {
  CLI::App app("Measures a Plumbline installation against the fifteen questions, and shows it at work.", "plumbline-assess");
  app.require_subcommand(1);

  plumbline::assess::DemonstrationOptions demonstration;
  CLI::App* demo = app.add_subcommand("demo", "found an organisation, exchange messages, kill, search, report");
  demo->add_option("--bin", demonstration.bin, "folder of the programs")->required();
  demo->add_option("--out", demonstration.out, "folder for report.html, report.json and evidence/")->required();
  demo->add_flag("--keep", demonstration.keep, "keep the organisation's folder, keys and all");

  plumbline::assess::SampleOptions sample;
  CLI::App* up = app.add_subcommand("up", "start a sample organisation in the background, to try by hand");
  up->add_option("--bin", sample.bin, "folder of the programs")->required();
  up->add_option("--interop", sample.interop, "script of an MLS client of another make, for whom a third person is added");
  CLI::App* status = app.add_subcommand("status", "what of it is running");
  CLI::App* down = app.add_subcommand("down", "stop it, keep its data");
  CLI::App* reset = app.add_subcommand("reset", "stop it and delete its data");
  for (CLI::App* verb : {up, status, down, reset}) {
    verb->add_option("--run", sample.run, "folder of the sample organisation")->required();
  }
  plumbline::assess::FloodOptions crowd;
  CLI::App* flood = app.add_subcommand("flood", "ask a delivery server for more than it can do, until standard input ends");
  flood->add_option("--address", crowd.address, "of the delivery server, host:port")->required();
  flood->add_option("--fingerprint", crowd.fingerprint, "of the organisation's root")->required();
  flood->add_option("--connections", crowd.connections, "[10]")->check(CLI::Range(1, 1000));
  flood->add_option("--at-once", crowd.at_once, "calls under way on each [64]")->check(CLI::Range(1, 100));
  CLI11_PARSE(app, argc, argv);

  if (demo->parsed()) return plumbline::assess::Demonstrate(demonstration);
  if (flood->parsed()) return plumbline::assess::Flood(crowd);
  if (up->parsed()) return plumbline::assess::Up(sample);
  if (status->parsed()) return plumbline::assess::Status(sample);
  return plumbline::assess::Down(sample, reset->parsed());
}

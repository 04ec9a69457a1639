// What was asked for on the command line.
#pragma once

#include <optional>
#include <string>

#include "absl/time/time.h"

namespace plumbline::client {

struct Options {
  std::string home;             // empty: ~/.plumbline
  std::string passphrase_file;  // empty: $PLUMBLINE_PASSPHRASE_FILE, else ask
  bool json = false;

  std::string invitation = "-";  // text, a file that holds it, or "-": standard input
  std::string label;
  bool quick_unlock = false;
  double join_seconds = 1800;  // to wait for another device's approval

  std::string device;  // id or the beginning of it
  std::string code;    // of a device that asks to join
  bool yes = false;    // without asking
  int64_t life_minutes = 60;

  std::string person;
  std::string text;  // "-": standard input
  double wait_seconds = 15;
  bool accept_changes = false;
  bool confirm = false;
  bool no_qr = false;
  int64_t limit = 50;
  int64_t count = 0;          // of messages after which listen ends; 0: no end
  double timeout_seconds = 0;  // after which listen ends; 0: no end
};

}  // namespace plumbline::client

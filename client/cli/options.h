// What was asked for on the command line.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace plumbline::client {

struct Options {
  std::string home;             // empty: ~/.plumbline
  std::string passphrase_file;  // empty: $PLUMBLINE_PASSPHRASE_FILE, else ask
  std::string new_passphrase_file;  // empty: ask
  bool json = false;
  int64_t idle_minutes = 15;      // for which an unlocked device may go unused
  int64_t longest_minutes = 480;  // for which it stays unlocked

  std::string invitation = "-";  // text, a file that holds it, or "-": standard input
  std::string label;
  bool quick_unlock = false;
  bool accept_notice = false;
  bool whole_manifest = false;
  double join_seconds = 1800;  // to wait for another device's approval

  std::string device;  // id or the beginning of it
  std::string code;    // of a device that asks to join
  bool yes = false;    // without asking
  int64_t life_minutes = 60;

  std::string person;  // or group:NAME, where a conversation may be given
  std::string group;   // group:NAME or NAME
  std::vector<std::string> people;  // whom to add, remove, promote; whom to leave out of a renewed group
  std::string name;  // of a new group, or the new one of a group
  std::string text;  // "-": standard input
  double wait_seconds = 15;
  bool accept_changes = false;
  std::string path;  // of a file to send, or of where to save one
  std::string media_type = "application/octet-stream";
  int64_t id = 0;    // of a message
  bool confirm = false;
  bool no_qr = false;
  int64_t limit = 50;
  int64_t count = 0;          // of messages after which listen ends; 0: no end
  double timeout_seconds = 0;  // after which listen ends; 0: no end
};

}  // namespace plumbline::client

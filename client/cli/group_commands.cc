// plumbline group ...
#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/cli/commands.h"
#include "client/cli/session.h"
#include "common/identity/uri.h"

namespace plumbline::client {
namespace {

using identity::GroupRole;
using nlohmann::json;

constexpr char kPrefix[] = "group:";

std::string Typed(const Options& options) {
  return absl::StartsWith(options.group, kPrefix) ? options.group : absl::StrCat(kPrefix, options.group);
}

const char* RoleName(GroupRole role) { return role == GroupRole::kOwner ? "owner" : "member"; }

struct Opened {
  std::unique_ptr<Session> session;
  Engine* engine = nullptr;
};
absl::StatusOr<Opened> OpenOnline(const Options& options, Output& output) {
  Opened opened;
  ASSIGN_OR_RETURN(opened.session, Session::Open(options, output));
  ASSIGN_OR_RETURN(opened.engine, opened.session->Online());
  return opened;
}

absl::StatusOr<std::vector<std::string>> Users(Engine& engine, const std::vector<std::string>& typed) {
  std::vector<std::string> users;
  for (const std::string& name : typed) {
    ASSIGN_OR_RETURN(std::string user, engine.ResolveName(name));
    users.push_back(std::move(user));
  }
  return users;
}

json GroupJson(const std::string& conversation, const GroupPeople& people) {
  json list = json::array();
  for (const identity::GroupPerson& person : people.profile->people) {
    json devices = json::array();
    for (const RosterDevice& device : people.roster) {
      if (device.names.user == person.user) devices.push_back(ToHex(device.names.device));
    }
    list.push_back({{"user", person.user}, {"role", RoleName(person.role)}, {"devices", devices}});
  }
  return {{"conversation", conversation}, {"name", Output::Safe(people.profile->name)}, {"people", list}};
}

// The group after what was asked for, for people and machines.
absl::Status PrintGroup(Engine& engine, Output& output, const Target& target) {
  ASSIGN_OR_RETURN(const GroupPeople people, engine.ShowGroup(target));
  output.Value(GroupJson(target.conversation, people));
  output.Line(absl::StrCat("\"", Output::Safe(people.profile->name), "\"  ", target.conversation.substr(0, 14)));
  for (const identity::GroupPerson& person : people.profile->people) {
    size_t devices = 0;
    for (const RosterDevice& device : people.roster) devices += device.names.user == person.user;
    output.Line(absl::StrCat("  ", output.Name(person.user), "  ", RoleName(person.role), "  ",
                             devices == 0 ? "no device yet" : absl::StrCat(devices, devices == 1 ? " device" : " devices")));
  }
  return absl::OkStatus();
}

absl::Status ChangePeople(const Options& options, Output& output, WishKind kind) {
  ASSIGN_OR_RETURN(const Opened opened, OpenOnline(options, output));
  ASSIGN_OR_RETURN(const Target target, opened.engine->Resolve(Typed(options)));
  std::vector<Wish> wishes;
  for (const std::string& typed : options.people) {
    // One's own name is a name like any other here: an owner may step back.
    const absl::StatusOr<identity::UserUri> user = identity::ParseUserName(typed, opened.session->self().domain());
    std::string subject;
    if (user.ok() && user->ToString() == opened.session->self().user()) {
      subject = user->ToString();
    } else {
      ASSIGN_OR_RETURN(subject, opened.engine->ResolveName(typed));
    }
    if (kind == WishKind::kAdd) {
      ASSIGN_OR_RETURN(const PersonView person, opened.engine->CheckPerson(subject));
      output.Person(person);
      RETURN_IF_ERROR(opened.engine->MarkShown({person}));
    }
    wishes.push_back({0, target.conversation, kind, std::move(subject)});
  }
  RETURN_IF_ERROR(opened.engine->ChangeGroup(target, wishes));
  return PrintGroup(*opened.engine, output, target);
}

}  // namespace

absl::Status GroupCreateCommand(const Options& options, Output& output) {
  ASSIGN_OR_RETURN(const Opened opened, OpenOnline(options, output));
  ASSIGN_OR_RETURN(const std::vector<std::string> users, Users(*opened.engine, options.people));
  std::vector<PersonView> people;
  for (const std::string& user : users) {
    ASSIGN_OR_RETURN(PersonView person, opened.engine->CheckPerson(user));
    output.Person(person);
    people.push_back(std::move(person));
  }
  RETURN_IF_ERROR(opened.engine->MarkShown(people));
  ASSIGN_OR_RETURN(const Target target, opened.engine->CreateGroup(options.name, users));
  return PrintGroup(*opened.engine, output, target);
}

absl::Status GroupAddCommand(const Options& options, Output& output) {
  return ChangePeople(options, output, WishKind::kAdd);
}
absl::Status GroupRemoveCommand(const Options& options, Output& output) {
  return ChangePeople(options, output, WishKind::kRemove);
}
absl::Status GroupPromoteCommand(const Options& options, Output& output) {
  return ChangePeople(options, output, WishKind::kMakeOwner);
}
absl::Status GroupDemoteCommand(const Options& options, Output& output) {
  return ChangePeople(options, output, WishKind::kMakeMember);
}

absl::Status GroupRenameCommand(const Options& options, Output& output) {
  ASSIGN_OR_RETURN(const Opened opened, OpenOnline(options, output));
  ASSIGN_OR_RETURN(const Target target, opened.engine->Resolve(Typed(options)));
  RETURN_IF_ERROR(opened.engine->ChangeGroup(target, {{0, target.conversation, WishKind::kRename, options.name}}));
  return PrintGroup(*opened.engine, output, target);
}

absl::Status GroupRenewCommand(const Options& options, Output& output) {
  ASSIGN_OR_RETURN(const Opened opened, OpenOnline(options, output));
  ASSIGN_OR_RETURN(const std::string conversation, Engine::FindGroup(opened.session->stores(), Typed(options)));
  ASSIGN_OR_RETURN(const std::vector<std::string> without, Users(*opened.engine, options.people));
  ASSIGN_OR_RETURN(const Target target, opened.engine->Renew(conversation, {without.begin(), without.end()}));
  return PrintGroup(*opened.engine, output, target);
}

absl::Status GroupLeaveCommand(const Options& options, Output& output) {
  ASSIGN_OR_RETURN(const Opened opened, OpenOnline(options, output));
  ASSIGN_OR_RETURN(const Target target, opened.engine->Resolve(Typed(options)));
  RETURN_IF_ERROR(opened.engine->Leave(target));
  output.Value({{"conversation", target.conversation}, {"state", "leaving"}});
  output.Line(absl::StrCat("You asked to leave ", output.Name(target.conversation),
                           ". The next of its members who is online takes your devices out; nothing more is sent from here."));
  return absl::OkStatus();
}

absl::Status GroupShowCommand(const Options& options, Output& output) {
  ASSIGN_OR_RETURN(const Opened opened, OpenOnline(options, output));
  ASSIGN_OR_RETURN(const Target target, opened.engine->Resolve(Typed(options)));
  return PrintGroup(*opened.engine, output, target);
}

}  // namespace plumbline::client

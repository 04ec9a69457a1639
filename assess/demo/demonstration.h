// The demonstration: a new organisation, step by step, every one checked. Real programs, processes, sockets and TLS.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "assess/demo/narrator.h"
#include "assess/demo/organisation.h"
#include "assess/demo/people.h"
#include "assess/demo/recorder.h"
#include "assess/tools/relay.h"
#include "common/audit/audit_reader.h"

namespace plumbline::assess {

struct DemonstrationOptions {
  std::string bin;    // folder of the programs and of the two libraries that are preloaded
  std::string out;    // report.html, report.json, evidence/
  bool keep = false;  // keep the organisation's folder afterwards
};

// 0: everything is as it should be. 1: something is not. 3: nothing is wrong, but something could not be demonstrated.
int Demonstrate(const DemonstrationOptions& options);

// One run. Each step returns false where the following steps would have nothing to stand on.
class Demonstration final {
 public:
  Demonstration(const DemonstrationOptions& options, std::string folder, Recorder& recorder);
  void Run();

 private:
  // a: demo/join.cc
  bool Join();
  bool FoundOrganisation();
  void OfferOldTls();
  bool RegisterAdministrator();
  bool EnrolPeople();
  void RefuseBadInvitations();
  void RefuseExpiredCode();
  // b: demo/messages.cc
  bool Exchange();
  bool Online();
  bool Offline();
  void CompareCodes();
  void ShowWhoSeesWhat();
  absl::StatusOr<std::string> CopyOf(const SearchedService& service);
  absl::StatusOr<std::vector<std::string>> TablesOf(Service service);
  // i: demo/groups.cc
  void Groups();
  absl::Status InGroup(const Person& person, const std::vector<std::string>& arguments);
  // j: demo/group_file.cc
  void GroupFile();
  void LaterPersonLacksFile(const std::string& group);
  void LeaverLosesFile(const Person& erin, const std::string& number, const std::string& group);
  // c: demo/crash.cc
  void SurviveCrash();
  void JudgeArrival(Check check, const std::string& mark, size_t kills);
  // f: demo/files.cc
  void SendFiles();
  absl::Status ExchangePieces();
  // d: demo/hunt.cc
  void Hunt();
  void JudgePlaces(Check check, const std::vector<const PlaceResult*>& places, const std::string& good);
  // e: demo/record.cc
  void SuspendAndResume();
  void ReadRecord();
  void ReadOwnRecords();
  absl::StatusOr<std::vector<audit::Record>> RecordOf(Service service);
  // e: demo/tamper.cc
  void Tamper();
  void VerifyAsAdministrator();
  absl::StatusOr<tlog::VerifierKey> AuditKeyOf(Service service);

  // g: demo/leaver.cc
  void Leave();
  std::string ApproveDevice(const Person& tablet);  // its id; empty if it did not join
  void MeasureLeaver();
  void LoseDevice(const Person& tablet, const std::string& device);

  // h: demo/overload.cc
  void Overload();
  void AuditDirectory();
  void RollDirectoryBack();
  absl::Status MakeRoomSmall();

  // l: demo/manifest.cc
  void TellTerms();
  void ChangeTerms();

  // p: demo/peers.cc
  void Peers();
  absl::StatusOr<std::string> WalkWithPeers();  // what the runner printed

  // A sentence with a canary in it: what the search in step d looks for.
  std::string Canary(const std::string& sentence);

  const DemonstrationOptions options_;
  Recorder& recorder_;
  const std::string folder_;   // of this organisation
  const std::string key_log_;  // session keys of the people's clients
  std::unique_ptr<Relay> relay_;
  Organisation organisation_;
  People people_;
  Person alice_, bob_, carol_, dora_;
  std::string group_;  // the name of the group of step i, of Alice and Bob afterwards; empty: there is none
  std::string alice_invitation_;
  std::map<std::string, std::string> canaries_;  // marker -> sentence
};

}  // namespace plumbline::assess

// Joining: from a one-time code to a device with certificates. Knows no gRPC. Thread-safe; references outlive
// it.
#pragma once

#include "common/clock.h"
#include "common/status.h"
#include "keyserver/application.h"
#include "keyserver/organisation.h"
#include "keyserver/publisher.h"
#include "keyserver/refusal_log.h"
#include "keyserver/store/account_store.h"

namespace plumbline::keyserver {

class EnrolmentDesk final {
 public:
  EnrolmentDesk(const Organisation& organisation, const Clock& clock, AccountStore& accounts, Publisher& publisher,
                RefusalLog& refusals)
      : organisation_(organisation), clock_(clock), accounts_(accounts), publisher_(publisher), refusals_(refusals) {}

  // Every refusal is in the audit record before it is returned. Codes and reason ids:
  // docs/protocols/errors.md.
  absl::Status Enrol(const keys::v1::EnrolRequest& request, keys::v1::EnrolResponse& response);

 private:
  absl::Status CheckCode(const VerifiedApplication& application);
  absl::Status Admit(const VerifiedApplication& application, keys::v1::EnrolResponse& response);
  absl::Status AnswerAgain(const VerifiedApplication& application, keys::v1::EnrolResponse& response);
  absl::Status AdmitOnce(const VerifiedApplication& application, keys::v1::EnrolResponse& response);

  const Organisation& organisation_;
  const Clock& clock_;
  AccountStore& accounts_;
  Publisher& publisher_;
  RefusalLog& refusals_;
};

}  // namespace plumbline::keyserver

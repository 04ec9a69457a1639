// The key server's six gRPC services: each call goes to its desk on the worker pool. Which certificate may
// call what is decided here for AdminGateway and in DeviceDesk for Device. Pool and desks outlive the
// services.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/worker_pool.h"
#include "keyserver/admin_desk.h"
#include "keyserver/credential_desk.h"
#include "keyserver/device_desk.h"
#include "keyserver/directory_desk.h"
#include "keyserver/enrolment_desk.h"
#include "keyserver/join_desk.h"
#include "keyserver/service_renewal.h"

namespace grpc {
class Service;
}

namespace plumbline::keyserver {

// For the anonymous listener: Enrolment, Joining and Directory.
std::vector<std::unique_ptr<grpc::Service>> AnonymousServices(WorkerPool& pool,
                                                              const Organisation& organisation,
                                                              EnrolmentDesk& enrolment, JoinDesk& joins,
                                                              DirectoryDesk& directory);
// For the listener that demands a certificate of the organisation: Device and OwnDevices.
std::vector<std::unique_ptr<grpc::Service>> DeviceServices(WorkerPool& pool, DeviceDesk& devices,
                                                           CredentialDesk& credentials, JoinDesk& joins);
// For the listener that admits the admin service alone: AdminGateway, which asks each caller again.
std::vector<std::unique_ptr<grpc::Service>> AdminServices(WorkerPool& pool, const Organisation& organisation,
                                                          AdminDesk& admin, ServiceRenewal& renewal);

}  // namespace plumbline::keyserver

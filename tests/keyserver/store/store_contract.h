// What every engine of the key server's stores must do. An engine is a factory; see store_contract_test.cc.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>

#include "common/clock.h"
#include "keyserver/store/account_store.h"
#include "keyserver/store/administrator_store.h"
#include "keyserver/store/key_package_store.h"
#include "keyserver/store/ledger.h"

namespace plumbline::keyserver {

// The stores over one database, open until destroyed.
struct Stores {
  virtual ~Stores() = default;
  virtual AccountStore& accounts() = 0;
  virtual KeyPackageStore& key_packages() = 0;
  virtual AdministratorStore& administrators() = 0;
  virtual Ledger& ledger() = 0;
  virtual AuditTrail& trail() = 0;
};

struct Engine {
  const char* name;
  // Opens the database in that folder, making it where there is none.
  std::function<std::unique_ptr<Stores>(const std::string& folder, const Clock& clock)> open;
};

class StoreContract : public ::testing::TestWithParam<Engine> {};

}  // namespace plumbline::keyserver

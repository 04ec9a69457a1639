// The store's classes together, for code that writes to several of them in one Change.
#pragma once

#include "client/store/account_store.h"
#include "client/store/contact_store.h"
#include "client/store/file_store.h"
#include "client/store/group_store.h"
#include "client/store/history_store.h"
#include "client/store/log_store.h"
#include "client/store/mailbox_store.h"
#include "client/store/membership_store.h"
#include "client/store/outbox_store.h"
#include "client/store/store.h"
#include "client/store/supply_store.h"

namespace plumbline::client {

struct Stores {
  explicit Stores(Store& opened)
      : store(opened), account(opened), contacts(opened), files(opened), groups(opened), history(opened), log(opened), mailboxes(opened),
        membership(opened), outbox(opened), supply(opened) {}
  Store& store;
  AccountStore account;
  ContactStore contacts;
  FileStore files;
  GroupStore groups;
  HistoryStore history;
  LogStore log;
  MailboxStore mailboxes;
  MembershipStore membership;
  OutboxStore outbox;
  SupplyStore supply;
};

}  // namespace plumbline::client

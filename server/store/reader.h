// A connection for reading, on loan from the store until the end of the scope.
#pragma once

#include <utility>

#include "server/store/sqlcipher_store.h"

namespace plumbline::server {

class SqlcipherStore::Reader final {
 public:
  explicit Reader(SqlcipherStore& store) : store_(store), database_(store.BorrowReader()) {}
  ~Reader() { store_.ReturnReader(std::move(database_)); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  db::Database* operator->() const { return database_.get(); }
  db::Database& operator*() const { return *database_; }

 private:
  SqlcipherStore& store_;
  std::unique_ptr<db::Database> database_;
};

}  // namespace plumbline::server

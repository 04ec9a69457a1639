// A device's store, for the check of its columns (common/manifest/columns.h).
#include "client/store/store.h"
#include "common/manifest/columns.h"

namespace plumbline::client {
namespace {

absl::Status Make(const std::string& folder, const manifest::Show& show) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Store> store, Store::Open(folder + "/store.db", db::Key::Random(), /*create=*/true));
  return show("store.db", store->db());
}

}  // namespace
}  // namespace plumbline::client

int main() { return plumbline::manifest::CheckColumns("plumbline", plumbline::client::Make); }

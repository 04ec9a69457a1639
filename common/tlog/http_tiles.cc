#include "common/http/client.h"

#include "absl/strings/str_cat.h"
#include "common/tlog/tile_sources.h"

namespace plumbline::tlog {
namespace {

class Url final : public TileSource {
 public:
  explicit Url(http::Client client) : client_(std::move(client)) {}

  absl::StatusOr<Bytes> Fetch(const std::string& path, size_t max_size) override {
    ASSIGN_OR_RETURN(const http::Answer answer, client_.Get(path, max_size));
    if (answer.status == 404 || answer.status == 410) return absl::NotFoundError("the server does not have it");
    if (answer.status != 200) return absl::UnavailableError(absl::StrCat("the server answers ", answer.status));
    return ToBytes(AsBytes(answer.body));
  }

 private:
  http::Client client_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<TileSource>> HttpTiles(const std::string& url, absl::Duration request_time) {
  ASSIGN_OR_RETURN(http::Client client, http::Client::Create(url, request_time));
  return std::make_unique<Url>(std::move(client));
}

}  // namespace plumbline::tlog

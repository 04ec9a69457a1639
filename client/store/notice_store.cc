#include "client/store/notice_store.h"

#include "client/store/columns.h"
#include "common/manifest/notice.h"

namespace plumbline::client {
namespace {

absl::Status Take(ByteView bytes, metadata::v1::Notice& out) {
  return out.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) ? absl::OkStatus() : absl::DataLossError("the notice in the client's store is malformed");
}

}  // namespace

absl::StatusOr<std::optional<KnownNotice>> NoticeStore::Get() {
  ASSIGN_OR_RETURN(db::Statement row, store_.db().Prepare("SELECT items, accepted, offered, asked FROM notice WHERE id = 1"));
  ASSIGN_OR_RETURN(const bool found, row.Step());
  if (!found) return std::optional<KnownNotice>();
  KnownNotice out;
  RETURN_IF_ERROR(Take(row.Blob(0), out.accepted));
  out.accepted_at = absl::FromUnixSeconds(row.Int64(1));
  if (!row.IsNull(2)) RETURN_IF_ERROR(Take(row.Blob(2), out.offered.emplace()));
  out.asked_at = absl::FromUnixSeconds(row.Int64(3));
  return std::optional<KnownNotice>(std::move(out));
}

absl::Status NoticeStore::Accept(const metadata::v1::Notice& notice, absl::Time now) {
  const std::string bytes = notice.SerializeAsString(), version = manifest::VersionOf(notice);
  ASSIGN_OR_RETURN(Change change, store_.Begin());
  ASSIGN_OR_RETURN(db::Statement replace, change.db().Prepare("INSERT OR REPLACE INTO notice (id, version, items, accepted, offered, asked) "
                                                              "VALUES (1, ?1, ?2, ?3, NULL, ?3)"));
  RETURN_IF_ERROR(replace.Bind(1, version).Bind(2, AsBytes(bytes)).Bind(3, absl::ToUnixSeconds(now)).Run());
  return change.Commit();
}

absl::Status NoticeStore::Offer(const metadata::v1::Notice& notice, absl::Time now) {
  ASSIGN_OR_RETURN(const std::optional<KnownNotice> known, Get());
  if (!known) return absl::OkStatus();
  const bool same = manifest::VersionOf(known->accepted) == manifest::VersionOf(notice);
  ASSIGN_OR_RETURN(Change change, store_.Begin());
  ASSIGN_OR_RETURN(db::Statement update, change.db().Prepare("UPDATE notice SET offered = ?1, asked = ?2 WHERE id = 1"));
  const std::string bytes = notice.SerializeAsString();
  same ? update.BindNull(1) : update.Bind(1, AsBytes(bytes));
  RETURN_IF_ERROR(update.Bind(2, absl::ToUnixSeconds(now)).Run());
  return change.Commit();
}

absl::Status NoticeStore::Asked(absl::Time now) {
  ASSIGN_OR_RETURN(Change change, store_.Begin());
  ASSIGN_OR_RETURN(db::Statement update, change.db().Prepare("UPDATE notice SET asked = ?1 WHERE id = 1"));
  RETURN_IF_ERROR(update.Bind(1, absl::ToUnixSeconds(now)).Run());
  return change.Commit();
}

}  // namespace plumbline::client

#include "client/store/membership_store.h"

#include "client/store/columns.h"

namespace plumbline::client {

absl::Status MembershipStore::SetName(Change& change, absl::string_view conversation, absl::string_view name) {
  ASSIGN_OR_RETURN(db::Statement insert,
                   change.db().Prepare("INSERT OR REPLACE INTO group_name (conversation, name) VALUES (?1, ?2)"));
  return insert.Bind(1, conversation).Bind(2, name).Run();
}

absl::StatusOr<std::map<std::string, std::string>> MembershipStore::Names() {
  ASSIGN_OR_RETURN(db::Statement row, store_.db().Prepare("SELECT conversation, name FROM group_name"));
  std::map<std::string, std::string> names;
  for (;;) {
    ASSIGN_OR_RETURN(const bool found, row.Step());
    if (!found) return names;
    names[TextColumn(row, 0)] = TextColumn(row, 1);
  }
}

absl::Status MembershipStore::AddWish(Change& change, const Wish& wish) {
  ASSIGN_OR_RETURN(db::Statement insert,
                   change.db().Prepare("INSERT INTO wish (conversation, kind, subject) VALUES (?1, ?2, ?3)"));
  return insert.Bind(1, absl::string_view(wish.conversation))
      .Bind(2, static_cast<int64_t>(wish.kind))
      .Bind(3, absl::string_view(wish.subject))
      .Run();
}

absl::Status MembershipStore::RemoveWish(Change& change, int64_t id) {
  ASSIGN_OR_RETURN(db::Statement remove, change.db().Prepare("DELETE FROM wish WHERE id = ?1"));
  return remove.Bind(1, id).Run();
}

absl::StatusOr<std::vector<Wish>> MembershipStore::Wishes(absl::string_view conversation) {
  ASSIGN_OR_RETURN(db::Statement row,
                   store_.db().Prepare("SELECT id, kind, subject FROM wish WHERE conversation = ?1 ORDER BY id"));
  row.Bind(1, conversation);
  std::vector<Wish> wishes;
  for (;;) {
    ASSIGN_OR_RETURN(const bool found, row.Step());
    if (!found) return wishes;
    wishes.push_back({row.Int64(0), std::string(conversation), static_cast<WishKind>(row.Int64(1)), TextColumn(row, 2)});
  }
}

absl::Status MembershipStore::AddLeaveRequest(Change& change, absl::string_view conversation,
                                              const HeldLeaveRequest& request) {
  ASSIGN_OR_RETURN(db::Statement insert,
                   change.db().Prepare("INSERT OR IGNORE INTO leave_request (conversation, user, request, received) "
                                       "VALUES (?1, ?2, ?3, ?4)"));
  return insert.Bind(1, conversation)
      .Bind(2, absl::string_view(request.user))
      .Bind(3, ByteView(request.request))
      .Bind(4, absl::ToUnixSeconds(request.received))
      .Run();
}

absl::Status MembershipStore::RemoveLeaveRequest(Change& change, absl::string_view conversation, absl::string_view user) {
  ASSIGN_OR_RETURN(db::Statement remove,
                   change.db().Prepare("DELETE FROM leave_request WHERE conversation = ?1 AND user = ?2"));
  return remove.Bind(1, conversation).Bind(2, user).Run();
}

absl::StatusOr<std::vector<HeldLeaveRequest>> MembershipStore::LeaveRequests(absl::string_view conversation) {
  ASSIGN_OR_RETURN(db::Statement row,
                   store_.db().Prepare("SELECT user, request, received FROM leave_request WHERE conversation = ?1"));
  row.Bind(1, conversation);
  std::vector<HeldLeaveRequest> requests;
  for (;;) {
    ASSIGN_OR_RETURN(const bool found, row.Step());
    if (!found) return requests;
    requests.push_back({TextColumn(row, 0), BytesColumn(row, 1), absl::FromUnixSeconds(row.Int64(2))});
  }
}

absl::Status MembershipStore::AddResyncRequest(Change& change, ByteView group_id, const HeldResyncRequest& request) {
  ASSIGN_OR_RETURN(db::Statement insert,
                   change.db().Prepare("INSERT OR REPLACE INTO resync_request (group_id, device_id, request, stuck_key) "
                                       "VALUES (?1, ?2, ?3, ?4)"));
  return insert.Bind(1, group_id)
      .Bind(2, ByteView(request.device))
      .Bind(3, ByteView(request.request))
      .Bind(4, ByteView(request.stuck_key))
      .Run();
}

absl::Status MembershipStore::RemoveResyncRequest(Change& change, ByteView group_id, const identity::DeviceId& device) {
  ASSIGN_OR_RETURN(db::Statement remove,
                   change.db().Prepare("DELETE FROM resync_request WHERE group_id = ?1 AND device_id = ?2"));
  return remove.Bind(1, group_id).Bind(2, ByteView(device)).Run();
}

absl::StatusOr<std::vector<HeldResyncRequest>> MembershipStore::ResyncRequests(ByteView group_id) {
  ASSIGN_OR_RETURN(db::Statement row, store_.db().Prepare("SELECT device_id, request, stuck_key FROM resync_request "
                                                          "WHERE group_id = ?1"));
  row.Bind(1, group_id);
  std::vector<HeldResyncRequest> requests;
  for (;;) {
    ASSIGN_OR_RETURN(const bool found, row.Step());
    if (!found) return requests;
    HeldResyncRequest request;
    RETURN_IF_ERROR(ReadColumn(row, 0, request.device));
    request.request = BytesColumn(row, 1);
    request.stuck_key = BytesColumn(row, 2);
    requests.push_back(std::move(request));
  }
}

absl::Status MembershipStore::SetAsked(Change& change, ByteView group_id, const Asked& asked) {
  ASSIGN_OR_RETURN(db::Statement insert,
                   change.db().Prepare("INSERT OR REPLACE INTO resync_asked (group_id, asked, times) VALUES (?1, ?2, ?3)"));
  return insert.Bind(1, group_id).Bind(2, absl::ToUnixSeconds(asked.last)).Bind(3, asked.times).Run();
}

absl::Status MembershipStore::ForgetAsked(Change& change, ByteView group_id) {
  ASSIGN_OR_RETURN(db::Statement remove, change.db().Prepare("DELETE FROM resync_asked WHERE group_id = ?1"));
  return remove.Bind(1, group_id).Run();
}

absl::StatusOr<MembershipStore::Asked> MembershipStore::AskedFor(ByteView group_id) {
  ASSIGN_OR_RETURN(db::Statement row, store_.db().Prepare("SELECT asked, times FROM resync_asked WHERE group_id = ?1"));
  row.Bind(1, group_id);
  ASSIGN_OR_RETURN(const bool found, row.Step());
  if (!found) return Asked{};
  return Asked{absl::FromUnixSeconds(row.Int64(0)), row.Int64(1)};
}

}  // namespace plumbline::client

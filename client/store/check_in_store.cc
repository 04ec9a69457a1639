#include "client/store/check_in_store.h"

#include "client/store/columns.h"

namespace plumbline::client {

absl::StatusOr<CheckIn> CheckInStore::Prepare() {
  ASSIGN_OR_RETURN(Change change, store_.Begin());
  CheckIn out;
  {
    ASSIGN_OR_RETURN(db::Statement row, change.db().Prepare("SELECT generation, last, next FROM check_in WHERE id = 1"));
    ASSIGN_OR_RETURN(const bool found, row.Step());
    if (found) {
      out.generation = static_cast<uint64_t>(row.Int64(0));
      RETURN_IF_ERROR(ReadColumn(row, 1, out.previous));
      if (!row.IsNull(2)) {
        RETURN_IF_ERROR(ReadColumn(row, 2, out.next));
        return out;
      }
    }
  }
  ++out.generation;
  out.next = identity::RandomFixed<16>();
  ASSIGN_OR_RETURN(db::Statement replace,
                   change.db().Prepare("INSERT OR REPLACE INTO check_in (id, generation, last, next) VALUES (1, ?, ?, ?)"));
  RETURN_IF_ERROR(replace.Bind(1, static_cast<int64_t>(out.generation))
                      .Bind(2, ByteView(out.previous))
                      .Bind(3, ByteView(out.next))
                      .Run());
  RETURN_IF_ERROR(change.Commit());
  return out;
}

absl::Status CheckInStore::Taken(const CheckIn& check_in) {
  ASSIGN_OR_RETURN(Change change, store_.Begin());
  ASSIGN_OR_RETURN(db::Statement update, change.db().Prepare("UPDATE check_in SET last = ?, next = NULL WHERE id = 1 AND next = ?"));
  RETURN_IF_ERROR(update.Bind(1, ByteView(check_in.next)).Bind(2, ByteView(check_in.next)).Run());
  return change.Commit();
}

absl::StatusOr<identity::Fixed<16>> CheckInStore::Last() {
  identity::Fixed<16> out{};
  ASSIGN_OR_RETURN(db::Statement row, store_.db().Prepare("SELECT last FROM check_in WHERE id = 1"));
  ASSIGN_OR_RETURN(const bool found, row.Step());
  if (found) RETURN_IF_ERROR(ReadColumn(row, 0, out));
  return out;
}

}  // namespace plumbline::client

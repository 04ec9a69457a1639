#include "client/unlock/check_in.h"

namespace plumbline::client {

absl::Status CheckInWith(CheckInStore& store, UnlockKeyNetwork& network) {
  ASSIGN_OR_RETURN(const CheckIn check_in, store.Prepare());
  keys::v1::CheckInRequest request;
  request.set_generation(check_in.generation);
  request.set_previous(ToString(check_in.previous));
  request.set_next(ToString(check_in.next));
  RETURN_IF_ERROR(network.CheckIn(request).status());
  return store.Taken(check_in);
}

}  // namespace plumbline::client

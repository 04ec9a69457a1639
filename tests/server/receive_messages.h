// What clients say on a Receive stream, and what the store gives it, in few words.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "plumbline/delivery/v1/delivery.pb.h"
#include "server/store/envelope_store.h"

namespace plumbline::server {

inline const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);
inline const identity::Fixed<16> kStore = identity::RandomFixed<16>();

inline delivery::v1::ReceiveRequest Open(const std::string& mailbox = std::string(16, 'm')) {
  delivery::v1::ReceiveRequest message;
  message.mutable_open()->set_mailbox_id(mailbox);
  return message;
}

// Behind this many envelopes.
inline identity::MailboxPlace Place(int64_t n) { return *identity::MailboxPlace::Parse(Sha256(AsBytes(std::to_string(n)))); }

inline delivery::v1::ReceiveRequest Proof(size_t size = 64, size_t place_size = 32) {
  delivery::v1::ReceiveRequest message;
  message.mutable_proof()->set_signature(std::string(size, 's'));
  message.mutable_proof()->set_place(ToString(Place(0).view().first(std::min<size_t>(32, place_size))) + std::string(place_size > 32 ? 1 : 0, 'x'));
  return message;
}

inline delivery::v1::ReceiveRequest Ack(const std::vector<uint64_t>& tags) {
  delivery::v1::ReceiveRequest message;
  message.mutable_ack();
  for (const uint64_t tag : tags) message.mutable_ack()->add_tags(tag);
  return message;
}

inline Batch Rows(int64_t first, int64_t last, bool more = false) {
  Batch batch;
  for (int64_t row = first; row <= last; ++row) {
    batch.envelopes.push_back(StoredEnvelope{Row{row}, identity::RandomFixed<16>(), Bytes(8, static_cast<uint8_t>(row)), Place(row),
                                             static_cast<uint64_t>(row - first + 1)});
  }
  batch.more = more;
  batch.reached = Place(last);
  batch.steps = batch.envelopes.size();
  return batch;
}

inline const Bytes kOffered(8, 'o');

inline StoredEnvelopeView Envelope(int64_t row, ByteView sealed = kOffered) { return {{Row{row}, Place(row - 1), Place(row)}, identity::RandomFixed<16>(), sealed}; }

}  // namespace plumbline::server

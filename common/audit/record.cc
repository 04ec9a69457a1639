#include "common/audit/record.h"

#include "common/codec.h"
#include "plumbline/audit/v1/audit.pb.h"

namespace plumbline::audit {
namespace {

// struct { opaque name<V>; opaque value<V>; } Detail;
// struct { uint64 sequence; uint64 time_unix; opaque name<V>; opaque actor<V>; opaque subject<V>; uint8 outcome;
//          opaque reason<V>; Detail details<V>; } Record;   details sorted by name, each name once
constexpr size_t kMaxDetailsSize = kMaxDetails * 2 * (kMaxText + 4);

absl::StatusOr<std::string> ReadText(Reader& in) {
  ASSIGN_OR_RETURN(const ByteView text, in.Vector(kMaxText));
  return ToString(text);
}

absl::Status ReadDetails(Reader& in, std::map<std::string, std::string>& details) {
  ASSIGN_OR_RETURN(const ByteView wire, in.Vector(kMaxDetailsSize));
  Reader rows(wire);
  while (!rows.AtEnd()) {
    ASSIGN_OR_RETURN(std::string name, ReadText(rows));
    ASSIGN_OR_RETURN(std::string value, ReadText(rows));
    const bool in_order = details.empty() || details.rbegin()->first < name;
    if (!in_order || details.size() == kMaxDetails) return absl::InvalidArgumentError("details are not canonical");
    details.emplace(std::move(name), std::move(value));
  }
  return absl::OkStatus();
}

}  // namespace

Bytes EncodeRecord(const Record& record) {
  Writer details;
  for (const auto& [name, value] : record.details) details.Vector(AsBytes(name)).Vector(AsBytes(value));
  Writer out;
  out.U64(record.sequence).U64(static_cast<uint64_t>(absl::ToUnixSeconds(record.time)));
  out.Vector(AsBytes(record.name)).Vector(AsBytes(record.actor)).Vector(AsBytes(record.subject));
  out.U8(record.outcome == Outcome::kSuccess ? 1 : 2).Vector(AsBytes(record.reason)).Vector(details.view());
  return out.TakeBytes();
}

absl::StatusOr<Record> DecodeRecord(ByteView wire) {
  Reader in(wire);
  Record record{};
  ASSIGN_OR_RETURN(record.sequence, in.U64());
  ASSIGN_OR_RETURN(const uint64_t seconds, in.U64());
  if (seconds > (uint64_t{1} << 40)) return absl::InvalidArgumentError("time is out of range");
  record.time = absl::FromUnixSeconds(static_cast<int64_t>(seconds));
  ASSIGN_OR_RETURN(record.name, ReadText(in));
  ASSIGN_OR_RETURN(record.actor, ReadText(in));
  ASSIGN_OR_RETURN(record.subject, ReadText(in));
  ASSIGN_OR_RETURN(const uint8_t outcome, in.U8());
  if (outcome != 1 && outcome != 2) return absl::InvalidArgumentError("outcome is neither success nor refused");
  record.outcome = outcome == 1 ? Outcome::kSuccess : Outcome::kRefused;
  ASSIGN_OR_RETURN(record.reason, ReadText(in));
  RETURN_IF_ERROR(ReadDetails(in, record.details));
  RETURN_IF_ERROR(in.Done());
  return record;
}

void ToProto(const Record& record, v1::Event& out) {
  out.set_sequence(record.sequence);
  out.set_time_unix(absl::ToUnixSeconds(record.time));
  out.set_name(record.name);
  out.set_actor(record.actor);
  out.set_subject(record.subject);
  out.set_outcome(record.outcome == Outcome::kSuccess ? "success" : "refused");
  out.set_reason(record.reason);
  for (const auto& [name, value] : record.details) (*out.mutable_details())[name] = value;
  out.set_signature(ToString(record.signature));
}

absl::StatusOr<Record> FromProto(const v1::Event& event) {
  if (event.outcome() != "success" && event.outcome() != "refused") {
    return absl::InvalidArgumentError("outcome is neither success nor refused");
  }
  Record record{.sequence = event.sequence(),
                .time = absl::FromUnixSeconds(event.time_unix()),
                .name = event.name(),
                .actor = event.actor(),
                .subject = event.subject(),
                .reason = event.reason(),
                .outcome = event.outcome() == "success" ? Outcome::kSuccess : Outcome::kRefused,
                .details = {event.details().begin(), event.details().end()},
                .signature = {}};
  const Bytes encoded = EncodeRecord(record);
  RETURN_IF_ERROR(DecodeRecord(encoded).status());  // the limits are the parser's
  record.signature = ToBytes(AsBytes(event.signature()));
  return record;
}

}  // namespace plumbline::audit

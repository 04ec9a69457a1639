#include "common/manifest/setting.h"

#include <google/protobuf/duration.pb.h>

#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "plumbline/metadata/v1/vocabulary.pb.h"

namespace plumbline::manifest {

namespace v1 = metadata::v1;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

namespace {

std::string Count(int64_t n, absl::string_view unit) { return absl::StrCat(n, " ", unit, n == 1 ? "" : "s"); }

std::string ValueWords(const Message& message, const FieldDescriptor& field) {
  if (field.message_type() != nullptr) {
    google::protobuf::Duration duration;
    duration.ParseFromString(message.GetReflection()->GetMessage(message, &field).SerializeAsString());
    return DurationWords(absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos()));
  }
  const int64_t value = message.GetReflection()->GetUInt32(message, &field);
  return absl::EndsWith(field.name(), "_days") ? Count(value, "day") : absl::StrCat(value);
}

}  // namespace

std::string DurationWords(absl::Duration duration) {
  const int64_t seconds = absl::ToInt64Seconds(duration);
  if (seconds % 86400 == 0) return Count(seconds / 86400, "day");
  if (seconds % 3600 == 0) return Count(seconds / 3600, "hour");
  if (seconds % 60 == 0) return Count(seconds / 60, "minute");
  return Count(seconds, "second");
}

std::vector<v1::Setting> SettingsOf(const Message& config) {
  std::set<std::string> names;
  const auto* const all = v1::Retention_descriptor();
  for (int i = 0; i < all->value_count(); ++i) names.insert(all->value(i)->options().GetExtension(v1::keeping).setting());
  std::vector<v1::Setting> out;
  for (const std::string& name : names) {
    const std::vector<std::string> parts = absl::StrSplit(name, '.');
    if (parts.front() != config.GetDescriptor()->name()) continue;
    const Message* message = &config;
    for (size_t i = 1; i + 1 < parts.size(); ++i) {
      message = &message->GetReflection()->GetMessage(*message, message->GetDescriptor()->FindFieldByName(parts[i]));
    }
    v1::Setting& setting = out.emplace_back();
    setting.set_name(name);
    setting.set_value(ValueWords(*message, *message->GetDescriptor()->FindFieldByName(parts.back())));
  }
  return out;
}

}  // namespace plumbline::manifest

#include "common/manifest/words.h"

#include <google/protobuf/generated_enum_reflection.h>

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"

namespace plumbline::manifest {

namespace v1 = metadata::v1;

namespace {

template <typename Enum>
const google::protobuf::EnumValueDescriptor* ValueOf(Enum value) {
  return google::protobuf::GetEnumDescriptor<Enum>()->FindValueByNumber(static_cast<int>(value));
}

template <typename Enum>
std::string WordsOf(Enum value) {
  const auto* const descriptor = ValueOf(value);
  return descriptor == nullptr ? absl::StrCat("number ", static_cast<int>(value)) : descriptor->options().GetExtension(v1::words);
}

}  // namespace

std::string Words(v1::Class value) { return WordsOf(value); }
std::string Words(v1::Purpose value) { return WordsOf(value); }
std::string Words(v1::Party value) { return WordsOf(value); }

const v1::Declaration& DeclarationOf(v1::Datum datum) {
  const auto* const value = ValueOf(datum);
  return value == nullptr ? v1::Declaration::default_instance() : value->options().GetExtension(v1::is);
}

const v1::Keeping& KeepingOf(v1::Retention retention) {
  const auto* const value = ValueOf(retention);
  return value == nullptr ? v1::Keeping::default_instance() : value->options().GetExtension(v1::keeping);
}

std::string PurposesOf(const v1::Declaration& declaration) {
  std::vector<std::string> all;
  for (const int each : declaration.purpose()) all.push_back(Words(static_cast<v1::Purpose>(each)));
  return absl::StrJoin(all, "; ");
}

std::string ReadersOf(const v1::Declaration& declaration) {
  std::vector<std::string> all;
  for (const int each : declaration.seen_by()) all.push_back(Words(static_cast<v1::Party>(each)));
  return absl::StrJoin(all, ", ");
}

std::string KeptFor(const v1::Keeping& keeping, absl::string_view value) { return absl::StrReplaceAll(keeping.words(), {{"{}", value}}); }

}  // namespace plumbline::manifest

// Fields of a request, checked. INVALID_ARGUMENT request_malformed names the field.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/bytes.h"
#include "common/identity/fixed.h"
#include "common/identity/reason.h"
#include "common/status.h"

namespace plumbline::interop {

inline absl::Status Malformed(absl::string_view what) {
  return identity::Refuse(absl::StatusCode::kInvalidArgument, "request_malformed", what);
}

inline absl::StatusOr<std::string> TextField(const nlohmann::json& request, const char* name) {
  const auto it = request.find(name);
  if (it == request.end() || !it->is_string())
    return Malformed(absl::StrCat("\"", name, "\" has to be a string"));
  return it->get<std::string>();
}

inline absl::StatusOr<uint64_t> NumberField(const nlohmann::json& request, const char* name) {
  const auto it = request.find(name);
  if (it == request.end() || !it->is_number_unsigned())
    return Malformed(absl::StrCat("\"", name, "\" has to be a number"));
  return it->get<uint64_t>();
}

inline absl::StatusOr<Bytes> FromHexText(const std::string& text, const char* name) {
  const bool good =
      text.size() % 2 == 0 && std::all_of(text.begin(), text.end(),
                                          [](unsigned char c) { return absl::ascii_isxdigit(c); });
  if (!good) return Malformed(absl::StrCat("\"", name, "\" has to be hexadecimal"));
  return ToBytes(AsBytes(absl::HexStringToBytes(text)));
}

inline absl::StatusOr<Bytes> BytesField(const nlohmann::json& request, const char* name) {
  ASSIGN_OR_RETURN(const std::string text, TextField(request, name));
  return FromHexText(text, name);
}

template <size_t N>
absl::StatusOr<identity::Fixed<N>> FixedField(const nlohmann::json& request, const char* name) {
  ASSIGN_OR_RETURN(const Bytes bytes, BytesField(request, name));
  if (bytes.size() != N) return Malformed(absl::StrCat("\"", name, "\" has to have ", N, " bytes"));
  return identity::ToFixed<N>(bytes);
}

// The field as a list; empty if it is not there.
inline absl::StatusOr<nlohmann::json> ListField(const nlohmann::json& request, const char* name) {
  const auto it = request.find(name);
  if (it == request.end()) return nlohmann::json::array();
  if (!it->is_array()) return Malformed(absl::StrCat("\"", name, "\" has to be a list"));
  return *it;
}

inline absl::StatusOr<std::vector<Bytes>> BytesListField(const nlohmann::json& request,
                                                         const char* name) {
  ASSIGN_OR_RETURN(const nlohmann::json list, ListField(request, name));
  std::vector<Bytes> out;
  for (const nlohmann::json& item : list) {
    if (!item.is_string())
      return Malformed(absl::StrCat("\"", name, "\" has to be a list of strings"));
    ASSIGN_OR_RETURN(out.emplace_back(), FromHexText(item.get<std::string>(), name));
  }
  return out;
}

}  // namespace plumbline::interop

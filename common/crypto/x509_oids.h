// Object identifiers of the project's own extended key usages, under 2.25 (a UUID as a number, ITU-T X.667).
#pragma once

namespace plumbline::crypto {

inline constexpr char kOidMlsCredential[] = "2.25.337971476598648460608059757840360138015";
inline constexpr char kOidRoleSignature[] = "2.25.217457620208751012401760028427187869531";

}  // namespace plumbline::crypto

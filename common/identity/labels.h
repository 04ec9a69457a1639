// Every label this project signs or derives under (docs/protocols/). One place, so that no two meanings share
// one.
#pragma once

namespace plumbline::identity {

inline constexpr char kEnrolmentCodeLabel[] = "plumbline enrolment code v2";
inline constexpr char kEnrolmentProofLabel[] = "plumbline enrolment proof v1";
inline constexpr char kFirstAdministratorLabel[] = "plumbline first administrator v1";
inline constexpr char kAdministratorLabel[] = "plumbline administrator v1";
inline constexpr char kDeviceRequestLabel[] = "plumbline device request v1";
inline constexpr char kDirectoryRecordLabel[] = "plumbline directory record v1";
inline constexpr char kDirectoryIndexLabel[] = "plumbline directory index v1";
inline constexpr char kRecordCommitmentLabel[] = "plumbline record commitment v1";
inline constexpr char kCauseCommitmentLabel[] = "plumbline cause commitment v1";
inline constexpr char kVerificationLabel[] = "plumbline verification v1";
inline constexpr char kIntentLabel[] = "plumbline intent v1";
inline constexpr char kTokenKeyLabel[] = "plumbline token key v1";
inline constexpr char kMailboxGrantLabel[] = "plumbline mailbox grant v1";
inline constexpr char kMailboxOpeningLabel[] = "plumbline mailbox opening v1";
inline constexpr char kFormerPlaceLabel[] = "plumbline former place v1";
inline constexpr char kDepositCapabilitiesLabel[] = "plumbline deposit capabilities v1";
inline constexpr char kReceiveLabel[] = "plumbline receive v1";
inline constexpr char kRevocationLabel[] = "plumbline revocation v1";
inline constexpr char kJoinRequestLabel[] = "plumbline join request v1";
inline constexpr char kDeviceDecisionLabel[] = "plumbline device decision v1";
inline constexpr char kCredentialRenewalLabel[] = "plumbline credential renewal v1";
inline constexpr char kGateLabel[] = "plumbline gate v1";
inline constexpr char kLeaveRequestLabel[] = "plumbline leave request v1";
inline constexpr char kResyncLabel[] = "plumbline resync request v1";
inline constexpr char kWitnessPolicyLabel[] = "plumbline witness policy v1";
inline constexpr char kLogSuccessionLabel[] = "plumbline log succession v1";
inline constexpr char kOrganisationKeysLabel[] = "plumbline organisation keys v1";
inline constexpr char kFollowLabel[] = "plumbline follow v1";
inline constexpr char kUnlockProofLabel[] = "plumbline unlock proof v1";
inline constexpr char kUnlockKeyLabel[] = "plumbline unlock key v1";
inline constexpr char kUnlockStoreKeyLabel[] = "plumbline unlock store key v1";
inline constexpr char kUnlockProofKeyLabel[] = "plumbline unlock proof key v1";
inline constexpr char kUnlockDataKeyLabel[] = "plumbline unlock data key v1";
inline constexpr char kUnlockKeysAtRestLabel[] = "plumbline unlock keys at rest v1";
inline constexpr char kWrappingIdLabel[] = "plumbline wrapping id v1";
inline constexpr char kServiceKeysAtRestLabel[] = "plumbline service tls keys at rest v1";
inline constexpr char kEnvelopeInfoLabel[] = "plumbline envelope v1";  // HPKE info is this || mailbox_id

}  // namespace plumbline::identity

#include "common/tlog/note.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "tests/status_matchers.h"

namespace plumbline::tlog {
namespace {

using plumbline::testing::IsOk;
using plumbline::testing::StatusIs;

// The example of the format's first implementation (Go's sumdb/note).
constexpr char kPeterKey[] = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
constexpr char kPeterNote[] =
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "\xE2\x80\x94 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

NoteSigner Signer(absl::string_view name, uint8_t seed) {
  return *NoteSigner::Create(name, *crypto::Ed25519KeyPair::FromSeed(Secret::CopyOf(Bytes(32, seed))));
}

std::string Sign(absl::string_view text, std::vector<const NoteSigner*> signers) {
  return FormatNote(*SignNote(text, signers));
}

TEST(Note, VerifiesTheExampleOfTheFormat) {
  ASSERT_OK_AND_ASSIGN(const VerifierKey peter, VerifierKey::Parse(kPeterKey));
  EXPECT_EQ(peter.ToText(), kPeterKey);
  EXPECT_EQ(peter.id(), 0xc74f20a3u);
  ASSERT_OK_AND_ASSIGN(const Note note, ParseNote(kPeterNote));
  EXPECT_EQ(FormatNote(note), kPeterNote);
  EXPECT_OK(VerifyNote(note, {&peter, 1}));
}

TEST(Note, IgnoresUnknownSignaturesAndFindsEachKnownOne) {
  const NoteSigner log = Signer("example.org/log", 1), other = Signer("example.org/log", 2), witness = Signer("w.example/w", 1);
  ASSERT_OK_AND_ASSIGN(const Note note, ParseNote(Sign("hello\n", {&log, &other, &witness})));
  const VerifierKey known[] = {witness.verifier(), log.verifier()};
  ASSERT_OK_AND_ASSIGN(const auto signers, VerifyNote(note, known));
  EXPECT_EQ(signers, (std::vector<VerifierKey>{witness.verifier(), log.verifier()}));
  const NoteSigner stranger = Signer("example.org/log", 3);
  EXPECT_THAT(VerifyNote(note, {&stranger.verifier(), 1}), StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_THAT(VerifyNote(note, {}), StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST(Note, OneBadSignatureOfAKnownKeyRefusesTheNote) {
  const NoteSigner log = Signer("example.org/log", 1), witness = Signer("w.example/w", 2);
  Note note = *ParseNote(Sign("hello\n", {&log, &witness}));
  const VerifierKey known[] = {log.verifier(), witness.verifier()};
  note.signatures[1].signature[5] ^= 1;
  EXPECT_THAT(VerifyNote(note, known), StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_OK(VerifyNote(note, {known, 1}));  // to whom the other is unknown
  note.text = "hallo\n";
  EXPECT_THAT(VerifyNote(note, {known, 1}), StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST(Note, TheLastEmptyLinePartsTextAndSignatures) {
  const NoteSigner log = Signer("example.org/log", 1);
  const std::string wire = Sign("one\n\ntwo\n", {&log});
  ASSERT_OK_AND_ASSIGN(const Note note, ParseNote(wire));
  EXPECT_EQ(note.text, "one\n\ntwo\n");
  EXPECT_EQ(FormatNote(note), wire);
}

TEST(Note, IsNotMadeOfATextThatWouldBeReadBackAsAnother) {
  const NoteSigner log = Signer("example.org/log", 1);
  const NoteSigner* const signers[] = {&log};
  for (const char* text : {"", "no newline", "tab\t\n", "\xFF\n", "\xC0\x80\n", "\xED\xA0\x80\n"}) {
    EXPECT_THAT(SignNote(text, signers), StatusIs(absl::StatusCode::kInvalidArgument)) << text;
  }
  EXPECT_THAT(SignNote("unsigned\n", {}), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(Note, RefusesEveryTruncationAndMalformedSignatureLine) {
  const NoteSigner log = Signer("example.org/log", 1);
  const std::string wire = Sign("hello\n", {&log});
  for (size_t n = 0; n < wire.size(); ++n) EXPECT_FALSE(ParseNote(wire.substr(0, n)).ok()) << n;
  const std::pair<const char*, const char*> changes[] = {
      {"\xE2\x80\x94", "-"},   {"\xE2\x80\x94 ", "\xE2\x80\x94"}, {"log ", "log  "}, {"org/log", "org+log"},
      {"log ", "l\xC2\xA0g "}, {"=\n", "\n"},                     {"=\n", "=\r\n"},  {"=\n", "= \n"}, {"=\n", "=\n\n"}};
  for (const auto& [from, to] : changes) {
    const std::string changed = absl::StrReplaceAll(wire, {{from, to}});
    ASSERT_NE(changed, wire) << from;
    EXPECT_THAT(ParseNote(changed), StatusIs(absl::StatusCode::kInvalidArgument)) << changed;
  }
}

TEST(Note, IsBounded) {
  const NoteSigner log = Signer("example.org/log", 1);
  Note note = *ParseNote(Sign("hello\n", {&log}));
  note.signatures.resize(kMaxNoteSignatures, note.signatures[0]);
  EXPECT_OK(ParseNote(FormatNote(note)));
  note.signatures.push_back(note.signatures[0]);
  EXPECT_THAT(ParseNote(FormatNote(note)), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ParseNote(Sign("hello\n", {&log}) + std::string(kMaxNote, 'x')), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(VerifierKey, IsRefusedUnlessItsIdIsThatOfNameAndKey) {
  const std::string good = kPeterKey;
  for (const std::string& text :
       {absl::StrReplaceAll(good, {{"c74f20a3", "c74f20a4"}}), absl::StrReplaceAll(good, {{"c74f20a3", "C74F20A3"}}),
        absl::StrReplaceAll(good, {{"Peter", "Paula"}}), absl::StrReplaceAll(good, {{"ARpc", "Ahpc"}}),
        absl::StrReplaceAll(good, {{"+ARpc", "ARpc"}}), good + "\n", good.substr(1), std::string("+c74f20a3+"), std::string()}) {
    EXPECT_THAT(VerifierKey::Parse(text), StatusIs(absl::StatusCode::kInvalidArgument)) << text;
  }
  for (const char* name : {"", "a b", "a+b", "a\nb", "a\xE2\x80\x83z", "\xFF"}) {
    EXPECT_THAT(CheckKeyName(name), StatusIs(absl::StatusCode::kInvalidArgument)) << name;
  }
}

}  // namespace
}  // namespace plumbline::tlog

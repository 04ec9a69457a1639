#include "mls/credential_memory.h"

#include <gtest/gtest.h>

#include <string>

#include "mls/group_policy.h"

namespace plumbline::mls {
namespace {

// Its first byte names the client; "?" cannot be read.
struct CountingReader {
  int& reads;
  absl::StatusOr<std::string> operator()(const Credential& credential) const {
    ++reads;
    if (credential.content.front() == '?') return absl::InvalidArgumentError("unreadable");
    return std::string(1, static_cast<char>(credential.content.front()));
  }
};

Credential Named(const std::string& text) { return Credential::Basic(AsBytes(text)); }

TEST(CredentialMemory, ReadsEachCredentialOnce) {
  CredentialMemory<std::string> memory;
  int reads = 0;
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(memory.Same(Named("a1"), Named("a2"), CountingReader{reads}));
    EXPECT_FALSE(memory.Same(Named("a1"), Named("b1"), CountingReader{reads}));
    EXPECT_FALSE(memory.Same(Named("?1"), Named("?1"), CountingReader{reads}));
  }
  EXPECT_EQ(reads, 4);
  Credential other_type = Named("a1");
  other_type.type = kCredentialX509;
  EXPECT_TRUE(memory.Same(Named("a1"), other_type, CountingReader{reads}));
  EXPECT_EQ(reads, 5);
}

TEST(CredentialMemory, IsBoundedAndStillRight) {
  CredentialMemory<std::string> memory(/*capacity=*/4);
  int reads = 0;
  for (int i = 0; i < 100; ++i) {
    const std::string number = std::to_string(i);
    EXPECT_TRUE(
        memory.Same(Named("a" + number), Named("a again " + number), CountingReader{reads}));
    EXPECT_FALSE(memory.Same(Named("a" + number), Named("b" + number), CountingReader{reads}));
  }
  EXPECT_GT(reads, 200);
  EXPECT_LE(memory.size(), 4u);
}

TEST(CredentialMemory, ALargeCredentialIsReadEachTimeAndNotKept) {
  CredentialMemory<std::string> memory;
  int reads = 0;
  const std::string most(CredentialMemory<std::string>::kMaxRemembered, 'a');
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(memory.Same(Named(most), Named(most + "a"), CountingReader{reads}));
  }
  EXPECT_EQ(reads, 4);
  EXPECT_EQ(memory.size(), 1u);
}

TEST(CredentialMemory, HoldsEveryMemberOfTheLargestGroupByDefault) {
  EXPECT_GE(CredentialMemory<std::string>::kCapacity, size_t{GroupPolicy().max_members});
}

}  // namespace
}  // namespace plumbline::mls

// Addresses that two parsers read differently, and addresses that a person reads as somebody else's. Each test names the
// published case, or the class where no single case is meant. What is held against all of them is one rule: a name has one
// spelling, made of few characters, and nothing is decoded, folded, trimmed or repaired before or after it was checked.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/identity/invitation.h"
#include "common/identity/text.h"
#include "common/identity/uri.h"
#include "tests/status_matchers.h"

namespace plumbline::identity {
namespace {

using namespace std::string_literals;
using plumbline::testing::StatusIs;
constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr char kHome[] = "example.org";

// In every place that takes a person's address: a URI, what a person types, an invitation.
void NobodyIs(const std::string& address) {
  SCOPED_TRACE(address);
  EXPECT_THAT(ParseUserUri(address), StatusIs(kInvalid));
  EXPECT_THAT(ParseUserName(address, kHome), StatusIs(kInvalid));
  EXPECT_THAT(ParseUserUri(absl::StrCat("mimi://", kHome, "/u/", address)), StatusIs(kInvalid));
  Invitation invitation;
  invitation.domain = kHome;
  invitation.keyserver_address = "keys.example.org:7443";
  invitation.code = "ABCDEFGHJKMN0123";
  for (const std::string& user : {address, absl::StrCat("mimi://", kHome, "/u/", address)}) {
    invitation.user = user;
    EXPECT_THAT(ParseInvitation(FormatInvitation(invitation)), StatusIs(kInvalid));
  }
}

void NoDomainIs(const std::string& domain) {
  SCOPED_TRACE(domain);
  EXPECT_THAT(CheckDomain(domain), StatusIs(kInvalid));
  EXPECT_THAT(ParseUserUri(absl::StrCat("mimi://", domain, "/u/alice")), StatusIs(kInvalid));
  Invitation invitation;
  invitation.domain = domain;
  invitation.keyserver_address = "keys.example.org:7443";
  invitation.code = "ABCDEFGHJKMN0123";
  invitation.user = absl::StrCat("mimi://", domain, "/u/alice");
  EXPECT_THAT(ParseInvitation(FormatInvitation(invitation)), StatusIs(kInvalid));
}

// CVE-2019-11340: Matrix's identity server let outsiders into the Tchap of a government, because one parser took the address
// up to the second @ and another the domain after it.
TEST(AddressTricks, TwoAtSigns) {
  NobodyIs("alice@elsewhere.net@example.org");
  NobodyIs("alice@example.org");
  NoDomainIs("elsewhere.net@example.org");
}

// PortSwigger 2024, "Splitting the email atom": encoded words, quoted local parts, comments, source routes, the percent hack
// and UUCP's bang, each of which moves the place where the domain begins for some parsers.
TEST(AddressTricks, SplitEmailAtoms) {
  for (const char* address :
       {"=?utf-8?q?alice=40elsewhere.net=3e=00?=@example.org", "=?x?q?=61lice?=", "=?iso-8859-1?b?YWxpY2U=?=",
        "\"alice@elsewhere.net\"@example.org", "\"alice\"", "\"@elsewhere.net:\"alice", "alice(@elsewhere.net)@example.org",
        "(comment)alice", "alice()", "@elsewhere.net:alice@example.org", "alice%elsewhere.net@example.org", "alice%elsewhere.net",
        "elsewhere.net!alice", "alice\\@elsewhere.net", "<alice@elsewhere.net>", "Alice <alice>", "alice,bob", "alice;bob",
        "alice+tag", "&ZeVnLIqe-"}) {
    NobodyIs(address);
  }
}

// CVE-2017-11427 and its siblings: SAML libraries that read a name only up to a comment inside it.
TEST(AddressTricks, CommentsInsideOfAName) {
  NobodyIs("alice<!---->.elsewhere");
  NobodyIs("alice<!-- -->");
  NobodyIs("alice/**/");
  NoDomainIs("example.org<!---->.elsewhere.net");
}

// Black Hat 2017, "A New Era of SSRF" (Orange Tsai): what stands before @, after #, ? or \, or looks like a port, is the host for
// one URL parser and not for the next.
TEST(AddressTricks, UrlParsersThatDisagree) {
  for (const char* domain :
       {"example.org@elsewhere.net", "alice@example.org", "example.org:80", "example.org:80@elsewhere.net", "example.org#@elsewhere.net",
        "example.org#", "example.org?", "example.org?@elsewhere.net", "example.org\\@elsewhere.net", "elsewhere.net\\.example.org",
        "example.org;elsewhere.net", "[::1]", "example.org,elsewhere.net", "example.org&elsewhere.net"}) {
    NoDomainIs(domain);
  }
  for (const char* uri :
       {"mimi:/example.org/u/alice", "mimi:///example.org/u/alice", "mimi://///example.org/u/alice", "mimi:example.org/u/alice",
        "MIMI://example.org/u/alice", "mimi:\\\\example.org\\u\\alice", "//example.org/u/alice", " mimi://example.org/u/alice",
        "mimi://example.org/u/alice?user=bob", "mimi://example.org/u/alice#bob", "mimi://example.org/u/alice;bob",
        "mimi://example.org/u/alice/../bob", "mimi://example.org/u/./alice", "mimi://example.org/x/../u/alice",
        "mimi://example.org/U/alice", "mimi://mimi://example.org/u/alice"}) {
    EXPECT_THAT(ParseUserUri(uri), StatusIs(kInvalid)) << uri;
    EXPECT_THAT(ParseUserName(uri, kHome), StatusIs(kInvalid)) << uri;
  }
}

// CVE-2009-2408: a certificate for "bank.example\0.attacker.example" was read up to the NUL.
TEST(AddressTricks, Nul) {
  NobodyIs("alice\0"s);
  NobodyIs("\0alice"s);
  NobodyIs("alice\0.elsewhere"s);
  NoDomainIs("example.org\0.elsewhere.net"s);
  EXPECT_THAT(CheckAddress("keys.example.org\0.elsewhere.net:7443"s), StatusIs(kInvalid));
  EXPECT_THAT(CheckAddress("keys.example.org:7443\0"s), StatusIs(kInvalid));
  EXPECT_THAT(CheckAddress("127.0.0.1\0.elsewhere.net:7443"s), StatusIs(kInvalid));
  EXPECT_THAT(CheckAddress("[::1\0]:7443"s), StatusIs(kInvalid));
}

// CVE-2021-41773: what is decoded after it was checked is something else than what was checked. Nothing is decoded here.
TEST(AddressTricks, PercentEncoding) {
  for (const char* address : {"%61lice", "alice%00", "alice%2felsewhere", "alice%40elsewhere.net", "al%69ce", "%2e%2e", ".%2e", "alice%252f"}) {
    NobodyIs(address);
  }
  NoDomainIs("example%2eorg");
  NoDomainIs("example.org%00.elsewhere.net");
}

// CVE-2022-30115: curl took "example.org." for another host than "example.org", and so forgot what it knew of it.
TEST(AddressTricks, TrailingAndEmptyLabels) {
  for (const char* domain : {"example.org.", ".example.org", "example..org", ".", "", "example.org..", "-example.org", "example-.org"}) {
    NoDomainIs(domain);
  }
  for (const char* address : {"keys.example.org.:7443", ".keys.example.org:7443", "keys..example.org:7443", ".:7443", "-oProxy:7443", "keys-:7443"}) {
    EXPECT_THAT(CheckAddress(address), StatusIs(kInvalid)) << address;
  }
}

// CVE-2019-19844 (Django) and the take-over of Spotify accounts in 2013: letters of other alphabets that become an ASCII letter
// when their case is changed or they are normalised. Nothing is folded here, not even ASCII.
TEST(AddressTricks, CaseMappingAndNormalisation) {
  for (const char* address :
       {"Alice", "ALICE", "al\u0131ce" /* dotless i */, "\u212Aate" /* Kelvin sign */, "\u017Fam" /* long s */,
        "\u1D2C\u1D38\u1D35\u1D9C\u1D31" /* modifier letters */, "\uFF41lice" /* fullwidth a */, "\u24D0lice" /* circled a */,
        "a\u0301lice" /* combining acute */, "\uFB01n" /* fi ligature */, "\U0001D41Alice" /* mathematical bold a */}) {
    NobodyIs(address);
  }
  for (const char* domain : {"Example.org", "EXAMPLE.ORG", "example\u3002org" /* ideographic full stop */, "example\uFF0Eorg",
                             "example.or\u1D4D", "example.org\uFF0Felsewhere.net", "exampl\u212E.org"}) {
    NoDomainIs(domain);
  }
}

// The homograph attack (Gabrilovich and Gontmakher 2002; Zheng 2017 against browsers): Cyrillic letters in a Latin name.
TEST(AddressTricks, Homographs) {
  for (const char* address : {"\u0430lice" /* Cyrillic a */, "\u03B1lice" /* Greek alpha */, "ali\u0441e", "b\u043Eb", "\u0251lice"}) NobodyIs(address);
  NoDomainIs("\u0430\u0440\u0440\u04CF\u0435.com");
  // As punycode it is a name, and stays what it is: a person reads xn-- and not what it stands for.
  ASSERT_OK_AND_ASSIGN(const UserUri uri, ParseUserUri("mimi://xn--80ak6aa92e.com/u/alice"));
  EXPECT_EQ(uri.ToString(), "mimi://xn--80ak6aa92e.com/u/alice");
}

// CVE-2021-42574 ("Trojan Source") and file names that were turned round in Telegram (2018): text that is shown in another order
// than it is read in. And characters that are not shown at all.
TEST(AddressTricks, DirectionMarksAndInvisibleCharacters) {
  for (const char* mark : {"\u202E", "\u202D", "\u202A", "\u202B", "\u202C", "\u2066", "\u2067", "\u2068", "\u2069", "\u200E", "\u200F", "\u061C"}) {
    NobodyIs(absl::StrCat("alice", mark, "bob"));
    NoDomainIs(absl::StrCat("example", mark, ".org"));
    EXPECT_THAT(CheckText(absl::StrCat("Alice ", mark, "Archer"), 64), StatusIs(kInvalid)) << mark;
  }
  for (const char* hidden : {"\u200B", "\u200C", "\u200D", "\u2060", "\uFEFF", "\u00AD", "\u034F", "\u115F", "\u3164", "\u180E", "\uFE0F",
                             "\U000E0061" /* tag letter */}) {
    NobodyIs(absl::StrCat("al", hidden, "ice"));
    NoDomainIs(absl::StrCat("exam", hidden, "ple.org"));
  }
  // Line and paragraph separator: a line break for some terminals and for JavaScript.
  for (const char* line : {"\u2028", "\u2029"}) EXPECT_THAT(CheckText(absl::StrCat("Alice", line, "Archer"), 64), StatusIs(kInvalid));
}

// White space that one reader trims and another keeps (the class of header and command injection).
TEST(AddressTricks, WhiteSpaceAndLineBreaks) {
  for (const char* space : {" ", "\t", "\n", "\r", "\r\n", "\v", "\f", "\u00A0", "\u2003", "\u3000", "\u0085"}) {
    NobodyIs(absl::StrCat("alice", space));
    NobodyIs(absl::StrCat(space, "alice"));
    NobodyIs(absl::StrCat("al", space, "ice"));
    NoDomainIs(absl::StrCat("example.org", space));
    NoDomainIs(absl::StrCat(space, "example.org"));
    EXPECT_THAT(CheckAddress(absl::StrCat("keys.example.org:7443", space)), StatusIs(kInvalid));
    EXPECT_THAT(CheckAddress(absl::StrCat(space, "keys.example.org:7443")), StatusIs(kInvalid));
  }
}

// Where a client is sent to: no user name, path, second port or number that only some resolvers read; and nothing that gRPC would
// take for one of its other ways to name a server (unix:, xds:, ...).
TEST(AddressTricks, ServerAddresses) {
  for (const char* address :
       {"keys.example.org:7443@elsewhere.net:7443", "user@keys.example.org:7443", "user:pass@keys.example.org:7443",
        "keys.example.org:7443/elsewhere.net:7443", "keys.example.org:7443#:1", "keys.example.org#:7443", "https://keys.example.org:7443",
        "//elsewhere.net/keys.example.org:7443", "unix:/run/x.sock:1", "unix:///run/x:1", "xds:///keys:1", "keys.example.org:7443:7444",
        "keys.example.org:07443x", "keys.example.org:0744", "127.1:7443", "2130706433:7443", "0x7f000001:7443", "0x7f.1:7443",
        "keys.0x7f:7443", "0177.0.0.01:7443", "256.0.0.1:7443", "127.0.0.1.5:7443", "keys.1:7443", "keys.example.org:-1", "keys.example.org:+7443", "keys.example.org:7443 elsewhere.net:1",
        "keys.example.org,elsewhere.net:7443", "[::1]elsewhere.net:7443", "[::1:7443", "::1]:7443", "[elsewhere.net]:7443",
        "[::1%25eth0]:7443", "[::1]]:7443", "[1:2:3]:7443", "[:::]:7443", "[.]:7443", "k\u0435ys.example.org:7443", "keys%2eexample.org:7443"}) {
    EXPECT_THAT(CheckAddress(address), StatusIs(kInvalid)) << address;
  }
  for (const char* address : {"keys.example.org:7443", "127.0.0.1:7443", "[::1]:7443", "[2001:db8::7]:1", "[::ffff:192.0.2.1]:1", "[::]:1", "keys_1:1", "3fa4:1",
                              "localhost:1", "0.0.0.0:1", "unix:1" /* a host of that name */}) {
    EXPECT_OK(CheckAddress(address)) << address;
  }
}

// Whatever is put in whatever place: an address that is taken is written exactly as it came, in the few characters it may have.
TEST(AddressTricks, NoByteAnywhereIsForgivenOrChanged) {
  const std::string base = "mimi://example.org/u/alice";
  for (size_t at = 0; at <= base.size(); ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      for (const bool replace : {false, true}) {
        std::string changed = base;
        if (replace && at < base.size()) {
          changed[at] = static_cast<char>(byte);
        } else {
          changed.insert(at, 1, static_cast<char>(byte));
        }
        const auto parsed = ParseUserUri(changed);
        if (!parsed.ok()) continue;
        ASSERT_EQ(parsed->ToString(), changed);
        ASSERT_EQ(changed.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-_:/"), std::string::npos) << changed;
        ASSERT_EQ(parsed->domain.find_first_of("_:/"), std::string::npos) << changed;
      }
    }
  }
}

}  // namespace
}  // namespace plumbline::identity

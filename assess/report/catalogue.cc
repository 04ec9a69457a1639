#include "assess/report/catalogue.h"

#include <algorithm>

namespace plumbline::assess {
namespace {

constexpr Principle kPrinciples[] = {
    {1, "Protection on the way"},
    {2, "Machines that could see or sign"},
    {3, "Who gets in"},
    {4, "Records and oversight"},
    {5, "Administration"},
    {6, "Data about communication"},
    {7, "Supply and staying power"},
};

constexpr Question kQuestions[] = {
    {"P1.Q1", "Can somebody on the way read or change what people send?"},
    {"P1.Q2", "Can people be sure who is at the other end?"},
    {"P2.Q1", "Are the machines that handle readable data few, known and protected?"},
    {"P2.Q2", "Are the machines that hold or issue keys protected as their power demands?"},
    {"P3.Q1", "Does only the rightful person get into an account?"},
    {"P3.Q2", "Are messages and keys safe on the person's own device?"},
    {"P4.Q1", "Are security events recorded so that misuse is noticed?"},
    {"P4.Q2", "Where an organisation must be able to audit content, can it?"},
    {"P4.Q3", "Is the power to audit itself restricted, justified and watched?"},
    {"P5.Q1", "Can administrators manage accounts from joining to leaving?"},
    {"P5.Q2", "Is administration itself protected against misuse and takeover?"},
    {"P6.Q1", "Is data about communication kept to what the service needs, and are the terms clear and followed?"},
    {"P7.Q1", "Can every component, and control over the data, be trusted?"},
    {"P7.Q2", "Does the service keep working, and can it outlive its supplier?"},
    {"P7.Q3", "Can people reach contacts on other secure services?"},
};

constexpr Statement kStatements[] = {
    {"P1.Q1.S1", "Messages are encrypted between the devices of the people in a conversation; no setting or interface sends them otherwise."},
    {"P1.Q1.S2", "A recording of the traffic holds no message content, even for somebody who has the transport's session keys."},
    {"P1.Q1.S3", "Keys move on: what is stolen from a device today opens no earlier messages and, after a stated number of updates, no later ones."},
    {"P1.Q1.S4", "The group protocol is a published standard, and its published test vectors pass."},
    {"P1.Q1.S5", "Connections use TLS 1.3; a client that offers only an older version is refused."},
    {"P1.Q1.S6", "A message that is changed, repeated, reordered or held back is noticed by its recipient and named."},
    {"P1.Q1.S7", "Where protection cannot be had the client stops and says why; it never continues without."},
    {"P1.Q1.S8", "Traffic recorded today stays closed to a future quantum computer."},

    {"P1.Q2.S1", "Two people can compare a short code over another channel; it covers every device of both."},
    {"P1.Q2.S2", "Every device carries a credential under the organisation's root, and a client accepts no root but the one its invitation pins."},
    {"P1.Q2.S3", "A directory that shows different keys to different people is found out."},
    {"P1.Q2.S4", "No service can add a member to a conversation."},
    {"P1.Q2.S5", "A person is told of every device that joins the account, and so are those who talk to that person."},
    {"P1.Q2.S6", "People from outside are marked as such; somebody unknown waits until a trusted member lets them in."},
    {"P1.Q2.S7", "The author shown with a message is the member whose key signed it."},

    {"P2.Q1.S1", "A list names every process, port and key and what each can read, and the installation matches it."},
    {"P2.Q1.S2", "No service holds message content: not in its database (live or deleted), journal, log or memory."},
    {"P2.Q1.S3", "The services' databases are encrypted, and open with their own key only."},
    {"P2.Q1.S4", "The operating system confines a service that was taken over."},
    {"P2.Q1.S5", "Backups open only with a key that their keeper does not have."},
    {"P2.Q1.S6", "The disk of the delivery server does not tell who is a member of which conversation."},

    {"P2.Q2.S1", "Keys that speak for the organisation live in a process and database of their own, apart from delivery."},
    {"P2.Q2.S2", "Keys are made for each installation at a ceremony; none is shipped, shared or made silently later."},
    {"P2.Q2.S3", "Keys at rest are sealed, and can be kept in hardware."},
    {"P2.Q2.S4", "Whoever runs delivery cannot issue or change an identity."},
    {"P2.Q2.S5", "Keys can be replaced, on schedule and after a compromise, without losing messages."},
    {"P2.Q2.S6", "Issued keys are recorded in a public append-only log that others check."},

    {"P3.Q1.S1", "A device joins an account only with a one-time code; a wrong, used or expired one is refused with a reason."},
    {"P3.Q1.S2", "An invitation whose fingerprint is not the organisation's is refused before anything personal is sent."},
    {"P3.Q1.S3", "Guessing is limited and recorded, without locking out the rightful person."},
    {"P3.Q1.S4", "A stolen transport key alone authorises nothing."},
    {"P3.Q1.S5", "Signing in can demand a second factor that a look-alike site cannot collect."},
    {"P3.Q1.S6", "A lost device can be shut out: it fetches, sends and decrypts nothing afterwards."},

    {"P3.Q2.S1", "Messages and keys lie in an encrypted store that opens only with the person's passphrase."},
    {"P3.Q2.S2", "A copied store cannot be guessed at away from the service."},
    {"P3.Q2.S3", "The organisation's rules on passphrases, locking and retention are enforced on the device and shown to the person."},
    {"P3.Q2.S4", "A device can be wiped from afar, with proof."},
    {"P3.Q2.S5", "A copied or rolled-back device is noticed."},
    {"P3.Q2.S6", "Deleted and expired messages leave no remains on the device."},

    {"P4.Q1.S1", "Security events are recorded under stable names with who, what and outcome."},
    {"P4.Q1.S2", "Refused attempts are recorded with their reason."},
    {"P4.Q1.S3", "The record is tamper-evident: a changed, removed or reordered entry and a cut or rewritten end are found."},
    {"P4.Q1.S4", "The record comes first: no privileged action happens without its entry, crashes included."},
    {"P4.Q1.S5", "Unusual times, places and volumes raise an alert, without keeping addresses or recipients."},
    {"P4.Q1.S6", "Events reach monitoring systems in standard formats, none lost."},
    {"P4.Q1.S7", "People can see the events on their own account."},

    {"P4.Q2.S1", "Content audit is an organisation's decision, off unless taken, and members see that it is on."},
    {"P4.Q2.S2", "Where it is on, a released request opens exactly the named conversation and time."},
    {"P4.Q2.S3", "An export can be verified later and elsewhere: complete and unchanged."},
    {"P4.Q2.S4", "A recipient can prove what was said to them, and nothing more."},

    {"P4.Q3.S1", "Auditing is a role of its own; administrators do not have it."},
    {"P4.Q3.S2", "Each access names a person and a reason and is recorded before anything is released."},
    {"P4.Q3.S3", "No single person can open content."},
    {"P4.Q3.S4", "Accesses are reviewed by others, and in the end shown to those concerned."},
    {"P4.Q3.S5", "Where audit material is kept, nothing readable is kept."},

    {"P5.Q1.S1", "An account begins with an administrator's signed decision that records how the person was identified."},
    {"P5.Q1.S2", "An account can be suspended and taken back; its record stays."},
    {"P5.Q1.S3", "Somebody who leaves loses sessions, keys and memberships within a stated time."},
    {"P5.Q1.S4", "Roles, groups and rights are managed by least privilege, and a change of duty takes effect."},
    {"P5.Q1.S5", "It works at the organisation's size: in bulk, and from the organisation's own directory."},
    {"P5.Q1.S6", "A person's data can be exported and erased."},

    {"P5.Q2.S1", "Each action carries its administrator's own signature, which the key server checks; the service between can neither make nor change one."},
    {"P5.Q2.S2", "Each action is recorded with who, whom and why."},
    {"P5.Q2.S3", "An action that was captured cannot be used again or later."},
    {"P5.Q2.S4", "Administrators sign in with two factors."},
    {"P5.Q2.S5", "Actions of high risk need two people."},
    {"P5.Q2.S6", "Administration has a process and listener of its own; the listeners for people do not offer it."},
    {"P5.Q2.S7", "An administrator can neither read messages nor act as somebody else unseen."},

    {"P6.Q1.S1", "What the delivery server keeps names no person."},
    {"P6.Q1.S2", "Sending and fetching show the delivery server no identity."},
    {"P6.Q1.S3", "Sizes tell little: what is stored and sent is padded."},
    {"P6.Q1.S4", "Every stored and transmitted field is declared with purpose, audience and retention; an undeclared one fails the build."},
    {"P6.Q1.S5", "Delivered messages disappear from the services, deleted pages and journals included."},
    {"P6.Q1.S6", "Who talks to whom cannot be rebuilt from what a service keeps."},
    {"P6.Q1.S7", "The terms are made from the declaration, versioned, and shown to be followed."},
    {"P6.Q1.S8", "Nothing is reported to third parties."},

    {"P7.Q1.S1", "All parts, services and client, are built from source with what the distribution offers."},
    {"P7.Q1.S2", "The components are listed with versions, licences and known weaknesses."},
    {"P7.Q1.S3", "Builds can be repeated bit by bit, and their origin proven."},
    {"P7.Q1.S4", "An organisation runs everything on its own machines, without any outside service."},
    {"P7.Q1.S5", "Interfaces are open and documented."},
    {"P7.Q1.S6", "Data can be taken along to another installation."},

    {"P7.Q2.S1", "A message that was acknowledged survives the sudden death of the server and arrives exactly once."},
    {"P7.Q2.S2", "Messages for somebody who is away are kept and delivered later."},
    {"P7.Q2.S3", "Restoring from backup has been tried, keys and records included."},
    {"P7.Q2.S4", "The service survives the loss of a machine within measured time."},
    {"P7.Q2.S5", "Overload is shed in order; the record stays whole."},
    {"P7.Q2.S6", "An independent implementation of the protocol takes part."},

    {"P7.Q3.S1", "Two organisations exchange messages, each having allowed and verified the other; a third is refused."},
    {"P7.Q3.S2", "Conversation and message formats are open standards."},
    {"P7.Q3.S3", "A partner's level of protection is shown and can be demanded."},
    {"P7.Q3.S4", "A bridge to a weaker service is never silent."},
};

}  // namespace

std::span<const Principle> Principles() { return kPrinciples; }
std::span<const Question> Questions() { return kQuestions; }
std::span<const Statement> Statements() { return kStatements; }

absl::string_view QuestionOf(absl::string_view statement_id) { return statement_id.substr(0, statement_id.rfind('.')); }

bool IsStatement(absl::string_view id) {
  return std::any_of(std::begin(kStatements), std::end(kStatements), [&](const Statement& s) { return s.id == id; });
}

}  // namespace plumbline::assess

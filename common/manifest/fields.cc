#include "common/manifest/fields.h"

#include <google/protobuf/descriptor.pb.h>

#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "common/manifest/words.h"

namespace plumbline::manifest {

namespace v1 = metadata::v1;
using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptor;

namespace {

using Parties = std::set<v1::Party>;

// The options themselves are written in these messages: constants of the program, which are sent only as part of a Manifest.
bool IsVocabulary(const FileDescriptor& file) {
  return file.name() == "plumbline/metadata/v1/vocabulary.proto" || file.name() == "plumbline/metadata/v1/data.proto";
}

// Ours: not those of protobuf itself.
bool IsOurs(const FileDescriptor& file) { return absl::StartsWith(file.name(), "plumbline/"); }

void CollectMessages(const Descriptor& message, std::vector<const Descriptor*>& out) {
  if (message.options().map_entry()) return;
  out.push_back(&message);
  for (int i = 0; i < message.nested_type_count(); ++i) CollectMessages(*message.nested_type(i), out);
}

// Which services see a message, from the rpcs on.
class Reach final {
 public:
  Reach(const std::vector<const FileDescriptor*>& files, const std::vector<const Descriptor*>& messages, Faults& faults) {
    for (const FileDescriptor* file : files) {
      for (int s = 0; s < file->service_count(); ++s) AddService(*file->service(s), faults);
    }
    // Until nothing is new: what is sent inside of something may have something inside.
    for (bool changed = true; changed;) {
      changed = false;
      for (const Descriptor* message : messages) changed |= AddInside(*message);
    }
  }

  const Parties& Of(const Descriptor& message) { return reached_[message.full_name()]; }
  bool Knows(const std::string& name) const {
    const auto found = reached_.find(name);
    return name == "*" || (found != reached_.end() && !found->second.empty());
  }

 private:
  void AddService(const google::protobuf::ServiceDescriptor& service, Faults& faults) {
    Parties parties;
    for (int i = 0; i < service.options().ExtensionSize(v1::seen_at); ++i) parties.insert(service.options().GetExtension(v1::seen_at, i));
    if (parties.empty()) faults.Add(service.full_name(), "say which services see its calls: option (metadata.v1.seen_at) = BY_...");
    everywhere_.insert(parties.begin(), parties.end());
    for (int i = 0; i < service.method_count(); ++i) {
      Add(*service.method(i)->input_type(), parties);
      Add(*service.method(i)->output_type(), parties);
    }
  }

  bool AddInside(const Descriptor& message) {
    bool changed = false;
    for (int i = 0; i < message.options().ExtensionSize(v1::inside); ++i) {
      const std::string& name = message.options().GetExtension(v1::inside, i);
      const Parties parties = name == "*" ? everywhere_ : reached_[name];
      changed |= Add(message, parties);
    }
    return changed;
  }

  bool Add(const Descriptor& message, const Parties& parties) {
    Parties& all = reached_[message.full_name()];
    const size_t before = all.size();
    all.insert(parties.begin(), parties.end());
    if (all.size() == before) return false;
    for (int i = 0; i < message.field_count(); ++i) {
      const Descriptor* const part = message.field(i)->message_type();
      if (part != nullptr && IsOurs(*part->file())) Add(*part, all);
    }
    return true;
  }

  std::map<std::string, Parties> reached_;
  Parties everywhere_;
};

bool MayDeclareAtOnce(const Descriptor& message) {
  const std::string& package = message.file()->package();
  return package == "plumbline.config.v1" || package == "plumbline.metadata.v1";
}

// The datum of `field`, or unspecified with a fault.
v1::Datum DatumOf(const FieldDescriptor& field, v1::Datum at_once, Faults& faults) {
  const v1::Datum said = field.options().GetExtension(v1::datum);
  const Descriptor* const part = field.message_type();
  if (part != nullptr && !field.is_map() && IsOurs(*part->file())) {
    if (said != v1::DATUM_UNSPECIFIED) faults.Add(field.full_name(), "is a message of ours: its own fields say what they are, not this one");
    return v1::DATUM_UNSPECIFIED;
  }
  if (said != v1::DATUM_UNSPECIFIED) return said;
  if (at_once == v1::DATUM_UNSPECIFIED) {
    faults.Add(field.full_name(), "is not declared: write [(metadata.v1.datum) = ...], one of metadata/v1/data.proto, or add one there");
  }
  return at_once;
}

}  // namespace

bool IsSeenBy(const v1::Declaration& declaration, v1::Party party) {
  return std::any_of(declaration.seen_by().begin(), declaration.seen_by().end(),
                     [party](int each) { return each == party || each == v1::BY_EVERYBODY; });
}

void AddFields(const std::vector<const FileDescriptor*>& files, Faults& faults, v1::Manifest& manifest) {
  std::vector<const Descriptor*> messages;
  for (const FileDescriptor* file : files) {
    if (!IsOurs(*file) || IsVocabulary(*file)) continue;
    for (int i = 0; i < file->message_type_count(); ++i) CollectMessages(*file->message_type(i), messages);
  }
  Reach reach(files, messages, faults);
  for (const Descriptor* message : messages) {
    const v1::Datum at_once = message->options().GetExtension(v1::every_field);
    if (at_once != v1::DATUM_UNSPECIFIED && !MayDeclareAtOnce(*message)) {
      faults.Add(message->full_name(), "every_field is for files of the operator's: declare each field");
    }
    for (int i = 0; i < message->options().ExtensionSize(v1::inside); ++i) {
      const std::string& name = message->options().GetExtension(v1::inside, i);
      if (!reach.Knows(name)) faults.Add(message->full_name(), absl::StrCat("is said to be sent inside ", name, ", which no rpc carries"));
    }
    const Parties& parties = reach.Of(*message);
    if (parties.empty() && at_once == v1::DATUM_UNSPECIFIED && message->field_count() > 0) {
      faults.Add(message->full_name(), "no rpc carries it: say what it is sent inside, option (metadata.v1.inside) = \"...\"");
    }
    for (int i = 0; i < message->field_count(); ++i) {
      const FieldDescriptor& field = *message->field(i);
      const v1::Datum datum = DatumOf(field, at_once, faults);
      if (datum == v1::DATUM_UNSPECIFIED) continue;
      v1::DeclaredField& out = *manifest.add_field();
      out.set_field(field.full_name());
      out.set_datum(v1::Datum_Name(datum));
      for (const v1::Party party : parties) {
        out.add_reaches(party);
        if (IsSeenBy(DeclarationOf(datum), party)) continue;
        faults.Add(field.full_name(), absl::StrCat("calls carry ", v1::Datum_Name(datum), " to ", Words(party), ", which is not declared to see it"));
      }
    }
  }
}

}  // namespace plumbline::manifest

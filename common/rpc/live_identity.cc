#include "common/rpc/live_identity.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace plumbline::rpc {
namespace {

absl::Status Unusable(absl::string_view what) {
  return absl::UnavailableError(absl::StrCat("memory_file_unusable: ", what, ": ", std::strerror(errno)));
}

absl::StatusOr<Descriptor> MakeFile() {
  Descriptor file(memfd_create("plumbline-tls", MFD_CLOEXEC));
  if (file.get() < 0) return Unusable("the kernel gives no file in memory for the TLS key");
  return file;
}

// Longer content first, so that a reader never finds zeros at the end.
absl::Status Rewrite(const Descriptor& file, ByteView content) {
  size_t done = 0;
  while (done < content.size()) {
    const ssize_t wrote = pwrite(file.get(), content.data() + done, content.size() - done, static_cast<off_t>(done));
    if (wrote <= 0) return Unusable("cannot write the TLS identity to memory");
    done += static_cast<size_t>(wrote);
  }
  if (ftruncate(file.get(), static_cast<off_t>(content.size())) != 0) return Unusable("cannot write the TLS identity to memory");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<LiveIdentity>> LiveIdentity::Create() {
  ASSIGN_OR_RETURN(Descriptor key, MakeFile());
  ASSIGN_OR_RETURN(Descriptor chain, MakeFile());
  ASSIGN_OR_RETURN(Descriptor root, MakeFile());
  return std::unique_ptr<LiveIdentity>(new LiveIdentity(std::move(key), std::move(chain), std::move(root)));
}

absl::Status LiveIdentity::Replace(const TlsIdentity& identity, absl::string_view root_pem) {
  RETURN_IF_ERROR(CheckIdentity(identity));
  RETURN_IF_ERROR(crypto::Certificate::ParsePem(root_pem).status());
  RETURN_IF_ERROR(Rewrite(root_, AsBytes(root_pem)));
  RETURN_IF_ERROR(Rewrite(chain_, AsBytes(identity.chain_pem)));
  return Rewrite(key_, identity.key_pem.view());
}

std::string LiveIdentity::PathOf(const Descriptor& file) { return absl::StrCat("/proc/self/fd/", file.get()); }

}  // namespace plumbline::rpc

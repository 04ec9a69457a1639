// Keys of the directory's log, the same each time.
#pragma once

#include "keyserver/store/directory_log.h"

namespace plumbline::keyserver {

inline DirectoryLogKeys TestDirectoryKeys(uint8_t log = 1, uint8_t vrf = 2, uint8_t authority = 3) {
  const auto seed = [](uint8_t byte) { return Secret::CopyOf(Bytes(32, byte)); };
  DirectoryLogKeys out{*tlog::NoteSigner::Create("example.org/directory", *crypto::Ed25519KeyPair::FromSeed(seed(log))),
                       *crypto::VrfKeyPair::FromSeed(seed(vrf)), {}};
  out.authority.fill(authority);
  return out;
}

}  // namespace plumbline::keyserver

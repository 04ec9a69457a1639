// Values without a meaning that keep receivers used to values they do not know (RFC 9420 §13.5). Nothing treats them
// specially on arrival.
#pragma once

#include "mls/extension.h"
#include "mls/leaf_node.h"

namespace plumbline::mls {

// One of the fifteen reserved values, at random.
uint16_t RandomGrease();
// One extension with up to 16 random bytes, unless the type it drew is there already. For KeyPackage and GroupInfo.
void AddGreaseExtension(Extensions& extensions);
// One value in every list of capabilities that may have one, and a leaf extension of a type that they list.
void AddGrease(Capabilities& capabilities, Extensions& leaf_extensions);

}  // namespace plumbline::mls

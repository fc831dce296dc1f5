// In what file systems may rightly differ. A trait is told from the type of the file system, never from the behaviour
// it excuses, so that a case which asks for it can still fail.
#ifndef POSIX_TRAITS_H
#define POSIX_TRAITS_H

#include "harness.h"

enum trait {
  KEEPS_TAIL,  // stores through a mapping beyond the end of the file come to light when the file grows
  ANY_SIZE,    // a file may be given any size an off_t holds
};
bool has_trait(enum trait trait);

#endif

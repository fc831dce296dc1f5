// Which type of file system has which trait.
#include "traits.h"

#include <linux/magic.h>
#include <sys/vfs.h>

static const struct {
  long type;
  enum trait trait;
} table[] = {
    {TMPFS_MAGIC, KEEPS_TAIL},     // its pages are the storage: there is no write-back which would cut the tail
    {TMPFS_MAGIC, ANY_SIZE},       // bounded by memory alone
    {FUSE_SUPER_MAGIC, ANY_SIZE},  // the kernel leaves the limit to the daemon
};

bool has_trait(enum trait trait) {
  struct statfs fs;
  NEED_OK(statfs(".", &fs));
  for (int i = 0; i < COUNT(table); i++) {
    if (fs.f_type == table[i].type && table[i].trait == trait) return true;
  }
  return false;
}

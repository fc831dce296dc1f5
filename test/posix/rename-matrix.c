// rename over every pair of object kinds, plain, NOREPLACE and EXCHANGE, within a directory and between two.
#include "harness.h"

enum { SAME_INODE = KINDS };  // a target which is a hard link to the source

struct pair {
  enum kind source;
  int target;
  unsigned flags;
};
static struct pair pairs[400];
static long pair_count;

static int expected(const struct pair *pair) {
  if (pair->flags == RENAME_NOREPLACE) return pair->target == ABSENT ? 0 : EEXIST;
  if (pair->flags == RENAME_EXCHANGE) return pair->target == ABSENT ? ENOENT : 0;
  if (pair->target == ABSENT || pair->target == SAME_INODE) return 0;
  if (is_dir(pair->source)) return !is_dir((enum kind)pair->target) ? ENOTDIR : pair->target == FULL ? ENOTEMPTY : 0;
  return is_dir((enum kind)pair->target) ? EISDIR : 0;
}

static void check_same(const char *path, const struct stat *before) {
  struct stat now = look(path);
  CHECK_EQ(now.st_ino, before->st_ino);
  CHECK_EQ(now.st_mode, before->st_mode);
  CHECK_EQ(now.st_size, before->st_size);
  CHECK_EQ(compare_times(now.st_mtim, before->st_mtim), 0);
}

static void check_children(const char *path, enum kind kind) {
  char inner[64];
  snprintf(inner, sizeof inner, "%s/inner", path);
  if (kind == FULL) CHECK(exists(inner));
  if (kind == LINK) CHECK_STR(link_of(path), "pointed-to");
  if (kind == FILE_) CHECK_CONTENT(path, "content");
}

static void check_refused(const struct pair *pair, const char *to, const struct stat *source, const struct stat *target) {
  check_same("a/it", source);
  check_children("a/it", pair->source);
  CHECK_EQ(look("a/it").st_nlink, source->st_nlink);
  if (pair->target == ABSENT) {
    CHECK(!exists(to));
    return;
  }
  check_same(to, target);
  if (pair->target != SAME_INODE) check_children(to, (enum kind)pair->target);
}

static void run_pair(const struct pair *pair, const char *to) {
  struct stat target = {0};
  bool other_there = pair->target != ABSENT, alias = pair->target == SAME_INODE;
  make_kind(pair->source, "a/it");
  if (alias) NEED_OK(link("a/it", to));
  else make_kind((enum kind)pair->target, to);
  struct stat source = look("a/it");
  if (other_there) target = look(to);
  int held = other_there ? (int)NEED_OK(open(to, O_PATH | O_NOFOLLOW | O_CLOEXEC)) : -1;
  int code = expected(pair);
  bool done = pair->flags ? CHECK_ERR(code, renameat2(AT_FDCWD, "a/it", AT_FDCWD, to, pair->flags))
                          : CHECK_ERR(code, rename("a/it", to));
  if (!done) return;
  if (code != 0) {
    check_refused(pair, to, &source, &target);
  } else {
    check_same(to, &source);
    if (alias) {
      check_same("a/it", &source);
      CHECK_EQ(look(to).st_nlink, 2);
    } else if (pair->flags == RENAME_EXCHANGE) {
      check_same("a/it", &target);
      check_children("a/it", (enum kind)pair->target);
    } else {
      CHECK(!exists("a/it"));
      if (other_there) CHECK_EQ(look_fd(held).st_nlink, 0);
    }
    check_children(to, pair->source);
  }
  if (held >= 0) close(held);
}

static void run(long index) {
  const struct pair *pair = &pairs[index];
  make_dir("a", 0755);
  make_dir("b", 0755);
  context("same directory");
  run_pair(pair, "a/to");
  NEED_OK(rename("a", "used"));
  make_dir("a", 0755);
  context("another directory");
  run_pair(pair, "b/to");
}

GENERATE {
  static const enum kind sources[] = {FILE_, DIR_, FULL, LINK, DANGLING, FIFO_, SOCK};
  static const unsigned flags[] = {0, RENAME_NOREPLACE, RENAME_EXCHANGE};
  static const char *const flag_names[] = {"rename", "noreplace", "exchange"};
  for (int f = 0; f < COUNT(flags); f++) {
    for (int s = 0; s < COUNT(sources); s++) {
      for (int target = ABSENT; target <= SAME_INODE; target++) {
        bool alias = target == SAME_INODE;
        if (target == CHR || target == BLK || (alias && is_dir(sources[s]))) continue;
        pairs[pair_count] = (struct pair){sources[s], target, flags[f]};
        add_case("rename", "FS-2", run, pair_count++, "%s: %s to %s", flag_names[f], kind_names[sources[s]],
                 alias ? "its own hard link" : kind_names[target]);
      }
    }
  }
}

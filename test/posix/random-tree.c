// Random operations on names against a model of a small tree: what exists, as what, with how many links.
#include "harness.h"

enum { DIRS = 4, NAMES = 6, SLOTS = DIRS * NAMES, STEPS = 6000 };
struct node {
  int kind;  // 0 nothing, 1 file, 2 directory, 3 symlink
  int file;  // which file: hard links share it
};
static struct node tree[SLOTS];
static int next_file;
static uint64_t state;

static int draw(int bound) {
  state ^= state << 13, state ^= state >> 7, state ^= state << 17;
  return (int)((state >> 11) % (uint64_t)bound);
}

static const char *path_of(int slot) {
  static char paths[2][20];
  static int turn;
  char *path = paths[turn++ % 2];
  snprintf(path, 20, "%c/n%d", 'a' + slot / NAMES, slot % NAMES);
  return path;
}

static long links_of(int file) {
  long count = 0;
  for (int i = 0; i < SLOTS; i++) count += tree[i].kind == 1 && tree[i].file == file;
  return count;
}

static int rename_result(int from, int to, unsigned flags) {
  if (tree[from].kind == 0) return ENOENT;
  if (flags == RENAME_EXCHANGE) return tree[to].kind ? 0 : ENOENT;
  if (flags == RENAME_NOREPLACE && tree[to].kind) return EEXIST;
  if (tree[to].kind == 0) return 0;
  if (tree[from].kind == 2) return tree[to].kind == 2 ? 0 : ENOTDIR;
  return tree[to].kind == 2 ? EISDIR : 0;
}

static bool same(int expected, long result) {
  return expected == (result < 0 ? errno : 0);
}

static bool do_rename(int from, int to) {
  static const unsigned kinds[] = {0, 0, RENAME_NOREPLACE, RENAME_EXCHANGE};
  unsigned flags = kinds[draw(4)];
  int expected = rename_result(from, to, flags);
  if (!same(expected, renameat2(AT_FDCWD, path_of(from), AT_FDCWD, path_of(to), flags))) return false;
  bool alias = tree[from].kind == 1 && tree[to].kind == 1 && tree[from].file == tree[to].file;
  if (expected || from == to || alias) return true;
  struct node moved = tree[from];
  tree[from] = flags == RENAME_EXCHANGE ? tree[to] : (struct node){0};
  tree[to] = moved;
  return true;
}

static bool do_step(int what, int slot, int second) {
  struct node *node = &tree[slot];
  int there = node->kind ? EEXIST : 0;
  if (what == 0) {
    int fd = open(path_of(slot), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0644);
    if (!same(there, fd)) return false;
    if (fd >= 0) close(fd), *node = (struct node){1, next_file++};
    return true;
  }
  if (what == 1) {
    if (!same(there, mkdir(path_of(slot), 0755))) return false;
    if (!there) *node = (struct node){2, 0};
    return true;
  }
  if (what == 2) {
    if (!same(there, symlink("anywhere", path_of(slot)))) return false;
    if (!there) *node = (struct node){3, 0};
    return true;
  }
  if (what == 3) {
    if (!same(node->kind == 0 ? ENOENT : node->kind == 2 ? EISDIR : 0, unlink(path_of(slot)))) return false;
    if (node->kind != 2) *node = (struct node){0};
    return true;
  }
  if (what == 4) {
    if (!same(node->kind == 0 ? ENOENT : node->kind == 2 ? 0 : ENOTDIR, rmdir(path_of(slot)))) return false;
    if (node->kind == 2) *node = (struct node){0};
    return true;
  }
  if (what == 5) {
    if (node->kind == 3) return true;
    int expected = node->kind == 0 ? ENOENT : tree[second].kind ? EEXIST : node->kind == 2 ? EPERM : 0;
    if (!same(expected, link(path_of(slot), path_of(second)))) return false;
    if (!expected) tree[second] = *node;
    return true;
  }
  return do_rename(slot, second);
}

static bool agrees(int slot) {
  struct stat at;
  static const mode_t types[] = {0, S_IFREG, S_IFDIR, S_IFLNK};
  if (lstat(path_of(slot), &at) < 0) return tree[slot].kind == 0 && errno == ENOENT;
  if ((at.st_mode & S_IFMT) != types[tree[slot].kind]) return false;
  return tree[slot].kind != 1 || (long)at.st_nlink == links_of(tree[slot].file);
}

static bool listing_agrees(int directory) {
  char path[2] = {(char)('a' + directory), 0};
  int expected = 0, found = 0;
  for (int i = 0; i < NAMES; i++) expected += tree[directory * NAMES + i].kind != 0;
  DIR *dir = opendir(path);
  for (struct dirent *entry; dir && (entry = readdir(dir));) found += *entry->d_name == 'n';
  if (dir) closedir(dir);
  return found == expected;
}

static void run(long seed) {
  state = (uint64_t)seed * 0x9e3779b97f4a7c15u + 7;
  for (int i = 0; i < DIRS; i++) make_dir((char[2]){(char)('a' + i), 0}, 0755);
  for (int step = 0; step < STEPS; step++) {
    int what = draw(10), slot = draw(SLOTS), second = draw(SLOTS);
    if (!do_step(what, slot, second)) {
      fail(__FILE__, __LINE__, "seed %ld, step %d: operation %d on %d and %d: got %s", seed, step, what, slot, second, errno_name(errno));
      return;
    }
    if (!agrees(slot) || !agrees(second) || (step % 50 == 0 && !listing_agrees(draw(DIRS)))) {
      fail(__FILE__, __LINE__, "seed %ld, step %d: after operation %d on %d and %d the tree differs", seed, step, what, slot, second);
      return;
    }
  }
  for (int i = 0; i < SLOTS; i++) CHECK(agrees(i));
  for (int i = 0; i < DIRS; i++) CHECK(listing_agrees(i));
}

GENERATE {
  for (long seed = 1; seed <= 4; seed++) add_case("random", "FS-2", run, seed, "6,000 operations on names, seed %ld", seed);
}

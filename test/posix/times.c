// Which of the three times each operation moves, on the object, its parent and what else it touches.
#include "harness.h"

#include <sys/mman.h>
#include <sys/xattr.h>

// Each step works on the file p/f (content "content"), the directory p/d, the symlink p/l; p is their parent.
static int fd;
static char buffer[64];

static long nothing_read(void) { return pread(fd, buffer, 0, 0); }
static long do_write(void) { return pwrite(fd, "x", 1, 0); }
static long write_nothing(void) { return pwrite(fd, "x", 0, 0); }
static long do_append(void) { return pwrite(fd, "x", 1, 7); }
static long truncate_shorter(void) { return truncate("p/f", 2); }
static long truncate_longer(void) { return truncate("p/f", 100); }
static long ftruncate_shorter(void) { return ftruncate(fd, 2); }
static long ftruncate_longer(void) { return ftruncate(fd, 5000); }
static long ftruncate_same(void) { return ftruncate(fd, 7); }
static long do_open(void) { return close(open("p/f", O_RDWR | O_CLOEXEC)); }
static long open_existing(void) { return close(open("p/f", O_RDWR | O_CREAT | O_CLOEXEC, 0600)); }
static long open_trunc(void) { return close(open("p/f", O_WRONLY | O_TRUNC | O_CLOEXEC)); }
static long do_chmod(void) { return chmod("p/f", 0600); }
static long do_fchmod(void) { return fchmod(fd, 0600); }
static long do_chown(void) { return chown("p/f", geteuid(), getegid()); }
static long do_fchown(void) { return fchown(fd, geteuid(), getegid()); }
static long do_lchown(void) { return lchown("p/l", geteuid(), getegid()); }
static long do_link(void) { return link("p/f", "p/f2"); }
static long link_away(void) { return link("p/f", "f2"); }
static long unlink_one(void) { return unlink("p/g2"); }
static long do_unlink(void) { return unlink("p/f"); }
static long unlink_link(void) { return unlink("p/l"); }
static long do_mkdir(void) { return mkdir("p/new", 0755); }
static long do_rmdir(void) { return rmdir("p/d"); }
static long do_create(void) { return close(open("p/new", O_CREAT | O_WRONLY | O_CLOEXEC, 0600)); }
static long do_mkfifo(void) { return mkfifo("p/new", 0600); }
static long do_mknod(void) { return mknod("p/new", S_IFREG | 0600, 0); }
static long do_symlink(void) { return symlink("x", "p/new"); }
static long rename_within(void) { return rename("p/f", "p/new"); }
static long rename_away(void) { return rename("p/f", "new"); }
static long rename_into(void) { return rename("outside", "p/new"); }
static long exchange(void) { return renameat2(AT_FDCWD, "p/f", AT_FDCWD, "outside", RENAME_EXCHANGE); }
static long do_stat(void) { return look("p/f").st_ino ? 0 : -1; }
static long do_access(void) { return access("p/f", R_OK); }
static long do_fsync(void) { return fsync(fd); }
static long set_xattr(void) { return setxattr("p/f", "user.a", "v", 1, 0); }
static long remove_xattr(void) { return removexattr("p/f", "user.old"); }
static long get_xattr(void) { return getxattr("p/f", "user.old", buffer, sizeof buffer); }
static long set_dir_xattr(void) { return setxattr("p", "user.a", "v", 1, 0); }
static long chmod_dir(void) { return chmod("p", 0700); }
static long do_fallocate(void) { return fallocate(fd, 0, 0, 10000); }
static long punch(void) { return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4); }
static long copy_range(void) {
  off_t from = 0, to = 3;
  return copy_file_range(fd, &from, fd, &to, 2, 0);
}
static long write_below(void) { return mkdir("p/d/new", 0755); }
static long write_mapped(void) {
  char *map = mmap(NULL, 7, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (map == MAP_FAILED) return -1;
  map[0] = 'M';
  long result = msync(map, 7, MS_SYNC);
  return munmap(map, 7) < 0 ? -1 : result;
}
static long failed_unlink(void) { return unlink("p/none") == 0 ? -1 : 0; }
static long failed_mkdir(void) { return mkdir("p/f", 0755) == 0 ? -1 : 0; }
static long failed_rmdir(void) { return rmdir("p") == 0 ? -1 : 0; }

enum { M = 1, C = 2, MC = 3 };
// The times moved: of the subject, and of its parent p.
static const struct {
  const char *name;
  long (*run)(void);
  const char *subject;
  int moved, parent;
} rows[] = {
    {"read of nothing", nothing_read, "f", 0, 0},      {"write", do_write, "f", MC, 0},
    {"write of nothing", write_nothing, "f", 0, 0},    {"write at the end", do_append, "f", MC, 0},
    {"truncate shorter", truncate_shorter, "f", MC, 0}, {"truncate longer", truncate_longer, "f", MC, 0},
    {"ftruncate shorter", ftruncate_shorter, "f", MC, 0}, {"ftruncate longer", ftruncate_longer, "f", MC, 0},
    {"ftruncate to the same size", ftruncate_same, "f", MC, 0}, {"open and close", do_open, "f", 0, 0},
    {"open O_CREAT of an existing file", open_existing, "f", 0, 0}, {"open O_TRUNC", open_trunc, "f", MC, 0},
    {"chmod", do_chmod, "f", C, 0},                    {"fchmod", do_fchmod, "f", C, 0},
    {"chown", do_chown, "f", C, 0},                    {"fchown", do_fchown, "f", C, 0},
    {"lchown of a symlink", do_lchown, "l", C, 0},     {"link", do_link, "f", C, MC},
    {"link into another directory", link_away, "f", C, 0}, {"unlink of one of two names", unlink_one, "g", C, MC},
    {"unlink", do_unlink, NULL, 0, MC},                {"unlink of a symlink", unlink_link, NULL, 0, MC},
    {"mkdir", do_mkdir, NULL, 0, MC},                  {"rmdir", do_rmdir, NULL, 0, MC},
    {"open O_CREAT of a new file", do_create, NULL, 0, MC}, {"mkfifo", do_mkfifo, NULL, 0, MC},
    {"mknod", do_mknod, NULL, 0, MC},                  {"symlink", do_symlink, NULL, 0, MC},
    {"rename within", rename_within, NULL, 0, MC},     {"rename away", rename_away, NULL, 0, MC},
    {"rename into", rename_into, NULL, 0, MC},         {"rename exchange", exchange, NULL, 0, MC},
    {"stat", do_stat, "f", 0, 0},                      {"access", do_access, "f", 0, 0},
    {"fsync", do_fsync, "f", 0, 0},                    {"setxattr", set_xattr, "f", C, 0},
    {"removexattr", remove_xattr, "f", C, 0},          {"getxattr", get_xattr, "f", 0, 0},
    {"setxattr of the directory", set_dir_xattr, NULL, 0, C}, {"chmod of the directory", chmod_dir, NULL, 0, C},
    {"fallocate which grows", do_fallocate, "f", MC, 0}, {"punching a hole", punch, "f", MC, 0},
    {"copy_file_range", copy_range, "f", MC, 0},       {"mkdir one level below", write_below, "d", MC, 0},
    {"a store through a mapping", write_mapped, "f", MC, 0}, {"an unlink which fails", failed_unlink, NULL, 0, 0},
    {"a mkdir which fails", failed_mkdir, NULL, 0, 0}, {"an rmdir which fails", failed_rmdir, NULL, 0, 0},
};

static void check_moved(const struct stat *before, const struct stat *after, int moved) {
  CHECK_EQ(compare_times(after->st_mtim, before->st_mtim), moved & M ? 1 : 0);
  CHECK_EQ(compare_times(after->st_ctim, before->st_ctim), moved & C ? 1 : 0);
  CHECK(compare_times(after->st_atim, before->st_atim) >= 0);
}

static void run(long row) {
  char path[16] = "p/f";
  make_dir("p", 0755);
  make_file("p/f", 0644, "content");
  make_dir("p/d", 0755);
  NEED_OK(symlink("x", "p/l"));
  make_file("p/g", 0644, "");
  NEED_OK(link("p/g", "p/g2"));
  make_file("outside", 0644, "");
  NEED_OK(setxattr("p/f", "user.old", "v", 1, 0));
  fd = (int)NEED_OK(open("p/f", O_RDWR | O_CLOEXEC));
  if (rows[row].subject) snprintf(path, sizeof path, "p/%s", rows[row].subject);
  struct stat before = look(path), parent = look("p");
  tick();
  CHECK_OK(rows[row].run());
  if (rows[row].subject) {
    struct stat after = look(path);
    context("the object");
    check_moved(&before, &after, rows[row].moved);
  }
  struct stat after = look("p");
  context("its parent");
  check_moved(&parent, &after, rows[row].parent);
}

GENERATE {
  for (long row = 0; row < COUNT(rows); row++) add_case("times", "FS-2", run, row, "%s", rows[row].name);
}

CASE("times", "an open descriptor sees the same times as the path", "FS-2") {
  int file = open_new("f");
  for (int i = 0; i < 5; i++) {
    tick();
    CHECK_EQ(write(file, "x", 1), 1);
    struct stat a = look_fd(file), b = look("f");
    CHECK_EQ(compare_times(a.st_mtim, b.st_mtim), 0);
    CHECK_EQ(compare_times(a.st_ctim, b.st_ctim), 0);
    CHECK_EQ(a.st_size, i + 1);
  }
}

CASE("times", "a write after utimensat moves mtime again", "FS-2") {
  int file = open_new("f");
  struct timespec old[2] = {{1000, 5}, {1000, 5}};
  CHECK_OK(futimens(file, old));
  CHECK_EQ(look("f").st_mtim.tv_sec, 1000);
  CHECK_EQ(write(file, "x", 1), 1);
  CHECK(look("f").st_mtim.tv_sec > 1000);
}

CASE("times", "utimensat after a write is final", "FS-2") {
  int file = open_new("f");
  struct timespec old[2] = {{1000, 5}, {2000, 6}};
  CHECK_EQ(write(file, "data", 4), 4);
  CHECK_OK(utimensat(AT_FDCWD, "f", old, 0));
  CHECK_EQ(look("f").st_mtim.tv_sec, 2000);
  CHECK_OK(fsync(file));
  CHECK_OK(close(file));
  CHECK_EQ(look("f").st_mtim.tv_sec, 2000);
  CHECK_EQ(look("f").st_mtim.tv_nsec, 6);
  CHECK_EQ(look("f").st_atim.tv_sec, 1000);
}

CASE("times", "the clock of the file system is the clock of the system", "FS-2") {
  struct timespec before, after;
  clock_gettime(CLOCK_REALTIME, &before);
  make_file("f", 0644, "x");
  struct stat at = look("f");
  clock_gettime(CLOCK_REALTIME, &after);
  CHECK(at.st_mtim.tv_sec >= before.tv_sec - 1 && at.st_mtim.tv_sec <= after.tv_sec + 1);
  CHECK(at.st_ctim.tv_sec >= before.tv_sec - 1 && at.st_ctim.tv_sec <= after.tv_sec + 1);
  CHECK(at.st_atim.tv_sec >= before.tv_sec - 1 && at.st_atim.tv_sec <= after.tv_sec + 1);
}

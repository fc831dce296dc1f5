// mkdir, mknod, mkfifo, symlink, socket and open(O_CREAT): type, mode under umask, owner, times, sizes.
#include "harness.h"

#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

static long make_regular(const char *path, mode_t mode) {
  int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, mode);
  return fd < 0 ? -1 : close(fd);
}
static long make_directory(const char *path, mode_t mode) { return mkdir(path, mode); }
static long make_fifo(const char *path, mode_t mode) { return mkfifo(path, mode); }
static long mknod_file(const char *path, mode_t mode) { return mknod(path, S_IFREG | mode, 0); }
static long mknod_plain(const char *path, mode_t mode) { return mknod(path, mode, 0); }
static long mknod_fifo(const char *path, mode_t mode) { return mknod(path, S_IFIFO | mode, 0); }
static long mknod_socket(const char *path, mode_t mode) { return mknod(path, S_IFSOCK | mode, 0); }
static long mknod_char(const char *path, mode_t mode) { return mknod(path, S_IFCHR | mode, makedev(1, 3)); }
static long mknod_block(const char *path, mode_t mode) { return mknod(path, S_IFBLK | mode, makedev(300, 70000)); }

static const struct {
  const char *name;
  long (*make)(const char *, mode_t);
  mode_t type, kept;
  bool root;
} makers[] = {
    {"open", make_regular, S_IFREG, 07777, false},       {"mkdir", make_directory, S_IFDIR, 01777, false},
    {"mkfifo", make_fifo, S_IFIFO, 07777, false},        {"mknod file", mknod_file, S_IFREG, 07777, false},
    {"mknod 0", mknod_plain, S_IFREG, 07777, false},     {"mknod fifo", mknod_fifo, S_IFIFO, 07777, false},
    {"mknod socket", mknod_socket, S_IFSOCK, 07777, false}, {"mknod char", mknod_char, S_IFCHR, 07777, true},
    {"mknod block", mknod_block, S_IFBLK, 07777, true},
};

static void modes(long row) {
  static const mode_t requested[] = {0, 0400, 0600, 0644, 0666, 0755, 0777, 01777, 02755, 04755, 06711, 07777};
  static const mode_t masks[] = {0, 022, 027, 077, 0777};
  char path[40];
  if (makers[row].root) need_root();
  for (int m = 0; m < COUNT(masks); m++) {
    for (int r = 0; r < COUNT(requested); r++) {
      snprintf(path, sizeof path, "%d-%d", m, r);
      context("mode %04o, umask %03o", requested[r], masks[m]);
      umask(masks[m]);
      if (CHECK_OK(makers[row].make(path, requested[r])) < 0) continue;
      CHECK_EQ(look(path).st_mode, makers[row].type | (requested[r] & ~masks[m] & makers[row].kept));
    }
  }
}

static void attributes(long row) {
  if (makers[row].root) need_root();
  struct stat parent = look(".");
  tick();
  CHECK_OK(makers[row].make("it", 0640));
  struct stat at = look("it"), after = look(".");
  CHECK_EQ(at.st_uid, geteuid());
  CHECK_EQ(at.st_gid, getegid());
  bool directory = makers[row].type == S_IFDIR;
  CHECK(directory ? at.st_nlink <= 2 : at.st_nlink == 1);
  if (!directory) CHECK_EQ(at.st_size, 0);
  CHECK_EQ(at.st_dev, parent.st_dev);
  CHECK(at.st_ino != parent.st_ino && at.st_ino != 0);
  CHECK(compare_times(at.st_mtim, parent.st_mtim) > 0);
  CHECK(compare_times(at.st_ctim, parent.st_mtim) > 0);
  CHECK(compare_times(at.st_atim, parent.st_mtim) > 0);
  CHECK(compare_times(after.st_mtim, parent.st_mtim) > 0);
  CHECK(compare_times(after.st_ctim, parent.st_ctim) > 0);
  CHECK_EQ(after.st_nlink - parent.st_nlink, directory && after.st_nlink > 1 ? 1 : 0);
  CHECK_ERR(EEXIST, makers[row].make("it", 0640));
  CHECK_EQ(compare_times(look(".").st_mtim, after.st_mtim), 0);
}

static void by_user(long row) {
  need_root();
  make_owned("mine", 0755, U1, G1, true);
  AS(U1, G1, G2) {
    if (makers[row].root) {
      CHECK_ERR(EPERM, makers[row].make("mine/it", 0640));
      leave_child();
    }
    CHECK_OK(makers[row].make("mine/it", 0640));
    CHECK_EQ(look("mine/it").st_uid, U1);
    CHECK_EQ(look("mine/it").st_gid, G1);
  }
  AS(U2, G2) CHECK_ERR(EACCES, makers[row].make("mine/other", 0640));
  AS(U2, G1) CHECK_ERR(EACCES, makers[row].make("mine/other", 0640));
  NEED_OK(chmod("mine", 0775));
  if (!makers[row].root) {
    AS(U2, G1) CHECK_OK(makers[row].make("mine/group", 0640));
    AS(U2, G2, G1) CHECK_OK(makers[row].make("mine/supplementary", 0640));
  }
  CHECK(!exists("mine/other"));
}

static void inherits_group(long row) {
  need_root();
  if (makers[row].root) skip("only root makes devices, and root keeps every bit");
  make_owned("dir", 02777, U1, G3, true);
  AS(U2, G2) {
    CHECK_OK(makers[row].make("dir/it", 02770));
    struct stat at = look("dir/it");
    CHECK_EQ(at.st_gid, G3);
    CHECK_EQ(at.st_uid, U2);
    // A directory takes the set-gid bit over; an executable of a foreign group may not carry it.
    CHECK_EQ(at.st_mode & S_ISGID, makers[row].type == S_IFDIR ? S_ISGID : 0);
  }
  AS(U2, G2, G3) {
    CHECK_OK(makers[row].make("dir/member", 0750));
    CHECK_EQ(look("dir/member").st_gid, G3);
  }
  CHECK_OK(makers[row].make("dir/root", 0750));
  CHECK_EQ(look("dir/root").st_gid, G3);
}

GENERATE {
  for (long row = 0; row < COUNT(makers); row++) {
    add_case("create", "FS-2", modes, row, "%s: mode and umask", makers[row].name);
    add_case("create", "FS-2", attributes, row, "%s: attributes of the new object", makers[row].name);
    add_case("create", "FS-2", by_user, row, "%s: by ordinary users", makers[row].name);
    if (!makers[row].root) add_case("create", "FS-2", inherits_group, row, "%s: in a set-gid directory", makers[row].name);
  }
}

CASE("create", "device numbers are kept", "FS-2") {
  need_root();
  static const unsigned numbers[][2] = {{0, 0}, {1, 3}, {8, 1}, {255, 255}, {256, 256}, {4095, 1048575}};
  char path[20];
  for (int i = 0; i < COUNT(numbers); i++) {
    snprintf(path, sizeof path, "%d", i);
    CHECK_OK(mknod(path, S_IFBLK | 0600, makedev(numbers[i][0], numbers[i][1])));
    CHECK_EQ(look(path).st_rdev, makedev(numbers[i][0], numbers[i][1]));
  }
}

CASE("create", "mknod refuses other types", "FS-3") {
  CHECK_ERR2(EPERM, EINVAL, mknod("dir", S_IFDIR | 0755, 0));
  CHECK_ERR(EINVAL, mknod("link", S_IFLNK | 0755, 0));
  CHECK_ERR(EINVAL, mknod("odd", 0170000 | 0644, 0));
  CHECK(!exists("dir") && !exists("link") && !exists("odd"));
}

CASE("create", "symlink contents of every length", "FS-2") {
  static const int lengths[] = {1, 2, 59, 60, 61, 127, 255, 256, 1000, 1023, 1024, 2048, 4094, 4095};
  char target[PATH_MAX + 1], path[20];
  for (int i = 0; i < COUNT(lengths); i++) {
    memset(target, 'a' + i, (size_t)lengths[i]);
    target[lengths[i]] = 0;
    snprintf(path, sizeof path, "%d", lengths[i]);
    context("%d bytes", lengths[i]);
    CHECK_OK(symlink(target, path));
    CHECK_STR(link_of(path), target);
    CHECK_EQ(look(path).st_size, lengths[i]);
    CHECK_EQ(look(path).st_mode & S_IFMT, S_IFLNK);
  }
  context("4096 bytes");
  memset(target, 'x', PATH_MAX);
  target[PATH_MAX] = 0;
  CHECK_ERR(ENAMETOOLONG, symlink(target, "long"));
  CHECK_ERR(ENOENT, symlink("", "empty"));
}

CASE("create", "readlink cuts at the size of the buffer", "FS-2") {
  char buffer[16];
  NEED_OK(symlink("0123456789", "link"));
  for (int size = 1; size < 12; size++) {
    memset(buffer, '#', sizeof buffer);
    CHECK_EQ(readlink("link", buffer, (size_t)size), size < 10 ? size : 10);
    CHECK_MEM(buffer, "0123456789######", (size_t)(size < 10 ? size : 10));
    CHECK_EQ(buffer[size < 10 ? size : 10], '#');
  }
  CHECK_ERR(EINVAL, readlink("link", buffer, 0));
  int fd = (int)NEED_OK(open("link", O_PATH | O_NOFOLLOW | O_CLOEXEC));
  CHECK_EQ(readlinkat(fd, "", buffer, sizeof buffer), 10);
}

CASE("create", "the content of a symlink is any bytes", "FS-6") {
  char target[256];
  for (int i = 0; i < 255; i++) target[i] = (char)(i + 1);
  target[255] = 0;
  CHECK_OK(symlink(target, "link"));
  CHECK_STR(link_of("link"), target);
  CHECK_OK(symlink("//a//../b/./c//", "odd"));
  CHECK_STR(link_of("odd"), "//a//../b/./c//");
}

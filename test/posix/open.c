// open: access modes, creation flags on every kind of object, and what each descriptor may do afterwards.
#include "harness.h"

static const struct {
  int flags;
  const char *name;
} extras[] = {
    {0, "plain"},           {O_CREAT, "O_CREAT"},     {O_CREAT | O_EXCL, "O_CREAT|O_EXCL"}, {O_TRUNC, "O_TRUNC"},
    {O_CREAT | O_TRUNC, "O_CREAT|O_TRUNC"}, {O_APPEND, "O_APPEND"}, {O_NOFOLLOW, "O_NOFOLLOW"},
    {O_DIRECTORY, "O_DIRECTORY"}, {O_SYNC, "O_SYNC"}, {O_DSYNC, "O_DSYNC"},
    {O_CREAT | O_NOFOLLOW, "O_CREAT|O_NOFOLLOW"}, {O_DIRECTORY | O_NOFOLLOW, "O_DIRECTORY|O_NOFOLLOW"},
    {O_PATH, "O_PATH"}, {O_PATH | O_NOFOLLOW, "O_PATH|O_NOFOLLOW"}, {O_NOATIME, "O_NOATIME"},
    {O_CREAT | O_EXCL | O_NOFOLLOW, "O_CREAT|O_EXCL|O_NOFOLLOW"}, {O_CREAT | O_APPEND, "O_CREAT|O_APPEND"},
};
static const int modes[] = {O_RDONLY, O_WRONLY, O_RDWR};
static const char *const mode_names[] = {"O_RDONLY", "O_WRONLY", "O_RDWR"};

enum { TO_DIR = KINDS };  // a symlink to a directory

static int expected_of_directory(int flags, int mode) {
  if (flags & O_PATH) return 0;
  if (flags & O_CREAT) return flags & O_EXCL ? EEXIST : EISDIR;
  return mode != O_RDONLY || flags & O_TRUNC ? EISDIR : 0;
}

static int expected(int kind, int flags, int mode) {
  bool nofollow = flags & O_NOFOLLOW, exclusive = flags & O_EXCL;
  if (kind == ABSENT) return flags & O_CREAT ? 0 : ENOENT;
  if (exclusive) return EEXIST;
  if (kind == LINK || kind == DANGLING || kind == TO_DIR) {
    if (nofollow && flags & O_PATH) return 0;
    if (nofollow) return flags & O_DIRECTORY ? ENOTDIR : ELOOP;
    if (kind == DANGLING) return flags & O_CREAT ? 0 : ENOENT;
    if (kind == TO_DIR) return expected_of_directory(flags, mode);
  }
  if (is_dir((enum kind)kind)) return expected_of_directory(flags, mode);
  if (flags & O_DIRECTORY) return ENOTDIR;
  if (kind == SOCK) return flags & O_PATH ? 0 : ENXIO;
  if (kind == FIFO_) return mode == O_WRONLY && !(flags & O_PATH) ? ENXIO : 0;  // O_NONBLOCK without a reader
  return 0;
}

static void matrix(long arg) {
  int extra = (int)(arg / 3 % COUNT(extras)), mode = modes[arg % 3], flags = extras[extra].flags;
  static const int kinds[] = {ABSENT, FILE_, DIR_, FULL, LINK, DANGLING, TO_DIR, FIFO_, SOCK};
  make_dir("a-dir", 0755);
  for (int k = 0; k < COUNT(kinds); k++) {
    const char *name = kinds[k] == TO_DIR ? "symlink to a directory" : kind_names[kinds[k]];
    char path[40];
    snprintf(path, sizeof path, "it-%d", k);
    if (kinds[k] == TO_DIR) NEED_OK(symlink("a-dir", path));
    else make_kind((enum kind)kinds[k], path);
    context("%s", name);
    int fd = open(path, mode | flags | O_NONBLOCK | O_CLOEXEC, 0644);
    if (!CHECK_ERR(expected(kinds[k], flags, mode), fd) || fd < 0) continue;
    struct stat at = look_fd(fd);
    if (kinds[k] == ABSENT) CHECK_EQ(at.st_mode, S_IFREG | 0644);
    if (kinds[k] == FILE_) CHECK_EQ(at.st_size, flags & O_TRUNC ? 0 : 7);
    if (kinds[k] == FILE_ || is_dir((enum kind)kinds[k])) CHECK_EQ(at.st_ino, look(path).st_ino);
    if (kinds[k] == LINK && !(flags & O_NOFOLLOW)) CHECK_EQ(at.st_ino, look("pointed-to").st_ino);
    if (kinds[k] == DANGLING && flags & O_CREAT) CHECK(S_ISREG(look("points-nowhere").st_mode));
    if (!(flags & O_PATH)) CHECK_EQ(fcntl(fd, F_GETFL) & O_ACCMODE, mode);
    close(fd);
  }
}

GENERATE {
  for (long arg = 0; arg < COUNT(extras) * 3; arg++)
    add_case("open", "FS-2", matrix, arg, "%s with %s", mode_names[arg % 3], extras[arg / 3].name);
}

static void allowed(long arg) {
  char buffer[8] = "";
  int mode = modes[arg];
  make_file("f", 0644, "content");
  int fd = (int)NEED_OK(open("f", mode | O_CLOEXEC));
  bool readable = mode != O_WRONLY, writable = mode != O_RDONLY;
  CHECK_ERR(readable ? 0 : EBADF, read(fd, buffer, 1));
  CHECK_ERR(readable ? 0 : EBADF, pread(fd, buffer, 1, 0));
  CHECK_ERR(writable ? 0 : EBADF, write(fd, "x", 1));
  CHECK_ERR(writable ? 0 : EBADF, pwrite(fd, "x", 1, 0));
  CHECK_ERR(writable ? 0 : EINVAL, ftruncate(fd, 5));
  CHECK_ERR(writable ? 0 : EBADF, fallocate(fd, 0, 0, 10));
  CHECK_OK(fsync(fd));
  CHECK_OK(fdatasync(fd));
  CHECK_OK(fchmod(fd, 0600));
  CHECK_OK(futimens(fd, NULL));
  CHECK_OK(lseek(fd, 0, SEEK_END));
  CHECK_OK(fchown(fd, geteuid(), getegid()));
  CHECK_ERR(ENOTDIR, fchdir(fd));
}

GENERATE {
  for (long arg = 0; arg < 3; arg++) add_case("open", "FS-2", allowed, arg, "what a descriptor of %s allows", mode_names[arg]);
}

CASE("open", "an O_PATH descriptor allows next to nothing", "FS-2") {
  char buffer[8];
  make_file("f", 0644, "content");
  int fd = (int)NEED_OK(open("f", O_PATH | O_CLOEXEC));
  CHECK_ERR(EBADF, read(fd, buffer, 1));
  CHECK_ERR(EBADF, write(fd, "x", 1));
  CHECK_ERR(EBADF, ftruncate(fd, 0));
  CHECK_ERR(EBADF, fsync(fd));
  CHECK_ERR(EBADF, lseek(fd, 0, SEEK_SET));
  CHECK_EQ(look_fd(fd).st_ino, look("f").st_ino);
  char link_path[64];
  snprintf(link_path, sizeof link_path, "/proc/self/fd/%d", fd);
  int again = (int)CHECK_OK(open(link_path, O_RDWR | O_CLOEXEC));
  CHECK_EQ(read(again, buffer, 8), 7);
  CHECK_OK(unlink("f"));
  CHECK_EQ(look_fd(fd).st_nlink, 0);
  int dir = (int)NEED_OK(open(".", O_PATH | O_CLOEXEC));
  CHECK_OK(mkdirat(dir, "made", 0755));
  CHECK_OK(fchdir(dir));
}

CASE("open", "a directory can be read as such alone", "FS-3") {
  char buffer[8];
  make_dir("d", 0755);
  int fd = (int)NEED_OK(open("d", O_RDONLY | O_CLOEXEC));
  CHECK_ERR(EISDIR, read(fd, buffer, 8));
  CHECK_ERR(EISDIR, pread(fd, buffer, 8, 0));
  CHECK_ERR(EBADF, write(fd, "x", 1));
  CHECK_ERR(EINVAL, ftruncate(fd, 0));
  CHECK_OK(fsync(fd));
  CHECK_OK(fchdir(fd));
}

CASE("open", "O_CREAT ignores the mode of an existing file", "FS-2") {
  make_file("f", 0640, "content");
  int fd = (int)CHECK_OK(open("f", O_CREAT | O_RDWR | O_CLOEXEC, 0777));
  CHECK_EQ(look_fd(fd).st_mode & 07777, 0640);
  CHECK_EQ(look_fd(fd).st_size, 7);
}

CASE("open", "a mode without write permission does not bind the creator", "FS-2") {
  int fd = (int)CHECK_OK(open("f", O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0400));
  CHECK_EQ(write(fd, "text", 4), 4);
  CHECK_CONTENT("f", "text");
}

CASE("open", "O_TRUNC empties what other descriptors see", "FS-2") {
  char buffer[8];
  make_file("f", 0644, "content");
  int held = (int)NEED_OK(open("f", O_RDWR | O_CLOEXEC));
  CHECK_EQ(read(held, buffer, 2), 2);
  CHECK_OK(close(open("f", O_WRONLY | O_TRUNC | O_CLOEXEC)));
  CHECK_EQ(look_fd(held).st_size, 0);
  CHECK_EQ(read(held, buffer, 2), 0);
  CHECK_EQ(write(held, "x", 1), 1);
  CHECK_EQ(look_fd(held).st_size, 3);
}

CASE("open", "O_NOATIME is for the owner", "FS-3") {
  need_root();
  make_owned("f", 0666, U1, G1, false);
  AS(U1, G1) CHECK_OK(open("f", O_RDONLY | O_NOATIME | O_CLOEXEC));
  AS(U2, G2) CHECK_ERR(EPERM, open("f", O_RDONLY | O_NOATIME | O_CLOEXEC));
}

CASE("open", "O_TMPFILE makes a file without a name, or is refused cleanly", "FS-2") {
  char path[64], buffer[8] = "";
  int fd = open(".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0640);
  if (fd < 0) {
    CHECK_ERR2(EOPNOTSUPP, EISDIR, fd);
    return;
  }
  CHECK_EQ(look_fd(fd).st_nlink, 0);
  CHECK_EQ(look_fd(fd).st_mode, S_IFREG | 0640);
  CHECK_EQ(write(fd, "temp", 4), 4);
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  CHECK_OK(linkat(AT_FDCWD, path, AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
  CHECK_CONTENT("named", "temp");
  CHECK_EQ(look_fd(fd).st_nlink, 1);
  CHECK_EQ(look("named").st_ino, look_fd(fd).st_ino);
  CHECK_EQ(pread(fd, buffer, 8, 0), 4);
  int sealed = (int)CHECK_OK(open(".", O_TMPFILE | O_EXCL | O_WRONLY | O_CLOEXEC, 0600));
  snprintf(path, sizeof path, "/proc/self/fd/%d", sealed);
  CHECK_ERR(ENOENT, linkat(AT_FDCWD, path, AT_FDCWD, "never", AT_SYMLINK_FOLLOW));
  CHECK_ERR(EINVAL, open(".", O_TMPFILE | O_RDONLY | O_CLOEXEC, 0600));
}

CASE("open", "openat resolves from its directory", "FS-2") {
  make_dir("d", 0755);
  make_file("d/f", 0644, "inner");
  make_file("f", 0644, "outer");
  int dir = (int)NEED_OK(open("d", O_RDONLY | O_DIRECTORY | O_CLOEXEC)), file = (int)NEED_OK(open("f", O_RDONLY | O_CLOEXEC));
  int inner = (int)CHECK_OK(openat(dir, "f", O_RDONLY | O_CLOEXEC));
  CHECK_EQ(look_fd(inner).st_ino, look("d/f").st_ino);
  CHECK_ERR(ENOTDIR, openat(file, "f", O_RDONLY | O_CLOEXEC));
  CHECK_ERR(EBADF, openat(-1, "f", O_RDONLY | O_CLOEXEC));
  CHECK_OK(openat(-1, "/", O_RDONLY | O_CLOEXEC));
  int up = (int)CHECK_OK(openat(dir, "../f", O_RDONLY | O_CLOEXEC));
  CHECK_EQ(look_fd(up).st_ino, look("f").st_ino);
}

CASE("open", "O_EXCL through a directory symlink", "FS-2") {
  make_dir("d", 0755);
  NEED_OK(symlink("d", "l"));
  CHECK_OK(close(open("l/f", O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600)));
  CHECK(exists("d/f"));
  CHECK_ERR(EEXIST, open("l/f", O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600));
}

CASE("open", "O_CREAT through a chain of dangling symlinks", "FS-2") {
  make_dir("d", 0755);
  NEED_OK(symlink("b", "a"));
  NEED_OK(symlink("d/c", "b"));
  CHECK_OK(close(open("a", O_CREAT | O_RDWR | O_CLOEXEC, 0600)));
  CHECK(S_ISREG(look("d/c").st_mode));
  NEED_OK(symlink("none/c", "e"));
  CHECK_ERR(ENOENT, open("e", O_CREAT | O_RDWR | O_CLOEXEC, 0600));
}

CASE("open", "a file of many descriptors is one file", "FS-2") {
  int fds[64];
  make_file("f", 0644, "");
  for (int i = 0; i < COUNT(fds); i++) fds[i] = (int)NEED_OK(open("f", O_RDWR | O_CLOEXEC));
  for (int i = 0; i < COUNT(fds); i++) NEED_OK(pwrite(fds[i], &(char){(char)('0' + i)}, 1, i));
  char all[65] = "", expected_all[65] = "";
  for (int i = 0; i < COUNT(fds); i++) expected_all[i] = (char)('0' + i);
  CHECK_EQ(pread(fds[7], all, 64, 0), 64);
  CHECK_MEM(all, expected_all, 64);
  CHECK_EQ(look_fd(fds[63]).st_size, 64);
}

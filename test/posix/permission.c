// The permission bits: every operation, for owner, group, supplementary group, others and root, under every bit pattern.
#include "harness.h"

#include <sys/xattr.h>

enum { R = 4, W = 2, X = 1 };

static long closing(long fd) {
  if (fd >= 0) close((int)fd);
  return fd;
}
static long list(const char *path) {
  DIR *dir = opendir(path);
  if (!dir) return -1;
  while (readdir(dir)) continue;
  return closedir(dir);
}
static long execute(const char *path) {
  pid_t pid = fork();
  if (pid == 0) {
    execl(path, path, NULL);
    _exit(errno);
  }
  errno = join(pid);
  return errno ? -1 : 0;
}
static long enter(const char *path) {
  int back = open("..", O_PATH | O_CLOEXEC), inside = chdir(path), code = errno;
  if (inside == 0 && chdir("..") < 0) _exit(1);
  close(back);
  return errno = code, inside;
}

static struct stat at;
static char value[8];
#define READ_ANY(p) closing(open(p, O_RDONLY | O_CLOEXEC))

// on: "f" the object is the file d/f with the bits, "d" it is the directory d which holds f.
#define OPERATIONS(DO)                                                                   \
  DO("open for reading", 'f', R, READ_ANY("d/f"))                                         \
  DO("open for writing", 'f', W, closing(open("d/f", O_WRONLY | O_CLOEXEC)))              \
  DO("open for both", 'f', R | W, closing(open("d/f", O_RDWR | O_CLOEXEC)))               \
  DO("open to append", 'f', W, closing(open("d/f", O_WRONLY | O_APPEND | O_CLOEXEC)))     \
  DO("open with O_TRUNC", 'f', R | W, closing(open("d/f", O_RDWR | O_TRUNC | O_CLOEXEC))) \
  DO("creat over it", 'f', W, closing(creat("d/f", 0666)))                                \
  DO("open O_PATH", 'f', 0, closing(open("d/f", O_PATH | O_CLOEXEC)))                     \
  DO("truncate", 'f', W, truncate("d/f", 1))                                              \
  DO("access R_OK", 'f', R, access("d/f", R_OK))                                          \
  DO("access W_OK", 'f', W, access("d/f", W_OK))                                          \
  DO("access X_OK", 'f', X, access("d/f", X_OK))                                          \
  DO("access R_OK|W_OK|X_OK", 'f', R | W | X, access("d/f", R_OK | W_OK | X_OK))          \
  DO("access F_OK", 'f', 0, access("d/f", F_OK))                                          \
  DO("faccessat AT_EACCESS", 'f', R | W, faccessat(AT_FDCWD, "d/f", R_OK | W_OK, AT_EACCESS)) \
  DO("stat", 'f', 0, stat("d/f", &at))                                                    \
  DO("set times to now", 'f', W, utimensat(AT_FDCWD, "d/f", NULL, 0))                     \
  DO("setxattr", 'f', W, setxattr("d/f", "user.set", "v", 1, 0))                          \
  DO("getxattr", 'f', R, getxattr("d/f", "user.there", value, sizeof value))              \
  DO("removexattr", 'f', W, removexattr("d/f", "user.there"))                             \
  DO("listxattr", 'f', 0, listxattr("d/f", NULL, 0))                                      \
  DO("list a directory", 'd', R, list("d"))                                               \
  DO("stat in a directory", 'd', X, stat("d/f", &at))                                     \
  DO("open in a directory", 'd', X, READ_ANY("d/f"))                                      \
  DO("chdir", 'd', X, enter("d"))                                                         \
  DO("lookup of a missing name", 'd', X, (stat("d/none", &at), errno == ENOENT ? 0 : -1)) \
  DO("readlink", 'd', X, readlink("d/l", value, sizeof value))                            \
  DO("create a file", 'd', W | X, closing(open("d/new", O_CREAT | O_WRONLY | O_CLOEXEC, 0666))) \
  DO("mkdir", 'd', W | X, mkdir("d/new", 0777))                                           \
  DO("mkfifo", 'd', W | X, mkfifo("d/new", 0666))                                         \
  DO("mknod", 'd', W | X, mknod("d/new", S_IFREG | 0666, 0))                              \
  DO("symlink", 'd', W | X, symlink("x", "d/new"))                                        \
  DO("link into", 'd', W | X, link("o/f", "d/new"))                                       \
  DO("link from", 'd', X, link("d/f", "o/new"))                                           \
  DO("unlink", 'd', W | X, unlink("d/f"))                                                 \
  DO("rmdir", 'd', W | X, rmdir("d/sub"))                                                 \
  DO("rename within", 'd', W | X, rename("d/f", "d/new"))                                 \
  DO("rename away", 'd', W | X, rename("d/f", "o/new"))                                   \
  DO("rename into", 'd', W | X, rename("o/f", "d/new"))                                   \
  DO("rename over", 'd', W | X, rename("o/f", "d/f"))                                     \
  DO("exchange", 'd', W | X, renameat2(AT_FDCWD, "o/f", AT_FDCWD, "d/f", RENAME_EXCHANGE)) \
  DO("rename a directory within", 'd', W | X, rename("d/sub", "d/new"))                   \
  DO("setxattr of a directory", 'd', W, setxattr("d", "user.set", "v", 1, 0))             \
  DO("access R_OK of a directory", 'd', R, access("d", R_OK))                             \
  DO("access X_OK of a directory", 'd', X, access("d", X_OK))                             \
  DO("set times of a directory to now", 'd', W, utimensat(AT_FDCWD, "d", NULL, 0))

static const struct operation {
  const char *name;
  char on;
  int need;
} rows[] = {
#define ROW(name, on, need, call) {name, on, need},
    OPERATIONS(ROW)};

static long perform(long row) {
  long index = 0;
#define RUN(name, on, need, call) \
  if (row == index++) return (call);
  OPERATIONS(RUN)
  return -1;
}

// Whose bits decide. The file belongs to U1:G1.
static const struct {
  const char *name;
  struct identity who;
  int shift;
} classes[] = {
    {"owner", {U1, G3}, 6},
    {"owner in the group too", {U1, G1}, 6},
    {"group", {U2, G1}, 3},
    {"supplementary group", {U2, G2, G1}, 3},
    {"others", {U3, G3}, 0},
};

static void arrange(const char *top, mode_t file, mode_t directory) {
  NEED_OK(mkdir(top, 0755));
  NEED_OK(chdir(top));
  make_owned("o", 0777, U1, G1, true);
  make_owned("o/f", 0777, U1, G1, false);
  make_owned("d", 0777, U1, G1, true);
  make_owned("d/f", 0777, U1, G1, false);
  make_owned("d/sub", 0777, U1, G1, true);
  NEED_OK(symlink("f", "d/l"));
  make_file("d/f", 0777, "#!/bin/sh\n");
  NEED_OK(setxattr("d/f", "user.there", "v", 1, 0));
  NEED_OK(chmod("d/f", file));
  NEED_OK(chmod("d", directory));
}

static void by_class(long arg) {
  long row = arg / COUNT(classes), class = arg % COUNT(classes);
  char top[8];
  need_root();
  for (int bits = 0; bits < 8; bits++) {
    // The two classes which do not decide hold the opposite bits, so that reading the wrong class shows.
    int shift = classes[class].shift;
    mode_t mode = (mode_t)((0777 & ~(7 << shift) & (bits == 7 ? 0 : 0777)) | bits << shift);
    snprintf(top, sizeof top, "%d", bits);
    bool file = rows[row].on == 'f';
    arrange(top, file ? mode : 0777, file ? 0777 : mode);
    bool allowed = (bits & rows[row].need) == rows[row].need;
    context("mode %03o", mode);
    AS(classes[class].who.uid, classes[class].who.gid, classes[class].who.extra) {
      CHECK_ERR(allowed || (shift == 6 && strstr(rows[row].name, "times")) ? 0 : EACCES, perform(row));
    }
    NEED_OK(chdir(".."));
  }
}

static void by_root(long row) {
  need_root();
  arrange("none", 0, 0);
  CHECK_ERR(rows[row].on == 'f' && rows[row].need & X ? EACCES : 0, perform(row));
  NEED_OK(chdir(".."));
  arrange("some", 0100, 0);
  CHECK_OK(perform(row));
}

GENERATE {
  for (long row = 0; row < COUNT(rows); row++) {
    for (long class = 0; class < COUNT(classes); class++) {
      add_case("permission", "FS-3", by_class, row * COUNT(classes) + class, "%s: %s", rows[row].name, classes[class].name);
    }
    add_case("permission", "FS-3", by_root, row, "%s: root", rows[row].name);
  }
}

CASE("permission", "exec needs the x bit of the right class", "FS-3") {
  need_root();
  static const mode_t modes[] = {0, 0100, 0010, 0001, 0444, 0544, 0454, 0445, 0666, 0755};
  make_owned("script", 0755, U1, G1, false);
  make_file("script", 0755, "#!/bin/sh\nexit 0\n");
  for (int i = 0; i < COUNT(modes); i++) {
    mode_t mode = modes[i];
    NEED_OK(chmod("script", mode | 0444));
    context("mode %03o", mode | 0444);
    AS(U1, G1) CHECK_ERR(mode & 0100 ? 0 : EACCES, execute("script"));
    AS(U2, G1) CHECK_ERR(mode & 0010 ? 0 : EACCES, execute("script"));
    AS(U2, G2) CHECK_ERR(mode & 0001 ? 0 : EACCES, execute("script"));
    CHECK_ERR(mode & 0111 ? 0 : EACCES, execute("script"));
  }
}

CASE("permission", "is checked at open, not at each read", "FS-2") {
  need_root();
  char buffer[8];
  make_owned("f", 0600, U1, G1, false);
  AS(U1, G1) {
    int fd = (int)NEED_OK(open("f", O_RDWR | O_CLOEXEC));
    CHECK_OK(chmod("f", 0));
    CHECK_EQ(pread(fd, buffer, 3, 0), 3);
    CHECK_EQ(pwrite(fd, "abc", 3, 0), 3);
    CHECK_OK(ftruncate(fd, 2));
    CHECK_ERR(EACCES, open("f", O_RDONLY | O_CLOEXEC));
  }
}

CASE("permission", "an open descriptor keeps its rights after the user changes", "FS-2") {
  need_root();
  make_file("f", 0600, "secret");
  int fd = (int)NEED_OK(open("f", O_RDWR));
  char buffer[8] = "";
  AS(U1, G1) {
    CHECK_EQ(pread(fd, buffer, 6, 0), 6);
    CHECK_EQ(pwrite(fd, "S", 1, 0), 1);
    CHECK_OK(ftruncate(fd, 3));
    CHECK_ERR(EACCES, open("f", O_RDONLY));
    CHECK_ERR(EPERM, fchmod(fd, 0666));
  }
  CHECK_CONTENT("f", "Sec");
}

CASE("permission", "a file made without rights can be written through its first descriptor", "FS-2") {
  need_root();
  make_owned("d", 0777, U1, G1, true);
  AS(U1, G1) {
    int fd = (int)CHECK_OK(open("d/f", O_CREAT | O_RDWR | O_CLOEXEC, 0));
    CHECK_EQ(write(fd, "text", 4), 4);
    CHECK_EQ(look("d/f").st_mode & 07777, 0);
    CHECK_ERR(EACCES, open("d/f", O_RDWR | O_CLOEXEC));
    CHECK_ERR(EACCES, open("d/f", O_CREAT | O_RDWR | O_CLOEXEC, 0777));
  }
}

CASE("permission", "real ids decide access, effective ids decide open", "FS-3") {
  need_root();
  make_owned("f", 0600, U1, G1, false);
  CHILD {
    NEED_OK(setresgid(G2, G1, G1));
    NEED_OK(setresuid(U2, U1, U1));
    CHECK_ERR(EACCES, access("f", R_OK));
    CHECK_OK(faccessat(AT_FDCWD, "f", R_OK | W_OK, AT_EACCESS));
    CHECK_OK(closing(open("f", O_RDWR | O_CLOEXEC)));
  }
}

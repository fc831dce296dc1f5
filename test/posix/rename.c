// rename beyond the matrix: impossible moves, trailing slashes, counts, times, open files and flags.
#include "harness.h"

#include <sys/xattr.h>

static const struct {
  const char *from, *to;
  unsigned flags;
  int code, other;
} refusals[] = {
    {"dir", "dir/x", 0, EINVAL, 0},          {"dir", "dir/sub/x", 0, EINVAL, 0},
    {"dir", "dir/sub", 0, EINVAL, 0},        {"dir/sub", "dir", 0, ENOTEMPTY, EEXIST},
    {".", "x", 0, EBUSY, EINVAL},            {"..", "x", 0, EBUSY, EINVAL},
    {"dir/.", "x", 0, EBUSY, EINVAL},        {"dir/..", "x", 0, EBUSY, EINVAL},
    {"dir", ".", 0, EBUSY, EINVAL},          {"dir", "..", 0, EBUSY, EINVAL},
    {"dir", "empty/.", 0, EBUSY, EINVAL},    {"dir", "empty/..", 0, EBUSY, EINVAL},
    {"file", "x/", 0, ENOTDIR, 0},           {"file/", "x", 0, ENOTDIR, 0},
    {"file", "file2/", 0, ENOTDIR, 0},       {"link/", "x", 0, ENOTDIR, 0},
    {"file", "file2", 3, EINVAL, 0},         {"file", "file2", 8, EINVAL, 0},
    {"file", "file2", 6, EINVAL, 0},         {"file", "file2", 7, EINVAL, 0},
    {"dir", "dir/sub", 2, EINVAL, 0},        {"dir/sub", "dir", 2, EINVAL, ENOTEMPTY},
    {"file", "absent", 2, ENOENT, 0},        {"absent", "file", 2, ENOENT, 0},
    {"absent", "x", 1, ENOENT, 0},           {"file", "file", 1, EEXIST, 0},
    {"file", "", 0, ENOENT, 0},              {"", "x", 0, ENOENT, 0},
};

static void refused(long row) {
  make_dir("dir", 0755);
  make_dir("dir/sub", 0755);
  make_dir("empty", 0755);
  make_file("file", 0644, "one");
  make_file("file2", 0644, "two");
  NEED_OK(symlink("file", "link"));
  long result = renameat2(AT_FDCWD, refusals[row].from, AT_FDCWD, refusals[row].to, refusals[row].flags);
  if (refusals[row].other) CHECK_ERR2(refusals[row].code, refusals[row].other, result);
  else CHECK_ERR(refusals[row].code, result);
  CHECK(exists("dir/sub") && exists("empty") && exists("link"));
  CHECK_CONTENT("file", "one");
  CHECK_CONTENT("file2", "two");
}

GENERATE {
  for (long row = 0; row < COUNT(refusals); row++) {
    add_case("rename", "FS-3", refused, row, "refused: \"%s\" to \"%s\" flags %u", refusals[row].from, refusals[row].to,
             refusals[row].flags);
  }
}

CASE("rename", "a directory may have trailing slashes", "FS-2") {
  make_dir("dir", 0755);
  CHECK_OK(rename("dir/", "dir2"));
  CHECK_OK(rename("dir2", "dir3/"));
  CHECK_OK(rename("dir3//", "dir4//"));
  CHECK(exists("dir4") && !exists("dir"));
}

CASE("rename", "onto itself changes nothing", "FS-2") {
  make_file("file", 0644, "x");
  struct stat before = look("file");
  tick();
  CHECK_OK(rename("file", "file"));
  CHECK_OK(rename("./file", "file"));
  struct stat after = look("file");
  CHECK_EQ(after.st_ino, before.st_ino);
  CHECK_EQ(after.st_nlink, 1);
  CHECK_EQ(compare_times(after.st_mtim, before.st_mtim), 0);
  make_dir("dir", 0755);
  CHECK_OK(rename("dir", "dir"));
  CHECK(exists("dir"));
}

CASE("rename", "moves the .. and the link counts of a directory", "FS-2") {
  make_dir("a", 0755);
  make_dir("b", 0755);
  make_dir("a/d", 0755);
  ino_t b = look("b").st_ino;
  bool counted = look("a").st_nlink == 3;
  CHECK_OK(rename("a/d", "b/d"));
  CHECK_EQ(look("b/d/..").st_ino, b);
  CHECK_EQ(look("a").st_nlink, counted ? 2 : look("a").st_nlink);
  CHECK_EQ(look("b").st_nlink, counted ? 3 : look("b").st_nlink);
  make_dir("a/d", 0755);
  CHECK_OK(rename("b/d", "a/d"));
  if (counted) {
    CHECK_EQ(look("a").st_nlink, 3);
    CHECK_EQ(look("b").st_nlink, 2);
  }
  CHECK_EQ(look("a/d/..").st_ino, look("a").st_ino);
}

CASE("rename", "exchange of a directory and a file moves the link counts", "FS-2") {
  make_dir("a", 0755);
  make_dir("b", 0755);
  make_dir("a/it", 0755);
  make_file("b/it", 0644, "file");
  bool counted = look("a").st_nlink == 3;
  CHECK_OK(renameat2(AT_FDCWD, "a/it", AT_FDCWD, "b/it", RENAME_EXCHANGE));
  CHECK(S_ISREG(look("a/it").st_mode) && S_ISDIR(look("b/it").st_mode));
  CHECK_EQ(look("b/it/..").st_ino, look("b").st_ino);
  if (counted) {
    CHECK_EQ(look("a").st_nlink, 2);
    CHECK_EQ(look("b").st_nlink, 3);
  }
  CHECK_CONTENT("a/it", "file");
}

CASE("rename", "moves the times of both directories", "FS-2") {
  make_dir("a", 0755);
  make_dir("b", 0755);
  make_file("a/f", 0644, "x");
  struct stat a = look("a"), b = look("b"), f = look("a/f");
  tick();
  CHECK_OK(rename("a/f", "b/f"));
  CHECK(compare_times(look("a").st_mtim, a.st_mtim) > 0);
  CHECK(compare_times(look("a").st_ctim, a.st_ctim) > 0);
  CHECK(compare_times(look("b").st_mtim, b.st_mtim) > 0);
  CHECK(compare_times(look("b").st_ctim, b.st_ctim) > 0);
  CHECK_EQ(compare_times(look("b/f").st_mtim, f.st_mtim), 0);
  CHECK(compare_times(look("b/f").st_ctim, f.st_ctim) >= 0);
}

CASE("rename", "a refused one moves no time", "FS-2") {
  make_dir("a", 0755);
  make_kind(FULL, "b");
  struct stat a = look("a"), b = look("b"), here = look(".");
  tick();
  CHECK_ERR2(ENOTEMPTY, EEXIST, rename("a", "b"));
  CHECK_EQ(compare_times(look("a").st_ctim, a.st_ctim), 0);
  CHECK_EQ(compare_times(look("b").st_ctim, b.st_ctim), 0);
  CHECK_EQ(compare_times(look(".").st_mtim, here.st_mtim), 0);
}

CASE("rename", "the ctime of a replaced file with other links moves", "FS-2") {
  make_file("a", 0644, "a");
  make_file("b", 0644, "b");
  NEED_OK(link("b", "b2"));
  struct stat before = look("b2");
  tick();
  CHECK_OK(rename("a", "b"));
  CHECK_EQ(look("b2").st_nlink, 1);
  CHECK(compare_times(look("b2").st_ctim, before.st_ctim) > 0);
  CHECK_CONTENT("b2", "b");
  CHECK_CONTENT("b", "a");
}

CASE("rename", "over an open file keeps the old one for its readers", "FS-2") {
  char buffer[16] = "";
  make_file("new", 0644, "new");
  make_file("old", 0644, "old");
  int fd = (int)NEED_OK(open("old", O_RDWR | O_CLOEXEC));
  CHECK_OK(rename("new", "old"));
  CHECK_EQ(look_fd(fd).st_nlink, 0);
  CHECK_EQ(pread(fd, buffer, 10, 0), 3);
  CHECK_STR(buffer, "old");
  CHECK_EQ(pwrite(fd, "OLD", 3, 0), 3);
  CHECK_CONTENT("old", "new");
}

CASE("rename", "an open file follows its new name", "FS-2") {
  int fd = open_new("before");
  CHECK_OK(rename("before", "after"));
  CHECK_EQ(write(fd, "text", 4), 4);
  CHECK_EQ(look_fd(fd).st_ino, look("after").st_ino);
  CHECK_CONTENT("after", "text");
  CHECK_OK(fchmod(fd, 0600));
  CHECK_EQ(look("after").st_mode & 07777, 0600);
}

CASE("rename", "an open directory follows its new name", "FS-2") {
  make_dir("a", 0755);
  make_dir("b", 0755);
  make_dir("a/d", 0755);
  int fd = (int)NEED_OK(open("a/d", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  CHECK_OK(rename("a/d", "b/e"));
  CHECK_OK(mkdirat(fd, "inside", 0755));
  CHECK(exists("b/e/inside"));
  struct stat up;
  CHECK_OK(fstatat(fd, "..", &up, 0));
  CHECK_EQ(up.st_ino, look("b").st_ino);
}

CASE("rename", "keeps mode, owner, xattrs and content", "FS-2") {
  char value[16] = "";
  make_file("a", 06751, "kept");
  NEED_OK(setxattr("a", "user.kept", "yes", 3, 0));
  if (geteuid() == 0) NEED_OK(chown("a", U1, G1));
  NEED_OK(chmod("a", 06751));
  struct stat before = look("a");
  CHECK_OK(rename("a", "b"));
  struct stat after = look("b");
  CHECK_EQ(after.st_mode, before.st_mode);
  CHECK_EQ(after.st_uid, before.st_uid);
  CHECK_EQ(after.st_gid, before.st_gid);
  CHECK_EQ(getxattr("b", "user.kept", value, 10), 3);
  CHECK_STR(value, "yes");
  CHECK_CONTENT("b", "kept");
}

CASE("rename", "a symlink itself is moved, not its target", "FS-2") {
  make_file("target", 0644, "t");
  NEED_OK(symlink("target", "link"));
  CHECK_OK(rename("link", "moved"));
  CHECK_STR(link_of("moved"), "target");
  CHECK_CONTENT("target", "t");
  make_file("plain", 0644, "p");
  CHECK_OK(rename("plain", "moved"));
  CHECK(S_ISREG(look("moved").st_mode));
  CHECK_CONTENT("target", "t");
}

CASE("rename", "whiteout works or is refused cleanly", "FS-2") {
  need_root();
  make_file("a", 0644, "a");
  if (renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_WHITEOUT) == 0) {
    CHECK(S_ISCHR(look("a").st_mode));
    CHECK_EQ(look("a").st_rdev, 0);
    CHECK_CONTENT("b", "a");
  } else {
    CHECK_ERR2(EINVAL, EPERM, -1);
    CHECK_CONTENT("a", "a");
    CHECK(!exists("b"));
  }
}

CASE("rename", "by directory descriptors", "FS-2") {
  make_dir("a", 0755);
  make_dir("b", 0755);
  make_file("a/f", 0644, "f");
  int a = (int)NEED_OK(open("a", O_PATH | O_CLOEXEC)), b = (int)NEED_OK(open("b", O_PATH | O_CLOEXEC));
  CHECK_OK(renameat(a, "f", b, "g"));
  CHECK_CONTENT("b/g", "f");
  CHECK_ERR(EBADF, renameat(-1, "g", b, "h"));
  int file = (int)NEED_OK(open("b/g", O_RDONLY | O_CLOEXEC));
  CHECK_ERR(ENOTDIR, renameat(file, "g", b, "h"));
  CHECK_ERR(ENOTDIR, renameat(b, "g", file, "h"));
}

CASE("rename", "a deep tree moves whole", "FS-2") {
  char path[400] = "top";
  make_dir(path, 0755);
  for (int i = 0; i < 40; i++) {
    strcat(path, "/deep");
    make_dir(path, 0755);
  }
  strcat(path, "/leaf");
  make_file(path, 0644, "leaf");
  make_dir("elsewhere", 0755);
  CHECK_OK(rename("top", "elsewhere/top"));
  CHECK(!exists(path));
  char moved[500];
  snprintf(moved, sizeof moved, "elsewhere/%s", path);
  CHECK_CONTENT(moved, "leaf");
}

CASE("rename", "a directory of another owner needs write permission to move its ..", "FS-3") {
  need_root();
  make_owned("a", 0777, U1, G1, true);
  make_owned("a/mine", 0755, U1, G1, true);
  make_owned("a/theirs", 0755, U2, G2, true);
  make_dir("b", 0777);
  AS(U1, G1) {
    CHECK_ERR(EACCES, rename("a/theirs", "b/theirs"));
    CHECK_OK(rename("a/theirs", "a/renamed"));
    CHECK_OK(rename("a/mine", "b/mine"));
  }
}

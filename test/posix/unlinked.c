// Files and directories without a name: what stays possible through an open descriptor.
#include "harness.h"

CASE("unlinked", "an open file outlives its name", "FS-2") {
  char buffer[16] = "";
  int fd = open_new("f");
  NEED_OK(write(fd, "content", 7));
  CHECK_OK(unlink("f"));
  CHECK_EQ(look_fd(fd).st_nlink, 0);
  CHECK_EQ(look_fd(fd).st_size, 7);
  CHECK_EQ(pread(fd, buffer, 16, 0), 7);
  CHECK_STR(buffer, "content");
  CHECK_EQ(pwrite(fd, "CON", 3, 0), 3);
  CHECK_EQ(pwrite(fd, "end", 3, 100000), 3);
  CHECK_EQ(look_fd(fd).st_size, 100003);
  CHECK_OK(ftruncate(fd, 5));
  memset(buffer, 0, sizeof buffer);
  CHECK_EQ(pread(fd, buffer, 16, 0), 5);
  CHECK_STR(buffer, "CONte");
  CHECK_OK(fchmod(fd, 0600));
  CHECK_EQ(look_fd(fd).st_mode & 07777, 0600);
  CHECK_OK(fchown(fd, geteuid(), getegid()));
  struct timespec times[2] = {{10, 1}, {20, 2}};
  CHECK_OK(futimens(fd, times));
  CHECK_EQ(look_fd(fd).st_mtim.tv_sec, 20);
  CHECK_OK(fsync(fd));
  CHECK_OK(fallocate(fd, 0, 0, 4096));
  CHECK(!exists("f"));
}

CASE("unlinked", "a new file of the same name is another file", "FS-2") {
  int fd = open_new("f");
  NEED_OK(write(fd, "old", 3));
  CHECK_OK(unlink("f"));
  make_file("f", 0644, "new");
  CHECK(look("f").st_ino != look_fd(fd).st_ino);
  CHECK_EQ(write(fd, "er", 2), 2);
  CHECK_CONTENT("f", "new");
  CHECK_EQ(look_fd(fd).st_size, 5);
}

CASE("unlinked", "reopened through /proc", "FS-2") {
  char path[64], buffer[8] = "";
  int fd = open_new("f");
  NEED_OK(write(fd, "text", 4));
  NEED_OK(unlink("f"));
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  int again = (int)CHECK_OK(open(path, O_RDWR | O_CLOEXEC));
  CHECK_EQ(read(again, buffer, 8), 4);
  CHECK_STR(buffer, "text");
  CHECK_EQ(pwrite(again, "TEXT", 4, 0), 4);
  CHECK_OK(close(fd));
  CHECK_EQ(pread(again, buffer, 8, 0), 4);
  CHECK_STR(buffer, "TEXT");
  CHECK_ERR(ENOENT, linkat(AT_FDCWD, path, AT_FDCWD, "back", AT_SYMLINK_FOLLOW));
}

CASE("unlinked", "by another process, and many at once", "FS-2") {
  char name[20], buffer[20] = "";
  int fds[100];
  for (int i = 0; i < COUNT(fds); i++) {
    snprintf(name, sizeof name, "f%d", i);
    fds[i] = open_new(name);
    NEED_OK(write(fds[i], name, strlen(name)));
  }
  CHILD {
    for (int i = 0; i < COUNT(fds); i++) {
      snprintf(name, sizeof name, "f%d", i);
      NEED_OK(unlink(name));
    }
  }
  for (int i = 0; i < COUNT(fds); i++) {
    memset(buffer, 0, sizeof buffer);
    snprintf(name, sizeof name, "f%d", i);
    CHECK_EQ(pread(fds[i], buffer, sizeof buffer, 0), (long)strlen(name));
    CHECK_STR(buffer, name);
  }
}

CASE("unlinked", "an open directory which was removed", "FS-2") {
  make_dir("d", 0755);
  int fd = (int)NEED_OK(open("d", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  CHECK_OK(rmdir("d"));
  CHECK_EQ(look_fd(fd).st_nlink, 0);
  CHECK_ERR(ENOENT, mkdirat(fd, "x", 0755));
  CHECK_ERR(ENOENT, openat(fd, "x", O_CREAT | O_RDWR | O_CLOEXEC, 0600));
  make_dir("d", 0755);
  CHECK(look("d").st_ino != look_fd(fd).st_ino || look_fd(fd).st_nlink == 0);
  CHECK_ERR(ENOENT, mkdirat(fd, "x", 0755));
}

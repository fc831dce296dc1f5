// statfs, statvfs, statx and the identity stat reports.
#include "harness.h"

#include <sys/statvfs.h>
#include <sys/vfs.h>

CASE("stat", "statfs is plausible and agrees with statvfs", "FS-2") {
  struct statfs fs, by_fd;
  struct statvfs vfs;
  int fd = open_new("f");
  CHECK_OK(statfs("f", &fs));
  CHECK_OK(fstatfs(fd, &by_fd));
  CHECK_OK(statvfs(".", &vfs));
  CHECK(fs.f_bsize >= 512 && fs.f_bsize <= 1 << 24);
  CHECK(fs.f_bavail <= fs.f_bfree && fs.f_bfree <= fs.f_blocks);
  CHECK(fs.f_ffree <= fs.f_files);
  CHECK(fs.f_blocks > 0);
  CHECK_EQ(fs.f_namelen, 255);
  CHECK_EQ(vfs.f_namemax, 255);
  CHECK(vfs.f_frsize > 0);
  CHECK_EQ(fs.f_type, by_fd.f_type);
  CHECK_EQ(fs.f_blocks, by_fd.f_blocks);
  CHECK_EQ(fs.f_bsize, by_fd.f_bsize);
  CHECK_EQ(vfs.f_blocks, fs.f_blocks);
  CHECK(!(vfs.f_flag & ST_RDONLY));
  CHECK_EQ(pathconf("f", _PC_NAME_MAX), 255);
  CHECK_EQ(fpathconf(fd, _PC_PATH_MAX), 4096);
}

static void statx_agrees(long kind) {
  struct statx x;
  if (kind == CHR || kind == BLK) need_root();
  make_kind((enum kind)kind, "it");
  struct stat at = look("it");
  CHECK_OK(statx(AT_FDCWD, "it", AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME, &x));
  CHECK_EQ(x.stx_mask & STATX_BASIC_STATS, STATX_BASIC_STATS);
  CHECK_EQ(x.stx_mode, at.st_mode);
  CHECK_EQ(x.stx_ino, at.st_ino);
  CHECK_EQ(x.stx_nlink, at.st_nlink);
  CHECK_EQ(x.stx_uid, at.st_uid);
  CHECK_EQ(x.stx_gid, at.st_gid);
  CHECK_EQ(x.stx_size, at.st_size);
  CHECK_EQ(x.stx_blksize, at.st_blksize);
  CHECK_EQ(x.stx_mtime.tv_sec, at.st_mtim.tv_sec);
  CHECK_EQ(x.stx_mtime.tv_nsec, at.st_mtim.tv_nsec);
  CHECK_EQ(x.stx_ctime.tv_nsec, at.st_ctim.tv_nsec);
  if (x.stx_mask & STATX_BTIME) CHECK(x.stx_btime.tv_sec <= at.st_ctim.tv_sec && x.stx_btime.tv_sec > 0);
  CHECK_OK(statx(AT_FDCWD, "it", AT_SYMLINK_NOFOLLOW | AT_STATX_FORCE_SYNC, STATX_SIZE, &x));
  CHECK_EQ(x.stx_size, at.st_size);
  CHECK_OK(statx(AT_FDCWD, "it", AT_SYMLINK_NOFOLLOW | AT_STATX_DONT_SYNC, STATX_MODE, &x));
  CHECK_EQ(x.stx_mode & S_IFMT, at.st_mode & S_IFMT);
}

GENERATE {
  for (long kind = FILE_; kind < KINDS; kind++) add_case("stat", "FS-2", statx_agrees, kind, "statx of a %s", kind_names[kind]);
}

CASE("stat", "the birth time does not move", "FS-2") {
  struct statx before, after;
  make_file("f", 0644, "x");
  NEED_OK(statx(AT_FDCWD, "f", 0, STATX_BTIME, &before));
  if (!(before.stx_mask & STATX_BTIME)) skip("no birth time here");
  tick();
  struct timespec old[2] = {{100, 1}, {100, 1}};
  NEED_OK(utimensat(AT_FDCWD, "f", old, 0));
  NEED_OK(truncate("f", 10));
  NEED_OK(rename("f", "g"));
  CHECK_OK(statx(AT_FDCWD, "g", 0, STATX_BTIME, &after));
  CHECK_EQ(after.stx_btime.tv_sec, before.stx_btime.tv_sec);
  CHECK_EQ(after.stx_btime.tv_nsec, before.stx_btime.tv_nsec);
}

CASE("stat", "statx errors", "FS-3") {
  struct statx x;
  CHECK_ERR(EINVAL, statx(AT_FDCWD, ".", 0x20000000, STATX_SIZE, &x));
  CHECK_ERR(EINVAL, statx(AT_FDCWD, ".", 0, 0x80000000u, &x));
  CHECK_ERR(EBADF, statx(-1, "x", 0, STATX_SIZE, &x));
  CHECK_ERR(ENOENT, statx(AT_FDCWD, "", 0, STATX_SIZE, &x));
  int fd = open_new("f");
  CHECK_OK(statx(fd, "", AT_EMPTY_PATH, STATX_SIZE | STATX_INO, &x));
  CHECK_EQ(x.stx_ino, look("f").st_ino);
  CHECK_ERR(ENOTDIR, statx(fd, "x", 0, STATX_SIZE, &x));
}

CASE("stat", "inode numbers are unique and stable", "FS-2") {
  enum { FILES = 500 };
  static ino_t numbers[FILES];
  char name[20];
  dev_t device = look(".").st_dev;
  for (int i = 0; i < FILES; i++) {
    snprintf(name, sizeof name, "%d", i);
    make_file(name, 0644, "");
    numbers[i] = look(name).st_ino;
  }
  bool same = true, distinct = true, one_device = true;
  for (int i = 0; i < FILES; i++) {
    snprintf(name, sizeof name, "%d", i);
    struct stat at = look(name);
    same &= at.st_ino == numbers[i], one_device &= at.st_dev == device;
    for (int j = 0; j < i; j++) distinct &= numbers[i] != numbers[j];
  }
  CHECK(same);
  CHECK(distinct);
  CHECK(one_device);
  CHECK_OK(rename("7", "seven"));
  CHECK_EQ(look("seven").st_ino, numbers[7]);
  NEED_OK(chmod("seven", 0600));
  CHECK_EQ(look("seven").st_ino, numbers[7]);
}

CASE("stat", "sizes and blocks", "FS-2") {
  static char data[100000];
  fill(data, sizeof data, 1);
  int fd = open_new("f");
  CHECK_EQ(look_fd(fd).st_size, 0);
  NEED_OK(write(fd, data, sizeof data));
  NEED_OK(fsync(fd));
  struct stat at = look_fd(fd);
  CHECK_EQ(at.st_size, 100000);
  CHECK(at.st_blocks * 512 >= 100000);
  CHECK(at.st_blocks * 512 <= 100000 + (1 << 20));
  CHECK(at.st_blksize >= 512);
}

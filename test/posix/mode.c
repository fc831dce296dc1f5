// chmod, chown and the set-id bits: who may change what, and what clears them.
#include "harness.h"

#include <sys/uio.h>

static long by_fchmod(const char *path, mode_t mode) {
  int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  long result = fchmod(fd, mode);
  close(fd);
  return result;
}
static long by_chmod(const char *path, mode_t mode) { return chmod(path, mode); }
static long by_fchmodat(const char *path, mode_t mode) { return fchmodat(AT_FDCWD, path, mode, 0); }

static const struct {
  const char *name;
  long (*run)(const char *, mode_t);
} changers[] = {{"chmod", by_chmod}, {"fchmod", by_fchmod}, {"fchmodat", by_fchmodat}};

static void every_mode(long arg) {
  enum kind kind = (enum kind)(arg / COUNT(changers));
  make_kind(kind, "it");
  mode_t type = look("it").st_mode & S_IFMT;
  for (mode_t mode = 0; mode < 010000; mode += 0111) {
    context("mode %04o", mode);
    if (CHECK_OK(changers[arg % COUNT(changers)].run("it", mode | (geteuid() ? 0600 : 0))) < 0) return;
    CHECK_EQ(look("it").st_mode, type | mode | (geteuid() ? 0600 : 0));
  }
}

GENERATE {
  static const enum kind kinds[] = {FILE_, DIR_, FIFO_};
  for (int k = 0; k < COUNT(kinds); k++) {
    for (long c = 0; c < COUNT(changers); c++) {
      add_case("mode", "FS-2", every_mode, kinds[k] * COUNT(changers) + c, "%s of a %s", changers[c].name, kind_names[kinds[k]]);
    }
  }
}

CASE("mode", "chmod follows a symlink and moves ctime alone", "FS-2") {
  make_file("f", 0644, "x");
  NEED_OK(symlink("f", "l"));
  struct stat before = look("f");
  tick();
  CHECK_OK(chmod("l", 0600));
  struct stat after = look("f");
  CHECK_EQ(after.st_mode & 07777, 0600);
  CHECK(compare_times(after.st_ctim, before.st_ctim) > 0);
  CHECK_EQ(compare_times(after.st_mtim, before.st_mtim), 0);
  CHECK_EQ(look("l").st_mode & 0777, 0777);
}

CASE("mode", "only the owner and root may chmod", "FS-3") {
  need_root();
  make_owned("f", 0666, U1, G1, false);
  make_owned("d", 0777, U1, G1, true);
  AS(U1, G3) CHECK_OK(chmod("f", 0606));
  AS(U2, G1) {
    CHECK_ERR(EPERM, chmod("f", 0600));
    CHECK_ERR(EPERM, chmod("d", 0700));
    CHECK_ERR(EPERM, chmod("f", 0606));
  }
  AS(U3, G3, G1) CHECK_ERR(EPERM, chmod("f", 0600));
  CHECK_EQ(look("f").st_mode & 07777, 0606);
  CHECK_OK(chmod("f", 0640));
}

CASE("mode", "chmod by one outside the group drops the set-gid bit", "FS-2") {
  need_root();
  make_owned("f", 0755, U1, G1, false);
  make_owned("d", 0755, U1, G1, true);
  AS(U1, G2) {
    CHECK_OK(chmod("f", 02755));
    CHECK_EQ(look("f").st_mode & 07777, 0755);
    CHECK_OK(chmod("f", 06755));
    CHECK_EQ(look("f").st_mode & 07777, 04755);
    CHECK_OK(chmod("d", 02755));
    CHECK_EQ(look("d").st_mode & 07777, 0755);
  }
  AS(U1, G2, G1) {
    CHECK_OK(chmod("f", 06755));
    CHECK_EQ(look("f").st_mode & 07777, 06755);
  }
  CHECK_OK(chmod("f", 02755));
  CHECK_EQ(look("f").st_mode & 07777, 02755);
}

static long by_write(const char *p) {
  int fd = (int)NEED_OK(open(p, O_WRONLY | O_CLOEXEC));
  long result = pwrite(fd, "x", 1, 0);
  return close(fd), result;
}
static long by_writev(const char *p) {
  int fd = (int)NEED_OK(open(p, O_WRONLY | O_APPEND | O_CLOEXEC));
  struct iovec part = {"x", 1};
  long result = writev(fd, &part, 1);
  return close(fd), result;
}
static long by_truncate(const char *p) { return truncate(p, 2); }
static long by_ftruncate(const char *p) {
  int fd = (int)NEED_OK(open(p, O_WRONLY | O_CLOEXEC));
  long result = ftruncate(fd, 1);
  return close(fd), result;
}
static long by_open_trunc(const char *p) { return close((int)open(p, O_WRONLY | O_TRUNC | O_CLOEXEC)); }
static long by_fallocate(const char *p) {
  int fd = (int)NEED_OK(open(p, O_WRONLY | O_CLOEXEC));
  long result = fallocate(fd, 0, 0, 8192);
  return close(fd), result;
}
static long by_chown(const char *p) { return chown(p, (uid_t)-1, G2); }
static long by_chown_nothing(const char *p) { return chown(p, (uid_t)-1, (gid_t)-1); }
static long by_read(const char *p) {
  char byte;
  int fd = (int)NEED_OK(open(p, O_RDONLY | O_CLOEXEC));
  long result = read(fd, &byte, 1);
  return close(fd), result;
}
static long by_rename(const char *p) { return rename(p, "moved") < 0 ? -1 : rename("moved", p); }
static long by_link(const char *p) { return link(p, "linked"); }
static long by_times(const char *p) { return utimensat(AT_FDCWD, p, NULL, 0); }

// What an ordinary user's call (the file is theirs) leaves of the set-id bits of 06777 and of 02745 (no group x).
static const struct {
  const char *name;
  long (*run)(const char *);
  bool clears, clears_for_root;
} clearers[] = {
    {"write", by_write, true, false},        {"writev", by_writev, true, false},
    {"truncate", by_truncate, true, false},  {"ftruncate", by_ftruncate, true, false},
    {"open O_TRUNC", by_open_trunc, true, false}, {"fallocate", by_fallocate, true, false},
    {"chown", by_chown, true, true},         {"chown to no one", by_chown_nothing, true, true},
    {"read", by_read, false, false},
    {"rename", by_rename, false, false},     {"link", by_link, false, false},
    {"set times", by_times, false, false},
};

static void clearing(long row) {
  need_root();
  make_owned("f", 06777, U1, G1, false);
  AS(U1, G1, G2) {
    CHECK_OK(clearers[row].run("f"));
    CHECK_EQ(look("f").st_mode & 07777, clearers[row].clears ? 0777 : 06777);
  }
  make_owned("g", 06777, U1, G1, false);
  AS(U1, G1, G2) {
    CHECK_OK(chmod("g", 04700));
    remove("linked");
    CHECK_OK(clearers[row].run("g"));
    CHECK_EQ(look("g").st_mode & 07777, clearers[row].clears ? 0700 : 04700);
  }
  make_owned("r", 06777, U1, G1, false);
  remove("linked");
  CHECK_OK(clearers[row].run("r"));
  CHECK_EQ(look("r").st_mode & 07777, clearers[row].clears_for_root ? 0777 : 06777);
}

static void clearing_by_group(long row) {
  need_root();
  make_owned("f", 06777, U1, G1, false);
  AS(U2, G1) {
    CHECK_OK(clearers[row].run("f"));
    CHECK_EQ(look("f").st_mode & 07777, 0777);
  }
  // A set-gid bit without group execution once meant mandatory locking: a write leaves it for members of the group.
  make_owned("g", 02767, U1, G1, false);
  AS(U2, G1) {
    CHECK_OK(clearers[row].run("g"));
    CHECK_EQ(look("g").st_mode & 07777, 02767);
  }
}

GENERATE {
  for (long row = 0; row < COUNT(clearers); row++) {
    add_case("mode", "FS-2", clearing, row, "set-id bits and %s", clearers[row].name);
    if (row < 6) add_case("mode", "FS-2", clearing_by_group, row, "set-id bits and %s by another user", clearers[row].name);
  }
}

CASE("mode", "a write of nothing keeps the set-id bits", "FS-2") {
  need_root();
  make_owned("f", 06777, U1, G1, false);
  AS(U1, G1) {
    int fd = (int)NEED_OK(open("f", O_WRONLY | O_CLOEXEC));
    CHECK_EQ(write(fd, "", 0), 0);
    CHECK_EQ(look("f").st_mode & 07777, 06777);
  }
}

#define SAME ((unsigned)-1)
static const struct {
  const char *name;
  struct identity who;
  unsigned uid, gid;
  int code;
} ownerships[] = {
    {"owner to own primary group", {U1, G2}, SAME, G2, 0},
    {"owner to a supplementary group", {U1, G1, G2}, SAME, G2, 0},
    {"owner to a foreign group", {U1, G1}, SAME, G3, EPERM},
    {"owner to the same group from outside", {U1, G2}, SAME, G1, 0},
    {"owner to the same owner", {U1, G1}, U1, SAME, 0},
    {"owner gives the file away", {U1, G1}, U2, SAME, EPERM},
    {"owner to root", {U1, G1}, 0, SAME, EPERM},
    {"owner with both unchanged", {U1, G1}, U1, G1, 0},
    {"owner with -1 and -1", {U1, G1}, SAME, SAME, 0},
    {"owner, owner same and group own", {U1, G1, G2}, U1, G2, 0},
    {"other takes the file", {U2, G2}, U2, SAME, EPERM},
    {"other changes to own group", {U2, G2}, SAME, G2, EPERM},
    {"other in the group, group the same", {U2, G1}, SAME, G1, EPERM},
    {"other with the same owner", {U2, G2}, U1, SAME, EPERM},
    {"other with -1 and -1", {U2, G2}, SAME, SAME, 0},
    {"root changes the owner", {0}, U3, SAME, 0},
    {"root changes the group", {0}, SAME, G3, 0},
    {"root changes both", {0}, U3, G3, 0},
    {"root changes nothing", {0}, SAME, SAME, 0},
    {"root to root", {0}, 0, 0, 0},
    {"root to huge ids", {0}, 4000000000u, 4000000001u, 0},
};

static long by_fchown(const char *path, uid_t uid, gid_t gid) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  long result = fchown(fd, uid, gid);
  return close(fd), result;
}
static long by_fchownat(const char *path, uid_t uid, gid_t gid) { return fchownat(AT_FDCWD, path, uid, gid, 0); }

static void ownership(long row) {
  static const struct {
    const char *name;
    long (*run)(const char *, uid_t, gid_t);
  } calls[] = {{"fchown", by_fchown}, {"fchownat", by_fchownat}};
  need_root();
  make_owned("f0", 0666, U1, G1, false);
  make_owned("f1", 0666, U1, G1, false);
  make_owned("d2", 0777, U1, G1, true);
  make_owned("f3", 0666, U1, G1, false);
  NEED_OK(symlink("f3", "l3"));
  NEED_OK(symlink("f3", "l4"));
  NEED_OK(lchown("l4", U1, G1));
  static const char *const paths[] = {"f0", "f1", "d2", "l3", "l4"}, *const changed[] = {"f0", "f1", "d2", "f3", "l4"};
  unsigned uid = ownerships[row].uid, gid = ownerships[row].gid;
  int code = ownerships[row].code;
  for (int i = 0; i < COUNT(paths); i++) {
    context("%s", paths[i]);
    AS(ownerships[row].who.uid, ownerships[row].who.gid, ownerships[row].who.extra) {
      if (i < COUNT(calls)) CHECK_ERR(code, calls[i].run(paths[i], uid, gid));
      else CHECK_ERR(code, i == 4 ? lchown(paths[i], uid, gid) : chown(paths[i], uid, gid));
    }
    struct stat at = look(changed[i]);
    CHECK_EQ(at.st_uid, code || uid == SAME ? U1 : uid);
    CHECK_EQ(at.st_gid, code || gid == SAME ? G1 : gid);
    CHECK_EQ(at.st_mode & 07777, i == 2 || i == 4 ? 0777 : 0666);
  }
}

GENERATE {
  for (long row = 0; row < COUNT(ownerships); row++) add_case("mode", "FS-3", ownership, row, "chown: %s", ownerships[row].name);
}

CASE("mode", "chown moves ctime alone", "FS-2") {
  need_root();
  make_file("f", 0644, "x");
  struct stat before = look("f");
  tick();
  CHECK_OK(chown("f", U1, G1));
  CHECK(compare_times(look("f").st_ctim, before.st_ctim) > 0);
  CHECK_EQ(compare_times(look("f").st_mtim, before.st_mtim), 0);
}

CASE("mode", "chown keeps the set-id bits of a directory", "FS-2") {
  need_root();
  make_owned("d", 06777, U1, G1, true);
  CHECK_OK(chown("d", U2, G2));
  CHECK_EQ(look("d").st_mode & 07777, 06777);
}

CASE("mode", "chown keeps a set-gid bit without group execution", "FS-2") {
  need_root();
  make_owned("f", 06745, U1, G1, false);
  CHECK_OK(chown("f", U2, G2));
  CHECK_EQ(look("f").st_mode & 07777, 02745);
}

CASE("mode", "bad descriptors", "FS-3") {
  CHECK_ERR(EBADF, fchmod(-1, 0600));
  CHECK_ERR(EBADF, fchown(-1, 0, 0));
  make_file("f", 0644, "");
  int fd = (int)NEED_OK(open("f", O_PATH | O_CLOEXEC));
  CHECK_ERR(EBADF, fchmod(fd, 0600));
  CHECK_ERR(EBADF, fchown(fd, geteuid(), getegid()));
  CHECK_ERR(EINVAL, fchownat(AT_FDCWD, "f", 0, 0, 0x8000));
}

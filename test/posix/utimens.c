// Setting times: every value a file system takes, NOW and OMIT, symlinks, and who may.
#include "harness.h"

#include <sys/time.h>

static const struct timespec values[] = {
    {0, 0},           {0, 1},          {1, 999999999},   {1000000000, 123456789}, {1234567890, 987654321}, {-1, 0},
    {-1, 1},          {-86400, 500},   {-2000000000, 7}, {2147483647, 999999999}, {2147483648, 0},         {4000000000, 3},
    {4294967296, 11}, {8000000000, 5}, {1700000000, 0},  {1700000000, 999999999},
};

static void set_values(long arg) {
  make_kind((enum kind)arg, "it");
  for (int i = 0; i < COUNT(values); i++) {
    struct timespec times[2] = {values[i], values[COUNT(values) - 1 - i]};
    context("%lld.%09ld", (long long)times[0].tv_sec, times[0].tv_nsec);
    struct stat before = look("it");
    if (CHECK_OK(utimensat(AT_FDCWD, "it", times, AT_SYMLINK_NOFOLLOW)) < 0) continue;
    struct stat after = look("it");
    CHECK_EQ(after.st_atim.tv_sec, times[0].tv_sec);
    CHECK_EQ(after.st_atim.tv_nsec, times[0].tv_nsec);
    CHECK_EQ(after.st_mtim.tv_sec, times[1].tv_sec);
    CHECK_EQ(after.st_mtim.tv_nsec, times[1].tv_nsec);
    CHECK(compare_times(after.st_ctim, before.st_ctim) >= 0);
  }
}

GENERATE {
  static const enum kind kinds[] = {FILE_, DIR_, LINK, DANGLING, FIFO_, SOCK};
  for (int i = 0; i < COUNT(kinds); i++) {
    add_case("utimens", "FS-2", set_values, kinds[i], "values on a %s", kind_names[kinds[i]]);
  }
}

enum { SET, NOW, OMIT };
static const char *const choice_names[] = {"set", "now", "omit"};
static struct timespec chosen(int choice, time_t seconds) {
  if (choice == NOW) return (struct timespec){0, UTIME_NOW};
  if (choice == OMIT) return (struct timespec){77, UTIME_OMIT};
  return (struct timespec){seconds, 42};
}

static void check_one(int choice, struct timespec got, time_t seconds, struct timespec start) {
  if (choice == SET) CHECK(got.tv_sec == seconds && got.tv_nsec == 42);
  if (choice == OMIT) CHECK(got.tv_sec == 500 && got.tv_nsec == 9);
  if (choice == NOW) CHECK(got.tv_sec >= start.tv_sec - 1);
}

static void choices(long arg) {
  int access_time = (int)arg / 3, modify_time = (int)arg % 3;
  struct timespec start, old[2] = {{500, 9}, {500, 9}};
  clock_gettime(CLOCK_REALTIME, &start);
  for (int by_fd = 0; by_fd < 2; by_fd++) {
    make_file("f", 0644, "x");
    NEED_OK(utimensat(AT_FDCWD, "f", old, 0));
    struct stat before = look("f");
    struct timespec times[2] = {chosen(access_time, 3000), chosen(modify_time, 4000)};
    int fd = (int)NEED_OK(open("f", O_RDONLY | O_CLOEXEC));
    tick();
    CHECK_OK(by_fd ? futimens(fd, times) : utimensat(AT_FDCWD, "f", times, 0));
    struct stat after = look("f");
    check_one(access_time, after.st_atim, 3000, start);
    check_one(modify_time, after.st_mtim, 4000, start);
    bool nothing = access_time == OMIT && modify_time == OMIT;
    CHECK_EQ(compare_times(after.st_ctim, before.st_ctim), nothing ? 0 : 1);
  }
}

GENERATE {
  for (long i = 0; i < 9; i++)
    add_case("utimens", "FS-2", choices, i, "atime %s, mtime %s", choice_names[i / 3], choice_names[i % 3]);
}

// Who may: "set" needs ownership (EPERM), "now" ownership or write permission (EACCES), "omit" nothing.
static const struct {
  const char *name;
  struct identity who;
  mode_t mode;
  int set, now, null, half;  // half: one time now, the other omitted
} rights[] = {
    {"owner, writable", {U1, G1}, 0644, 0, 0, 0, 0},       {"owner, not writable", {U1, G1}, 0444, 0, 0, 0, 0},
    {"group, writable", {U2, G1}, 0664, EPERM, 0, 0, EPERM}, {"group, not writable", {U2, G1}, 0646, EPERM, EACCES, EACCES, EPERM},
    {"others, writable", {U2, G2}, 0646, EPERM, 0, 0, EPERM}, {"others, not writable", {U2, G2}, 0664, EPERM, EACCES, EACCES, EPERM},
    {"root", {0}, 0, 0, 0, 0, 0},
};

static void permission(long row) {
  need_root();
  make_owned("f", rights[row].mode, U1, G1, false);
  struct timespec set[2] = {{1, 1}, {2, 2}}, now[2] = {{0, UTIME_NOW}, {0, UTIME_NOW}};
  struct timespec omit[2] = {{0, UTIME_OMIT}, {0, UTIME_OMIT}}, half[2] = {{0, UTIME_NOW}, {0, UTIME_OMIT}};
  struct timespec set_one[2] = {{0, UTIME_OMIT}, {3, 3}}, mixed[2] = {{0, UTIME_NOW}, {3, 3}};
  AS(rights[row].who.uid, rights[row].who.gid) {
    CHECK_ERR(rights[row].set, utimensat(AT_FDCWD, "f", set, 0));
    CHECK_ERR(rights[row].now, utimensat(AT_FDCWD, "f", now, 0));
    CHECK_ERR(rights[row].null, utimensat(AT_FDCWD, "f", NULL, 0));
    CHECK_ERR(rights[row].null, utimes("f", NULL));
    CHECK_ERR(rights[row].half, utimensat(AT_FDCWD, "f", half, 0));
    CHECK_ERR(rights[row].set, utimensat(AT_FDCWD, "f", set_one, 0));
    CHECK_ERR(rights[row].set, utimensat(AT_FDCWD, "f", mixed, 0));
    CHECK_ERR(0, utimensat(AT_FDCWD, "f", omit, 0));
  }
}

GENERATE {
  for (long row = 0; row < COUNT(rights); row++) add_case("utimens", "FS-3", permission, row, "rights: %s", rights[row].name);
}

CASE("utimens", "invalid nanoseconds", "FS-3") {
  static const long bad[] = {-1, 1000000000, 1999999999};
  make_file("f", 0644, "");
  struct stat before = look("f");
  for (int i = 0; i < COUNT(bad); i++) {
    struct timespec first[2] = {{1, bad[i]}, {1, 0}}, second[2] = {{1, 0}, {1, bad[i]}};
    CHECK_ERR(EINVAL, utimensat(AT_FDCWD, "f", first, 0));
    CHECK_ERR(EINVAL, utimensat(AT_FDCWD, "f", second, 0));
  }
  struct timeval bad_micro[2] = {{1, 1000000}, {1, 0}};
  CHECK_ERR(EINVAL, utimes("f", bad_micro));
  CHECK_EQ(compare_times(look("f").st_mtim, before.st_mtim), 0);
}

CASE("utimens", "a symlink and its target have times of their own", "FS-2") {
  make_file("f", 0644, "");
  NEED_OK(symlink("f", "l"));
  struct timespec one[2] = {{100, 1}, {200, 2}}, two[2] = {{300, 3}, {400, 4}};
  CHECK_OK(utimensat(AT_FDCWD, "l", one, AT_SYMLINK_NOFOLLOW));
  CHECK_OK(utimensat(AT_FDCWD, "l", two, 0));
  CHECK_EQ(look("l").st_mtim.tv_sec, 200);
  CHECK_EQ(look("f").st_mtim.tv_sec, 400);
  CHECK_EQ(look("f").st_atim.tv_nsec, 3);
}

CASE("utimens", "hard links share their times", "FS-2") {
  make_file("a", 0644, "");
  NEED_OK(link("a", "b"));
  struct timespec times[2] = {{100, 1}, {200, 2}};
  CHECK_OK(utimensat(AT_FDCWD, "a", times, 0));
  CHECK_EQ(look("b").st_mtim.tv_sec, 200);
  CHECK_EQ(look("b").st_mtim.tv_nsec, 2);
}

CASE("utimens", "microseconds by utimes and futimes", "FS-2") {
  make_file("f", 0644, "");
  struct timeval times[2] = {{10, 123456}, {20, 654321}};
  CHECK_OK(utimes("f", times));
  CHECK_EQ(look("f").st_atim.tv_nsec, 123456000);
  CHECK_EQ(look("f").st_mtim.tv_nsec, 654321000);
  NEED_OK(symlink("f", "l"));
  times[0].tv_sec = 30;
  CHECK_OK(lutimes("l", times));
  CHECK_EQ(look("l").st_atim.tv_sec, 30);
  CHECK_EQ(look("f").st_atim.tv_sec, 10);
}

// Two mounts of the same data: what one side does, the other sees at once, whatever it had cached.
#include "locks.h"

#include <sys/file.h>
#include <sys/mman.h>
#include <sys/xattr.h>

// Each step changes something through one side; before it, the other side has looked at (and may have cached) everything.
enum { SIDES = 2 };
static int acting;
static const char *here(const char *name) { return acting ? other(name) : name; }
static const char *there(const char *name) { return acting ? name : other(name); }

static void look_at_everything(void) {
  struct stat at;
  static const char *const names[] = {"f", "d", "l", "new", "d/new", "d/f", "full/inner", "gone/x"};
  for (int i = 0; i < COUNT(names); i++) {
    for (int side = 0; side < SIDES; side++) lstat(side ? other(names[i]) : names[i], &at);
  }
  for (int side = 0; side < SIDES; side++) {
    content_of(side ? other("f") : "f");
    DIR *dir = opendir(side ? other("d") : "d");
    while (dir && readdir(dir)) continue;
    if (dir) closedir(dir);
  }
}

static bool lists(const char *path, const char *name) {
  DIR *dir = opendir(path);
  bool found = false;
  for (struct dirent *entry; dir && (entry = readdir(dir));) found |= strcmp(entry->d_name, name) == 0;
  if (dir) closedir(dir);
  return found;
}

static void created(void) {
  CHECK_ERR(ENOENT, access(there("d/new"), F_OK));
  make_file(here("d/new"), 0640, "fresh");
  CHECK_OK(access(there("d/new"), F_OK));
  CHECK_CONTENT(there("d/new"), "fresh");
  CHECK_EQ(look(there("d/new")).st_mode & 07777, 0640);
  CHECK(lists(there("d"), "new"));
}
static void made_directory(void) {
  long before = (long)look(there("d")).st_nlink;
  NEED_OK(mkdir(here("d/new"), 0700));
  CHECK_EQ(look(there("d/new")).st_mode, S_IFDIR | 0700);
  CHECK(lists(there("d"), "new"));
  CHECK_EQ(look(there("d")).st_nlink, before == 1 ? 1 : before + 1);
  NEED_OK(close(open_new(there("d/new/back"))));
  CHECK(exists(here("d/new/back")));
}
static void unlinked(void) {
  NEED_OK(unlink(here("d/f")));
  CHECK_ERR(ENOENT, access(there("d/f"), F_OK));
  CHECK_ERR(ENOENT, open(there("d/f"), O_RDONLY | O_CLOEXEC));
  CHECK(!lists(there("d"), "f"));
  CHECK_OK(rmdir(there("d")));
  CHECK(!exists(here("d")));
}
static void renamed(void) {
  ino_t number = look(there("f")).st_ino;
  NEED_OK(rename(here("f"), here("d/new")));
  CHECK_ERR(ENOENT, access(there("f"), F_OK));
  CHECK_EQ(look(there("d/new")).st_ino, number);
  CHECK_CONTENT(there("d/new"), "content");
  CHECK(lists(there("d"), "new"));
}
static void replaced(void) {
  make_file(here("next"), 0644, "replacement");
  NEED_OK(rename(here("next"), here("f")));
  CHECK_CONTENT(there("f"), "replacement");
  CHECK_EQ(look(there("f")).st_size, 11);
}
static void exchanged(void) {
  NEED_OK(renameat2(AT_FDCWD, here("f"), AT_FDCWD, here("d"), RENAME_EXCHANGE));
  CHECK(S_ISDIR(look(there("f")).st_mode) && S_ISREG(look(there("d")).st_mode));
  CHECK_CONTENT(there("d"), "content");
  CHECK(exists(there("f/f")));
}
static void changed_mode(void) {
  NEED_OK(chmod(here("f"), 0751));
  CHECK_EQ(look(there("f")).st_mode & 07777, 0751);
  NEED_OK(chmod(here("d"), 01700));
  CHECK_EQ(look(there("d")).st_mode & 07777, 01700);
}
static void changed_owner(void) {
  need_root();
  NEED_OK(chown(here("f"), U1, G1));
  CHECK_EQ(look(there("f")).st_uid, U1);
  CHECK_EQ(look(there("f")).st_gid, G1);
}
static void changed_times(void) {
  struct timespec times[2] = {{100, 1}, {200, 2}};
  NEED_OK(utimensat(AT_FDCWD, here("f"), times, 0));
  CHECK_EQ(look(there("f")).st_atim.tv_sec, 100);
  CHECK_EQ(look(there("f")).st_mtim.tv_sec, 200);
  CHECK_EQ(look(there("f")).st_mtim.tv_nsec, 2);
}
static void written(void) {
  int fd = (int)NEED_OK(open(here("f"), O_RDWR | O_CLOEXEC));
  NEED_OK(pwrite(fd, "CON", 3, 0));
  CHECK_CONTENT(there("f"), "CONtent");
  NEED_OK(pwrite(fd, " and more", 9, 7));
  CHECK_EQ(look(there("f")).st_size, 16);
  CHECK_CONTENT(there("f"), "CONtent and more");
  NEED_OK(close(fd));
  CHECK_CONTENT(there("f"), "CONtent and more");
}
static void written_under_open_reader(void) {
  char back[20] = "";
  int reader = (int)NEED_OK(open(there("f"), O_RDONLY | O_CLOEXEC)), writer = (int)NEED_OK(open(here("f"), O_RDWR | O_CLOEXEC));
  CHECK_EQ(pread(reader, back, 19, 0), 7);
  NEED_OK(pwrite(writer, "tnetnoc!", 8, 0));
  CHECK_EQ(look_fd(reader).st_size, 8);
  CHECK_EQ(pread(reader, back, 19, 0), 8);
  CHECK_STR(back, "tnetnoc!");
  NEED_OK(ftruncate(writer, 2));
  CHECK_EQ(pread(reader, back, 19, 0), 2);
  CHECK_EQ(look_fd(reader).st_size, 2);
}
static void truncated(void) {
  NEED_OK(truncate(here("f"), 3));
  CHECK_EQ(look(there("f")).st_size, 3);
  CHECK_CONTENT(there("f"), "con");
  NEED_OK(truncate(here("f"), 100));
  CHECK_EQ(look(there("f")).st_size, 100);
  CHECK_CONTENT(there("f"), "con");
  NEED_OK(close(open(here("f"), O_WRONLY | O_TRUNC | O_CLOEXEC)));
  CHECK_EQ(look(there("f")).st_size, 0);
}
static void appended(void) {
  char expected[200] = "content";
  int a = (int)NEED_OK(open(here("f"), O_WRONLY | O_APPEND | O_CLOEXEC)), b = (int)NEED_OK(open(there("f"), O_WRONLY | O_APPEND | O_CLOEXEC));
  for (int i = 0; i < 20; i++) {
    NEED_OK(write(a, "-a", 2));
    NEED_OK(write(b, "-b", 2));
    strcat(expected, "-a-b");
    CHECK_EQ(look(here("f")).st_size, (long)strlen(expected));
    CHECK_EQ(look(there("f")).st_size, (long)strlen(expected));
  }
  CHECK_CONTENT(here("f"), expected);
  CHECK_CONTENT(there("f"), expected);
}
static void linked(void) {
  NEED_OK(link(here("f"), here("new")));
  CHECK_EQ(look(there("f")).st_nlink, 2);
  CHECK_EQ(look(there("new")).st_ino, look(there("f")).st_ino);
  NEED_OK(unlink(here("f")));
  CHECK_EQ(look(there("new")).st_nlink, 1);
  CHECK_CONTENT(there("new"), "content");
}
static void symlinked(void) {
  NEED_OK(unlink(here("l")));
  NEED_OK(symlink("d", here("l")));
  CHECK_STR(link_of(there("l")), "d");
  CHECK(exists(there("l/f")));
  NEED_OK(symlink("f", here("new")));
  CHECK_CONTENT(there("new"), "content");
}
static void attributes(void) {
  char value[16] = "";
  CHECK_ERR(ENODATA, getxattr(there("f"), "user.two", value, 16));
  NEED_OK(setxattr(here("f"), "user.two", "first", 5, 0));
  CHECK_EQ(getxattr(there("f"), "user.two", value, 16), 5);
  NEED_OK(setxattr(here("f"), "user.two", "second", 6, 0));
  CHECK_EQ(getxattr(there("f"), "user.two", value, 16), 6);
  NEED_OK(removexattr(here("f"), "user.two"));
  CHECK_ERR(ENODATA, getxattr(there("f"), "user.two", value, 16));
}
static void removed_directory(void) {
  NEED_OK(unlink(here("full/inner")));
  NEED_OK(rmdir(here("full")));
  CHECK_ERR(ENOENT, access(there("full"), F_OK));
  CHECK_ERR(ENOENT, mkdir(there("full/x"), 0755));
  make_file(here("full"), 0644, "now a file");
  CHECK_CONTENT(there("full"), "now a file");
  CHECK_ERR(ENOTDIR, access(there("full/inner"), F_OK));
}
static void unlinked_while_open(void) {
  char back[16] = "";
  int fd = (int)NEED_OK(open(there("f"), O_RDWR | O_CLOEXEC));
  NEED_OK(unlink(here("f")));
  CHECK_EQ(look_fd(fd).st_nlink, 0);
  CHECK_EQ(pread(fd, back, 16, 0), 7);
  CHECK_STR(back, "content");
  CHECK_EQ(pwrite(fd, "X", 1, 0), 1);
  make_file(here("f"), 0644, "another");
  CHECK_CONTENT(there("f"), "another");
  CHECK_EQ(pread(fd, back, 16, 0), 7);
  CHECK_STR(back, "Xontent");
}
static void exclusive(void) {
  NEED_OK(close(open(here("new"), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600)));
  CHECK_ERR(EEXIST, open(there("new"), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600));
  CHECK_ERR(EEXIST, mkdir(there("new"), 0755));
  NEED_OK(unlink(there("new")));
  CHECK_OK(mkdir(here("new"), 0755));
}
static void mapped(void) {
  int fd = (int)NEED_OK(open(here("f"), O_RDWR | O_CLOEXEC));
  char *map = mmap(NULL, 7, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  NEED_OK(map == MAP_FAILED ? -1 : 0);
  memcpy(map, "MAP", 3);
  CHECK_OK(msync(map, 7, MS_SYNC));
  CHECK_CONTENT(there("f"), "MAPtent");
  NEED_OK(munmap(map, 7));
  CHECK_CONTENT(there("f"), "MAPtent");
}
static void big_file(void) {
  static char data[1 << 20], back[1 << 20];
  int fd = (int)NEED_OK(open(here("f"), O_RDWR | O_CLOEXEC)), reader = (int)NEED_OK(open(there("f"), O_RDONLY | O_CLOEXEC));
  for (unsigned round = 1; round <= 3; round++) {
    fill(data, sizeof data, round);
    NEED_OK(pwrite(fd, data, sizeof data, 0));
    CHECK_EQ(pread(reader, back, sizeof back, 0), (long)sizeof back);
    CHECK_MEM(back, data, sizeof data);
  }
}
static void holes(void) {
  char back[8];
  int fd = (int)NEED_OK(open(here("f"), O_RDWR | O_CLOEXEC)), reader = (int)NEED_OK(open(there("f"), O_RDONLY | O_CLOEXEC));
  NEED_OK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4));
  CHECK_EQ(pread(reader, back, 8, 0), 7);
  CHECK_MEM(back, "\0\0\0\0ent", 7);
  NEED_OK(fallocate(fd, 0, 0, 1000));
  CHECK_EQ(look_fd(reader).st_size, 1000);
}
static void identity(void) {
  static const char *const names[] = {"f", "d", "l", "d/f"};
  for (int i = 0; i < COUNT(names); i++) {
    struct stat a = look(here(names[i])), b = look(there(names[i]));
    CHECK_EQ(a.st_ino, b.st_ino);
    CHECK_EQ(a.st_mode, b.st_mode);
    CHECK_EQ(a.st_size, b.st_size);
    CHECK_EQ(compare_times(a.st_mtim, b.st_mtim), 0);
    CHECK_EQ(compare_times(a.st_ctim, b.st_ctim), 0);
  }
}
static void whole_locks(void) {
  int a = (int)NEED_OK(open(here("f"), O_RDWR | O_CLOEXEC)), b = (int)NEED_OK(open(there("f"), O_RDWR | O_CLOEXEC));
  NEED_OK(flock(a, LOCK_EX));
  CHECK_ERR(EWOULDBLOCK, flock(b, LOCK_EX | LOCK_NB));
  CHECK_ERR(EWOULDBLOCK, flock(b, LOCK_SH | LOCK_NB));
  NEED_OK(flock(a, LOCK_SH));
  CHECK_OK(flock(b, LOCK_SH | LOCK_NB));
  NEED_OK(flock(b, LOCK_UN));
  NEED_OK(close(a));
  CHECK_OK(flock(b, LOCK_EX | LOCK_NB));
}
static void range_locks(void) {
  NEED_OK(truncate(here("f"), 100));
  int a = (int)NEED_OK(open(here("f"), O_RDWR | O_CLOEXEC));
  NEED_OK(lock_range(a, F_SETLK, F_WRLCK, 10, 10));
  CHILD {
    int b = (int)NEED_OK(open(there("f"), O_RDWR | O_CLOEXEC));
    struct flock seen = probe(b, F_WRLCK, 0, 0);
    CHECK_EQ(seen.l_type, F_WRLCK);
    CHECK_EQ(seen.l_start, 10);
    CHECK_EQ(seen.l_len, 10);
    CHECK_ERR2(EAGAIN, EACCES, lock_range(b, F_SETLK, F_RDLCK, 15, 1));
    CHECK_OK(lock_range(b, F_SETLK, F_WRLCK, 20, 5));
  }
  NEED_OK(lock_range(a, F_SETLK, F_UNLCK, 0, 0));
  CHILD CHECK_OK(lock_range((int)NEED_OK(open(there("f"), O_RDWR | O_CLOEXEC)), F_SETLK, F_WRLCK, 0, 0));
}
static void awaited_lock(void) {
  pid_t pid;
  gate waiting = new_gate();
  int a = (int)NEED_OK(open(here("f"), O_RDWR | O_CLOEXEC));
  NEED_OK(lock_range(a, F_SETLK, F_WRLCK, 0, 0));
  SPAWN(pid) {
    int b = (int)NEED_OK(open(there("f"), O_RDWR | O_CLOEXEC));
    CHECK_ERR2(EAGAIN, EACCES, lock_range(b, F_SETLK, F_WRLCK, 0, 1));
    open_gate(waiting);
    CHECK_OK(lock_range(b, F_SETLKW, F_WRLCK, 0, 1));
  }
  pass_gate(waiting);
  nap(20);
  NEED_OK(lock_range(a, F_SETLK, F_UNLCK, 0, 0));
  CHECK_EQ(join(pid), 0);
}

static const struct {
  const char *name;
  void (*run)(void);
} rows[] = {
    {"create", created},           {"mkdir", made_directory},       {"unlink", unlinked},
    {"rename", renamed},           {"rename over", replaced},       {"exchange", exchanged},
    {"chmod", changed_mode},       {"chown", changed_owner},        {"utimensat", changed_times},
    {"write", written},            {"write under an open reader", written_under_open_reader},
    {"truncate", truncated},       {"append", appended},            {"link", linked},
    {"symlink", symlinked},        {"xattr", attributes},           {"rmdir", removed_directory},
    {"unlink while open", unlinked_while_open}, {"O_EXCL", exclusive}, {"a shared mapping", mapped},
    {"a megabyte rewritten", big_file}, {"holes", holes},           {"identity", identity},
    {"flock", whole_locks},        {"fcntl locks", range_locks},    {"a lock waited for", awaited_lock},
};

static void run(long arg) {
  acting = (int)(arg % SIDES);
  make_file("f", 0644, "content");
  make_dir("d", 0755);
  make_file("d/f", 0644, "inner");
  make_kind(FULL, "full");
  NEED_OK(symlink("f", "l"));
  look_at_everything();
  rows[arg / SIDES].run();
}

GENERATE {
  for (long arg = 0; arg < COUNT(rows) * SIDES; arg++)
    add_case("two", "FS-11", run, arg, "%s on the %s side", rows[arg / SIDES].name, arg % SIDES ? "second" : "first");
}

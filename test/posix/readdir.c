// Reading directories: exactness, types, positions, and change while reading.
#include "harness.h"

static const char *numbered(long i) {
  static char name[40];
  snprintf(name, sizeof name, "entry-%ld", i);
  return name;
}

static void fill_directory(const char *path, long count) {
  make_dir(path, 0755);
  int dir = (int)NEED_OK(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (long i = 0; i < count; i++) NEED_OK(close(openat(dir, numbered(i), O_CREAT | O_WRONLY | O_CLOEXEC, 0644)));
  close(dir);
}

// Reads what is left; counts into seen[] by number; returns how many entries came, the dots and strangers in *rest.
static long read_rest(DIR *dir, unsigned char *seen, long room, long *rest) {
  long count = 0, number;
  errno = 0;
  for (struct dirent *entry; (entry = readdir(dir)); count++) {
    if (sscanf(entry->d_name, "entry-%ld", &number) == 1 && number >= 0 && number < room) seen[number]++;
    else ++*rest;
  }
  CHECK_EQ(errno, 0);
  return count;
}

static void check_once(const unsigned char *seen, long from, long to) {
  long missing = 0, doubled = 0;
  for (long i = from; i < to; i++) missing += seen[i] == 0, doubled += seen[i] > 1;
  CHECK_EQ(missing, 0);
  CHECK_EQ(doubled, 0);
}

static void exact(long count) {
  unsigned char *seen = calloc((size_t)count + 1, 1);
  long rest = 0;
  fill_directory("d", count);
  DIR *dir = opendir("d");
  if (!CHECK(dir != NULL)) return;
  CHECK_EQ(read_rest(dir, seen, count, &rest), count + 2);
  check_once(seen, 0, count);
  CHECK_EQ(rest, 2);
  CHECK(readdir(dir) == NULL);
  memset(seen, 0, (size_t)count);
  rewinddir(dir);
  CHECK_EQ(read_rest(dir, seen, count, &rest), count + 2);
  check_once(seen, 0, count);
  closedir(dir);
}

GENERATE {
  static const long counts[] = {0, 1, 2, 20, 100, 127, 500, 1000, 3000, 8000};
  for (int i = 0; i < COUNT(counts); i++)
    add_case("readdir", counts[i] > 2000 ? "FS-7" : "FS-2", exact, counts[i], "%ld entries, each exactly once", counts[i]);
}

CASE("readdir", "types and inode numbers agree with stat", "FS-2") {
  make_dir("d", 0755);
  static const enum kind kinds[] = {FILE_, DIR_, FULL, LINK, DANGLING, FIFO_, SOCK};
  char path[300];
  for (int i = 0; i < COUNT(kinds); i++) {
    snprintf(path, sizeof path, "d/%s", kind_names[kinds[i]]);
    make_kind(kinds[i], path);
  }
  if (geteuid() == 0) make_kind(CHR, "d/char"), make_kind(BLK, "d/block");
  NEED_OK(link("d/file", "d/hard-link"));
  DIR *dir = opendir("d");
  for (struct dirent *entry; (entry = readdir(dir));) {
    snprintf(path, sizeof path, "d/%s", entry->d_name);
    struct stat at = look(path);
    context("%s", entry->d_name);
    CHECK(entry->d_type == DT_UNKNOWN || entry->d_type == IFTODT(at.st_mode));
    CHECK_EQ(entry->d_ino, at.st_ino);
    CHECK(entry->d_reclen > 0);
  }
  closedir(dir);
}

CASE("readdir", "dot and dot-dot come and are right", "FS-2") {
  make_dir("d", 0755);
  make_dir("d/e", 0755);
  DIR *dir = opendir("d/e");
  int dots = 0;
  for (struct dirent *entry; (entry = readdir(dir)); dots++) {
    CHECK_EQ(entry->d_ino, look(strcmp(entry->d_name, ".") ? "d" : "d/e").st_ino);
    CHECK_EQ(entry->d_type, DT_DIR);
  }
  CHECK_EQ(dots, 2);
  closedir(dir);
}

CASE("readdir", "seekdir returns to what telldir told", "FS-2") {
  enum { ENTRIES = 600 };
  static long places[ENTRIES + 2];
  static char found[ENTRIES + 2][40];
  fill_directory("d", ENTRIES);
  DIR *dir = opendir("d");
  long count = 0;
  for (;;) {
    long place = telldir(dir);
    struct dirent *entry = readdir(dir);
    if (!entry || count == ENTRIES + 2) break;
    places[count] = place;
    snprintf(found[count++], 40, "%s", entry->d_name);
  }
  CHECK_EQ(count, ENTRIES + 2);
  for (long i = 0; i < count; i += 37) {
    seekdir(dir, places[count - 1 - i]);
    struct dirent *entry = readdir(dir);
    CHECK(entry != NULL);
    if (entry) CHECK_STR(entry->d_name, found[count - 1 - i]);
  }
  seekdir(dir, places[10]);
  long rest = 0;
  while (readdir(dir)) rest++;
  CHECK_EQ(rest, count - 10);
  closedir(dir);
}

// What stays throughout is seen exactly once, whatever comes and goes meanwhile.
static void changing(long arg) {
  enum { STAY = 2000, ROOM = 6000 };
  static unsigned char seen[ROOM];
  long rest = 0, number;
  fill_directory("d", STAY * 2);
  DIR *dir = opendir("d");
  int fd = dirfd(dir);
  for (int i = 0; i < 500; i++) {
    struct dirent *entry = readdir(dir);
    if (!entry) break;
    if (sscanf(entry->d_name, "entry-%ld", &number) == 1) seen[number]++;
  }
  for (long i = STAY; i < STAY * 2; i++) {
    if (arg & 1) NEED_OK(unlinkat(fd, numbered(i), 0));
    if (arg & 2) NEED_OK(close(openat(fd, numbered(i + STAY), O_CREAT | O_WRONLY | O_CLOEXEC, 0644)));
    if (arg & 4 && i % 2) {
      char from[40];
      snprintf(from, sizeof from, "%s", numbered(i));
      NEED_OK(renameat(fd, from, fd, numbered(i + STAY)));
    }
  }
  read_rest(dir, seen, ROOM, &rest);
  check_once(seen, 0, STAY);
  CHECK(rest <= 2);
  long doubled = 0;
  for (long i = STAY; i < ROOM; i++) doubled += seen[i] > 1;
  CHECK_EQ(doubled, 0);
  memset(seen, 0, sizeof seen);
  rewinddir(dir);
  rest = 0;
  long left = arg & 1 ? STAY : STAY * 2;
  if (arg & 2) left += STAY;
  CHECK_EQ(read_rest(dir, seen, ROOM, &rest), left + 2);
  closedir(dir);
}

GENERATE {
  add_case("readdir", "FS-2", changing, 1, "entries removed while reading");
  add_case("readdir", "FS-2", changing, 2, "entries added while reading");
  add_case("readdir", "FS-2", changing, 3, "entries removed and added while reading");
  add_case("readdir", "FS-2", changing, 4, "entries renamed while reading");
}

CASE("readdir", "removing each entry as it is read empties the directory", "FS-2") {
  fill_directory("d", 3000);
  DIR *dir = opendir("d");
  long removed = 0;
  for (struct dirent *entry; (entry = readdir(dir));) {
    if (*entry->d_name != '.') NEED_OK(unlinkat(dirfd(dir), entry->d_name, 0)), removed++;
  }
  closedir(dir);
  CHECK_EQ(removed, 3000);
  CHECK_OK(rmdir("d"));
}

CASE("readdir", "rewinddir shows what came since", "FS-2") {
  make_dir("d", 0755);
  DIR *dir = opendir("d");
  int count = 0;
  while (readdir(dir)) count++;
  CHECK_EQ(count, 2);
  make_file("d/new", 0644, "");
  CHECK(readdir(dir) == NULL || count == 2);
  rewinddir(dir);
  bool found = false;
  for (struct dirent *entry; (entry = readdir(dir));) found |= strcmp(entry->d_name, "new") == 0;
  CHECK(found);
  NEED_OK(unlink("d/new"));
  rewinddir(dir);
  for (count = 0; readdir(dir);) count++;
  CHECK_EQ(count, 2);
  closedir(dir);
}

CASE("readdir", "two readers keep their own positions", "FS-2") {
  fill_directory("d", 300);
  static unsigned char seen[2][300];
  DIR *one = opendir("d"), *two = opendir("d");
  long number, rest = 0;
  for (int i = 0; i < 100; i++) {
    struct dirent *entry = readdir(one);
    if (entry && sscanf(entry->d_name, "entry-%ld", &number) == 1) seen[0][number]++;
  }
  CHECK_EQ(read_rest(two, seen[1], 300, &rest), 302);
  read_rest(one, seen[0], 300, &rest);
  check_once(seen[0], 0, 300);
  check_once(seen[1], 0, 300);
  closedir(one);
  closedir(two);
}

CASE("readdir", "names of every length come whole", "FS-6") {
  char name[256], path[260];
  bool seen[256] = {0};
  make_dir("d", 0755);
  for (int length = 1; length <= 255; length++) {
    memset(name, 'a', (size_t)length);
    name[length] = 0;
    snprintf(path, sizeof path, "d/%s", name);
    make_file(path, 0644, "");
  }
  DIR *dir = opendir("d");
  for (struct dirent *entry; (entry = readdir(dir));) {
    size_t length = strlen(entry->d_name);
    if (*entry->d_name == 'a' && strspn(entry->d_name, "a") == length) seen[length] = true;
  }
  closedir(dir);
  for (int length = 1; length <= 255; length++) CHECK(seen[length]);
}

CASE("readdir", "errors", "FS-3") {
  make_file("f", 0644, "");
  CHECK_ERR(ENOTDIR, opendir("f") ? 0 : -1);
  CHECK_ERR(ENOENT, opendir("none") ? 0 : -1);
  int fd = (int)NEED_OK(open("f", O_RDONLY | O_CLOEXEC));
  CHECK_ERR(ENOTDIR, fdopendir(fd) ? 0 : -1);
  CHECK_ERR(EBADF, fdopendir(-1) ? 0 : -1);
  need_root();
  make_owned("locked", 0300, U1, G1, true);
  AS(U1, G1) {
    CHECK_ERR(EACCES, opendir("locked") ? 0 : -1);
    CHECK_OK(mkdir("locked/x", 0755));
  }
}

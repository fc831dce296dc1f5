// Several processes at once: one winner, no lost line, never a missing name.
#include "harness.h"

#include <stdatomic.h>
#include <sys/mman.h>

enum { PROCESSES = 8 };

static atomic_int *shared_counters(void) {
  void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  NEED_OK(at == MAP_FAILED ? -1 : 0);
  return at;
}

static void all_at_once(void (*work)(int number, atomic_int *counters), atomic_int *counters) {
  pid_t pids[PROCESSES];
  for (int i = 0; i < PROCESSES; i++) {
    SPAWN(pids[i]) {
      atomic_fetch_add(&counters[100], 1);
      while (atomic_load(&counters[100]) < PROCESSES) nap(1);
      work(i, counters);
    }
  }
  for (int i = 0; i < PROCESSES; i++) CHECK_EQ(join(pids[i]), 0);
}

static void note(atomic_int *counters, int slot, long result, int allowed) {
  if (result >= 0) atomic_fetch_add(&counters[slot], 1);
  else if (errno != allowed) CHECK_ERR(allowed, result);
}

enum { ROUNDS = 30 };
static const char *round_name(const char *prefix, int round) {
  static char names[4][40];
  static int turn;
  char *name = names[turn++ % 4];
  snprintf(name, 40, "%s-%d", prefix, round);
  return name;
}

static void race_excl(int number UNUSED, atomic_int *counters) {
  for (int i = 0; i < ROUNDS; i++)
    note(counters, i, open(round_name("x", i), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600), EEXIST);
}
static void race_mkdir(int number UNUSED, atomic_int *counters) {
  for (int i = 0; i < ROUNDS; i++) note(counters, i, mkdir(round_name("x", i), 0755), EEXIST);
}
static void race_symlink(int number UNUSED, atomic_int *counters) {
  for (int i = 0; i < ROUNDS; i++) note(counters, i, symlink("to", round_name("x", i)), EEXIST);
}
static void race_mkfifo(int number UNUSED, atomic_int *counters) {
  for (int i = 0; i < ROUNDS; i++) note(counters, i, mkfifo(round_name("x", i), 0600), EEXIST);
}
static void race_link(int number, atomic_int *counters) {
  const char *own = round_name("own", number);
  NEED_OK(close(open_new(own)));
  char name[40];
  snprintf(name, sizeof name, "%s", own);
  for (int i = 0; i < ROUNDS; i++) note(counters, i, link(name, round_name("x", i)), EEXIST);
}
static void race_noreplace(int number, atomic_int *counters) {
  char own[40];
  snprintf(own, sizeof own, "%s", round_name("own", number));
  for (int i = 0; i < ROUNDS; i++) {
    NEED_OK(close(open(own, O_CREAT | O_RDWR | O_CLOEXEC, 0600)));
    note(counters, i, renameat2(AT_FDCWD, own, AT_FDCWD, round_name("x", i), RENAME_NOREPLACE), EEXIST);
  }
}
static void race_unlink(int number UNUSED, atomic_int *counters) {
  for (int i = 0; i < ROUNDS; i++) note(counters, i, unlink(round_name("f", i)), ENOENT);
}
static void race_rmdir(int number UNUSED, atomic_int *counters) {
  for (int i = 0; i < ROUNDS; i++) note(counters, i, rmdir(round_name("d", i)), ENOENT);
}
static void race_rename_away(int number, atomic_int *counters) {
  char own[40];
  for (int i = 0; i < ROUNDS; i++) {
    snprintf(own, sizeof own, "taken-%d-%d", number, i);
    note(counters, i, rename(round_name("f", i), own), ENOENT);
  }
}

static const struct {
  const char *name;
  void (*work)(int, atomic_int *);
} races[] = {{"open O_EXCL", race_excl},      {"mkdir", race_mkdir},   {"symlink", race_symlink}, {"mkfifo", race_mkfifo}, {"link", race_link},
             {"rename NOREPLACE", race_noreplace}, {"unlink", race_unlink}, {"rmdir", race_rmdir}, {"rename away", race_rename_away}};

static void one_winner(long row) {
  for (int i = 0; i < ROUNDS; i++) {
    make_file(round_name("f", i), 0644, "");
    make_dir(round_name("d", i), 0755);
  }
  atomic_int *counters = shared_counters();
  all_at_once(races[row].work, counters);
  for (int i = 0; i < ROUNDS; i++) CHECK_EQ(counters[i], 1);
}

GENERATE {
  for (long row = 0; row < COUNT(races); row++) add_case("concurrent", "FS-2", one_winner, row, "%s by 8 processes has one winner", races[row].name);
}

static void append_lines(int number, atomic_int *counters UNUSED) {
  int fd = (int)NEED_OK(open("log", O_WRONLY | O_APPEND | O_CLOEXEC));
  char line[64];
  for (int i = 0; i < 200; i++) {
    int length = snprintf(line, sizeof line, "process %d line %03d\n", number, i);
    NEED_OK(write(fd, line, (size_t)length) == length ? 0 : -1);
  }
}

CASE("concurrent", "appending by 8 processes loses no line", "FS-2") {
  int seen[PROCESSES] = {0}, number, line;
  bool ordered = true;
  make_file("log", 0644, "");
  all_at_once(append_lines, shared_counters());
  CHECK_EQ(look("log").st_size, PROCESSES * 200 * 19);
  FILE *log = fopen("log", "re");
  while (log && fscanf(log, "process %d line %d\n", &number, &line) == 2) ordered &= seen[number]++ == line;
  CHECK(ordered);
  for (int i = 0; i < PROCESSES; i++) CHECK_EQ(seen[i], 200);
  if (log) fclose(log);
}

static void write_own_part(int number, atomic_int *counters UNUSED) {
  int fd = (int)NEED_OK(open("f", O_RDWR | O_CLOEXEC));
  char part[100];
  memset(part, 'a' + number, sizeof part);
  for (int i = 0; i < 300; i++) NEED_OK(pwrite(fd, part, sizeof part, (i * PROCESSES + number) * 100));
}

CASE("concurrent", "8 writers of neighbouring ranges keep out of each other's bytes", "FS-2") {
  static char all[PROCESSES * 300 * 100];
  make_file("f", 0644, "");
  all_at_once(write_own_part, shared_counters());
  int fd = (int)NEED_OK(open("f", O_RDONLY | O_CLOEXEC));
  CHECK_EQ(read(fd, all, sizeof all), (long)sizeof all);
  long wrong = 0;
  for (size_t i = 0; i < sizeof all; i++) wrong += all[i] != (char)('a' + i / 100 % PROCESSES);
  CHECK_EQ(wrong, 0);
}

static void fill_one_directory(int number, atomic_int *counters UNUSED) {
  char name[40], moved[40];
  for (int i = 0; i < 100; i++) {
    snprintf(name, sizeof name, "d/%d-%d", number, i);
    snprintf(moved, sizeof moved, "d/moved-%d-%d", number, i);
    NEED_OK(close(open_new(name)));
    if (i % 2) NEED_OK(rename(name, moved));
    if (i % 10 == 0) NEED_OK(unlink(name));
  }
}

CASE("concurrent", "8 processes fill one directory", "FS-2") {
  make_dir("d", 0755);
  all_at_once(fill_one_directory, shared_counters());
  DIR *dir = opendir("d");
  long plain = 0, moved = 0;
  for (struct dirent *entry; (entry = readdir(dir));) {
    if (strncmp(entry->d_name, "moved", 5) == 0) moved++;
    else if (*entry->d_name != '.') plain++;
  }
  closedir(dir);
  CHECK_EQ(moved, PROCESSES * 50);
  CHECK_EQ(plain, PROCESSES * 40);
}

static void make_path(int number UNUSED, atomic_int *counters) {
  for (int i = 0; i < 10; i++) {
    char path[80] = "";
    for (int depth = 0; depth < 5; depth++) {
      snprintf(path + strlen(path), 20, "%sp%d-%d", depth ? "/" : "", i, depth);
      note(counters, i, mkdir(path, 0755), EEXIST);
    }
  }
}

CASE("concurrent", "mkdir -p of the same paths by 8 processes", "FS-2") {
  atomic_int *counters = shared_counters();
  all_at_once(make_path, counters);
  for (int i = 0; i < 10; i++) CHECK_EQ(counters[i], 5);
  CHECK(S_ISDIR(look("p9-0/p9-1/p9-2/p9-3/p9-4").st_mode));
}

// While one process keeps replacing the name, others must find it each time, whole, old or new.
static void replaced(long by_exchange) {
  pid_t writer, readers[3];
  atomic_int *counters = shared_counters();
  make_file("it", 0644, "whole content");
  make_file("swap", 0644, "whole content");
  for (int r = 0; r < COUNT(readers); r++) {
    SPAWN(readers[r]) {
      while (!atomic_load(&counters[0])) {
        struct stat at;
        if (stat("it", &at) < 0) atomic_fetch_add(&counters[1], 1);
        else if (at.st_size != 13) atomic_fetch_add(&counters[2], 1);
        int fd = open("it", O_RDONLY | O_CLOEXEC);
        char back[20] = "";
        if (fd < 0) atomic_fetch_add(&counters[1], 1);
        else if (read(fd, back, sizeof back - 1) != 13 || strcmp(back, "whole content")) atomic_fetch_add(&counters[2], 1);
        if (fd >= 0) close(fd);
        atomic_fetch_add(&counters[3], 1);
      }
    }
  }
  SPAWN(writer) {
    for (int i = 0; i < 400 || (atomic_load(&counters[3]) < 100 && i < 20000); i++) {
      if (by_exchange) {
        NEED_OK(renameat2(AT_FDCWD, "swap", AT_FDCWD, "it", RENAME_EXCHANGE));
      } else {
        make_file("next", 0644, "whole content");
        NEED_OK(rename("next", "it"));
      }
    }
  }
  CHECK_EQ(join(writer), 0);
  atomic_store(&counters[0], 1);
  for (int r = 0; r < COUNT(readers); r++) CHECK_EQ(join(readers[r]), 0);
  CHECK_EQ(counters[1], 0);
  CHECK_EQ(counters[2], 0);
  CHECK(counters[3] > 0);
}

GENERATE {
  add_case("concurrent", "FS-2", replaced, 0, "a name which is being replaced is never absent");
  add_case("concurrent", "FS-2", replaced, 1, "a name which is being exchanged is never absent");
}

static void cross_rename(int number, atomic_int *counters UNUSED) {
  for (int i = 0; i < 200; i++) {
    const char *from = (i + number) % 2 ? "a/x" : "b/x", *to = (i + number) % 2 ? "b/x" : "a/x";
    if (rename(from, to) < 0 && errno != ENOENT) CHECK_ERR(ENOENT, -1);
  }
}

CASE("concurrent", "one file renamed to and fro by 8 processes stays one file", "FS-2") {
  make_dir("a", 0755);
  make_dir("b", 0755);
  make_file("a/x", 0644, "one");
  all_at_once(cross_rename, shared_counters());
  CHECK_EQ(exists("a/x") + exists("b/x"), 1);
  CHECK_CONTENT(exists("a/x") ? "a/x" : "b/x", "one");
}

CASE("concurrent", "directories moved into each other never make a loop", "FS-2") {
  make_dir("a", 0755);
  make_dir("b", 0755);
  make_dir("a/d", 0755);
  pid_t pids[2];
  for (int i = 0; i < 2; i++) {
    SPAWN(pids[i]) {
      for (int round = 0; round < 300; round++) {
        long result = i ? rename("a", "b/a") : rename("b", "a/b");
        if (result == 0) NEED_OK(i ? rename("b/a", "a") : rename("a/b", "b"));
        else if (errno != ENOENT && errno != EINVAL && errno != ENOTEMPTY) CHECK_ERR(ENOENT, result);
      }
    }
  }
  for (int i = 0; i < 2; i++) CHECK_EQ(join(pids[i]), 0);
  CHECK(exists("a") && exists("b") && exists("a/d"));
}

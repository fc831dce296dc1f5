/* Measures system calls on a directory: client DIR FILES MIB. One JSON object of name -> figure: microseconds an operation, or MiB/s.
 * A C program, because a runtime's own cost of a call would hide what is measured. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char block[1 << 20];
static int first = 1;

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void report(const char *name, double figure) {
  printf("%s\"%s\":%.3f", first ? "{" : ",", name, figure);
  first = 0;
}

static void need(int good, const char *what) {
  if (good) return;
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  exit(1);
}

static const char *name_of(char kind, int i) {
  static char path[64];
  snprintf(path, sizeof path, "d/%c%d", kind, i);
  return path;
}

static void create(int i) {
  int fd = open(name_of('f', i), O_CREAT | O_EXCL | O_WRONLY, 0644);
  need(fd >= 0 && write(fd, block, 4096) == 4096 && close(fd) == 0, "create");
}
static void stat_one(int i) {
  struct stat st;
  need(stat(name_of('f', i), &st) == 0 && st.st_size >= 4096, "stat");
}
static void stat_none(int i) {
  struct stat st;
  need(stat(name_of('n', i), &st) < 0 && errno == ENOENT, "stat of nothing");
}
static void read_one(int i) {
  int fd = open(name_of('f', i), O_RDONLY);
  need(fd >= 0 && read(fd, block, 8192) >= 4096 && close(fd) == 0, "read");
}
static void append(int i) {
  int fd = open(name_of('f', i), O_WRONLY | O_APPEND);
  need(fd >= 0 && write(fd, block, 100) == 100 && close(fd) == 0, "append");
}
static void make_dir(int i) { need(mkdir(name_of('m', i), 0755) == 0, "mkdir"); }
static void remove_dir(int i) { need(rmdir(name_of('m', i)) == 0, "rmdir"); }
static void rename_one(int i) {
  char from[64];
  strcpy(from, name_of('f', i));
  need(rename(from, name_of('r', i)) == 0, "rename");
}
static void unlink_one(int i) { need(unlink(name_of('r', i)) == 0, "unlink"); }

static void each(const char *name, int count, void (*run)(int)) {
  double start = seconds();
  for (int i = 0; i < count; i++) run(i);
  report(name, (seconds() - start) / count * 1e6);
}

static void list(int count) {
  double start = seconds();
  int seen = 0;
  DIR *dir = opendir("d");
  need(dir != NULL, "opendir");
  for (struct dirent *entry; (entry = readdir(dir)); seen++) {
    struct stat st;
    need(fstatat(dirfd(dir), entry->d_name, &st, 0) == 0, "stat while listing");
  }
  closedir(dir);
  need(seen >= count, "listing");
  report("readdir+stat", (seconds() - start) / seen * 1e6);
}

static void sequential(int mib) {
  int fd = open("big", O_CREAT | O_RDWR | O_TRUNC, 0644);
  double start = seconds();
  for (int i = 0; i < mib; i++) need(write(fd, block, sizeof block) == (ssize_t)sizeof block, "write");
  close(fd);
  report("write MiB/s", mib / (seconds() - start));
  for (int round = 0; round < 2; round++) {
    fd = open("big", O_RDONLY);
    if (round == 0) {
      sync();
      int drop = open("/proc/sys/vm/drop_caches", O_WRONLY);
      if (drop >= 0) need(write(drop, "1", 1) == 1 && close(drop) == 0, "drop_caches");
    }
    start = seconds();
    while (read(fd, block, sizeof block) > 0) continue;
    close(fd);
    report(round == 0 ? "cold read MiB/s" : "warm read MiB/s", mib / (seconds() - start));
  }
}

static void small_writes(int count) {
  int fd = open("log", O_CREAT | O_WRONLY | O_TRUNC, 0644);
  double start = seconds();
  for (int i = 0; i < count; i++) need(write(fd, block, 100) == 100, "write");
  report("write 100 B", (seconds() - start) / count * 1e6);
  close(fd);
}

static void random_access(int count, int mib) {
  int fd = open("big", O_RDWR);
  srand(1);
  double start = seconds();
  for (int i = 0; i < count; i++) need(pread(fd, block, 4096, (off_t)(rand() % (mib * 256)) * 4096) == 4096, "pread");
  report("pread 4k", (seconds() - start) / count * 1e6);
  start = seconds();
  for (int i = 0; i < count; i++) need(pwrite(fd, block, 4096, (off_t)(rand() % (mib * 256)) * 4096) == 4096, "pwrite");
  report("pwrite 4k", (seconds() - start) / count * 1e6);
  close(fd);
}

int main(int argc, char **argv) {
  if (argc != 4) return fprintf(stderr, "client DIR FILES MIB\n"), 2;
  int files = atoi(argv[2]), mib = atoi(argv[3]);
  need(chdir(argv[1]) == 0 && mkdir("d", 0755) == 0, argv[1]);
  memset(block, 'x', sizeof block);
  each("create+write+close", files, create);
  each("stat", files, stat_one);
  each("stat cached", files, stat_one);
  each("stat ENOENT", files, stat_none);
  each("open+read+close", files, read_one);
  each("append+close", files, append);
  list(files);
  each("mkdir", files, make_dir);
  each("rmdir", files, remove_dir);
  each("rename", files, rename_one);
  each("unlink", files, unlink_one);
  for (size_t i = 0; i < sizeof block; i++) block[i] = (char)rand();
  sequential(mib);
  small_writes(20000);
  random_access(5000, mib);
  unlink("big"), unlink("log"), rmdir("d");
  puts("}");
  return 0;
}

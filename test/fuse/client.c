// Makes system calls on a mount as it is told, a line of its standard input each, and prints `ok ...` or the errno's name:
//   open N ro|rw PATH      close N      posix|posixw|ofd N r|w|u START LENGTH      getlk N r|w START LENGTH
//   flock N sh|ex|un nb|wait      alarm MILLISECONDS      list PATH (getdents without stat)      size PATH
//   read N OFFSET LENGTH      write N OFFSET TEXT      map N LENGTH (shared)      peek OFFSET LENGTH      poke OFFSET TEXT
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

static int fds[16];
static char *mapped;

static void answer(long result) {
  if (result < 0) printf("%s\n", strerrorname_np(errno));
  else printf("ok\n");
}

static void text(const char *bytes, long length) {
  if (length < 0) answer(length);
  else printf("ok %.*s\n", (int)length, bytes);
}

static struct flock range(char type, long start, long length) {
  struct flock lock = {.l_whence = SEEK_SET, .l_start = start, .l_len = length};
  lock.l_type = type == 'r' ? F_RDLCK : type == 'w' ? F_WRLCK : F_UNLCK;
  return lock;
}

static void ringing(int number) { (void)number; }

static void ring(long milliseconds) {
  struct sigaction action = {.sa_handler = ringing};
  sigaction(SIGALRM, &action, NULL);
  struct itimerval timer = {.it_value = {milliseconds / 1000, milliseconds % 1000 * 1000}};
  answer(setitimer(ITIMER_REAL, &timer, NULL));
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

// Unlike opendir(3), no fstat: the kernel has no occasion to refresh the attributes of the directory.
static void list(const char *path) {
  static char buffer[1 << 16];
  char *names[4096];
  int count = 0, fd = open(path, O_RDONLY | O_DIRECTORY);
  if (fd < 0) return answer(fd);
  long length;
  while ((length = syscall(SYS_getdents64, fd, buffer, sizeof buffer)) > 0) {
    for (long at = 0; at < length;) {
      uint16_t size;
      memcpy(&size, buffer + at + 16, sizeof size);
      char *name = buffer + at + 19;
      if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0) names[count++] = strdup(name);
      at += size;
    }
  }
  close(fd);
  if (length < 0) return answer(length);
  qsort(names, count, sizeof *names, by_name);
  printf("ok");
  for (int i = 0; i < count; i++) {
    printf(" %s", names[i]);
    free(names[i]);
  }
  printf("\n");
}

static void lock_file(int fd, const char *how, const char *wait) {
  int operation = strcmp(how, "sh") == 0 ? LOCK_SH : strcmp(how, "ex") == 0 ? LOCK_EX : LOCK_UN;
  answer(flock(fd, operation | (strcmp(wait, "nb") == 0 ? LOCK_NB : 0)));
}

static void get_lock(int fd, char type, long start, long length) {
  struct flock lock = range(type, start, length);
  if (fcntl(fd, F_GETLK, &lock) < 0) return answer(-1);
  if (lock.l_type == F_UNLCK) printf("ok free\n");
  else printf("ok %c %ld %ld %d\n", lock.l_type == F_RDLCK ? 'r' : 'w', (long)lock.l_start, (long)lock.l_len, lock.l_pid);
}

static void locking(const char *word, int n, char type, long start, long length) {
  struct flock lock = range(type, start, length);
  int command = strcmp(word, "posix") == 0 ? F_SETLK : strcmp(word, "posixw") == 0 ? F_SETLKW : F_OFD_SETLK;
  answer(fcntl(fds[n], command, &lock));
}

static void run(char *line) {
  char word[16], a[4096], b[4096];
  int n;
  long x, y;
  static char buffer[4096];
  if (sscanf(line, "open %d %15s %4095[^\n]", &n, word, a) == 3) {
    fds[n] = open(a, strcmp(word, "ro") == 0 ? O_RDONLY : O_RDWR | O_CREAT, 0644);
    answer(fds[n]);
  } else if (sscanf(line, "close %d", &n) == 1) answer(close(fds[n]));
  else if (sscanf(line, "getlk %d %1s %ld %ld", &n, a, &x, &y) == 4) get_lock(fds[n], a[0], x, y);
  else if (sscanf(line, "alarm %ld", &x) == 1) ring(x);
  else if (sscanf(line, "list %4095[^\n]", a) == 1) list(a);
  else if (sscanf(line, "flock %d %4095s %4095s", &n, a, b) == 3) lock_file(fds[n], a, b);
  else if (sscanf(line, "read %d %ld %ld", &n, &x, &y) == 3) text(buffer, pread(fds[n], buffer, y, x));
  else if (sscanf(line, "write %d %ld %4095s", &n, &x, a) == 3) answer(pwrite(fds[n], a, strlen(a), x));
  else if (sscanf(line, "map %d %ld", &n, &x) == 2) {
    mapped = mmap(NULL, x, PROT_READ | PROT_WRITE, MAP_SHARED, fds[n], 0);
    answer(mapped == MAP_FAILED ? -1 : 0);
  } else if (sscanf(line, "peek %ld %ld", &x, &y) == 2) text(mapped + x, y);
  else if (sscanf(line, "poke %ld %4095s", &x, a) == 2) {
    memcpy(mapped + x, a, strlen(a));
    answer(0);
  } else if (sscanf(line, "size %4095[^\n]", a) == 1) {
    struct stat found;
    if (stat(a, &found) < 0) answer(-1);
    else printf("ok %ld\n", (long)found.st_size);
  } else if (sscanf(line, "%15s %d %1s %ld %ld", word, &n, a, &x, &y) == 5) locking(word, n, a[0], x, y);
  else printf("what?\n");
  fflush(stdout);
}

int main(void) {
  char line[8192];
  while (fgets(line, sizeof line, stdin)) run(line);
  return 0;
}

// Advisory locks: flock on open file descriptions, fcntl ranges of processes, waiting and being woken.
#include "locks.h"

#include <sys/file.h>

int lock_range(int fd, int command, int type, long from, long length) {
  struct flock range = {.l_type = (short)type, .l_whence = SEEK_SET, .l_start = from, .l_len = length};
  return fcntl(fd, command, &range);
}

struct flock probe(int fd, int type, long from, long length) {
  struct flock range = {.l_type = (short)type, .l_whence = SEEK_SET, .l_start = from, .l_len = length};
  NEED_OK(fcntl(fd, F_GETLK, &range));
  return range;
}

static int open_it(void) { return (int)NEED_OK(open("f", O_RDWR | O_CREAT | O_CLOEXEC, 0644)); }

static void flock_matrix(long arg) {
  static const int kinds[] = {LOCK_SH, LOCK_EX};
  int first = kinds[arg / 2], second = kinds[arg % 2];
  int a = open_it(), b = open_it();
  int expected = first == LOCK_SH && second == LOCK_SH ? 0 : EWOULDBLOCK;
  CHECK_OK(flock(a, first));
  CHECK_ERR(expected, flock(b, second | LOCK_NB));
  CHILD {
    int c = open_it();
    CHECK_ERR(expected, flock(c, second | LOCK_NB));
    CHECK_OK(flock(a, first | LOCK_NB));  // inherited: the same description
  }
  CHECK_OK(flock(a, LOCK_UN));
  CHECK_OK(flock(b, second | LOCK_NB));
  CHECK_ERR(expected, flock(a, first | LOCK_NB));
  CHECK_OK(close(b));
  CHECK_OK(flock(a, first | LOCK_NB));
}

GENERATE {
  static const char *const names[] = {"shared", "exclusive"};
  for (long arg = 0; arg < 4; arg++) add_case("locks", "FS-2", flock_matrix, arg, "flock: %s against %s", names[arg % 2], names[arg / 2]);
}

CASE("locks", "flock: upgrade and downgrade", "FS-2") {
  int a = open_it(), b = open_it();
  CHECK_OK(flock(a, LOCK_SH));
  CHECK_OK(flock(b, LOCK_SH));
  CHECK_ERR(EWOULDBLOCK, flock(a, LOCK_EX | LOCK_NB));
  CHECK_OK(flock(b, LOCK_UN));
  CHECK_OK(flock(a, LOCK_EX | LOCK_NB));
  CHECK_ERR(EWOULDBLOCK, flock(b, LOCK_SH | LOCK_NB));
  CHECK_OK(flock(a, LOCK_SH | LOCK_NB));
  CHECK_OK(flock(b, LOCK_SH | LOCK_NB));
  CHECK_OK(flock(a, LOCK_UN));
  CHECK_OK(flock(a, LOCK_UN));
}

CASE("locks", "flock: goes with the last descriptor of the description", "FS-2") {
  int a = open_it(), twin = (int)NEED_OK(dup(a)), b = open_it();
  CHECK_OK(flock(a, LOCK_EX));
  CHECK_OK(flock(twin, LOCK_EX | LOCK_NB));
  CHECK_OK(close(a));
  CHECK_ERR(EWOULDBLOCK, flock(b, LOCK_EX | LOCK_NB));
  CHECK_OK(close(twin));
  CHECK_OK(flock(b, LOCK_EX | LOCK_NB));
}

CASE("locks", "flock: a descriptor inherited by a child keeps the lock", "FS-2") {
  pid_t pid;
  gate go = new_gate(), ready = new_gate();
  int a = open_it(), b = open_it();
  NEED_OK(flock(a, LOCK_EX));
  SPAWN(pid) {
    open_gate(ready);
    pass_gate(go);
  }
  pass_gate(ready);
  CHECK_OK(close(a));
  CHECK_ERR(EWOULDBLOCK, flock(b, LOCK_EX | LOCK_NB));
  open_gate(go);
  CHECK_EQ(join(pid), 0);
  CHECK_OK(flock(b, LOCK_EX | LOCK_NB));
}

CASE("locks", "flock: a waiter is woken by unlock and by death", "FS-2") {
  for (int by_death = 0; by_death < 2; by_death++) {
    pid_t holder, waiter;
    gate locked = new_gate(), go = new_gate(), waiting = new_gate();
    SPAWN(holder) {
      int fd = open_it();
      NEED_OK(flock(fd, LOCK_EX));
      open_gate(locked);
      pass_gate(go);
      if (by_death) raise(SIGKILL);
      NEED_OK(flock(fd, LOCK_UN));
    }
    pass_gate(locked);
    SPAWN(waiter) {
      int fd = open_it();
      CHECK_ERR(EWOULDBLOCK, flock(fd, LOCK_EX | LOCK_NB));
      open_gate(waiting);
      CHECK_OK(flock(fd, LOCK_EX));
    }
    pass_gate(waiting);
    nap(20);
    open_gate(go);
    CHECK_EQ(join(holder), by_death ? 128 + SIGKILL : 0);
    CHECK_EQ(join(waiter), 0);
  }
}

CASE("locks", "flock: errors and other kinds of files", "FS-3") {
  int fd = open_it(), dir = (int)NEED_OK(open(".", O_RDONLY | O_CLOEXEC)), reader = (int)NEED_OK(open("f", O_RDONLY | O_CLOEXEC));
  CHECK_ERR(EINVAL, flock(fd, 0));
  CHECK_ERR(EINVAL, flock(fd, LOCK_NB));
  CHECK_ERR(EBADF, flock(-1, LOCK_SH));
  CHECK_OK(flock(dir, LOCK_EX | LOCK_NB));
  CHECK_OK(flock(reader, LOCK_EX | LOCK_NB));
  CHECK_ERR(EWOULDBLOCK, flock(fd, LOCK_SH | LOCK_NB));
}

// What a child holds, and what the parent may then take: ranges which touch, overlap and nest; length 0 is "to the end".
static const struct {
  int held;
  long from, length;
  int wanted;
  long at, size;
  bool conflict;
} ranges[] = {
    {F_WRLCK, 0, 0, F_WRLCK, 0, 1, true},          {F_WRLCK, 0, 10, F_WRLCK, 10, 10, false},
    {F_WRLCK, 0, 10, F_WRLCK, 9, 1, true},         {F_WRLCK, 10, 10, F_RDLCK, 0, 10, false},
    {F_WRLCK, 10, 10, F_RDLCK, 0, 11, true},       {F_WRLCK, 10, 10, F_RDLCK, 0, 0, true},
    {F_RDLCK, 0, 0, F_RDLCK, 0, 0, false},         {F_RDLCK, 0, 100, F_WRLCK, 50, 1, true},
    {F_RDLCK, 0, 100, F_WRLCK, 100, 0, false},     {F_WRLCK, 1000, 0, F_WRLCK, 0, 1000, false},
    {F_WRLCK, 1000, 0, F_WRLCK, 1L << 40, 1, true}, {F_WRLCK, 1L << 40, 1, F_WRLCK, 1L << 40, 1, true},
    {F_WRLCK, LONG_MAX, 0, F_WRLCK, 0, 0, true},   {F_WRLCK, 5, 1, F_RDLCK, 4, 1, false},
    {F_WRLCK, 5, 1, F_RDLCK, 6, 1, false},         {F_WRLCK, 5, 1, F_RDLCK, 5, 1, true},
};

static void range_pair(long row) {
  pid_t pid;
  gate ready = new_gate(), go = new_gate();
  int fd = open_it();
  SPAWN(pid) {
    CHECK_OK(lock_range(fd, F_SETLK, ranges[row].held, ranges[row].from, ranges[row].length));
    open_gate(ready);
    pass_gate(go);
  }
  pass_gate(ready);
  struct flock seen = probe(fd, ranges[row].wanted, ranges[row].at, ranges[row].size);
  CHECK_EQ(seen.l_type, ranges[row].conflict ? ranges[row].held : F_UNLCK);
  if (ranges[row].conflict) {
    CHECK_EQ(seen.l_pid, pid);
    CHECK_EQ(seen.l_start, ranges[row].from);
    CHECK_EQ(seen.l_len, ranges[row].from == LONG_MAX && seen.l_len == 1 ? 1 : ranges[row].length);
    CHECK_EQ(seen.l_whence, SEEK_SET);
  }
  long result = lock_range(fd, F_SETLK, ranges[row].wanted, ranges[row].at, ranges[row].size);
  CHECK_ERR2(ranges[row].conflict ? EAGAIN : 0, ranges[row].conflict ? EACCES : 0, result);
  open_gate(go);
  CHECK_EQ(join(pid), 0);
  CHECK_OK(lock_range(fd, F_SETLK, ranges[row].wanted, ranges[row].at, ranges[row].size));
}

GENERATE {
  for (long row = 0; row < COUNT(ranges); row++) {
    add_case("locks", "FS-2", range_pair, row, "fcntl: %s [%ld,+%ld) against [%ld,+%ld)", ranges[row].wanted == F_RDLCK ? "read" : "write",
             ranges[row].at, ranges[row].size, ranges[row].from, ranges[row].length);
  }
}

CASE("locks", "fcntl: ranges split, merge and change type", "FS-2") {
  int fd = open_it();
  CHECK_OK(lock_range(fd, F_SETLK, F_WRLCK, 0, 100));
  CHECK_OK(lock_range(fd, F_SETLK, F_UNLCK, 40, 20));
  CHECK_OK(lock_range(fd, F_SETLK, F_RDLCK, 70, 10));
  static const struct {
    long at;
    int type;
    long start, length;
  } expected[] = {{0, F_WRLCK, 0, 40}, {39, F_WRLCK, 0, 40}, {40, F_UNLCK, 0, 0}, {59, F_UNLCK, 0, 0},
                  {60, F_WRLCK, 60, 10}, {70, F_RDLCK, 70, 10}, {80, F_WRLCK, 80, 20}, {100, F_UNLCK, 0, 0}};
  CHILD {
    for (int i = 0; i < COUNT(expected); i++) {
      struct flock seen = probe(fd, F_WRLCK, expected[i].at, 1);
      context("byte %ld", expected[i].at);
      CHECK_EQ(seen.l_type, expected[i].type);
      if (seen.l_type == F_UNLCK) continue;
      CHECK_EQ(seen.l_start, expected[i].start);
      CHECK_EQ(seen.l_len, expected[i].length);
    }
    CHECK_EQ(probe(fd, F_RDLCK, 70, 10).l_type, F_UNLCK);
  }
  CHECK_OK(lock_range(fd, F_SETLK, F_WRLCK, 40, 40));
  CHILD {
    struct flock seen = probe(fd, F_WRLCK, 0, 0);
    CHECK_EQ(seen.l_start, 0);
    CHECK_EQ(seen.l_len, 100);
  }
  CHECK_OK(lock_range(fd, F_SETLK, F_UNLCK, 0, 0));
  CHILD CHECK_EQ(probe(fd, F_WRLCK, 0, 0).l_type, F_UNLCK);
}

CASE("locks", "fcntl: relative to the position and the end, and negative lengths", "FS-2") {
  int fd = open_it();
  NEED_OK(ftruncate(fd, 100));
  NEED_OK(lseek(fd, 30, SEEK_SET));
  struct flock from_here = {.l_type = F_WRLCK, .l_whence = SEEK_CUR, .l_start = 5, .l_len = 10};
  struct flock from_end = {.l_type = F_WRLCK, .l_whence = SEEK_END, .l_start = -10, .l_len = 5};
  struct flock backwards = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 20, .l_len = -5};
  CHECK_OK(fcntl(fd, F_SETLK, &from_here));
  CHECK_OK(fcntl(fd, F_SETLK, &from_end));
  CHECK_OK(fcntl(fd, F_SETLK, &backwards));
  CHILD {
    CHECK_EQ(probe(fd, F_WRLCK, 35, 1).l_len, 10);
    CHECK_EQ(probe(fd, F_WRLCK, 34, 1).l_type, F_UNLCK);
    CHECK_EQ(probe(fd, F_WRLCK, 92, 1).l_start, 90);
    CHECK_EQ(probe(fd, F_WRLCK, 95, 1).l_type, F_UNLCK);
    CHECK_EQ(probe(fd, F_WRLCK, 19, 1).l_start, 15);
    CHECK_EQ(probe(fd, F_WRLCK, 20, 1).l_type, F_UNLCK);
  }
}

CASE("locks", "fcntl: closing any descriptor of the file drops the locks of the process", "FS-2") {
  int fd = open_it(), second = open_it();
  CHECK_OK(lock_range(fd, F_SETLK, F_WRLCK, 0, 0));
  CHECK_OK(lock_range(second, F_SETLK, F_WRLCK, 0, 0));  // one process never conflicts with itself
  CHILD CHECK_EQ(probe(fd, F_WRLCK, 0, 0).l_type, F_WRLCK);
  CHECK_OK(close(second));
  CHILD CHECK_EQ(probe(fd, F_WRLCK, 0, 0).l_type, F_UNLCK);
}

CASE("locks", "fcntl: not inherited by a child, dropped at its end", "FS-2") {
  int fd = open_it();
  CHILD {
    CHECK_OK(lock_range(fd, F_SETLK, F_WRLCK, 0, 10));
    CHILD CHECK_ERR2(EAGAIN, EACCES, lock_range(fd, F_SETLK, F_WRLCK, 0, 10));
  }
  CHECK_EQ(probe(fd, F_WRLCK, 0, 0).l_type, F_UNLCK);
  CHECK_OK(lock_range(fd, F_SETLK, F_WRLCK, 0, 10));
}

CASE("locks", "fcntl: a waiter is woken by unlock", "FS-2") {
  pid_t pid;
  gate waiting = new_gate();
  int fd = open_it();
  NEED_OK(lock_range(fd, F_SETLK, F_WRLCK, 0, 100));
  SPAWN(pid) {
    CHECK_ERR2(EAGAIN, EACCES, lock_range(fd, F_SETLK, F_RDLCK, 50, 1));
    open_gate(waiting);
    CHECK_OK(lock_range(fd, F_SETLKW, F_RDLCK, 50, 1));
  }
  pass_gate(waiting);
  nap(20);
  CHECK_EQ(waitpid(pid, NULL, WNOHANG), 0);
  CHECK_OK(lock_range(fd, F_SETLK, F_UNLCK, 40, 20));
  CHECK_EQ(join(pid), 0);
}

static void on_alarm(int number UNUSED) {}

static void interrupted(long by_flock) {
  pid_t holder;
  gate locked = new_gate(), go = new_gate();
  SPAWN(holder) {
    int fd = open_it();
    NEED_OK(by_flock ? flock(fd, LOCK_EX) : lock_range(fd, F_SETLK, F_WRLCK, 0, 0));
    open_gate(locked);
    pass_gate(go);
  }
  pass_gate(locked);
  int fd = open_it();
  struct sigaction action = {.sa_handler = on_alarm};
  NEED_OK(sigaction(SIGALRM, &action, NULL));
  timer_t timer;
  struct itimerspec every = {{0, 50000000}, {0, 50000000}};  // repeated, in case the first comes before the wait begins
  NEED_OK(timer_create(CLOCK_MONOTONIC, NULL, &timer));
  NEED_OK(timer_settime(timer, 0, &every, NULL));
  CHECK_ERR(EINTR, by_flock ? flock(fd, LOCK_EX) : lock_range(fd, F_SETLKW, F_WRLCK, 0, 0));
  NEED_OK(timer_delete(timer));
  open_gate(go);
  CHECK_EQ(join(holder), 0);
  CHECK_OK(by_flock ? flock(fd, LOCK_EX | LOCK_NB) : lock_range(fd, F_SETLK, F_WRLCK, 0, 0));
}

GENERATE {
  add_case("locks", "FS-2", interrupted, 0, "fcntl: a wait is interrupted by a signal");
  add_case("locks", "FS-2", interrupted, 1, "flock: a wait is interrupted by a signal");
}

CASE("locks", "fcntl: a deadlock is refused, or broken by a signal", "FS-2") {
  pid_t pid;
  gate ready = new_gate();
  int fd = open_it();
  struct sigaction action = {.sa_handler = on_alarm};
  NEED_OK(lock_range(fd, F_SETLK, F_WRLCK, 0, 1));
  SPAWN(pid) {
    NEED_OK(lock_range(fd, F_SETLK, F_WRLCK, 1, 1));
    open_gate(ready);
    sigaction(SIGALRM, &action, NULL);
    alarm(3);
    if (lock_range(fd, F_SETLKW, F_WRLCK, 0, 1) < 0) CHECK(errno == EDEADLK || errno == EINTR);
  }
  pass_gate(ready);
  nap(50);
  sigaction(SIGALRM, &action, NULL);
  alarm(2);
  if (lock_range(fd, F_SETLKW, F_WRLCK, 1, 1) < 0) CHECK(errno == EDEADLK || errno == EINTR);
  alarm(0);
  CHECK_OK(lock_range(fd, F_SETLK, F_UNLCK, 0, 1));
  CHECK_EQ(join(pid), 0);
}

CASE("locks", "fcntl: errors", "FS-3") {
  int fd = open_it(), reader = (int)NEED_OK(open("f", O_RDONLY | O_CLOEXEC)), writer = (int)NEED_OK(open("f", O_WRONLY | O_CLOEXEC));
  CHECK_ERR(EBADF, lock_range(reader, F_SETLK, F_WRLCK, 0, 1));
  CHECK_ERR(EBADF, lock_range(writer, F_SETLK, F_RDLCK, 0, 1));
  CHECK_ERR(EBADF, lock_range(-1, F_SETLK, F_RDLCK, 0, 1));
  CHECK_ERR(EINVAL, lock_range(fd, F_SETLK, F_WRLCK, -1, 1));
  CHECK_ERR(EINVAL, lock_range(fd, F_SETLK, F_WRLCK, 5, -6));
  CHECK_ERR(EINVAL, lock_range(fd, F_SETLK, 77, 0, 1));
  CHECK_OK(lock_range(fd, F_SETLK, F_UNLCK, 0, 0));
}

CASE("locks", "flock and fcntl do not meet", "FS-2") {
  int fd = open_it();
  CHECK_OK(flock(fd, LOCK_EX));
  CHILD {
    int own = open_it();
    CHECK_OK(lock_range(own, F_SETLK, F_WRLCK, 0, 0));
    CHECK_ERR(EWOULDBLOCK, flock(own, LOCK_EX | LOCK_NB));
  }
}

CASE("locks", "locks do not hinder reading, writing and unlinking", "FS-2") {
  int fd = open_it();
  NEED_OK(flock(fd, LOCK_EX));
  NEED_OK(lock_range(fd, F_SETLK, F_WRLCK, 0, 0));
  CHILD {
    int own = open_it();
    CHECK_EQ(write(own, "free", 4), 4);
    CHECK_OK(ftruncate(own, 2));
    CHECK_OK(rename("f", "g"));
    CHECK_OK(unlink("g"));
  }
  CHECK_EQ(look_fd(fd).st_size, 2);
}

// Random operations on one file against a model in memory; a failure names the seed and the step which shows it again.
#include "harness.h"

#include <sys/mman.h>

enum { LIMIT = 300000, STEPS = 10000, HISTORY = 8 };
static char model[LIMIT], buffer[LIMIT];
static long size;
static int fd;
static uint64_t state;

static long draw(long bound) {
  state ^= state << 13, state ^= state >> 7, state ^= state << 17;
  return bound <= 0 ? 0 : (long)((state >> 11) % (uint64_t)bound);
}

// Offsets and lengths prefer the places where implementations go wrong: near multiples of pages and of 64 KiB.
static long place(long bound) {
  long at = draw(bound), unit = draw(2) ? 4096 : 65536;
  if (draw(3) == 0) at = (at / unit) * unit + draw(3) - 1;
  return at < 0 ? 0 : at > bound ? bound : at;
}
static long span(long at) {
  long most = draw(4) ? 5000 : 70000, length = 1 + draw(most);
  if (draw(4) == 0) length = 4096;
  return at + length > LIMIT ? LIMIT - at : length;
}

static void grow_to(long end) {
  if (end > size) {
    memset(model + size, 0, (size_t)(end - size));
    size = end;
  }
}

typedef bool operation(long at, long length);

static bool do_write(long at, long length) {
  fill(buffer, (size_t)length, (unsigned)state);
  if (length > 0) grow_to(at), grow_to(at + length);
  memcpy(model + at, buffer, (size_t)length);
  return pwrite(fd, buffer, (size_t)length, at) == length;
}
static bool do_read(long at, long length) {
  long expected = at >= size ? 0 : at + length > size ? size - at : length;
  return pread(fd, buffer, (size_t)length, at) == expected && memcmp(buffer, model + at, (size_t)expected) == 0;
}
static bool do_truncate(long at, long length) {
  long to = draw(2) ? at : at + length;
  if (to > size) grow_to(to);
  size = to;
  return (draw(2) ? ftruncate(fd, to) : truncate("f", to)) == 0;
}
static bool do_append(long at UNUSED, long length) {
  if (size + length > LIMIT) return true;
  int append = open("f", O_WRONLY | O_APPEND | O_CLOEXEC);
  fill(buffer, (size_t)length, (unsigned)state);
  memcpy(model + size, buffer, (size_t)length);
  size += length;
  bool ok = write(append, buffer, (size_t)length) == length;
  return close(append) == 0 && ok;
}
static bool do_map(long at, long length, bool store) {
  if (at >= size) return true;
  if (at + length > size) length = size - at;
  long base = at & ~4095L;
  char *map = mmap(NULL, (size_t)(at - base + length), PROT_READ | PROT_WRITE, MAP_SHARED, fd, base);
  if (map == MAP_FAILED) return false;
  bool same = memcmp(map + (at - base), model + at, (size_t)length) == 0;
  if (store) {
    fill(buffer, (size_t)length, (unsigned)state);
    memcpy(map + (at - base), buffer, (size_t)length);
    memcpy(model + at, buffer, (size_t)length);
    if (draw(4) == 0) same &= msync(map, (size_t)(at - base + length), MS_SYNC) == 0;
  }
  return munmap(map, (size_t)(at - base + length)) == 0 && same;
}
static bool do_map_read(long at, long length) { return do_map(at, length, false); }
static bool do_map_write(long at, long length) { return do_map(at, length, true); }
static bool zeroed(int mode, long at, long length, bool grows) {
  if (length == 0) return true;
  if (fallocate(fd, mode, at, length) < 0) return errno == EOPNOTSUPP;
  if (grows) grow_to(at + length);
  long end = at + length < size ? at + length : size;
  if (at < end) memset(model + at, 0, (size_t)(end - at));
  return true;
}
static bool do_punch(long at, long length) { return zeroed(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, length, false); }
static bool do_zero(long at, long length) { return zeroed(FALLOC_FL_ZERO_RANGE, at, length, true); }
static bool do_allocate(long at, long length) {
  if (length == 0) return true;
  bool keep = draw(2);
  if (!keep) grow_to(at + length);
  return fallocate(fd, keep ? FALLOC_FL_KEEP_SIZE : 0, at, length) == 0;
}
static bool do_copy(long at, long length) {
  long to = place(LIMIT - length);
  if (at >= size || labs(at - to) < length) return true;
  if (at + length > size) length = size - at;
  off_t from = at, target = to;
  for (long left = length; left > 0;) {
    ssize_t got = copy_file_range(fd, &from, fd, &target, (size_t)left, 0);
    if (got <= 0) return false;
    left -= got;
  }
  grow_to(to), grow_to(to + length);
  memcpy(model + to, model + at, (size_t)length);
  return true;
}
static bool do_reopen(long at UNUSED, long length UNUSED) {
  bool ok = close(fd) == 0;
  fd = open("f", O_RDWR | O_CLOEXEC);
  return ok && fd >= 0;
}
static bool do_sync(long at, long length UNUSED) { return (at & 1 ? fsync(fd) : fdatasync(fd)) == 0; }
static bool do_check(long at UNUSED, long length UNUSED) {
  struct stat now;
  if (fstat(fd, &now) < 0 || now.st_size != size) return false;
  return pread(fd, buffer, LIMIT, 0) == size && memcmp(buffer, model, (size_t)size) == 0;
}

static const struct {
  const char *name;
  operation *run;
  int weight;
} operations[] = {{"write", do_write, 25},        {"read", do_read, 25},           {"truncate", do_truncate, 6},
                  {"append", do_append, 5},       {"mapped read", do_map_read, 10}, {"mapped write", do_map_write, 10},
                  {"punch hole", do_punch, 5},    {"zero range", do_zero, 4},      {"allocate", do_allocate, 3},
                  {"copy range", do_copy, 5},     {"reopen", do_reopen, 3},        {"sync", do_sync, 1},
                  {"whole check", do_check, 2}};

static void run(long seed) {
  static char history[HISTORY][80];
  int total = 0;
  state = (uint64_t)seed * 0x9e3779b97f4a7c15u + 1;
  for (int i = 0; i < COUNT(operations); i++) total += operations[i].weight;
  fd = open_new("f");
  for (int step = 0; step < STEPS; step++) {
    long pick = draw(total), at = place(LIMIT), length = span(at);
    int which = 0;
    while (pick >= operations[which].weight) pick -= operations[which++].weight;
    snprintf(history[step % HISTORY], 80, "%s at %ld, %ld bytes (size %ld)", operations[which].name, at, length, size);
    if (operations[which].run(at, length)) continue;
    fail(__FILE__, __LINE__, "seed %ld, step %d: %s failed (%s)", seed, step, history[step % HISTORY], errno_name(errno));
    for (int back = 1; back < HISTORY && back <= step; back++)
      fail(__FILE__, __LINE__, "  before it: %s", history[(step - back) % HISTORY]);
    return;
  }
  CHECK(do_check(0, 0));
  CHECK_OK(fsync(fd));
  CHECK_OK(close(fd));
  fd = (int)NEED_OK(open("f", O_RDWR | O_CLOEXEC));
  CHECK(do_check(0, 0));
}

GENERATE {
  for (long seed = 1; seed <= 8; seed++) add_case("random", "FS-2", run, seed, "10,000 operations on a file, seed %ld", seed);
}

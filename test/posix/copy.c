// Copying inside the kernel: copy_file_range, sendfile and splice.
#include "harness.h"

#include <sys/sendfile.h>

enum { SIZE = 300000 };
static char source[SIZE], model[SIZE * 3], back[SIZE * 3];

static int new_source(const char *path) {
  fill(source, SIZE, 11);
  int fd = open_new(path);
  NEED_OK(pwrite(fd, source, SIZE, 0));
  return fd;
}

static long copy_all(int in, off_t from, int out, off_t to, size_t length) {
  long total = 0;
  while (length > 0) {
    ssize_t got = copy_file_range(in, &from, out, &to, length, 0);
    if (got < 0) return -1;
    if (got == 0) break;
    total += got, length -= (size_t)got;
  }
  return total;
}

static const struct {
  const char *name;
  long from, to, length;
} ranges[] = {
    {"whole", 0, 0, SIZE},                {"a byte", 5, 9, 1},           {"unaligned", 1, 4095, 100001},
    {"aligned", 4096, 65536, 131072},     {"over the end", SIZE - 10, 0, 100}, {"at the end", SIZE, 0, 100},
    {"beyond the end", SIZE + 1000, 0, 10}, {"nothing", 0, 0, 0},        {"to a far offset", 0, SIZE + 5000, 1000},
    {"huge length", 100, 0, 1L << 40},    {"to 128 KiB", 131072, 131072, 131072}, {"across blocks", 131000, 262100, 5000},
};

static void between(long row) {
  int in = new_source("in"), out = open_new("out");
  long from = ranges[row].from, to = ranges[row].to, length = ranges[row].length;
  long expected = from >= SIZE ? 0 : length < SIZE - from ? length : SIZE - from;
  for (int prefilled = 0; prefilled < 2; prefilled++) {
    context(prefilled ? "over content" : "into an empty file");
    memset(model, 0, sizeof model);
    long size = prefilled ? SIZE : 0;
    if (prefilled) fill(model, SIZE, 12);
    NEED_OK(ftruncate(out, 0));
    NEED_OK(pwrite(out, model, (size_t)size, 0));
    CHECK_EQ(copy_all(in, from, out, to, (size_t)length), expected);
    if (expected) memcpy(model + to, source + from, (size_t)expected);
    if (expected && to + expected > size) size = to + expected;
    CHECK_EQ(look_fd(out).st_size, size);
    CHECK_EQ(pread(out, back, sizeof back, 0), size);
    CHECK_MEM(back, model, (size_t)size);
  }
  CHECK_EQ(pread(in, back, sizeof back, 0), SIZE);
  CHECK_MEM(back, source, SIZE);
}

static void within(long row) {
  static const long moves[][3] = {{0, SIZE, 1000}, {0, 150000, 100000}, {200000, 0, 65536}, {1, 100001, 99999}, {131072, 0, 131072}};
  int fd = new_source("f");
  memcpy(model, source, SIZE);
  long from = moves[row][0], to = moves[row][1], length = moves[row][2];
  CHECK_EQ(copy_all(fd, from, fd, to, (size_t)length), length);
  memcpy(model + to, source + from, (size_t)length);
  long size = to + length > SIZE ? to + length : SIZE;
  CHECK_EQ(look_fd(fd).st_size, size);
  CHECK_EQ(pread(fd, back, sizeof back, 0), size);
  CHECK_MEM(back, model, (size_t)size);
}

GENERATE {
  for (long row = 0; row < COUNT(ranges); row++) add_case("copy", "FS-2", between, row, "copy_file_range: %s", ranges[row].name);
  for (long row = 0; row < 5; row++) add_case("copy", "FS-2", within, row, "copy_file_range within a file %ld", row);
}

CASE("copy", "copy_file_range moves positions where it is given no offsets", "FS-2") {
  int in = new_source("in"), out = open_new("out");
  NEED_OK(lseek(in, 100, SEEK_SET));
  NEED_OK(lseek(out, 50, SEEK_SET));
  CHECK_EQ(copy_file_range(in, NULL, out, NULL, 1000, 0), 1000);
  CHECK_EQ(lseek(in, 0, SEEK_CUR), 1100);
  CHECK_EQ(lseek(out, 0, SEEK_CUR), 1050);
  off_t from = 7;
  CHECK_EQ(copy_file_range(in, &from, out, NULL, 10, 0), 10);
  CHECK_EQ(from, 17);
  CHECK_EQ(lseek(in, 0, SEEK_CUR), 1100);
  CHECK_EQ(lseek(out, 0, SEEK_CUR), 1060);
  CHECK_EQ(pread(out, back, 2000, 0), 1060);
  CHECK_MEM(back + 50, source + 100, 1000);
  CHECK_MEM(back + 1050, source + 7, 10);
}

CASE("copy", "copy_file_range errors", "FS-3") {
  int in = new_source("in"), out = open_new("out");
  int writer = (int)NEED_OK(open("in", O_WRONLY | O_CLOEXEC)), reader = (int)NEED_OK(open("out", O_RDONLY | O_CLOEXEC));
  int append = (int)NEED_OK(open("out", O_WRONLY | O_APPEND | O_CLOEXEC)), dir = (int)NEED_OK(open(".", O_RDONLY | O_CLOEXEC));
  off_t from = 0, to = 0;
  CHECK_ERR(EBADF, copy_file_range(writer, &from, out, &to, 10, 0));
  CHECK_ERR(EBADF, copy_file_range(in, &from, reader, &to, 10, 0));
  CHECK_ERR(EBADF, copy_file_range(in, &from, append, &to, 10, 0));
  CHECK_ERR(EBADF, copy_file_range(-1, &from, out, &to, 10, 0));
  CHECK_ERR(EISDIR, copy_file_range(dir, &from, out, &to, 10, 0));
  CHECK_ERR(EINVAL, copy_file_range(in, &from, out, &to, 10, 1));
  to = 5;
  CHECK_ERR(EINVAL, copy_file_range(in, &from, in, &to, 10, 0));
  CHECK_ERR(EINVAL, copy_file_range(in, &from, writer, &to, 10, 0));
  from = -1;
  CHECK_ERR2(EINVAL, EOVERFLOW, copy_file_range(in, &from, out, &to, 10, 0));
  CHECK_EQ(look_fd(out).st_size, 0);
}

CASE("copy", "the copy is of its own", "FS-2") {
  int in = new_source("in"), out = open_new("out");
  CHECK_EQ(copy_all(in, 0, out, 0, SIZE), SIZE);
  CHECK_EQ(pwrite(in, "changed", 7, 1000), 7);
  CHECK_EQ(pread(out, back, SIZE, 0), SIZE);
  CHECK_MEM(back, source, SIZE);
  CHECK_EQ(pwrite(out, "other", 5, 2000), 5);
  CHECK_EQ(pread(in, back, SIZE, 0), SIZE);
  CHECK_MEM(back + 2000, source + 2000, 5);
  CHECK_OK(ftruncate(in, 0));
  CHECK_EQ(look_fd(out).st_size, SIZE);
}

CASE("copy", "sendfile from and to files", "FS-2") {
  int in = new_source("in"), out = open_new("out");
  off_t offset = 1000;
  long total = 0;
  for (ssize_t got; (got = sendfile(out, in, &offset, SIZE)) > 0;) total += got;
  CHECK_EQ(total, SIZE - 1000);
  CHECK_EQ(offset, SIZE);
  CHECK_EQ(lseek(in, 0, SEEK_CUR), 0);
  CHECK_EQ(lseek(out, 0, SEEK_CUR), SIZE - 1000);
  CHECK_EQ(pread(out, back, SIZE, 0), SIZE - 1000);
  CHECK_MEM(back, source + 1000, SIZE - 1000);
}

CASE("copy", "splice through a pipe", "FS-2") {
  int in = new_source("in"), out = open_new("out"), ends[2];
  NEED_OK(pipe(ends));
  loff_t from = 0, to = 0;
  while (from < SIZE) {
    ssize_t got = splice(in, &from, ends[1], NULL, 65536, 0);
    if (got <= 0) break;
    for (ssize_t left = got; left > 0;) {
      ssize_t put = splice(ends[0], NULL, out, &to, (size_t)left, 0);
      if (CHECK_OK(put) <= 0) return;
      left -= put;
    }
  }
  CHECK_EQ(from, SIZE);
  CHECK_EQ(to, SIZE);
  CHECK_EQ(pread(out, back, sizeof back, 0), SIZE);
  CHECK_MEM(back, source, SIZE);
}

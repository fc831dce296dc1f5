// The size of files and the holes in them: truncate, fallocate, SEEK_HOLE and SEEK_DATA, and far offsets.
#include "traits.h"

#include <sys/resource.h>

static const long sizes[] = {0, 1, 100, 4095, 4096, 4097, 65536, 131071, 131072, 131073, 1048576, 1500000};

static bool all_zero(int fd, long from, long to) {
  static char chunk[65536];
  for (long at = from; at < to;) {
    long want = to - at < (long)sizeof chunk ? to - at : (long)sizeof chunk, got = pread(fd, chunk, (size_t)want, at);
    if (got <= 0) return false;
    for (long i = 0; i < got; i++) {
      if (chunk[i]) return false;
    }
    at += got;
  }
  return true;
}

static void truncate_from(long from) {
  char *data = malloc((size_t)from + 1), *back = malloc((size_t)from + 1);
  fill(data, (size_t)from, 5);
  for (int i = 0; i < COUNT(sizes); i++) {
    for (int by_fd = 0; by_fd < 2; by_fd++) {
      context("to %ld", sizes[i]);
      int fd = (int)NEED_OK(open("f", O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0644));
      NEED_OK(pwrite(fd, data, (size_t)from, 0));
      CHECK_OK(by_fd ? ftruncate(fd, sizes[i]) : truncate("f", sizes[i]));
      long kept = from < sizes[i] ? from : sizes[i];
      CHECK_EQ(look("f").st_size, sizes[i]);
      CHECK_EQ(look_fd(fd).st_size, sizes[i]);
      CHECK_EQ(pread(fd, back, (size_t)kept, 0), kept);
      CHECK_MEM(back, data, (size_t)kept);
      CHECK(all_zero(fd, kept, sizes[i]));
      // What was cut off does not come back.
      CHECK_OK(ftruncate(fd, from + 5000));
      CHECK(all_zero(fd, kept, from + 5000));
      close(fd);
    }
  }
}

GENERATE {
  for (int i = 0; i < COUNT(sizes); i++) add_case("truncate", "FS-2", truncate_from, sizes[i], "from %ld to every size", sizes[i]);
}

CASE("truncate", "errors", "FS-3") {
  make_file("f", 0644, "content");
  make_dir("d", 0755);
  CHECK_ERR(EINVAL, truncate("f", -1));
  int fd = (int)NEED_OK(open("f", O_RDWR | O_CLOEXEC)), reader = (int)NEED_OK(open("f", O_RDONLY | O_CLOEXEC));
  CHECK_ERR(EINVAL, ftruncate(fd, -1));
  CHECK_ERR(EINVAL, ftruncate(reader, 1));
  CHECK_ERR(EBADF, ftruncate(-1, 1));
  CHECK_ERR(EISDIR, truncate("d", 0));
  NEED_OK(mkfifo("p", 0644));
  CHECK_ERR(EINVAL, truncate("p", 0));
  CHECK_OK(truncate("f", 7));
  CHECK_CONTENT("f", "content");
}

CASE("truncate", "the largest size is taken whole or refused with EFBIG", "FS-3") {
  make_file("f", 0644, "content");
  long result = truncate("f", LONG_MAX);
  CHECK_ERR2(EFBIG, has_trait(ANY_SIZE) ? 0 : EFBIG, result);
  CHECK_EQ(look("f").st_size, result == 0 ? LONG_MAX : 7);
}

CASE("truncate", "a position beyond the new end stays", "FS-2") {
  char back[8];
  int fd = open_new("f");
  NEED_OK(write(fd, "0123456789", 10));
  CHECK_OK(ftruncate(fd, 3));
  CHECK_EQ(lseek(fd, 0, SEEK_CUR), 10);
  CHECK_EQ(read(fd, back, 1), 0);
  CHECK_EQ(write(fd, "x", 1), 1);
  CHECK_EQ(look_fd(fd).st_size, 11);
  CHECK_EQ(pread(fd, back, 8, 3), 8);
  CHECK_MEM(back, "\0\0\0\0\0\0\0x", 8);
}

CASE("truncate", "RLIMIT_FSIZE", "FS-3") {
  signal(SIGXFSZ, SIG_IGN);
  CHILD {
    struct rlimit limit = {10000, 10000};
    NEED_OK(setrlimit(RLIMIT_FSIZE, &limit));
    int fd = open_new("f");
    char data[20000] = {1};
    CHECK_EQ(write(fd, data, sizeof data), 10000);
    CHECK_ERR(EFBIG, write(fd, data, 1));
    CHECK_ERR(EFBIG, ftruncate(fd, 10001));
    CHECK_ERR(EFBIG, truncate("f", 20000));
    CHECK_OK(ftruncate(fd, 10000));
    CHECK_EQ(look("f").st_size, 10000);
  }
}

CASE("truncate", "far offsets stay sparse", "FS-7") {
  static const long far[] = {1L << 31, (1L << 32) + 1, 100L << 30, 1L << 40, (15L << 40) + 12345};
  char back[8];
  int fd = open_new("f");
  for (int i = 0; i < COUNT(far); i++) {
    context("%ld", far[i]);
    CHECK_EQ(pwrite(fd, "far", 3, far[i]), 3);
    CHECK_EQ(look_fd(fd).st_size, far[i] + 3);
    CHECK_EQ(pread(fd, back, 8, far[i] - 2), 5);
    CHECK_MEM(back, "\0\0far", 5);
    CHECK(look_fd(fd).st_blocks < 20000);
    CHECK_OK(ftruncate(fd, far[i] + 4096));
    CHECK_EQ(pread(fd, back, 8, far[i] + 4090), 6);
    CHECK_MEM(back, "\0\0\0\0\0\0", 6);
  }
  CHECK_OK(ftruncate(fd, 1));
  CHECK_EQ(look_fd(fd).st_size, 1);
}

CASE("truncate", "blocks grow with data and shrink with truncate", "FS-2") {
  static char data[1 << 20];
  fill(data, sizeof data, 1);
  int fd = open_new("f");
  CHECK_EQ(look_fd(fd).st_blocks, 0);
  NEED_OK(write(fd, data, sizeof data));
  NEED_OK(fsync(fd));
  CHECK(look_fd(fd).st_blocks > 0);
  CHECK_OK(ftruncate(fd, 0));
  NEED_OK(fsync(fd));
  CHECK_EQ(look_fd(fd).st_blocks, 0);
}

// ---- fallocate ----

enum { SIZE = 100000 };
static const struct {
  const char *name;
  int mode;
  bool zeroes, optional;
} modes[] = {
    {"default", 0, false, false},
    {"KEEP_SIZE", FALLOC_FL_KEEP_SIZE, false, false},
    {"PUNCH_HOLE", FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, true, false},
    {"ZERO_RANGE", FALLOC_FL_ZERO_RANGE, true, true},
    {"ZERO_RANGE|KEEP_SIZE", FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, true, true},
};

static void allocate(long row) {
  static const long ranges[][2] = {{0, 1},         {0, 4096},      {1, 4095},      {4095, 2},     {4096, 8192},      {5000, 60000},
                                   {0, SIZE},      {SIZE - 1, 1},  {SIZE - 5, 10}, {SIZE, 1},     {SIZE + 1000, 50}, {0, SIZE * 2},
                                   {50000, SIZE},  {65536, 65536}, {32768, 1}};
  static char data[SIZE * 3], back[SIZE * 3];
  for (int i = 0; i < COUNT(ranges); i++) {
    long from = ranges[i][0], to = from + ranges[i][1];
    context("[%ld, %ld)", from, to);
    memset(data, 0, sizeof data);
    fill(data, SIZE, 9);
    int fd = (int)NEED_OK(open("f", O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0644));
    NEED_OK(pwrite(fd, data, SIZE, 0));
    if (fallocate(fd, modes[row].mode, from, to - from) < 0) {
      CHECK_ERR(modes[row].optional ? EOPNOTSUPP : 0, -1);
      return;
    }
    long size = modes[row].mode & FALLOC_FL_KEEP_SIZE || to < SIZE ? SIZE : to;
    if (modes[row].zeroes) memset(data + from, 0, (size_t)(to - from));
    CHECK_EQ(look_fd(fd).st_size, size);
    CHECK_EQ(pread(fd, back, sizeof back, 0), size);
    CHECK_MEM(back, data, (size_t)size);
    close(fd);
    CHECK_EQ(look("f").st_size, size);
  }
}

GENERATE {
  for (long row = 0; row < COUNT(modes); row++) add_case("fallocate", "FS-2", allocate, row, "%s over many ranges", modes[row].name);
}

CASE("fallocate", "collapsing and inserting work or are refused cleanly", "FS-2") {
  static const int rare[] = {FALLOC_FL_COLLAPSE_RANGE, FALLOC_FL_INSERT_RANGE, FALLOC_FL_UNSHARE_RANGE};
  static char data[65536];
  for (int i = 0; i < COUNT(rare); i++) {
    int fd = (int)NEED_OK(open("f", O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0644));
    fill(data, sizeof data, 2);
    NEED_OK(write(fd, data, sizeof data));
    long result = fallocate(fd, rare[i], 4096, 8192), size = look_fd(fd).st_size;
    CHECK_ERR(result == 0 ? 0 : EOPNOTSUPP, result);
    CHECK_EQ(size, result || i == 2 ? 65536 : i == 0 ? 57344 : 73728);
    close(fd);
  }
}

CASE("fallocate", "errors", "FS-3") {
  int fd = open_new("f"), ends[2];
  int reader = (int)NEED_OK(open("f", O_RDONLY | O_CLOEXEC)), dir = (int)NEED_OK(open(".", O_RDONLY | O_CLOEXEC));
  CHECK_ERR(EINVAL, fallocate(fd, 0, -1, 10));
  CHECK_ERR(EINVAL, fallocate(fd, 0, 0, 0));
  CHECK_ERR(EINVAL, fallocate(fd, 0, 0, -1));
  CHECK_ERR2(EFBIG, ENOSPC, fallocate(fd, 0, LONG_MAX - 5, 100));
  CHECK_ERR2(EOPNOTSUPP, EINVAL, fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 10));
  CHECK_ERR2(EOPNOTSUPP, EINVAL, fallocate(fd, 0x40000000, 0, 10));
  CHECK_ERR(EBADF, fallocate(reader, 0, 0, 10));
  CHECK_ERR(EBADF, fallocate(-1, 0, 0, 10));
  CHECK_ERR2(EBADF, EISDIR, fallocate(dir, 0, 0, 10));
  NEED_OK(pipe(ends));
  CHECK_ERR(ESPIPE, fallocate(ends[1], 0, 0, 10));
  CHECK_EQ(posix_fallocate(fd, 0, 12345), 0);
  CHECK_EQ(look_fd(fd).st_size, 12345);
  CHECK_EQ(posix_fallocate(fd, -1, 1), EINVAL);
  CHECK_EQ(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
  CHECK_EQ(posix_fadvise(fd, 0, 0, POSIX_FADV_WILLNEED), 0);
}

// ---- holes ----

CASE("holes", "an empty file and the ends", "FS-2") {
  int fd = open_new("f");
  CHECK_ERR(ENXIO, lseek(fd, 0, SEEK_DATA));
  CHECK_ERR(ENXIO, lseek(fd, 0, SEEK_HOLE));
  NEED_OK(write(fd, "data", 4));
  CHECK_EQ(lseek(fd, 0, SEEK_DATA), 0);
  CHECK_EQ(lseek(fd, 2, SEEK_DATA), 2);
  CHECK_EQ(lseek(fd, 0, SEEK_HOLE), 4);
  CHECK_EQ(lseek(fd, 3, SEEK_HOLE), 4);
  CHECK_ERR(ENXIO, lseek(fd, 4, SEEK_DATA));
  CHECK_ERR(ENXIO, lseek(fd, 4, SEEK_HOLE));
  CHECK_ERR(ENXIO, lseek(fd, -1, SEEK_DATA));
  CHECK_ERR(ENXIO, lseek(fd, 1000, SEEK_HOLE));
}

// A file system may report no hole but the one at the end; what it calls a hole must read as zeros, and all data be found.
static void map_of_holes(long step) {
  static char data[4096], block[4096];
  fill(data, sizeof data, 4);
  int fd = open_new("f");
  for (long i = 0; i < 8; i++) NEED_OK(pwrite(fd, data, sizeof data, i * step));
  NEED_OK(ftruncate(fd, 9 * step));
  long end = 9 * step, at = 0, data_bytes = 0;
  for (int rounds = 0; rounds < 100 && at < end; rounds++) {
    long start = lseek(fd, at, SEEK_DATA);
    if (start < 0) {
      CHECK_ERR(ENXIO, start);
      CHECK(all_zero(fd, at, at + 65536 < end ? at + 65536 : end));
      break;
    }
    CHECK(start >= at);
    if (start > at) CHECK(all_zero(fd, at, start < at + 65536 ? start : at + 65536));
    long stop = lseek(fd, start, SEEK_HOLE);
    if (!CHECK(stop > start && stop <= end)) return;
    data_bytes += stop - start;
    at = stop;
  }
  CHECK(data_bytes >= 8 * 4096);
  for (long i = 0; i < 8; i++) {
    CHECK_EQ(lseek(fd, i * step + 100, SEEK_DATA), i * step + 100);
    CHECK_EQ(pread(fd, block, sizeof block, i * step), 4096);
    CHECK_MEM(block, data, sizeof block);
  }
}

GENERATE {
  static const long steps[] = {4096, 8192, 65536, 131072, 1 << 20, 1L << 32};
  for (int i = 0; i < COUNT(steps); i++) add_case("holes", "FS-2", map_of_holes, steps[i], "data every %ld bytes", steps[i]);
}

CASE("holes", "the position follows", "FS-2") {
  int fd = open_new("f");
  NEED_OK(pwrite(fd, "x", 1, 1 << 20));
  long data = CHECK_OK(lseek(fd, 0, SEEK_DATA));
  CHECK_EQ(lseek(fd, 0, SEEK_CUR), data);
  CHECK(data <= 1 << 20);
  long hole = CHECK_OK(lseek(fd, 1 << 20, SEEK_HOLE));
  CHECK_EQ(hole, (1 << 20) + 1);
  CHECK_EQ(lseek(fd, 0, SEEK_CUR), hole);
}

// read, write and their kin: positions, offsets, vectors, appending, boundaries of pages and blocks.
#include "harness.h"

#include <sys/uio.h>

static const long sizes[] = {0, 1, 2, 511, 512, 513, 4095, 4096, 4097, 8191, 8192, 65535, 65536, 65537, 131072, 131073, 1048576, 1048577, 3000000};
static const long offsets[] = {0, 1, 4095, 4096, 4097, 65535, 131072, 1000003, 4294967295, 4294967296, 1099511627776};

static void round_trip(long size) {
  char *data = malloc((size_t)size + 1), *back = malloc((size_t)size + 16);
  fill(data, (size_t)size, (unsigned)size);
  for (int i = 0; i < COUNT(offsets); i++) {
    context("at offset %ld", offsets[i]);
    int fd = open_new("f");
    CHECK_EQ(pwrite(fd, data, (size_t)size, offsets[i]), size);
    CHECK_EQ(look_fd(fd).st_size, size ? offsets[i] + size : 0);
    CHECK_EQ(pread(fd, back, (size_t)size + 10, offsets[i]), size);
    CHECK_MEM(back, data, (size_t)size);
    CHECK_EQ(pread(fd, back, 10, offsets[i] + size), 0);
    CHECK_OK(close(fd));
    fd = (int)NEED_OK(open("f", O_RDONLY | O_CLOEXEC));
    CHECK_EQ(pread(fd, back, (size_t)size + 10, offsets[i]), size);
    CHECK_MEM(back, data, (size_t)size);
    char before[16] = {0}, zero[16] = {0};
    long gap = offsets[i] < 16 ? offsets[i] : 16;
    if (size && gap) CHECK_EQ(pread(fd, before, (size_t)gap, offsets[i] - gap), gap);
    CHECK_MEM(before, zero, 16);
    NEED_OK(close(fd));
    NEED_OK(unlink("f"));
  }
}

static void sequential(long piece) {
  enum { TOTAL = 200000 };
  static char data[TOTAL], back[TOTAL];
  fill(data, TOTAL, 7);
  int fd = open_new("f");
  for (long at = 0; at < TOTAL; at += piece) NEED_OK(write(fd, data + at, (size_t)(TOTAL - at < piece ? TOTAL - at : piece)));
  CHECK_EQ(lseek(fd, 0, SEEK_CUR), TOTAL);
  CHECK_EQ(look_fd(fd).st_size, TOTAL);
  CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
  long got = 0, step;
  while ((step = read(fd, back + got, (size_t)(TOTAL - got < piece ? TOTAL - got : piece))) > 0) got += step;
  CHECK_EQ(got, TOTAL);
  CHECK_MEM(back, data, TOTAL);
  CHECK_EQ(read(fd, back, 1), 0);
  // Overwriting every second piece leaves the others.
  for (long at = 0; at + piece <= TOTAL; at += 2 * piece) {
    memset(data + at, 'Z', (size_t)piece);
    NEED_OK(pwrite(fd, data + at, (size_t)piece, at));
  }
  CHECK_EQ(pread(fd, back, TOTAL, 0), TOTAL);
  CHECK_MEM(back, data, TOTAL);
}

GENERATE {
  static const long pieces[] = {97, 512, 1000, 4096, 5000, 65536, 99999};
  for (int i = 0; i < COUNT(sizes); i++) add_case("io", "FS-2", round_trip, sizes[i], "%ld bytes at many offsets", sizes[i]);
  for (int i = 0; i < COUNT(pieces); i++) add_case("io", "FS-2", sequential, pieces[i], "sequential pieces of %ld", pieces[i]);
}

CASE("io", "the position moves with read and write, not with pread and pwrite", "FS-2") {
  char buffer[16];
  int fd = open_new("f");
  CHECK_EQ(write(fd, "0123456789", 10), 10);
  CHECK_EQ(lseek(fd, 0, SEEK_CUR), 10);
  CHECK_EQ(pwrite(fd, "xx", 2, 2), 2);
  CHECK_EQ(lseek(fd, 0, SEEK_CUR), 10);
  CHECK_EQ(lseek(fd, -4, SEEK_CUR), 6);
  CHECK_EQ(read(fd, buffer, 2), 2);
  CHECK_EQ(lseek(fd, 0, SEEK_CUR), 8);
  CHECK_EQ(pread(fd, buffer, 5, 0), 5);
  CHECK_EQ(lseek(fd, 0, SEEK_CUR), 8);
  CHECK_EQ(lseek(fd, 5, SEEK_END), 15);
  CHECK_EQ(read(fd, buffer, 5), 0);
  CHECK_EQ(look_fd(fd).st_size, 10);
  CHECK_EQ(write(fd, "!", 1), 1);
  CHECK_EQ(look_fd(fd).st_size, 16);
  CHECK_CONTENT("f", "01xx456789");
  CHECK_EQ(pread(fd, buffer, 16, 0), 16);
  CHECK_MEM(buffer, "01xx456789\0\0\0\0\0!", 16);
}

CASE("io", "lseek and its errors", "FS-3") {
  int fd = open_new("f"), ends[2];
  NEED_OK(ftruncate(fd, 100));
  CHECK_ERR(EINVAL, lseek(fd, -1, SEEK_SET));
  CHECK_ERR(EINVAL, lseek(fd, -101, SEEK_END));
  CHECK_ERR(EINVAL, lseek(fd, 0, 99));
  CHECK_EQ(lseek(fd, -100, SEEK_END), 0);
  CHECK_EQ(lseek(fd, 1L << 40, SEEK_SET), 1L << 40);
  CHECK_EQ(look_fd(fd).st_size, 100);
  NEED_OK(pipe(ends));
  CHECK_ERR(ESPIPE, lseek(ends[0], 0, SEEK_SET));
  CHECK_ERR(EBADF, lseek(-1, 0, SEEK_SET));
}

CASE("io", "bad arguments", "FS-3") {
  char buffer[4];
  // volatile: gcc would otherwise refuse to compile calls it can tell are wrong
  void *volatile nowhere = (void *)(uintptr_t)16;
  volatile int minus = -1, too_many = 1025;
  int fd = open_new("f");
  NEED_OK(write(fd, "text", 4));
  CHECK_ERR(EINVAL, pread(fd, buffer, 4, -1));
  CHECK_ERR(EINVAL, pwrite(fd, buffer, 4, -1));
  CHECK_ERR(EBADF, read(-1, buffer, 4));
  CHECK_ERR(EBADF, write(-1, buffer, 4));
  CHECK_ERR(EFAULT, pread(fd, nowhere, 4, 0));
  CHECK_ERR(EFAULT, pwrite(fd, nowhere, 4, 0));
  struct iovec negative[2] = {{buffer, SIZE_MAX}, {buffer, 2}};
  CHECK_ERR(EINVAL, readv(fd, negative, 2));
  CHECK_ERR(EINVAL, writev(fd, negative, minus));
  CHECK_ERR(EINVAL, writev(fd, negative, too_many));
  CHECK_EQ(writev(fd, negative, 0), 0);
  CHECK_CONTENT("f", "text");
}

CASE("io", "vectors scatter and gather", "FS-2") {
  char a[4] = "", b[8] = "", c[16] = "";
  int fd = open_new("f");
  struct iovec out[] = {{"one", 3}, {"", 0}, {"two", 3}, {"three", 5}};
  CHECK_EQ(writev(fd, out, 4), 11);
  CHECK_EQ(pwritev(fd, out, 3, 20), 6);
  CHECK_EQ(lseek(fd, 0, SEEK_CUR), 11);
  CHECK_EQ(look_fd(fd).st_size, 26);
  struct iovec in[] = {{a, 3}, {b, 3}, {c, 15}};
  CHECK_EQ(preadv(fd, in, 3, 0), 21);
  CHECK_MEM(a, "one", 3);
  CHECK_MEM(b, "two", 3);
  CHECK_MEM(c, "three\0\0\0\0\0\0\0\0\0o", 15);
  CHECK_EQ(preadv(fd, in, 3, 22), 4);
  CHECK_MEM(a, "etw", 3);
  CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
  CHECK_EQ(readv(fd, in, 2), 6);
  CHECK_EQ(preadv2(fd, in, 2, 0, 0), 6);
  CHECK_EQ(pwritev2(fd, out, 1, 0, RWF_DSYNC), 3);
  struct iovec many[1024];
  for (int i = 0; i < COUNT(many); i++) many[i] = (struct iovec){"m", 1};
  CHECK_EQ(pwritev(fd, many, 1024, 0), 1024);
  CHECK_EQ(look_fd(fd).st_size, 1024);
}

// ---- appending ----

CASE("append", "every write goes to the end", "FS-2") {
  make_file("f", 0644, "start");
  int fd = (int)NEED_OK(open("f", O_RDWR | O_APPEND | O_CLOEXEC)), plain = (int)NEED_OK(open("f", O_RDWR | O_CLOEXEC));
  char byte;
  CHECK_EQ(lseek(fd, 0, SEEK_CUR), 0);
  CHECK_EQ(write(fd, "-a", 2), 2);
  CHECK_EQ(lseek(fd, 0, SEEK_CUR), 7);
  CHECK_EQ(lseek(fd, 1, SEEK_SET), 1);
  CHECK_EQ(read(fd, &byte, 1), 1);
  CHECK_EQ(byte, 't');
  CHECK_EQ(write(fd, "-b", 2), 2);
  CHECK_EQ(pwrite(plain, "-c", 2, 9), 2);
  CHECK_EQ(write(fd, "-d", 2), 2);
  CHECK_CONTENT("f", "start-a-b-c-d");
  CHECK_OK(ftruncate(plain, 3));
  CHECK_EQ(write(fd, "!", 1), 1);
  CHECK_CONTENT("f", "sta!");
}

CASE("append", "pwrite on Linux appends too", "FS-2") {
  make_file("f", 0644, "12345");
  int fd = (int)NEED_OK(open("f", O_WRONLY | O_APPEND | O_CLOEXEC));
  CHECK_EQ(pwrite(fd, "xy", 2, 0), 2);
  CHECK_CONTENT("f", "12345xy");
  CHECK_EQ(lseek(fd, 0, SEEK_CUR), 0);
}

CASE("append", "the flag can be set and cleared later", "FS-2") {
  make_file("f", 0644, "12345");
  int fd = (int)NEED_OK(open("f", O_WRONLY | O_CLOEXEC));
  CHECK_OK(fcntl(fd, F_SETFL, O_APPEND));
  CHECK(fcntl(fd, F_GETFL) & O_APPEND);
  CHECK_EQ(write(fd, "6", 1), 1);
  CHECK_OK(fcntl(fd, F_SETFL, 0));
  CHECK_EQ(pwrite(fd, "X", 1, 0), 1);
  CHECK_CONTENT("f", "X23456");
}

CASE("append", "two descriptors take turns", "FS-2") {
  int a = (int)NEED_OK(open("f", O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0644)), b = (int)NEED_OK(open("f", O_WRONLY | O_APPEND | O_CLOEXEC));
  char expected[401] = "";
  for (int i = 0; i < 100; i++) {
    NEED_OK(write(a, "aa", 2));
    NEED_OK(write(b, "bb", 2));
    strcat(expected, "aabb");
  }
  CHECK_CONTENT("f", expected);
}

CASE("append", "after growth by truncate", "FS-2") {
  int fd = (int)NEED_OK(open("f", O_CREAT | O_RDWR | O_APPEND | O_CLOEXEC, 0644));
  CHECK_OK(ftruncate(fd, 10000));
  CHECK_EQ(write(fd, "end", 3), 3);
  CHECK_EQ(look_fd(fd).st_size, 10003);
  char back[5];
  CHECK_EQ(pread(fd, back, 5, 9998), 5);
  CHECK_MEM(back, "\0\0end", 5);
}

// ---- shared positions, synchronising, direct ----

CASE("descriptors", "dup and fork share the position and the flags", "FS-2") {
  int fd = open_new("f"), twin = (int)NEED_OK(dup(fd));
  CHECK_EQ(write(fd, "abc", 3), 3);
  CHECK_EQ(lseek(twin, 0, SEEK_CUR), 3);
  CHILD CHECK_EQ(write(fd, "def", 3), 3);
  CHECK_EQ(lseek(fd, 0, SEEK_CUR), 6);
  CHECK_OK(fcntl(twin, F_SETFL, O_APPEND));
  CHECK(fcntl(fd, F_GETFL) & O_APPEND);
  int fresh = (int)NEED_OK(open("f", O_RDONLY | O_CLOEXEC));
  CHECK_EQ(lseek(fresh, 0, SEEK_CUR), 0);
  CHECK_OK(close(fd));
  CHECK_EQ(write(twin, "g", 1), 1);
  CHECK_CONTENT("f", "abcdefg");
}

CASE("descriptors", "synchronising calls succeed", "FS-4") {
  int fd = open_new("f"), dir = (int)NEED_OK(open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  CHECK_OK(fsync(fd));
  for (int i = 0; i < 3; i++) {
    NEED_OK(write(fd, "data", 4));
    CHECK_OK(fsync(fd));
    CHECK_OK(fdatasync(fd));
    CHECK_OK(sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER));
  }
  CHECK_OK(syncfs(fd));
  CHECK_OK(fsync(dir));
  CHECK_OK(fdatasync(dir));
  CHECK_OK(syncfs(dir));
  CHECK_OK(unlink("f"));
  CHECK_OK(fsync(fd));
  CHECK_OK(fsync(dir));
  CHECK_ERR(EBADF, fsync(-1));
  CHECK_ERR(EBADF, fdatasync(-1));
  int ends[2];
  NEED_OK(pipe(ends));
  CHECK_ERR(EINVAL, fsync(ends[0]));
}

static void synchronous(long flags) {
  int fd = (int)NEED_OK(open("f", O_CREAT | O_RDWR | (int)flags | O_CLOEXEC, 0644));
  for (int i = 0; i < 10; i++) CHECK_EQ(write(fd, "0123456789", 10), 10);
  CHECK_EQ(look("f").st_size, 100);
  CHECK_EQ((fcntl(fd, F_GETFL) & flags), flags);
  char back[100];
  CHECK_EQ(pread(fd, back, 100, 0), 100);
  CHECK_MEM(back + 90, "0123456789", 10);
}

GENERATE {
  add_case("descriptors", "FS-4", synchronous, O_SYNC, "O_SYNC writes");
  add_case("descriptors", "FS-4", synchronous, O_DSYNC, "O_DSYNC writes");
  add_case("descriptors", "FS-4", synchronous, O_SYNC | O_APPEND, "O_SYNC|O_APPEND writes");
}

CASE("descriptors", "O_DIRECT works, or is refused with EINVAL", "FS-2") {
  char *block = aligned_alloc(4096, 16384), *back = aligned_alloc(4096, 16384);
  fill(block, 16384, 3);
  int fd = open("f", O_CREAT | O_RDWR | O_DIRECT | O_CLOEXEC, 0644);
  if (fd < 0) {
    CHECK_ERR(EINVAL, fd);
    return;
  }
  CHECK_EQ(pwrite(fd, block, 16384, 0), 16384);
  CHECK_EQ(pread(fd, back, 16384, 0), 16384);
  CHECK_MEM(back, block, 16384);
  int plain = (int)NEED_OK(open("f", O_RDWR | O_CLOEXEC));
  CHECK_EQ(pread(plain, back, 16384, 0), 16384);
  CHECK_MEM(back, block, 16384);
  CHECK_EQ(pwrite(plain, "buffered", 8, 4096), 8);
  CHECK_EQ(pread(fd, back, 4096, 4096), 4096);
  CHECK_MEM(back, "buffered", 8);
  memset(block, 'D', 4096);
  CHECK_EQ(pwrite(fd, block, 4096, 8192), 4096);
  CHECK_EQ(pread(plain, back, 4096, 8192), 4096);
  CHECK_MEM(back, block, 4096);
  CHECK_EQ(pread(fd, back, 4096, 16384), 0);
}

CASE("descriptors", "a lost descriptor does not lose the data", "FS-5") {
  CHILD {
    int fd = open_new("f");
    NEED_OK(write(fd, "written", 7));
    kill(getpid(), 0);
  }
  CHECK_CONTENT("f", "written");
  pid_t pid;
  SPAWN(pid) {
    int fd = open_new("g");
    NEED_OK(write(fd, "written", 7));
    raise(SIGKILL);
  }
  CHECK_EQ(join(pid), 128 + SIGKILL);
  CHECK_CONTENT("g", "written");
}

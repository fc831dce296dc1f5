// mmap: shared, private and read-only mappings beside read and write, in one process and between two.
#include "traits.h"

#include <sys/mman.h>

enum { PAGE = 4096, SIZE = PAGE * 8 };
static char data[SIZE], back[SIZE];

static int new_file(const char *path) {
  fill(data, SIZE, 21);
  int fd = open_new(path);
  NEED_OK(pwrite(fd, data, SIZE, 0));
  return fd;
}

static char *map(int fd, int protection, int flags) {
  char *at = mmap(NULL, SIZE, protection, flags, fd, 0);
  NEED_OK(at == MAP_FAILED ? -1 : 0);
  return at;
}

static void reading(long arg) {
  int fd = new_file("f");
  NEED_OK(close(fd));
  fd = (int)NEED_OK(open("f", (arg & 1 ? O_RDONLY : O_RDWR) | O_CLOEXEC));
  char *at = map(fd, PROT_READ, arg & 2 ? MAP_PRIVATE : MAP_SHARED);
  CHECK_MEM(at, data, SIZE);
  CHECK_OK(close(fd));
  CHECK_MEM(at, data, SIZE);
  CHECK_OK(unlink("f"));
  CHECK_MEM(at, data, SIZE);
  CHECK_OK(munmap(at, SIZE));
}

// The access a mapping asks for against the access its descriptor has.
static void protection(long arg) {
  static const int modes[] = {O_RDONLY, O_WRONLY, O_RDWR};
  static const int protections[] = {PROT_READ, PROT_WRITE, PROT_READ | PROT_WRITE, PROT_NONE};
  NEED_OK(close(new_file("f")));
  int fd = (int)NEED_OK(open("f", modes[arg] | O_CLOEXEC));
  for (int shared = 0; shared < 2; shared++) {
    for (int i = 0; i < COUNT(protections); i++) {
      bool refused = modes[arg] == O_WRONLY || (shared && modes[arg] == O_RDONLY && protections[i] & PROT_WRITE);
      void *at = mmap(NULL, SIZE, protections[i], shared ? MAP_SHARED : MAP_PRIVATE, fd, 0);
      context("%s, protection %d", shared ? "shared" : "private", protections[i]);
      CHECK_ERR(refused ? EACCES : 0, at == MAP_FAILED ? -1 : 0);
      if (at == MAP_FAILED) continue;
      bool upgrade = !(shared && modes[arg] == O_RDONLY);
      CHECK_ERR(upgrade ? 0 : EACCES, mprotect(at, SIZE, PROT_READ | PROT_WRITE));
      munmap(at, SIZE);
    }
  }
}

GENERATE {
  static const char *const names[] = {"O_RDONLY", "O_WRONLY", "O_RDWR"};
  static const char *const reads[] = {"shared of O_RDWR", "shared of O_RDONLY", "private of O_RDWR", "private of O_RDONLY"};
  for (long i = 0; i < 4; i++) add_case("mmap", "FS-2", reading, i, "reading, %s, outlives descriptor and name", reads[i]);
  for (long i = 0; i < 3; i++) add_case("mmap", "FS-3", protection, i, "protections on %s", names[i]);
}

CASE("mmap", "stores in a shared mapping are read back", "FS-2") {
  int fd = new_file("f");
  char *at = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
  for (int i = 0; i < 8; i++) at[i * PAGE + i] = 'S', data[i * PAGE + i] = 'S';
  CHECK_EQ(pread(fd, back, SIZE, 0), SIZE);
  CHECK_MEM(back, data, SIZE);
  CHECK_OK(msync(at, SIZE, MS_SYNC));
  CHECK_EQ(pread(fd, back, SIZE, 0), SIZE);
  CHECK_MEM(back, data, SIZE);
  CHECK_OK(munmap(at, SIZE));
  CHECK_OK(close(fd));
  fd = (int)NEED_OK(open("f", O_RDONLY | O_CLOEXEC));
  CHECK_EQ(pread(fd, back, SIZE, 0), SIZE);
  CHECK_MEM(back, data, SIZE);
  CHECK_EQ(look("f").st_size, SIZE);
}

CASE("mmap", "writes are seen in a shared mapping", "FS-2") {
  int fd = new_file("f");
  char *at = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
  CHECK_EQ(at[5000], data[5000]);
  CHECK_EQ(pwrite(fd, "written", 7, 5000), 7);
  CHECK_MEM(at + 5000, "written", 7);
  memcpy(at + 5003, "TT", 2);
  CHECK_EQ(pread(fd, back, 7, 5000), 7);
  CHECK_MEM(back, "wriTTen", 7);
  int second = (int)NEED_OK(open("f", O_RDWR | O_CLOEXEC));
  CHECK_EQ(pwrite(second, "again", 5, 5000), 5);
  CHECK_MEM(at + 5000, "againen", 7);
  CHECK_OK(munmap(at, SIZE));
}

CASE("mmap", "stores without msync survive munmap and close", "FS-2") {
  int fd = new_file("f");
  char *at = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
  CHECK_OK(close(fd));
  memcpy(at + 100, "kept", 4);
  CHECK_OK(munmap(at, SIZE));
  memcpy(data + 100, "kept", 4);
  fd = (int)NEED_OK(open("f", O_RDONLY | O_CLOEXEC));
  CHECK_EQ(read(fd, back, SIZE), SIZE);
  CHECK_MEM(back, data, SIZE);
}

CASE("mmap", "a private mapping keeps its stores to itself", "FS-2") {
  int fd = new_file("f");
  char *at = map(fd, PROT_READ | PROT_WRITE, MAP_PRIVATE), *shared = map(fd, PROT_READ, MAP_SHARED);
  memcpy(at, "private", 7);
  CHECK_MEM(shared, data, 7);
  CHECK_EQ(pread(fd, back, SIZE, 0), SIZE);
  CHECK_MEM(back, data, SIZE);
  CHECK_MEM(at, "private", 7);
  CHECK_OK(msync(at, SIZE, MS_SYNC));
  CHECK_OK(munmap(at, SIZE));
  CHECK_EQ(pread(fd, back, SIZE, 0), SIZE);
  CHECK_MEM(back, data, SIZE);
}

CASE("mmap", "two mappings of one file are one memory", "FS-2") {
  int fd = new_file("f"), second = (int)NEED_OK(open("f", O_RDWR | O_CLOEXEC));
  char *one = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED), *two = map(second, PROT_READ | PROT_WRITE, MAP_SHARED);
  for (int i = 0; i < 8; i++) {
    one[i * PAGE] = (char)('a' + i);
    CHECK_EQ(two[i * PAGE], 'a' + i);
    two[i * PAGE + 1] = (char)('A' + i);
    CHECK_EQ(one[i * PAGE + 1], 'A' + i);
  }
}

CASE("mmap", "two processes share a mapping and the file", "FS-2") {
  int fd = new_file("f");
  char *at = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
  CHILD {
    int own = (int)NEED_OK(open("f", O_RDWR | O_CLOEXEC));
    char *mine = map(own, PROT_READ | PROT_WRITE, MAP_SHARED);
    CHECK_MEM(mine, data, SIZE);
    memcpy(mine + 9000, "child", 5);
    CHECK_EQ(pwrite(own, "child too", 9, 20000), 9);
  }
  CHECK_MEM(at + 9000, "child", 5);
  CHECK_MEM(at + 20000, "child too", 9);
}

CASE("mmap", "the tail of the last page is zero and never stored", "FS-2") {
  int fd = open_new("f");
  NEED_OK(write(fd, "short", 5));
  char *at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  NEED_OK(at == MAP_FAILED ? -1 : 0);
  char zero[PAGE] = {0};
  CHECK_MEM(at + 5, zero, PAGE - 5);
  memcpy(at, "SHORT and more", 14);
  CHECK_OK(msync(at, PAGE, MS_SYNC));
  CHECK_EQ(look("f").st_size, 5);
  CHECK_OK(munmap(at, PAGE));
  CHECK_OK(ftruncate(fd, 20));
  CHECK_EQ(pread(fd, back, 30, 0), 20);
  CHECK_MEM(back, "SHORT", 5);
  if (!has_trait(KEEPS_TAIL)) CHECK_MEM(back + 5, zero, 15);
}

CASE("mmap", "pages beyond the end of the file raise SIGBUS", "FS-2") {
  pid_t pid;
  int fd = open_new("f");
  NEED_OK(write(fd, "x", 1));
  char *at = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
  CHECK_EQ(at[0], 'x');
  SPAWN(pid) *(volatile char *)(at + PAGE) = 'y';
  CHECK_EQ(join(pid), 128 + SIGBUS);
  SPAWN(pid) (void)*(volatile char *)(at + 3 * PAGE);
  CHECK_EQ(join(pid), 128 + SIGBUS);
  CHECK_OK(ftruncate(fd, 2 * PAGE));
  SPAWN(pid) *(volatile char *)(at + PAGE) = 'z';
  CHECK_EQ(join(pid), 0);
  CHECK_EQ(pread(fd, back, 1, PAGE), 1);
  CHECK_EQ(back[0], 'z');
  CHECK_OK(ftruncate(fd, 1));
  SPAWN(pid) *(volatile char *)(at + PAGE) = 'y';
  CHECK_EQ(join(pid), 128 + SIGBUS);
}

CASE("mmap", "truncating and growing again shows zeros in the mapping", "FS-2") {
  int fd = new_file("f");
  char *at = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED), zero[SIZE] = {0};
  CHECK_MEM(at, data, SIZE);
  CHECK_OK(ftruncate(fd, 100));
  CHECK_OK(ftruncate(fd, SIZE));
  CHECK_MEM(at, data, 100);
  CHECK_MEM(at + 100, zero, SIZE - 100);
  CHECK_EQ(pread(fd, back, SIZE, 0), SIZE);
  CHECK_MEM(back + 100, zero, SIZE - 100);
}

CASE("mmap", "a hole is filled by a store", "FS-2") {
  int fd = open_new("f");
  NEED_OK(ftruncate(fd, SIZE));
  char *at = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED), zero[SIZE] = {0};
  CHECK_MEM(at, zero, SIZE);
  at[5 * PAGE + 7] = 'H';
  CHECK_OK(msync(at, SIZE, MS_SYNC));
  CHECK_EQ(pread(fd, back, SIZE, 0), SIZE);
  CHECK_EQ(back[5 * PAGE + 7], 'H');
  CHECK_MEM(back, zero, 5 * PAGE);
  CHECK_OK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 5 * PAGE, PAGE));
  CHECK_EQ(at[5 * PAGE + 7], 0);
}

CASE("mmap", "offsets and errors", "FS-3") {
  int fd = new_file("f"), dir = (int)NEED_OK(open(".", O_RDONLY | O_CLOEXEC)), path = (int)NEED_OK(open("f", O_PATH | O_CLOEXEC));
  char *at = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 3 * PAGE);
  CHECK(at != MAP_FAILED);
  CHECK_MEM(at, data + 3 * PAGE, PAGE);
#define MAPPED(length, flags, file, offset) (mmap(NULL, length, PROT_READ, flags, file, offset) == MAP_FAILED ? -1 : 0)
  CHECK_ERR(EINVAL, MAPPED(PAGE, MAP_SHARED, fd, 100));
  CHECK_ERR(EINVAL, MAPPED(0, MAP_SHARED, fd, 0));
  CHECK_ERR(EBADF, MAPPED(PAGE, MAP_SHARED, -1, 0));
  CHECK_ERR(EBADF, MAPPED(PAGE, MAP_SHARED, path, 0));
  CHECK_ERR(ENODEV, MAPPED(PAGE, MAP_SHARED, dir, 0));
  CHECK_OK(MAPPED(PAGE, MAP_SHARED, fd, 100 * PAGE));
  CHECK_OK(madvise(at, PAGE, MADV_DONTNEED));
  CHECK_MEM(at, data + 3 * PAGE, PAGE);
  CHECK_OK(msync(at, PAGE, MS_ASYNC));
  CHECK_OK(msync(at, PAGE, MS_SYNC | MS_INVALIDATE));
}

CASE("mmap", "an appended file is seen through a larger mapping", "FS-2") {
  int fd = (int)NEED_OK(open("f", O_CREAT | O_RDWR | O_APPEND | O_CLOEXEC, 0644));
  char *at = map(fd, PROT_READ, MAP_SHARED);
  fill(data, SIZE, 3);
  for (long size = 0; size < SIZE; size += 1024) {
    NEED_OK(write(fd, data + size, 1024));
    CHECK_MEM(at, data, (size_t)size + 1024);
  }
}

CASE("mmap", "MAP_POPULATE and locked pages", "FS-2") {
  int fd = new_file("f");
  char *at = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE);
  CHECK_MEM(at, data, SIZE);
  unsigned char resident[SIZE / PAGE];
  CHECK_OK(mincore(at, SIZE, resident));
  CHECK_ERR2(0, ENOMEM, mlock(at, PAGE));
}

// Steps cases share: making objects, looking at them, and letting time pass.
#include "report.h"

#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

const char *const kind_names[KINDS] = {"absent", "file", "directory", "full-directory", "symlink",
                                       "dangling", "fifo", "socket", "char-device", "block-device"};

const char *other(const char *name) {
  static char paths[4][PATH_MAX];
  static int next;
  if (!other_directory) skip("no second mount was given (--other)");
  char *path = paths[next++ % 4];
  snprintf(path, PATH_MAX, "%s/%s", other_directory, name);
  return path;
}

void make_file(const char *path, mode_t mode, const char *content) {
  int fd = (int)NEED_OK(open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  size_t size = strlen(content);
  if (size > 0 && write(fd, content, size) != (ssize_t)size) fail(__FILE__, __LINE__, "cannot write %s", path);
  NEED_OK(fchmod(fd, mode));
  NEED_OK(close(fd));
}

void make_dir(const char *path, mode_t mode) {
  NEED_OK(mkdir(path, 0700));
  NEED_OK(chmod(path, mode));
}

void make_owned(const char *path, mode_t mode, uid_t uid, gid_t gid, bool directory) {
  if (directory) make_dir(path, 0700);
  else make_file(path, 0600, "content");
  NEED_OK(lchown(path, uid, gid));
  NEED_OK(chmod(path, mode));
}

struct stat look(const char *path) {
  struct stat at;
  if (lstat(path, &at) < 0) {
    fail(__FILE__, __LINE__, "lstat %s: %s", path, errno_name(errno));
    _exit(0);
  }
  return at;
}

struct stat look_fd(int fd) {
  struct stat at;
  NEED_OK(fstat(fd, &at));
  return at;
}

bool exists(const char *path) {
  struct stat at;
  return lstat(path, &at) == 0;
}

const char *content_of(const char *path) {
  static char buffers[4][65536];
  static int next;
  char *buffer = buffers[next++ % 4];
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    snprintf(buffer, 200, "<cannot open: %s>", errno_name(errno));
    return buffer;
  }
  ssize_t length = 0, got;
  while ((got = read(fd, buffer + length, sizeof *buffers - 1 - (size_t)length)) > 0) length += got;
  buffer[length] = 0;
  if (got < 0) snprintf(buffer, 200, "<cannot read: %s>", errno_name(errno));
  close(fd);
  return buffer;
}

const char *link_of(const char *path) {
  static char buffer[PATH_MAX + 1];
  ssize_t length = readlink(path, buffer, PATH_MAX);
  if (length < 0) snprintf(buffer, 100, "<%s>", errno_name(errno));
  else buffer[length] = 0;
  return buffer;
}

void fill(char *buffer, size_t size, unsigned seed) {
  uint64_t state = seed * 2654435761u + 88172645463325252u;
  for (size_t i = 0; i < size; i++) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    buffer[i] = (char)(state >> 24 | 1);  // never zero, so that a hole is told from data
  }
}

int open_new(const char *path) { return (int)NEED_OK(open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644)); }

int compare_times(struct timespec a, struct timespec b) {
  if (a.tv_sec != b.tv_sec) return a.tv_sec < b.tv_sec ? -1 : 1;
  return a.tv_nsec == b.tv_nsec ? 0 : a.tv_nsec < b.tv_nsec ? -1 : 1;
}

void nap(int milliseconds) {
  struct timespec left = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
  while (nanosleep(&left, &left) < 0 && errno == EINTR) continue;
}

void tick(void) {
  struct timespec begin, now;
  // The fine clock, because a kernel may hand out fine stamps and must then be overtaken by the coarse one.
  clock_gettime(CLOCK_REALTIME, &begin);
  do {
    nap(2);
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
  } while (compare_times(now, begin) <= 0);
  nap(2);
}

static void make_socket(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int fd = (int)NEED_OK(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
  NEED_OK(bind(fd, (struct sockaddr *)&address, sizeof address));
  close(fd);
}

void make_kind(enum kind kind, const char *path) {
  char inner[300];
  if (kind == FILE_) make_file(path, 0644, "content");
  if (is_dir(kind)) make_dir(path, 0755);
  if (kind == FULL) {
    snprintf(inner, sizeof inner, "%s/inner", path);
    make_file(inner, 0644, "");
  }
  if (kind == LINK) {
    if (!exists("pointed-to")) make_file("pointed-to", 0644, "pointed-to");
    NEED_OK(symlink("pointed-to", path));
  }
  if (kind == DANGLING) NEED_OK(symlink("points-nowhere", path));
  if (kind == FIFO_) NEED_OK(mkfifo(path, 0644));
  if (kind == SOCK) make_socket(path);
  if (kind == CHR) NEED_OK(mknod(path, S_IFCHR | 0644, makedev(1, 3)));
  if (kind == BLK) NEED_OK(mknod(path, S_IFBLK | 0644, makedev(7, 99)));
}

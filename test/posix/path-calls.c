// The table of path calls. Where Linux and POSIX leave a choice (trailing slashes) the row holds Linux's answer.
#include "path-calls.h"

#include <stddef.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

static long closing(long fd) {
  if (fd >= 0) close((int)fd);
  return fd;
}

static long list_dir(const char *path) {
  DIR *dir = opendir(path);
  return dir ? closedir(dir) : -1;
}

static long change_dir(const char *path) {
  int back = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
  long result = chdir(path);
  int code = errno;
  if (result == 0 && fchdir(back) < 0) _exit(1);
  close(back);
  errno = code;
  return result;
}

static long execute(const char *path) {
  char *argv[] = {(char *)path, NULL}, *environment[] = {NULL};
  pid_t pid = fork();
  if (pid == 0) {
    execve(path, argv, environment);
    _exit(errno);
  }
  errno = join(pid);
  return errno ? -1 : 0;
}

static long at_address(const char *path, int (*call)(int, const struct sockaddr *, socklen_t)) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) return errno = ENAMETOOLONG, -1;
  memcpy(address.sun_path, path, strlen(path) + 1);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  long result = call(fd, (struct sockaddr *)&address, sizeof address);
  int code = errno;
  close(fd);
  errno = code;
  return result;
}

static long watch(const char *path) {
  int fd = inotify_init1(IN_CLOEXEC);
  long result = inotify_add_watch(fd, path, IN_ATTRIB);
  int code = errno;
  close(fd);
  errno = code;
  return result;
}

static char text[PATH_MAX];
static struct stat at;
static struct statx atx;
static struct statfs fs;
static struct statvfs vfs;
static const struct timespec stamps[2] = {{1000, 1}, {2000, 2}};
static const struct timeval coarse[2] = {{1000, 1}, {2000, 2}};

#define FOLLOWS {ENOENT, 0, 0, 0, ENOENT, ELOOP, ENOTDIR, 0, ENOENT}
#define STAYS {ENOENT, 0, 0, 0, 0, 0, ENOTDIR, 0, ENOENT}
#define NOT_DIRS {ENOENT, 0, EISDIR, 0, ENOENT, ELOOP, ENOTDIR, EISDIR, ENOENT}
#define DIRS_ONLY {ENOENT, ENOTDIR, 0, ENOTDIR, ENOENT, ELOOP, ENOTDIR, 0, ENOENT}
#define CREATES {0, EEXIST, EEXIST, EEXIST, EEXIST, EEXIST, EEXIST, EEXIST, ENOENT}
#define OPENS_NEW {0, 0, EISDIR, 0, 0, ELOOP, EISDIR, EISDIR, EISDIR}
#define EXCLUSIVE {0, EEXIST, EEXIST, EEXIST, EEXIST, EEXIST, EISDIR, EISDIR, EISDIR}
#define NO_DATA {ENOENT, ENODATA, ENODATA, ENODATA, ENOENT, ELOOP, ENOTDIR, ENODATA, ENOENT}

#define CALLS(X)                                                                                                      \
  X(open_rdonly, FOLLOWS, 0, closing(open(p, O_RDONLY | O_CLOEXEC)))                                                  \
  X(open_wronly, NOT_DIRS, 0, closing(open(p, O_WRONLY | O_CLOEXEC)))                                                 \
  X(open_rdwr, NOT_DIRS, 0, closing(open(p, O_RDWR | O_CLOEXEC)))                                                     \
  X(open_append, NOT_DIRS, 0, closing(open(p, O_WRONLY | O_APPEND | O_CLOEXEC)))                                      \
  X(open_trunc, NOT_DIRS, 0, closing(open(p, O_WRONLY | O_TRUNC | O_CLOEXEC)))                                        \
  X(open_creat, OPENS_NEW, 0, closing(open(p, O_WRONLY | O_CREAT | O_CLOEXEC, 0755)))                                 \
  X(open_creat_trunc, OPENS_NEW, 0, closing(open(p, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0755)))                   \
  X(creat, OPENS_NEW, 0, closing(creat(p, 0755)))                                                                     \
  X(open_excl, EXCLUSIVE, 0, closing(open(p, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0755)))                           \
  X(open_nofollow, R(ENOENT, 0, 0, ELOOP, ELOOP, ELOOP, ENOTDIR, 0, ENOENT), 0,                                       \
    closing(open(p, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)))                                                              \
  X(open_directory, DIRS_ONLY, 0, closing(open(p, O_RDONLY | O_DIRECTORY | O_CLOEXEC)))                               \
  X(open_path, FOLLOWS, 0, closing(open(p, O_PATH | O_CLOEXEC)))                                                      \
  X(open_path_nofollow, STAYS, 0, closing(open(p, O_PATH | O_NOFOLLOW | O_CLOEXEC)))                                  \
  X(open_path_directory, DIRS_ONLY, 0, closing(open(p, O_PATH | O_DIRECTORY | O_CLOEXEC)))                            \
  X(opendir, DIRS_ONLY, 0, list_dir(p))                                                                               \
  X(chdir, DIRS_ONLY, 0, change_dir(p))                                                                               \
  X(stat, FOLLOWS, 0, stat(p, &at))                                                                                   \
  X(lstat, STAYS, 0, lstat(p, &at))                                                                                   \
  X(fstatat_nofollow, STAYS, 0, fstatat(AT_FDCWD, p, &at, AT_SYMLINK_NOFOLLOW))                                       \
  X(statx, FOLLOWS, 0, statx(AT_FDCWD, p, 0, STATX_BASIC_STATS, &atx))                                                \
  X(statx_nofollow, STAYS, 0, statx(AT_FDCWD, p, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &atx))                       \
  X(access, FOLLOWS, 0, access(p, F_OK))                                                                              \
  X(faccessat_eaccess, FOLLOWS, 0, faccessat(AT_FDCWD, p, R_OK, AT_EACCESS))                                          \
  X(statfs, FOLLOWS, 0, statfs(p, &fs))                                                                               \
  X(statvfs, FOLLOWS, 0, statvfs(p, &vfs))                                                                            \
  X(chmod, FOLLOWS, 0, chmod(p, 0755))                                                                                \
  X(fchmodat, FOLLOWS, 0, fchmodat(AT_FDCWD, p, 0755, 0))                                                             \
  X(chown, FOLLOWS, 0, chown(p, geteuid(), getegid()))                                                                \
  X(lchown, STAYS, 0, lchown(p, geteuid(), getegid()))                                                                \
  X(fchownat_nofollow, STAYS, 0, fchownat(AT_FDCWD, p, geteuid(), getegid(), AT_SYMLINK_NOFOLLOW))                    \
  X(truncate, NOT_DIRS, 0, truncate(p, 3))                                                                            \
  X(utimensat, FOLLOWS, 0, utimensat(AT_FDCWD, p, stamps, 0))                                                         \
  X(utimensat_now, FOLLOWS, 0, utimensat(AT_FDCWD, p, NULL, 0))                                                       \
  X(utimensat_nofollow, STAYS, 0, utimensat(AT_FDCWD, p, stamps, AT_SYMLINK_NOFOLLOW))                                \
  X(utimes, FOLLOWS, 0, utimes(p, coarse))                                                                            \
  X(readlink, R(ENOENT, EINVAL, EINVAL, 0, 0, 0, ENOTDIR, EINVAL, ENOENT), 0, readlink(p, text, sizeof text))         \
  X(mkdir, R(0, EEXIST, EEXIST, EEXIST, EEXIST, EEXIST, EEXIST, EEXIST, 0), 0, mkdir(p, 0755))                        \
  X(mkdirat, R(0, EEXIST, EEXIST, EEXIST, EEXIST, EEXIST, EEXIST, EEXIST, 0), 0, mkdirat(AT_FDCWD, p, 0755))          \
  X(mkfifo, CREATES, 0, mkfifo(p, 0644))                                                                              \
  X(mknod_file, CREATES, 0, mknod(p, S_IFREG | 0644, 0))                                                              \
  X(mknod_socket, CREATES, 0, mknod(p, S_IFSOCK | 0644, 0))                                                           \
  X(symlink, CREATES, 0, symlink("anything", p))                                                                      \
  X(symlinkat, CREATES, 0, symlinkat("anything", AT_FDCWD, p))                                                        \
  X(link_to, CREATES, 0, link("beside", p))                                                                           \
  X(link_from, R(ENOENT, 0, EPERM, 0, 0, 0, ENOTDIR, EPERM, ENOENT), 0, link(p, "fresh"))                             \
  X(linkat_follow, R(ENOENT, 0, EPERM, 0, ENOENT, ELOOP, ENOTDIR, EPERM, ENOENT), 0,                                  \
    linkat(AT_FDCWD, p, AT_FDCWD, "fresh", AT_SYMLINK_FOLLOW))                                                        \
  X(unlink, R(ENOENT, 0, EISDIR, 0, 0, 0, ENOTDIR, EISDIR, ENOENT), 0, unlink(p))                                     \
  X(unlinkat, R(ENOENT, 0, EISDIR, 0, 0, 0, ENOTDIR, EISDIR, ENOENT), 0, unlinkat(AT_FDCWD, p, 0))                    \
  X(rmdir, R(ENOENT, ENOTDIR, 0, ENOTDIR, ENOTDIR, ENOTDIR, ENOTDIR, 0, ENOENT), 0, rmdir(p))                         \
  X(unlinkat_removedir, R(ENOENT, ENOTDIR, 0, ENOTDIR, ENOTDIR, ENOTDIR, ENOTDIR, 0, ENOENT), 0,                      \
    unlinkat(AT_FDCWD, p, AT_REMOVEDIR))                                                                              \
  X(rename_from, STAYS, 0, rename(p, "fresh"))                                                                        \
  X(rename_to, R(0, 0, EISDIR, 0, 0, 0, ENOTDIR, ENOTDIR, ENOTDIR), 0, rename("beside", p))                           \
  X(rename_directory_to, R(0, ENOTDIR, 0, ENOTDIR, ENOTDIR, ENOTDIR, ENOTDIR, 0, 0), 0, rename("beside-dir", p))      \
  X(rename_noreplace_from, STAYS, 0, renameat2(AT_FDCWD, p, AT_FDCWD, "fresh", RENAME_NOREPLACE))                     \
  X(rename_noreplace_to, R(0, EEXIST, EEXIST, EEXIST, EEXIST, EEXIST, EEXIST, EEXIST, ENOTDIR), 0,                    \
    renameat2(AT_FDCWD, "beside", AT_FDCWD, p, RENAME_NOREPLACE))                                                     \
  X(rename_exchange, STAYS, 0, renameat2(AT_FDCWD, "beside", AT_FDCWD, p, RENAME_EXCHANGE))                           \
  X(setxattr, FOLLOWS, 0, setxattr(p, "user.test", "value", 5, 0))                                                    \
  X(lsetxattr, R(ENOENT, 0, 0, EPERM, EPERM, EPERM, ENOTDIR, 0, ENOENT), 0,                                           \
    lsetxattr(p, "user.test", "value", 5, 0))                                                                         \
  X(getxattr, NO_DATA, 0, getxattr(p, "user.none", text, 10))                                                         \
  X(listxattr, FOLLOWS, 0, listxattr(p, text, sizeof text))                                                           \
  X(llistxattr, STAYS, 0, llistxattr(p, text, sizeof text))                                                           \
  X(removexattr, NO_DATA, 0, removexattr(p, "user.none"))                                                             \
  X(execve, R(ENOENT, 0, EACCES, 0, ENOENT, ELOOP, ENOTDIR, EACCES, ENOENT), 0, execute(p))                           \
  X(inotify_add_watch, FOLLOWS, 0, watch(p))                                                                          \
  X(bind, R(0, EADDRINUSE, EADDRINUSE, EADDRINUSE, EADDRINUSE, EADDRINUSE, EADDRINUSE, EADDRINUSE, ENOENT),           \
    SHORT_ONLY, at_address(p, bind))                                                                                  \
  X(connect, R(ENOENT, ECONNREFUSED, ECONNREFUSED, ECONNREFUSED, ENOENT, ELOOP, ENOTDIR, ECONNREFUSED, ENOENT),       \
    SHORT_ONLY, at_address(p, connect))

#define R(...) {__VA_ARGS__}
#define FUNCTION(name, row, traits, call) \
  static long call_##name(const char *p) { return call; }
#define ROW(name, row, traits, call) {#name, call_##name, row, traits},

CALLS(FUNCTION)
const struct path_call path_calls[] = {CALLS(ROW)};
const long path_call_count = COUNT(path_calls);

void prepare_path_call(void) {
  if (!exists("beside")) make_file("beside", 0755, "");
  if (!exists("beside-dir")) make_dir("beside-dir", 0755);
  if (exists("fresh")) remove("fresh");
}

// System calls that Node does not offer.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "js.h"
#include "native.h"

#ifndef PR_SET_IO_FLUSHER
#define PR_SET_IO_FLUSHER 57
#endif

namespace nexus {

napi_value Seek(napi_env env, napi_callback_info info) {
  Call call(env, info);
  int fd = static_cast<int>(call.Integer(0));
  off_t offset = call.Integer(1);
  std::string whence = call.String(2);
  if (call.ok() && whence != "data" && whence != "hole") call.Fail(2, "'data' or 'hole'");
  if (!call.ok()) return nullptr;
  off_t found = lseek(fd, offset, whence == "data" ? SEEK_DATA : SEEK_HOLE);
  if (found < 0 && errno != ENXIO) return Throw(env, errno, "lseek");
  return Number(env, static_cast<double>(found));
}

napi_value Fallocate(napi_env env, napi_callback_info info) {
  Call call(env, info);
  int fd = static_cast<int>(call.Integer(0)), mode = static_cast<int>(call.Integer(1));
  off_t offset = call.Integer(2), length = call.Integer(3);
  if (!call.ok()) return nullptr;
  int result;
  do result = fallocate(fd, mode, offset, length);
  while (result != 0 && errno == EINTR);
  return result == 0 ? nullptr : Throw(env, errno, "fallocate");
}

napi_value CopyFileRange(napi_env env, napi_callback_info info) {
  Call call(env, info);
  int in = static_cast<int>(call.Integer(0));
  loff_t in_offset = call.Integer(1);
  int out = static_cast<int>(call.Integer(2));
  loff_t out_offset = call.Integer(3);
  int64_t length = call.Integer(4);
  if (call.ok() && length < 0) call.Fail(4, "a length");
  if (!call.ok()) return nullptr;
  ssize_t n;
  do n = copy_file_range(in, &in_offset, out, &out_offset, static_cast<size_t>(length), 0);
  while (n < 0 && errno == EINTR);
  return n < 0 ? Throw(env, errno, "copy_file_range") : Number(env, static_cast<double>(n));
}

napi_value Fadvise(napi_env env, napi_callback_info info) {
  Call call(env, info);
  int fd = static_cast<int>(call.Integer(0));
  off_t offset = call.Integer(1), length = call.Integer(2);
  int advice = static_cast<int>(call.Integer(3));
  if (!call.ok()) return nullptr;
  int error = posix_fadvise(fd, offset, length, advice);
  return error == 0 ? nullptr : Throw(env, error, "posix_fadvise");
}

napi_value ReadNowait(napi_env env, napi_callback_info info) {
  Call call(env, info);
  int fd = static_cast<int>(call.Integer(0));
  Bytes into = call.View(1);
  int64_t at = call.Integer(2), length = call.Integer(3);
  off_t offset = call.Integer(4);
  if (call.ok() && (at < 0 || length < 0 || static_cast<uint64_t>(at) > into.size ||
                    static_cast<uint64_t>(length) > into.size - static_cast<uint64_t>(at))) {
    call.Fail(3, "a length within the bytes");
  }
  if (!call.ok()) return nullptr;
  iovec part = {into.data + at, static_cast<size_t>(length)};
  ssize_t n;
  do n = preadv2(fd, &part, 1, offset, RWF_NOWAIT);
  while (n < 0 && errno == EINTR);
  if (n >= 0) return Number(env, static_cast<double>(n));
  if (errno == EAGAIN) return Number(env, -1);
  if (errno == EOPNOTSUPP || errno == ENOSYS) return Number(env, -2);
  return Throw(env, errno, "preadv2");
}

napi_value UsedElsewhere(napi_env env, napi_callback_info info) {
  Call call(env, info);
  int fd = static_cast<int>(call.Integer(0));
  if (!call.ok()) return nullptr;
  // Whoever opens the file while the lease is held makes the kernel send its signal, which by default is SIGIO and
  // ends the process; SIGURG is ignored unless somebody asks for it.
  if (fcntl(fd, F_SETSIG, SIGURG) != 0) return Throw(env, errno, "fcntl");
  if (fcntl(fd, F_SETLEASE, F_WRLCK) == 0) {
    if (fcntl(fd, F_SETLEASE, F_UNLCK) != 0) return Throw(env, errno, "fcntl");
    return Boolean(env, false);
  }
  return errno == EAGAIN ? Boolean(env, true) : Throw(env, errno, "fcntl");
}

napi_value Clock(napi_env env, napi_callback_info info) {
  Call call(env, info);
  double* into = call.Doubles(0, 2);
  if (!into) return nullptr;
  timespec now;
  if (clock_gettime(CLOCK_REALTIME_COARSE, &now) != 0) return Throw(env, errno, "clock_gettime");
  into[0] = static_cast<double>(now.tv_sec);
  into[1] = static_cast<double>(now.tv_nsec);
  return nullptr;
}

napi_value Fstat(napi_env env, napi_callback_info info) {
  Call call(env, info);
  int fd = static_cast<int>(call.Integer(0));
  double* into = call.Doubles(1, 8);
  if (!into) return nullptr;
  struct stat found;
  if (fstat(fd, &found) != 0) return Throw(env, errno, "fstat");
  into[0] = static_cast<double>(found.st_size);
  into[1] = static_cast<double>(found.st_blocks);
  into[2] = static_cast<double>(found.st_mtim.tv_sec);
  into[3] = static_cast<double>(found.st_mtim.tv_nsec);
  into[4] = static_cast<double>(found.st_ctim.tv_sec);
  into[5] = static_cast<double>(found.st_ctim.tv_nsec);
  into[6] = static_cast<double>(found.st_nlink);
  into[7] = static_cast<double>(found.st_ino);
  return nullptr;
}

napi_value LockFile(napi_env env, napi_callback_info info) {
  Call call(env, info);
  int fd = static_cast<int>(call.Integer(0));
  if (!call.ok()) return nullptr;
  if (flock(fd, LOCK_EX | LOCK_NB) == 0) return Boolean(env, true);
  return errno == EWOULDBLOCK ? Boolean(env, false) : Throw(env, errno, "flock");
}

napi_value Statfs(napi_env env, napi_callback_info info) {
  Call call(env, info);
  std::string path = call.String(0);
  if (!call.ok()) return nullptr;
  struct statfs found;
  if (statfs(path.c_str(), &found) != 0) return Throw(env, errno, "statfs", path);
  napi_value result;
  if (napi_create_object(env, &result) != napi_ok) return nullptr;
  SetNumber(env, result, "blocks", static_cast<double>(found.f_blocks));
  SetNumber(env, result, "bfree", static_cast<double>(found.f_bfree));
  SetNumber(env, result, "bavail", static_cast<double>(found.f_bavail));
  SetNumber(env, result, "files", static_cast<double>(found.f_files));
  SetNumber(env, result, "ffree", static_cast<double>(found.f_ffree));
  // Blocks are counted in fragments; file systems that know none leave it 0.
  SetNumber(env, result, "bsize", static_cast<double>(found.f_frsize ? found.f_frsize : found.f_bsize));
  return result;
}

napi_value PrctlIoFlusher(napi_env env, napi_callback_info) {
  return Boolean(env, prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0) == 0);
}

napi_value PeerCredentials(napi_env env, napi_callback_info info) {
  Call call(env, info);
  int fd = static_cast<int>(call.Integer(0));
  if (!call.ok()) return nullptr;
  ucred peer = {};
  socklen_t size = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return Throw(env, errno, "getsockopt");
  // A socket that is not connected answers with nobody.
  if (peer.pid == 0) return Throw(env, ENOTCONN, "getsockopt");
  napi_value result;
  if (napi_create_object(env, &result) != napi_ok) return nullptr;
  SetNumber(env, result, "pid", peer.pid);
  SetNumber(env, result, "uid", peer.uid);
  SetNumber(env, result, "gid", peer.gid);
  return result;
}

}  // namespace nexus

// Mounting and unmounting with the rights of root.
#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "channel.h"
#include "js.h"
#include "native.h"

namespace nexus {

napi_value MountRoot(napi_env env, napi_callback_info info) {
  Call call(env, info);
  std::string dir = call.String(0), source = call.String(1), type = call.String(2);
  auto flags = static_cast<unsigned long>(call.Integer(3));
  std::string options = call.String(4);
  if (!call.ok()) return nullptr;
  struct stat root;
  if (stat(dir.c_str(), &root) != 0) return Throw(env, errno, "stat", dir);
  // An inherited descriptor would keep the connection alive after this process.
  int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
  if (fd < 0) return Throw(env, errno, "open", "/dev/fuse");
  char first[128];
  snprintf(first, sizeof first, "fd=%d,rootmode=%o,user_id=%u,group_id=%u", fd, root.st_mode & S_IFMT, getuid(),
           getgid());
  std::string data = first;
  if (!options.empty()) data += "," + options;
  if (mount(source.c_str(), dir.c_str(), type.c_str(), flags, data.c_str()) != 0) {
    int error = errno;
    close(fd);
    return Throw(env, error, "mount", dir);
  }
  Channel::MountedAt(fd, dir);
  return Number(env, fd);
}

napi_value Unmount(napi_env env, napi_callback_info info) {
  Call call(env, info);
  std::string dir = call.String(0);
  bool lazy = call.Boolean(1);
  if (!call.ok()) return nullptr;
  if (umount2(dir.c_str(), UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0)) != 0) return Throw(env, errno, "umount2", dir);
  return nullptr;
}

}  // namespace nexus

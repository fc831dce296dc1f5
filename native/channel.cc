// Aborting a FUSE connection that is known only by its descriptor.
#include "channel.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <map>
#include <mutex>

namespace nexus {

namespace {

std::string ReadFile(const std::string& path) {
  std::string result;
  int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return result;
  char part[4096];
  for (ssize_t n; (n = read(fd, part, sizeof part)) > 0;) result.append(part, static_cast<size_t>(n));
  close(fd);
  return result;
}

// The minor device number of the mount, which names the connection too; 0 where the kernel does not tell (Linux 6.18
// does).
unsigned ConnectionOf(int fd) {
  const std::string key = "fuse_connection:";
  std::string info = ReadFile("/proc/self/fdinfo/" + std::to_string(fd));
  size_t at = info.find(key);
  unsigned number = 0;
  if (at == std::string::npos || sscanf(info.c_str() + at + key.size(), "%u", &number) != 1) return 0;
  return number;
}

bool AbortByControl(unsigned connection) {
  std::string path = "/sys/fs/fuse/connections/" + std::to_string(connection) + "/abort";
  int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  bool done = write(fd, "1", 1) == 1;
  close(fd);
  return done;
}

// mountinfo writes space, tab, newline and backslash as three octal digits.
std::string Unescape(const std::string& text) {
  std::string result;
  for (size_t i = 0; i < text.size(); i++) {
    unsigned value = 0;
    if (text[i] == '\\' && sscanf(text.c_str() + i + 1, "%3o", &value) == 1) {
      result += static_cast<char>(value);
      i += 3;
    } else {
      result += text[i];
    }
  }
  return result;
}

bool AbortByUnmount(unsigned connection) {
  std::string device = " 0:" + std::to_string(connection) + " ";
  std::string mounts = ReadFile("/proc/self/mountinfo");
  for (size_t start = 0; start < mounts.size();) {
    size_t end = mounts.find('\n', start);
    if (end == std::string::npos) end = mounts.size();
    std::string line = mounts.substr(start, end - start);
    start = end + 1;
    size_t at = line.find(device);
    if (at == std::string::npos) continue;
    size_t root_end = line.find(' ', at + device.size());
    if (root_end == std::string::npos) continue;
    size_t point_end = line.find(' ', root_end + 1);
    std::string point = Unescape(line.substr(root_end + 1, point_end - root_end - 1));
    // MNT_FORCE makes the file system abort its connection before the mount is detached.
    if (umount2(point.c_str(), MNT_FORCE | MNT_DETACH | UMOUNT_NOFOLLOW) == 0) return true;
  }
  return false;
}

}  // namespace

namespace {

struct Mounted {
  std::mutex mutex;
  std::map<int, unsigned> connections;  // by descriptor, until a channel takes it over
};

Mounted& mounted() {
  static Mounted* const instance = new Mounted;
  return *instance;
}

}  // namespace

void Channel::MountedAt(int fd, const std::string& dir) {
  struct statx root;
  // Without AT_STATX_DONT_SYNC this would ask the server, which is not running yet.
  int found = statx(AT_FDCWD, dir.c_str(), AT_STATX_DONT_SYNC | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, 0, &root);
  std::lock_guard<std::mutex> lock(mounted().mutex);
  mounted().connections.erase(fd);
  if (found == 0 && root.stx_dev_major == 0) mounted().connections[fd] = root.stx_dev_minor;
}

Channel::Channel(int fd) : fd_(fd) {
  std::lock_guard<std::mutex> lock(mounted().mutex);
  auto found = mounted().connections.find(fd);
  if (found == mounted().connections.end()) return;
  mounted_ = found->second;
  mounted().connections.erase(found);
}

Channel::~Channel() {
  if (fd_ >= 0) close(fd_);
}

bool Channel::Abort() const {
  unsigned connection = ConnectionOf(fd_);
  if (connection == 0) connection = mounted_;
  return connection != 0 && (AbortByControl(connection) || AbortByUnmount(connection));
}

}  // namespace nexus

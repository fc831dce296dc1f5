// The descriptor of one FUSE connection, shared by the loop thread and the notifier thread.
#pragma once

#include <memory>
#include <string>
#include <utility>

namespace nexus {

// Closes the descriptor when its last owner lets go, so that no thread writes to a number that has been reused.
class Channel {
 public:
  explicit Channel(int fd);
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  int fd() const { return fd_; }

  // Notes which connection the descriptor has, for kernels that do not tell: the one just mounted at `dir`.
  static void MountedAt(int fd, const std::string& dir);

  // Aborts the connection, as closing its last descriptor would: every call that waits on it fails. A thread that
  // waits inside write(2) keeps the descriptor alive, so close(2) alone could not free it. True when that was done.
  bool Abort() const;

 private:
  int fd_;
  unsigned mounted_ = 0;
};

}  // namespace nexus

// The thread that writes notifications to the kernel.
#pragma once

#include <uv.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "channel.h"

namespace nexus {

// The kernel may hold a notification back until a lock is free whose holder waits for the serving thread: so that
// thread must never write one itself. The writing thread shares ownership of this object and may outlive the device.
class Notifier : public std::enable_shared_from_this<Notifier> {
 public:
  struct Counts {
    uint64_t queued = 0;   // ever
    uint64_t written = 0;  // ever, refused ones among them
    uint64_t waiting = 0;  // now
    uint64_t errors = 0;
    int last_error = 0;
  };

  // `progress` is signalled after the queue has been worked off, until Stop() returns.
  Notifier(std::shared_ptr<Channel> channel, uv_async_t* progress)
      : channel_(std::move(channel)), progress_(progress) {}

  // Copies the bytes. 0, or the errno that kept the thread from starting.
  int Add(const uint8_t* data, size_t size);
  Counts counts();
  // Drops what is not written and ends the thread; one that the kernel holds back is freed by aborting the connection,
  // and one that stays stuck even then is left alone with its share of the descriptor.
  void Stop();

 private:
  static void* Main(void* argument);
  void Run();
  int Start();

  std::shared_ptr<Channel> channel_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable idle_;
  std::deque<std::vector<uint8_t>> queue_;
  Counts counts_;
  uv_async_t* progress_;
  bool running_ = false;
  bool writing_ = false;
  bool stopping_ = false;
};

}  // namespace nexus

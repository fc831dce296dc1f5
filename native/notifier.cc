// Queue and life of the notifier thread.
#include "notifier.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <set>

namespace nexus {

namespace {

constexpr auto kPatience = std::chrono::milliseconds(50);
constexpr auto kPatienceAfterAbort = std::chrono::seconds(1);

// process.exit() runs no environment cleanup; without this a thread stuck in the kernel would keep the process from
// dying. Never destroyed: threads may still run while static objects are.
struct Living {
  std::mutex mutex;
  std::set<Notifier*> notifiers;
};

Living& living() {
  static Living* const instance = [] {
    std::atexit([] {
      std::vector<std::shared_ptr<Notifier>> all;
      {
        std::lock_guard<std::mutex> lock(living().mutex);
        for (Notifier* notifier : living().notifiers) all.push_back(notifier->shared_from_this());
      }
      for (const auto& notifier : all) notifier->Stop();
    });
    return new Living;
  }();
  return *instance;
}

}  // namespace

int Notifier::Add(const uint8_t* data, size_t size) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (stopping_) return 0;
  if (!running_) {
    int error = Start();
    if (error != 0) return error;
  }
  queue_.emplace_back(data, data + size);
  counts_.queued++;
  wake_.notify_one();
  return 0;
}

Notifier::Counts Notifier::counts() {
  std::lock_guard<std::mutex> lock(mutex_);
  Counts result = counts_;
  result.waiting = queue_.size() + (writing_ ? 1 : 0);
  return result;
}

int Notifier::Start() {
  // Signals are for Node's main thread.
  sigset_t all, before;
  sigfillset(&all);
  pthread_attr_t attributes;
  int error = pthread_attr_init(&attributes);
  if (error != 0) return error;
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  auto* owner = new std::shared_ptr<Notifier>(shared_from_this());
  {
    std::lock_guard<std::mutex> lock(living().mutex);
    living().notifiers.insert(this);
  }
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread;
  error = pthread_create(&thread, &attributes, Main, owner);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  if (error != 0) {
    std::lock_guard<std::mutex> lock(living().mutex);
    living().notifiers.erase(this);
    delete owner;
  } else {
    running_ = true;
  }
  return error;
}

void* Notifier::Main(void* argument) {
  auto* owner = static_cast<std::shared_ptr<Notifier>*>(argument);
  (*owner)->Run();
  delete owner;
  return nullptr;
}

void Notifier::Run() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (stopping_) break;
    std::vector<uint8_t> message = std::move(queue_.front());
    queue_.pop_front();
    writing_ = true;
    lock.unlock();
    ssize_t n;
    do n = write(channel_->fd(), message.data(), message.size());
    while (n < 0 && errno == EINTR);
    int error = n < 0 ? errno : 0;
    lock.lock();
    writing_ = false;
    counts_.written++;
    if (error != 0 && error != ENOENT) {
      counts_.errors++;
      counts_.last_error = error;
    }
    if (queue_.empty() && progress_) uv_async_send(progress_);
  }
  // The descriptor goes before anybody who waits in Stop() goes on, so that a closed device holds none.
  channel_.reset();
  {
    std::lock_guard<std::mutex> others(living().mutex);
    living().notifiers.erase(this);
  }
  running_ = false;
  idle_.notify_all();
}

void Notifier::Stop() {
  std::unique_lock<std::mutex> lock(mutex_);
  stopping_ = true;
  progress_ = nullptr;
  queue_.clear();
  wake_.notify_one();
  if (idle_.wait_for(lock, kPatience, [this] { return !running_; })) {
    channel_.reset();
    return;
  }
  if (writing_) {
    std::shared_ptr<Channel> channel = channel_;
    lock.unlock();
    channel->Abort();
    channel.reset();
    lock.lock();
  }
  idle_.wait_for(lock, kPatienceAfterAbort, [this] { return !running_; });
}

}  // namespace nexus

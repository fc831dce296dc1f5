// The message pump of a device: reading, delivering, and polling between requests.
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include <cstring>

#include "device.h"
#include "js.h"

namespace nexus {

namespace {

// After so much, timers and sockets have their turn.
constexpr int kMostMessages = 64;
constexpr uint64_t kLongestTurn = 2 * 1000 * 1000;
// Looking for other work costs about as much as looking for a request.
constexpr int kReadsPerLook = 8;

void Relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ __volatile__("yield");
#endif
}

}  // namespace

bool Device::Poll() {
  auto readable = [](uv_poll_t* handle, int, int) { static_cast<Device*>(handle->data)->Turn(); };
  return uv_poll_start(&poll_, UV_READABLE, readable) == 0;
}

void Device::Turn() {
  if (in_turn_ || closed_ || ended_ || paused_) return;
  in_turn_ = true;
  uv_idle_stop(&idle_);
  uv_check_stop(&check_);
  counts_.turns++;
  uint64_t start = uv_hrtime();
  int messages = 0;
  while (ReadAndDeliver()) {
    if (++messages >= kMostMessages || uv_hrtime() - start >= kLongestTurn) {
      if (spinner_.Warm(uv_hrtime())) StayAwake();
      break;
    }
  }
  in_turn_ = false;
  // libuv stops polling a descriptor that reports an error, as one of a connection not yet mounted does.
  if (!closed_ && !ended_ && !paused_ && !uv_is_active(reinterpret_cast<uv_handle_t*>(&poll_))) Poll();
  FreeIfUnused();
}

// False when there is nothing more to do in this turn.
bool Device::ReadAndDeliver() {
  Slot* slot = pool_.Take(env_);
  if (!slot) {
    Pause();
    return false;
  }
  int64_t length = Read(slot);
  if (length == -EAGAIN) length = SpinFor(slot);
  if (length <= 0) {
    pool_.Free(slot);
    if (length != -EAGAIN) End(length);
    return false;
  }
  counts_.messages++;
  spinner_.Message(uv_hrtime());
  Deliver(slot, length);
  return !closed_ && !ended_;
}

int64_t Device::Read(Slot* slot) {
  while (true) {
    ssize_t n = read(channel_->fd(), slot->data, pool_.buffer_size());
    if (n >= 0) return n;
    // ENOENT: the request was aborted while it was being handed over; the next one is whole.
    if (errno != EINTR && errno != ENOENT) return -errno;
  }
}

int64_t Device::SpinFor(Slot* slot) {
  uint64_t start = uv_hrtime();
  uint64_t window = spinner_.Window(start);
  if (window == 0) return -EAGAIN;
  uv_update_time(loop_);
  int until_timer = uv_backend_timeout(loop_);
  // Something is due in this round of the loop: come back after it.
  if (until_timer == 0) {
    StayAwake();
    return -EAGAIN;
  }
  for (int reads = 1;; reads++) {
    Relax();
    int64_t length = Read(slot);
    uint64_t spent = uv_hrtime() - start;
    if (length != -EAGAIN) {
      spinner_.Done(length > 0, spent);
      return length;
    }
    if (spent >= window) break;
    if (reads % kReadsPerLook == 0 && OtherWork()) {
      // It may be a request that came just now.
      length = Read(slot);
      if (length == -EAGAIN) StayAwake();
      else spinner_.Done(length > 0, spent);
      return length;
    }
  }
  spinner_.Done(false, uv_hrtime() - start);
  return -EAGAIN;
}

// Whether the loop would find a descriptor ready: the loop's own epoll descriptor can be polled in its turn.
bool Device::OtherWork() const {
  pollfd loop = {uv_backend_fd(loop_), POLLIN, 0};
  return poll(&loop, 1, 0) > 0;
}

void Device::StayAwake() {
  uv_idle_start(&idle_, [](uv_idle_t*) {});
  uv_check_start(&check_, [](uv_check_t* handle) { static_cast<Device*>(handle->data)->Turn(); });
}

void Device::Pause() {
  // An exception from making a buffer has nobody to go to here, and waiting for one given back is the cure.
  napi_value ignored;
  napi_get_and_clear_last_exception(env_, &ignored);
  counts_.pauses++;
  paused_ = true;
  uv_poll_stop(&poll_);
  HoldLoop();
}

void Device::Deliver(Slot* slot, int64_t length) {
  napi_handle_scope scope;
  if (napi_open_handle_scope(env_, &scope) != napi_ok) {
    pool_.Free(slot);
    return;
  }
  napi_value arguments[2];
  slot->state = Slot::State::kLent;
  lent_ = slot;
  if (napi_get_reference_value(env_, slot->buffer, &arguments[0]) == napi_ok &&
      napi_create_uint32(env_, static_cast<uint32_t>(length), &arguments[1]) == napi_ok) {
    CallBack(on_message_, 2, arguments);
  }
  lent_ = nullptr;
  // Closing frees the slots, this one too.
  if (!closed_ && slot->state == Slot::State::kLent) pool_.Free(slot);
  napi_close_handle_scope(env_, scope);
}

void Device::CallBack(napi_ref function, size_t count, const napi_value* arguments) {
  napi_value receiver, callee, result, exception;
  bool pending = false;
  if (napi_get_reference_value(env_, resource_, &receiver) != napi_ok ||
      napi_get_reference_value(env_, function, &callee) != napi_ok) {
    return;
  }
  napi_make_callback(env_, context_, receiver, callee, count, arguments, &result);
  if (napi_is_exception_pending(env_, &pending) == napi_ok && pending &&
      napi_get_and_clear_last_exception(env_, &exception) == napi_ok) {
    napi_fatal_exception(env_, exception);
  }
}

void Device::End(int64_t error) {
  ended_ = true;
  uv_poll_stop(&poll_);
  napi_handle_scope scope;
  if (napi_open_handle_scope(env_, &scope) != napi_ok) return;
  napi_value reason;
  if (error == 0 || error == -ENODEV) {
    napi_get_undefined(env_, &reason);
  } else {
    char storage[128];
    int number = static_cast<int>(-error);
    std::string text = ErrnoName(number) + ": " + strerror_r(number, storage, sizeof storage) + ", read";
    napi_create_string_utf8(env_, text.c_str(), text.size(), &reason);
  }
  CallBack(on_end_, 1, &reason);
  if (!closed_) LetGoOfCallbacks();
  napi_close_handle_scope(env_, scope);
}

}  // namespace nexus

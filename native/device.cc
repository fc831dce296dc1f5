// The life of a device: opening, closing by whoever comes first, notifications.
#include "device.h"

#include <unistd.h>

#include "js.h"

namespace nexus {

Device* Device::Open(napi_env env, napi_value object, int fd, size_t buffer_size, size_t buffers) {
  auto* device = new Device(env);
  if (!device->Init(fd, buffer_size, buffers)) {
    device->Close();
    device->FreeIfUnused();
    return nullptr;
  }
  device->owned_ = napi_wrap(env, object, device, ObjectGone, nullptr, nullptr) == napi_ok;
  if (!device->owned_) {
    device->Close();
    napi_throw_error(env, nullptr, "the device cannot be bound to its object");
    return nullptr;
  }
  return device;
}

bool Device::Init(int fd, size_t buffer_size, size_t buffers) {
  channel_ = std::make_shared<Channel>(fd);
  notifier_ = std::make_shared<Notifier>(channel_, &progress_);
  napi_value name, resource;
  if (!InitHandles(fd) || !pool_.Open(env_, buffer_size, buffers)) return false;
  return napi_create_string_utf8(env_, "FuseDevice", NAPI_AUTO_LENGTH, &name) == napi_ok &&
         napi_create_object(env_, &resource) == napi_ok &&
         napi_create_reference(env_, resource, 1, &resource_) == napi_ok &&
         napi_async_init(env_, resource, name, &context_) == napi_ok &&
         napi_add_async_cleanup_hook(env_, EnvironmentEnds, this, &hook_) == napi_ok;
}

bool Device::InitHandles(int fd) {
  if (napi_get_uv_event_loop(env_, &loop_) != napi_ok) return false;
  int error = uv_poll_init(loop_, &poll_, fd);
  if (error != 0) {
    Throw(env_, -error, "uv_poll_init");
    return false;
  }
  error = uv_async_init(loop_, &progress_, [](uv_async_t* handle) { static_cast<Device*>(handle->data)->Settle(); });
  poll_.data = progress_.data = idle_.data = check_.data = this;
  open_handles_ = 1;
  if (error != 0) {
    Throw(env_, -error, "uv_async_init");
    return false;
  }
  uv_unref(reinterpret_cast<uv_handle_t*>(&progress_));
  uv_idle_init(loop_, &idle_);
  uv_check_init(loop_, &check_);
  open_handles_ = 4;
  return true;
}

bool Device::Start(napi_value self, napi_value on_message, napi_value on_end) {
  if (napi_create_reference(env_, self, 1, &self_) != napi_ok ||
      napi_create_reference(env_, on_message, 1, &on_message_) != napi_ok ||
      napi_create_reference(env_, on_end, 1, &on_end_) != napi_ok || !Poll()) {
    LetGoOfCallbacks();
    napi_throw_error(env_, nullptr, "the device cannot be polled");
    return false;
  }
  return true;
}

bool Device::Keep() {
  if (!lent_) return false;
  lent_->state = Slot::State::kKept;
  return true;
}

void Device::GiveBack(const uint8_t* data) {
  Slot* slot = closed_ ? nullptr : pool_.Find(data);
  if (!slot || slot->state != Slot::State::kKept) return;
  // Given back within the call that kept it: it is lent until that call returns.
  if (slot == lent_) {
    slot->state = Slot::State::kLent;
    return;
  }
  pool_.Free(slot);
  if (!paused_) return;
  paused_ = false;
  HoldLoop();
  if (!ended_) Poll();
}

int Device::Notify(const uint8_t* data, size_t size) { return closed_ ? 0 : notifier_->Add(data, size); }

napi_value Device::Notified() {
  napi_value promise = nullptr;
  napi_deferred deferred;
  if (napi_create_promise(env_, &deferred, &promise) != napi_ok) return nullptr;
  waiters_.emplace_back(notifier_->counts().queued, deferred);
  if (closed_) {
    Settle();
  } else {
    HoldLoop();
    uv_async_send(&progress_);
  }
  return promise;
}

// Resolves what waits for notifications that are written by now; once closed, everything.
void Device::Settle() {
  uint64_t written = notifier_->counts().written;
  napi_handle_scope scope;
  if (waiters_.empty() || napi_open_handle_scope(env_, &scope) != napi_ok) return;
  napi_value undefined, resource;
  napi_callback_scope callbacks = nullptr;
  napi_get_undefined(env_, &undefined);
  // Without a callback scope the continuations would wait for the loop's next callback.
  if (!closed_ && napi_get_reference_value(env_, resource_, &resource) == napi_ok) {
    napi_open_callback_scope(env_, resource, context_, &callbacks);
  }
  size_t kept = 0;
  for (auto& waiter : waiters_) {
    if (closed_ || waiter.first <= written) {
      napi_resolve_deferred(env_, waiter.second, undefined);
    } else {
      waiters_[kept++] = waiter;
    }
  }
  waiters_.resize(kept);
  HoldLoop();
  if (callbacks) napi_close_callback_scope(env_, callbacks);
  napi_close_handle_scope(env_, scope);
}

// Somebody waits for what the device will do although it does not read now.
void Device::HoldLoop() {
  auto* handle = reinterpret_cast<uv_handle_t*>(&progress_);
  if (closed_) return;
  if (paused_ || !waiters_.empty()) {
    uv_ref(handle);
  } else {
    uv_unref(handle);
  }
}

void Device::LetGoOfCallbacks() {
  for (napi_ref* reference : {&self_, &on_message_, &on_end_}) {
    if (*reference) napi_delete_reference(env_, *reference);
    *reference = nullptr;
  }
}

template <typename Handle>
void Device::CloseHandle(Handle* handle) {
  uv_close(reinterpret_cast<uv_handle_t*>(handle), HandleClosed);
}

void Device::Close() {
  if (closed_) return;
  closed_ = true;
  lent_ = nullptr;
  notifier_->Stop();
  // libuv forgets the descriptor in uv_close, which must come before the number can be used again.
  if (open_handles_ >= 1) CloseHandle(&poll_);
  if (open_handles_ == 4) {
    CloseHandle(&progress_);
    CloseHandle(&idle_);
    CloseHandle(&check_);
  }
  channel_.reset();
  Settle();
  LetGoOfCallbacks();
  pool_.Close(env_);
  if (context_) napi_async_destroy(env_, context_);
  if (resource_) napi_delete_reference(env_, resource_);
  context_ = nullptr;
  resource_ = nullptr;
}

void Device::HandleClosed(uv_handle_t* handle) {
  auto* device = static_cast<Device*>(handle->data);
  if (--device->open_handles_ > 0) return;
  // An environment that is ending waits for this.
  if (device->hook_) napi_remove_async_cleanup_hook(device->hook_);
  device->hook_ = nullptr;
  device->FreeIfUnused();
}

void Device::ObjectGone(napi_env, void* data, void*) {
  auto* device = static_cast<Device*>(data);
  device->owned_ = false;
  device->Close();
  device->FreeIfUnused();
}

void Device::EnvironmentEnds(napi_async_cleanup_hook_handle, void* data) { static_cast<Device*>(data)->Close(); }

void Device::FreeIfUnused() {
  if (closed_ && !owned_ && !in_turn_ && open_handles_ == 0) delete this;
}

}  // namespace nexus

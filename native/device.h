// One FUSE connection as a JavaScript object: its state, life and message pump.
#pragma once

#include <node_api.h>
#include <uv.h>

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "channel.h"
#include "notifier.h"
#include "pool.h"
#include "spinner.h"

namespace nexus {

// Lives on the loop thread of its environment. Freed when its JavaScript object is gone, its libuv handles are closed
// and no frame of Turn() is on the stack: whichever comes last.
class Device {
 public:
  struct Counts {
    uint64_t messages = 0;
    uint64_t turns = 0;
    uint64_t pauses = 0;
    uint64_t sends = 0;
    uint64_t send_errors = 0;
    uint64_t aborted = 0;
  };

  // Takes over `fd`. nullptr with an exception pending on failure; otherwise `object` owns the device.
  static Device* Open(napi_env env, napi_value object, int fd, size_t buffer_size, size_t buffers);

  bool closed() const { return closed_; }
  bool started() const { return on_message_ != nullptr || ended_; }
  int fd() const { return channel_ ? channel_->fd() : -1; }

  // Throws and returns false on failure.
  bool Start(napi_value self, napi_value on_message, napi_value on_end);
  // False when no message is being delivered.
  bool Keep();
  void GiveBack(const uint8_t* data);
  int Notify(const uint8_t* data, size_t size);
  napi_value Notified();
  void Close();

  Counts& counts() { return counts_; }
  Spinner& spinner() { return spinner_; }
  const Pool& pool() const { return pool_; }
  Notifier::Counts notifier_counts() const { return notifier_->counts(); }

 private:
  explicit Device(napi_env env) : env_(env) {}
  ~Device() = default;

  // device.cc: life
  bool Init(int fd, size_t buffer_size, size_t buffers);
  bool InitHandles(int fd);
  void FreeIfUnused();
  void Settle();
  void LetGoOfCallbacks();
  void HoldLoop();
  template <typename Handle>
  void CloseHandle(Handle* handle);
  static void HandleClosed(uv_handle_t* handle);
  static void ObjectGone(napi_env env, void* data, void* hint);
  static void EnvironmentEnds(napi_async_cleanup_hook_handle handle, void* data);

  // reader.cc: the message pump
  bool Poll();
  void Turn();
  bool ReadAndDeliver();
  int64_t Read(Slot* slot);
  int64_t SpinFor(Slot* slot);
  bool OtherWork() const;
  void Deliver(Slot* slot, int64_t length);
  void StayAwake();
  void Pause();
  void End(int64_t error);
  void CallBack(napi_ref function, size_t count, const napi_value* arguments);

  napi_env env_;
  std::shared_ptr<Channel> channel_;
  std::shared_ptr<Notifier> notifier_;
  Pool pool_;
  Spinner spinner_;
  Counts counts_;
  std::vector<std::pair<uint64_t, napi_deferred>> waiters_;

  uv_loop_t* loop_ = nullptr;
  uv_poll_t poll_ = {};
  uv_async_t progress_ = {};
  // Together these keep the loop from sleeping for one round of it, and give the device a turn at the end of that.
  uv_idle_t idle_ = {};
  uv_check_t check_ = {};
  int open_handles_ = 0;

  napi_async_cleanup_hook_handle hook_ = nullptr;
  napi_async_context context_ = nullptr;
  napi_ref resource_ = nullptr;
  napi_ref self_ = nullptr;
  napi_ref on_message_ = nullptr;
  napi_ref on_end_ = nullptr;

  Slot* lent_ = nullptr;
  bool owned_ = false;  // by a JavaScript object
  bool ended_ = false;
  bool closed_ = false;
  bool paused_ = false;
  bool in_turn_ = false;
};

// Makes the JavaScript object; the addon's openDevice.
napi_value OpenDevice(napi_env env, napi_callback_info info);

}  // namespace nexus

// The methods of a device as JavaScript calls them.
#include <errno.h>
#include <linux/fuse.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>

#include "device.h"
#include "js.h"

#ifndef FUSE_DEV_IOC_BACKING_OPEN
struct fuse_backing_map {
  int32_t fd;
  uint32_t flags;
  uint64_t padding;
};
#define FUSE_DEV_IOC_BACKING_OPEN _IOW(229, 1, struct fuse_backing_map)
#define FUSE_DEV_IOC_BACKING_CLOSE _IOW(229, 2, uint32_t)
#endif

namespace nexus {

namespace {

constexpr int kMostParts = 4;
constexpr int64_t kMostSpin = 1000;
constexpr int64_t kMostBuffers = 1024;
constexpr int64_t kLeastBufferSize = 8192;  // FUSE_MIN_READ_BUFFER
constexpr int64_t kMostBufferSize = 256 << 20;

// nullptr with an exception pending when the receiver is no device.
Device* Receiver(Call& call) {
  void* device = nullptr;
  if (napi_unwrap(call.env(), call.self(), &device) == napi_ok) return static_cast<Device*>(device);
  napi_throw_type_error(call.env(), "ERR_INVALID_THIS", "not a device");
  return nullptr;
}

napi_value Start(napi_env env, napi_callback_info info) {
  Call call(env, info);
  Device* device = Receiver(call);
  napi_value on_message = call.Function(0), on_end = call.Function(1);
  if (!device || !call.ok()) return nullptr;
  if (device->closed()) return Throw(env, EBADF, "start");
  if (device->started()) return Throw(env, EALREADY, "start");
  device->Start(call.self(), on_message, on_end);
  return nullptr;
}

napi_value Keep(napi_env env, napi_callback_info info) {
  Call call(env, info);
  Device* device = Receiver(call);
  // A handler may close the device and keep its buffer, which is then its own for good.
  if (device && !device->Keep() && !device->closed()) {
    napi_throw_error(env, "ERR_INVALID_STATE", "keep() was called outside onMessage");
  }
  return nullptr;
}

napi_value GiveBack(napi_env env, napi_callback_info info) {
  Call call(env, info);
  Device* device = Receiver(call);
  Bytes message = call.View(0);
  if (device && call.ok()) device->GiveBack(message.data);
  return nullptr;
}

napi_value Send(napi_env env, napi_callback_info info) {
  Call call(env, info);
  Device* device = Receiver(call);
  if (!device) return nullptr;
  iovec parts[kMostParts];
  int count = 0;
  for (; count < kMostParts; count++) {
    size_t index = static_cast<size_t>(count) * 2;
    if (count > 0 && call.Absent(index)) break;
    Bytes part = call.View(index);
    int64_t length = call.Integer(index + 1);
    if (!call.ok()) return nullptr;
    if (length < 0 || static_cast<uint64_t>(length) > part.size) {
      call.Fail(index + 1, "a length within the bytes before it");
      return nullptr;
    }
    parts[count] = {part.data, static_cast<size_t>(length)};
  }
  if (device->closed()) return Number(env, -EBADF);
  Device::Counts& counts = device->counts();
  counts.sends++;
  ssize_t n;
  do n = writev(device->fd(), parts, count);
  while (n < 0 && errno == EINTR);
  if (n >= 0) return Number(env, 0);
  int error = errno;
  counts.send_errors++;
  counts.aborted += error == ENOENT;
  return Number(env, -error);
}

napi_value Notify(napi_env env, napi_callback_info info) {
  Call call(env, info);
  Device* device = Receiver(call);
  Bytes message = call.View(0);
  if (!device || !call.ok()) return nullptr;
  int error = device->Notify(message.data, message.size);
  return error == 0 ? nullptr : Throw(env, error, "pthread_create");
}

napi_value Notified(napi_env env, napi_callback_info info) {
  Call call(env, info);
  Device* device = Receiver(call);
  return device ? device->Notified() : nullptr;
}

napi_value BackingOpen(napi_env env, napi_callback_info info) {
  Call call(env, info);
  Device* device = Receiver(call);
  fuse_backing_map map = {};
  map.fd = static_cast<int32_t>(call.Integer(0));
  if (!device || !call.ok()) return nullptr;
  int id = ioctl(device->fd(), FUSE_DEV_IOC_BACKING_OPEN, &map);
  return Number(env, id < 0 ? -errno : id);
}

napi_value BackingClose(napi_env env, napi_callback_info info) {
  Call call(env, info);
  Device* device = Receiver(call);
  uint32_t id = static_cast<uint32_t>(call.Integer(0));
  if (!device || !call.ok()) return nullptr;
  return Number(env, ioctl(device->fd(), FUSE_DEV_IOC_BACKING_CLOSE, &id) < 0 ? -errno : 0);
}

napi_value Spin(napi_env env, napi_callback_info info) {
  Call call(env, info);
  Device* device = Receiver(call);
  int64_t microseconds = call.Integer(0);
  if (!device || !call.ok()) return nullptr;
  device->spinner().set_limit(static_cast<uint64_t>(std::clamp<int64_t>(microseconds, 0, kMostSpin)) * 1000);
  return nullptr;
}

napi_value Stats(napi_env env, napi_callback_info info) {
  Call call(env, info);
  Device* device = Receiver(call);
  napi_value result;
  if (!device || napi_create_object(env, &result) != napi_ok) return nullptr;
  const Device::Counts& counts = device->counts();
  const Spinner::Counts& spins = device->spinner().counts();
  Notifier::Counts notes = device->notifier_counts();
  auto set = [&](const char* name, uint64_t value) { SetNumber(env, result, name, static_cast<double>(value)); };
  set("messages", counts.messages);
  set("turns", counts.turns);
  set("pauses", counts.pauses);
  set("sends", counts.sends);
  set("sendErrors", counts.send_errors);
  set("aborted", counts.aborted);
  set("spins", spins.spins);
  set("spinHits", spins.hits);
  set("spinMicros", spins.wasted / 1000);
  set("buffers", device->pool().size());
  set("kept", device->pool().kept());
  set("notifications", notes.written);
  set("notifyErrors", notes.errors);
  set("notifyErrno", static_cast<uint64_t>(notes.last_error));
  set("notifyQueued", notes.waiting);
  return result;
}

napi_value Close(napi_env env, napi_callback_info info) {
  Call call(env, info);
  Device* device = Receiver(call);
  if (device) device->Close();
  return nullptr;
}

}  // namespace

napi_value OpenDevice(napi_env env, napi_callback_info info) {
  Call call(env, info);
  int fd = static_cast<int>(call.Integer(0));
  int64_t buffer_size = call.Integer(1), buffers = call.Integer(2);
  if (call.ok() && (buffer_size < kLeastBufferSize || buffer_size > kMostBufferSize)) {
    call.Fail(1, "a buffer size between 8 KiB and 256 MiB");
  }
  if (call.ok() && (buffers < 1 || buffers > kMostBuffers)) call.Fail(2, "between 1 and 1024 buffers");
  napi_value object;
  if (!call.ok() || napi_create_object(env, &object) != napi_ok) {
    if (fd > 2) close(fd);
    return nullptr;
  }
  if (!Device::Open(env, object, fd, static_cast<size_t>(buffer_size), static_cast<size_t>(buffers))) {
    bool pending = false;
    napi_is_exception_pending(env, &pending);
    if (!pending) napi_throw_error(env, nullptr, "the device cannot be made");
    return nullptr;
  }
  SetFunction(env, object, "start", Start);
  SetFunction(env, object, "keep", Keep);
  SetFunction(env, object, "giveBack", GiveBack);
  SetFunction(env, object, "send", Send);
  SetFunction(env, object, "notify", Notify);
  SetFunction(env, object, "notified", Notified);
  SetFunction(env, object, "backingOpen", BackingOpen);
  SetFunction(env, object, "backingClose", BackingClose);
  SetFunction(env, object, "spin", Spin);
  SetFunction(env, object, "stats", Stats);
  SetFunction(env, object, "close", Close);
  return object;
}

}  // namespace nexus

// Making and lending of request buffers.
#include "pool.h"

#include <cstdlib>

namespace nexus {

namespace {

constexpr size_t kGrowth = 4;
constexpr size_t kAlignment = 4096;

void FreeMemory(napi_env, void* data, void*) { free(data); }

}  // namespace

bool Pool::Open(napi_env env, size_t buffer_size, size_t buffers) {
  buffer_size_ = buffer_size;
  most_ = buffers * kGrowth;
  for (size_t i = 0; i < buffers; i++) {
    Slot* slot = Make(env);
    if (!slot) return false;
    free_.push_back(slot);
  }
  return true;
}

Slot* Pool::Make(napi_env env) {
  void* data = nullptr;
  if (posix_memalign(&data, kAlignment, buffer_size_) != 0) {
    napi_throw_error(env, "ENOMEM", "no memory for a request buffer");
    return nullptr;
  }
  napi_handle_scope scope;
  napi_open_handle_scope(env, &scope);
  auto slot = std::make_unique<Slot>();
  slot->data = static_cast<uint8_t*>(data);
  napi_value buffer;
  if (napi_create_external_buffer(env, buffer_size_, data, FreeMemory, nullptr, &buffer) != napi_ok) {
    free(data);
    slot.reset();
  } else if (napi_create_reference(env, buffer, 1, &slot->buffer) != napi_ok) {
    slot.reset();
  }
  napi_close_handle_scope(env, scope);
  if (!slot) return nullptr;
  slots_.push_back(std::move(slot));
  return slots_.back().get();
}

void Pool::Close(napi_env env) {
  for (const auto& slot : slots_) napi_delete_reference(env, slot->buffer);
  slots_.clear();
  free_.clear();
}

Slot* Pool::Take(napi_env env) {
  if (free_.empty()) return slots_.size() < most_ ? Make(env) : nullptr;
  Slot* slot = free_.back();
  free_.pop_back();
  return slot;
}

void Pool::Free(Slot* slot) {
  slot->state = Slot::State::kFree;
  free_.push_back(slot);
}

Slot* Pool::Find(const uint8_t* data) const {
  for (const auto& slot : slots_) {
    if (data >= slot->data && data < slot->data + buffer_size_) return slot.get();
  }
  return nullptr;
}

size_t Pool::kept() const {
  size_t count = 0;
  for (const auto& slot : slots_) count += slot->state == Slot::State::kKept;
  return count;
}

}  // namespace nexus

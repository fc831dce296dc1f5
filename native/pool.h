// The buffers that requests are read into.
#pragma once

#include <node_api.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace nexus {

struct Slot {
  enum class State { kFree, kLent, kKept };
  uint8_t* data = nullptr;
  napi_ref buffer = nullptr;
  State state = State::kFree;
};

// Each buffer is one Buffer over native memory, made once and used again; the memory is freed with the Buffer, so a
// reference that JavaScript holds on to stays valid whatever becomes of the pool.
class Pool {
 public:
  // False with an exception pending when a buffer cannot be made.
  bool Open(napi_env env, size_t buffer_size, size_t buffers);
  void Close(napi_env env);

  // The buffer freed last, for its memory is still in the cache; nullptr when all are kept and no more may be made.
  Slot* Take(napi_env env);
  void Free(Slot* slot);
  // The slot whose memory `data` points into, or nullptr.
  Slot* Find(const uint8_t* data) const;

  size_t buffer_size() const { return buffer_size_; }
  size_t size() const { return slots_.size(); }
  size_t kept() const;

 private:
  Slot* Make(napi_env env);

  size_t buffer_size_ = 0;
  size_t most_ = 0;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<Slot*> free_;
};

}  // namespace nexus

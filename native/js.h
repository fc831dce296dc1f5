// Reading the arguments of a call from JavaScript, and throwing errno errors to it.
#pragma once

#include <node_api.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace nexus {

struct Bytes {
  uint8_t* data = nullptr;
  size_t size = 0;
};

// One call. The first argument of a wrong type throws a TypeError and turns ok() false; the values read after that
// are zero, so a function reads all of its arguments and asks ok() once before it acts.
class Call {
 public:
  static constexpr size_t kMaxArguments = 8;

  Call(napi_env env, napi_callback_info info);

  bool ok() const { return ok_; }
  size_t count() const { return count_; }
  napi_env env() const { return env_; }
  napi_value self() const { return self_; }
  napi_value value(size_t index) const { return values_[index]; }

  bool Absent(size_t index) const;
  int64_t Integer(size_t index);
  bool Boolean(size_t index);
  std::string String(size_t index);
  Bytes View(size_t index);
  napi_value Function(size_t index);
  // A Float64Array of at least `count` elements.
  double* Doubles(size_t index, size_t count);

  void Fail(size_t index, const char* expected);

 private:
  napi_env env_;
  napi_value self_ = nullptr;
  napi_value values_[kMaxArguments] = {};
  size_t count_ = kMaxArguments;
  bool ok_ = true;
};

// "ENOENT" and the like, for a positive errno.
std::string ErrnoName(int error);

// An Error with code, errno and syscall, as Node's own have; `about` names what the call was made on.
napi_value MakeError(napi_env env, int error, const char* syscall, const std::string& about = "");
// Throws the same; returns nullptr so that a function can end with `return Throw(...)`.
napi_value Throw(napi_env env, int error, const char* syscall, const std::string& about = "");

napi_value Number(napi_env env, double value);
napi_value Boolean(napi_env env, bool value);
void SetNumber(napi_env env, napi_value object, const char* name, double value);
void SetFunction(napi_env env, napi_value object, const char* name, napi_callback function);

}  // namespace nexus

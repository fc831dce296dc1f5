// Conversion between JavaScript values and C++ ones.
#include "js.h"

#include <cstring>

namespace nexus {

Call::Call(napi_env env, napi_callback_info info) : env_(env) {
  // Node-API fills what the caller left out with undefined.
  ok_ = napi_get_cb_info(env, info, &count_, values_, &self_, nullptr) == napi_ok;
}

void Call::Fail(size_t index, const char* expected) {
  if (!ok_) return;
  ok_ = false;
  std::string text = "argument " + std::to_string(index + 1) + " must be " + expected;
  napi_throw_type_error(env_, "ERR_INVALID_ARG_TYPE", text.c_str());
}

bool Call::Absent(size_t index) const {
  if (index >= count_) return true;
  napi_valuetype type;
  return napi_typeof(env_, values_[index], &type) != napi_ok || type == napi_undefined;
}

int64_t Call::Integer(size_t index) {
  int64_t result = 0;
  if (ok_ && napi_get_value_int64(env_, values_[index], &result) != napi_ok) Fail(index, "a number");
  return ok_ ? result : 0;
}

bool Call::Boolean(size_t index) {
  bool result = false;
  if (ok_ && napi_get_value_bool(env_, values_[index], &result) != napi_ok) Fail(index, "a boolean");
  return ok_ && result;
}

std::string Call::String(size_t index) {
  size_t length = 0;
  if (!ok_) return "";
  if (napi_get_value_string_utf8(env_, values_[index], nullptr, 0, &length) != napi_ok) {
    Fail(index, "a string");
    return "";
  }
  std::string result(length, '\0');
  napi_get_value_string_utf8(env_, values_[index], result.data(), length + 1, &length);
  if (result.find('\0') != std::string::npos) Fail(index, "a string without null bytes");
  return result;
}

Bytes Call::View(size_t index) {
  Bytes result;
  bool is_view = false;
  void* data = nullptr;
  // napi_get_buffer_info aborts the process on anything else.
  if (!ok_ || napi_is_buffer(env_, values_[index], &is_view) != napi_ok || !is_view ||
      napi_get_buffer_info(env_, values_[index], &data, &result.size) != napi_ok) {
    Fail(index, "a Uint8Array");
    return {};
  }
  result.data = static_cast<uint8_t*>(data);
  return result;
}

napi_value Call::Function(size_t index) {
  napi_valuetype type = napi_undefined;
  if (ok_ && (napi_typeof(env_, values_[index], &type) != napi_ok || type != napi_function)) {
    Fail(index, "a function");
  }
  return ok_ ? values_[index] : nullptr;
}

double* Call::Doubles(size_t index, size_t count) {
  bool is_typed = false;
  napi_typedarray_type type = napi_int8_array;
  size_t length = 0;
  void* data = nullptr;
  if (!ok_ || napi_is_typedarray(env_, values_[index], &is_typed) != napi_ok || !is_typed ||
      napi_get_typedarray_info(env_, values_[index], &type, &length, &data, nullptr, nullptr) != napi_ok ||
      type != napi_float64_array || length < count) {
    Fail(index, "a Float64Array that is long enough");
    return nullptr;
  }
  return static_cast<double*>(data);
}

std::string ErrnoName(int error) {
  const char* name = strerrorname_np(error);
  return name ? name : "E" + std::to_string(error);
}

napi_value MakeError(napi_env env, int error, const char* syscall, const std::string& about) {
  std::string code = ErrnoName(error);
  char storage[128];
  std::string text = code + ": " + strerror_r(error, storage, sizeof storage) + ", " + syscall;
  if (!about.empty()) text += " '" + about + "'";
  napi_value code_value, text_value, name, result = nullptr;
  if (napi_create_string_utf8(env, code.c_str(), code.size(), &code_value) != napi_ok ||
      napi_create_string_utf8(env, text.c_str(), text.size(), &text_value) != napi_ok ||
      napi_create_error(env, code_value, text_value, &result) != napi_ok) {
    return nullptr;
  }
  SetNumber(env, result, "errno", -error);
  if (napi_create_string_utf8(env, syscall, NAPI_AUTO_LENGTH, &name) == napi_ok) {
    napi_set_named_property(env, result, "syscall", name);
  }
  return result;
}

napi_value Throw(napi_env env, int error, const char* syscall, const std::string& about) {
  napi_value value = MakeError(env, error, syscall, about);
  if (value) napi_throw(env, value);
  return nullptr;
}

napi_value Number(napi_env env, double value) {
  napi_value result = nullptr;
  napi_create_double(env, value, &result);
  return result;
}

napi_value Boolean(napi_env env, bool value) {
  napi_value result = nullptr;
  napi_get_boolean(env, value, &result);
  return result;
}

void SetNumber(napi_env env, napi_value object, const char* name, double value) {
  napi_set_named_property(env, object, name, Number(env, value));
}

void SetFunction(napi_env env, napi_value object, const char* name, napi_callback function) {
  napi_value value;
  if (napi_create_function(env, name, NAPI_AUTO_LENGTH, function, nullptr, &value) == napi_ok) {
    napi_set_named_property(env, object, name, value);
  }
}

}  // namespace nexus

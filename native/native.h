// The functions that the addon exports, each documented in src/host/native.ts.
#pragma once

#include <node_api.h>

namespace nexus {

// mount.cc
napi_value MountRoot(napi_env env, napi_callback_info info);
napi_value Unmount(napi_env env, napi_callback_info info);

// fusermount.cc
napi_value MountUser(napi_env env, napi_callback_info info);

// host.cc
napi_value Seek(napi_env env, napi_callback_info info);
napi_value Fallocate(napi_env env, napi_callback_info info);
napi_value CopyFileRange(napi_env env, napi_callback_info info);
napi_value Fadvise(napi_env env, napi_callback_info info);
napi_value ReadNowait(napi_env env, napi_callback_info info);
napi_value UsedElsewhere(napi_env env, napi_callback_info info);
napi_value Clock(napi_env env, napi_callback_info info);
napi_value Fstat(napi_env env, napi_callback_info info);
napi_value LockFile(napi_env env, napi_callback_info info);
napi_value Statfs(napi_env env, napi_callback_info info);
napi_value PrctlIoFlusher(napi_env env, napi_callback_info info);
napi_value PeerCredentials(napi_env env, napi_callback_info info);

}  // namespace nexus

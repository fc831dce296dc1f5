// The addon's exports. It holds no state of its own: each environment (worker thread) gets its own functions.
#include "device.h"
#include "js.h"
#include "native.h"

NAPI_MODULE_INIT() {
  using namespace nexus;
  SetFunction(env, exports, "openDevice", OpenDevice);
  SetFunction(env, exports, "mountRoot", MountRoot);
  SetFunction(env, exports, "mountUser", MountUser);
  SetFunction(env, exports, "unmount", Unmount);
  SetFunction(env, exports, "seek", Seek);
  SetFunction(env, exports, "fallocate", Fallocate);
  SetFunction(env, exports, "copyFileRange", CopyFileRange);
  SetFunction(env, exports, "fadvise", Fadvise);
  SetFunction(env, exports, "readNowait", ReadNowait);
  SetFunction(env, exports, "usedElsewhere", UsedElsewhere);
  SetFunction(env, exports, "clock", Clock);
  SetFunction(env, exports, "fstat", Fstat);
  SetFunction(env, exports, "lockFile", LockFile);
  SetFunction(env, exports, "statfs", Statfs);
  SetFunction(env, exports, "prctlIoFlusher", PrctlIoFlusher);
  SetFunction(env, exports, "peerCredentials", PeerCredentials);
  return exports;
}

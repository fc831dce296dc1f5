// Mounting without rights of one's own: the setuid program fusermount3 mounts and passes the descriptor back.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <vector>

#include "channel.h"
#include "js.h"
#include "native.h"

namespace nexus {

namespace {

// What the child finds its end of the socket as.
constexpr int kChildSocket = 3;
constexpr const char* kSocketVariable = "_FUSE_COMMFD=";

struct Mounting {
  napi_async_work work = nullptr;
  napi_deferred deferred = nullptr;
  std::string program;
  std::vector<std::string> arguments;
  std::vector<std::string> environment;
  int descriptor = -1;
  int error = 0;  // of `syscall`
  const char* syscall = "";
  std::string said;
  int status = 0;

  bool Fail(const char* call, int number) {
    syscall = call;
    error = number;
    return false;
  }
};

std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (std::string& text : strings) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

bool Spawn(Mounting& mounting, int socket, int output, pid_t* pid) {
  posix_spawn_file_actions_t actions;
  int error = posix_spawn_file_actions_init(&actions);
  if (error != 0) return mounting.Fail("posix_spawn", error);
  // The output first: its number may be the one that the socket is to have.
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output, 1);
  posix_spawn_file_actions_adddup2(&actions, output, 2);
  posix_spawn_file_actions_adddup2(&actions, socket, kChildSocket);
  std::vector<char*> arguments = Pointers(mounting.arguments), environment = Pointers(mounting.environment);
  error = posix_spawnp(pid, mounting.program.c_str(), &actions, nullptr, arguments.data(), environment.data());
  posix_spawn_file_actions_destroy(&actions);
  return error == 0 || mounting.Fail("posix_spawn", error);
}

// True until the other end is closed.
bool ReceiveDescriptor(Mounting& mounting, int socket) {
  char byte;
  iovec part = {&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  if (n < 0) return errno == EINTR || errno == EAGAIN;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
    if (mounting.descriptor >= 0) close(mounting.descriptor);
    memcpy(&mounting.descriptor, CMSG_DATA(header), sizeof(int));
  }
  return n > 0;
}

bool ReceiveText(Mounting& mounting, int output) {
  constexpr size_t kMost = 4096;
  char part[1024];
  ssize_t n = read(output, part, sizeof part);
  if (n < 0) return errno == EINTR || errno == EAGAIN;
  if (mounting.said.size() < kMost) mounting.said.append(part, static_cast<size_t>(n));
  return n > 0;
}

// Both at once, so that a talkative program does not wait for this one while this one waits for it.
void Listen(Mounting& mounting, int socket, int output) {
  pollfd sources[2] = {{socket, POLLIN, 0}, {output, POLLIN, 0}};
  while (sources[0].fd >= 0 || sources[1].fd >= 0) {
    if (poll(sources, 2, -1) < 0) continue;
    if (sources[0].revents != 0 && !ReceiveDescriptor(mounting, socket)) sources[0].fd = -1;
    if (sources[1].revents != 0 && !ReceiveText(mounting, output)) sources[1].fd = -1;
  }
}

void Execute(napi_env, void* data) {
  Mounting& mounting = *static_cast<Mounting*>(data);
  int sockets[2], output[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) {
    mounting.Fail("socketpair", errno);
    return;
  }
  if (pipe2(output, O_CLOEXEC) != 0) {
    mounting.Fail("pipe2", errno);
    close(sockets[0]);
    close(sockets[1]);
    return;
  }
  pid_t pid = -1;
  bool spawned = Spawn(mounting, sockets[0], output[1], &pid);
  close(sockets[0]);
  close(output[1]);
  if (spawned) {
    Listen(mounting, sockets[1], output[0]);
    pid_t waited;
    do waited = waitpid(pid, &mounting.status, 0);
    while (waited < 0 && errno == EINTR);
    // Somebody else in this process may have reaped it; then only the descriptor tells.
    if (waited < 0) mounting.status = 0;
    if (mounting.descriptor >= 0) Channel::MountedAt(mounting.descriptor, mounting.arguments.back());
  }
  close(sockets[1]);
  close(output[0]);
}

napi_value Failure(napi_env env, Mounting& mounting) {
  if (mounting.error != 0) return MakeError(env, mounting.error, mounting.syscall, mounting.program);
  std::string text = mounting.said;
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  if (text.empty()) {
    text = mounting.program;
    if (WIFSIGNALED(mounting.status)) {
      text += " was ended by signal " + std::to_string(WTERMSIG(mounting.status));
    } else if (mounting.status != 0) {
      text += " ended with status " + std::to_string(WEXITSTATUS(mounting.status));
    } else {
      text += " passed no descriptor back";
    }
  }
  napi_value message, result = nullptr;
  napi_create_string_utf8(env, text.c_str(), text.size(), &message);
  napi_create_error(env, nullptr, message, &result);
  return result;
}

void Complete(napi_env env, napi_status status, void* data) {
  auto* mounting = static_cast<Mounting*>(data);
  bool mounted = mounting->error == 0 && mounting->status == 0 && mounting->descriptor >= 0;
  bool told = false;
  if (status == napi_ok && mounted) {
    told = napi_resolve_deferred(env, mounting->deferred, Number(env, mounting->descriptor)) == napi_ok;
  } else if (status == napi_ok) {
    napi_reject_deferred(env, mounting->deferred, Failure(env, *mounting));
  }
  if (!told && mounting->descriptor >= 0) close(mounting->descriptor);
  napi_delete_async_work(env, mounting->work);
  delete mounting;
}

}  // namespace

napi_value MountUser(napi_env env, napi_callback_info info) {
  Call call(env, info);
  std::string program = call.String(0), dir = call.String(1), options = call.String(2);
  if (call.ok() && options.find("auto_unmount") != std::string::npos) call.Fail(2, "options without auto_unmount");
  if (!call.ok()) return nullptr;
  auto* mounting = new Mounting;
  mounting->program = program;
  mounting->arguments = {program};
  if (!options.empty()) mounting->arguments.insert(mounting->arguments.end(), {"-o", options});
  mounting->arguments.insert(mounting->arguments.end(), {"--", dir});
  // Copied here, on the loop thread, because JavaScript may change the environment while the other thread runs.
  for (char** variable = environ; *variable; variable++) {
    if (strncmp(*variable, kSocketVariable, strlen(kSocketVariable)) != 0) mounting->environment.push_back(*variable);
  }
  mounting->environment.push_back(kSocketVariable + std::to_string(kChildSocket));
  napi_value promise, name;
  if (napi_create_string_utf8(env, "fusermount", NAPI_AUTO_LENGTH, &name) != napi_ok ||
      napi_create_async_work(env, nullptr, name, Execute, Complete, mounting, &mounting->work) != napi_ok ||
      napi_create_promise(env, &mounting->deferred, &promise) != napi_ok ||
      napi_queue_async_work(env, mounting->work) != napi_ok) {
    if (mounting->work) napi_delete_async_work(env, mounting->work);
    delete mounting;
    napi_throw_error(env, nullptr, "fusermount cannot be started");
    return nullptr;
  }
  return promise;
}

}  // namespace nexus

// What other subsystems do with files: fifos, sockets, programs, inotify.
#include "harness.h"

#include <poll.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/un.h>

CASE("ipc", "a fifo carries bytes between two processes", "FS-2") {
  pid_t pid;
  char back[16] = "";
  NEED_OK(mkfifo("p", 0600));
  SPAWN(pid) {
    int out = (int)NEED_OK(open("p", O_WRONLY | O_CLOEXEC));
    CHECK_EQ(write(out, "through", 7), 7);
  }
  int in = (int)CHECK_OK(open("p", O_RDONLY | O_CLOEXEC));
  CHECK_EQ(read(in, back, sizeof back), 7);
  CHECK_STR(back, "through");
  CHECK_EQ(join(pid), 0);
  CHECK_EQ(read(in, back, sizeof back), 0);
  CHECK_ERR(ESPIPE, lseek(in, 0, SEEK_SET));
  CHECK_ERR(EINVAL, ftruncate(in, 0));
  CHECK_EQ(look("p").st_size, 0);
}

CASE("ipc", "a fifo without a partner", "FS-3") {
  char byte;
  NEED_OK(mkfifo("p", 0600));
  CHECK_ERR(ENXIO, open("p", O_WRONLY | O_NONBLOCK | O_CLOEXEC));
  int in = (int)CHECK_OK(open("p", O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  CHECK_EQ(read(in, &byte, 1), 0);
  int out = (int)CHECK_OK(open("p", O_WRONLY | O_NONBLOCK | O_CLOEXEC));
  CHECK_ERR(EAGAIN, read(in, &byte, 1));
  CHECK_OK(close(in));
  CHECK_ERR(EPIPE, write(out, "x", 1));
  CHECK_OK(unlink("p"));
}

CASE("ipc", "a fifo by two names, renamed while open", "FS-2") {
  char byte = 0;
  NEED_OK(mkfifo("p", 0600));
  NEED_OK(link("p", "q"));
  int in = (int)CHECK_OK(open("p", O_RDONLY | O_NONBLOCK | O_CLOEXEC)), out = (int)CHECK_OK(open("q", O_WRONLY | O_NONBLOCK | O_CLOEXEC));
  CHECK_OK(rename("p", "r"));
  CHECK_EQ(write(out, "z", 1), 1);
  CHECK_EQ(read(in, &byte, 1), 1);
  CHECK_EQ(byte, 'z');
}

static void sockets(long type) {
  struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "s"};
  char back[8] = "";
  int server = (int)NEED_OK(socket(AF_UNIX, (int)type | SOCK_CLOEXEC, 0)), client = (int)NEED_OK(socket(AF_UNIX, (int)type | SOCK_CLOEXEC, 0));
  umask(027);
  CHECK_OK(bind(server, (struct sockaddr *)&address, sizeof address));
  CHECK_EQ(look("s").st_mode, S_IFSOCK | 0750);
  CHECK_ERR(EADDRINUSE, bind(client, (struct sockaddr *)&address, sizeof address));
  if (type != SOCK_DGRAM) CHECK_OK(listen(server, 1));
  CHECK_OK(rename("s", "t"));
  strcpy(address.sun_path, "t");
  CHECK_OK(connect(client, (struct sockaddr *)&address, sizeof address));
  CHECK_EQ(send(client, "hello", 5, 0), 5);
  int end = type == SOCK_DGRAM ? server : (int)CHECK_OK(accept(server, NULL, NULL));
  CHECK_EQ(recv(end, back, sizeof back, 0), 5);
  CHECK_STR(back, "hello");
  CHECK_ERR(ENXIO, open("t", O_RDWR | O_CLOEXEC));
  CHECK_OK(unlink("t"));
  int late = (int)NEED_OK(socket(AF_UNIX, (int)type | SOCK_CLOEXEC, 0));
  CHECK_ERR(ENOENT, connect(late, (struct sockaddr *)&address, sizeof address));
}

GENERATE {
  add_case("ipc", "FS-2", sockets, SOCK_STREAM, "a stream socket in the directory");
  add_case("ipc", "FS-2", sockets, SOCK_DGRAM, "a datagram socket in the directory");
  add_case("ipc", "FS-2", sockets, SOCK_SEQPACKET, "a seqpacket socket in the directory");
}

CASE("ipc", "connecting needs write permission on the socket", "FS-3") {
  need_root();
  struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "s"};
  int server = (int)NEED_OK(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  NEED_OK(bind(server, (struct sockaddr *)&address, sizeof address));
  NEED_OK(listen(server, 4));
  NEED_OK(chown("s", U1, G1));
  NEED_OK(chmod("s", 0640));
  AS(U1, G2) CHECK_OK(connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&address, sizeof address));
  AS(U2, G1) CHECK_ERR(EACCES, connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&address, sizeof address));
}

static int run(const char *path, const char *argument) {
  pid_t pid;
  SPAWN(pid) {
    execl(path, path, argument, NULL);
    _exit(200);
  }
  return join(pid);
}

static void copy_program(const char *from, const char *to) {
  static char buffer[65536];
  int in = (int)NEED_OK(open(from, O_RDONLY | O_CLOEXEC)), out = (int)NEED_OK(open(to, O_CREAT | O_WRONLY | O_CLOEXEC, 0755));
  for (ssize_t got; (got = read(in, buffer, sizeof buffer)) > 0;) NEED_OK(write(out, buffer, (size_t)got));
  NEED_OK(close(out));
  NEED_OK(close(in));
}

CASE("exec", "a script runs", "FS-1") {
  make_file("script", 0755, "#!/bin/sh\nexit \"$1\"\n");
  CHECK_EQ(run("./script", "42"), 42);
  CHECK_OK(rename("script", "renamed"));
  CHECK_EQ(run("./renamed", "7"), 7);
  CHECK_OK(chmod("renamed", 0644));
  CHECK_EQ(run("./renamed", "7"), 200);
  NEED_OK(symlink("renamed", "link"));
  CHECK_OK(chmod("renamed", 0700));
  CHECK_EQ(run("./link", "9"), 9);
}

CASE("exec", "a binary runs, by name, by descriptor and replaced", "FS-1") {
  copy_program("/bin/sh", "program");
  CHECK_EQ(run("./program", "/dev/null"), 0);
  int fd = (int)NEED_OK(open("program", O_RDONLY | O_CLOEXEC));
  pid_t pid;
  SPAWN(pid) {
    char *argv[] = {"program", "-c", "exit 31", NULL}, *environment[] = {NULL};
    fexecve(fd, argv, environment);
    _exit(200);
  }
  CHECK_EQ(join(pid), 31);
  make_file("other", 0755, "#!/bin/sh\nexit 5\n");
  CHECK_OK(rename("other", "program"));
  CHECK_EQ(run("./program", NULL), 5);
}

CASE("exec", "a running program may be unlinked, and may not be written (or may)", "FS-2") {
  pid_t pid;
  int ends[2];
  copy_program("/bin/cat", "program");
  NEED_OK(pipe2(ends, O_CLOEXEC));
  int result[2];
  NEED_OK(pipe2(result, O_CLOEXEC));
  SPAWN(pid) {
    dup2(ends[0], 0);
    dup2(result[1], 1);
    execl("./program", "program", NULL);
    _exit(200);
  }
  char byte;
  NEED_OK(write(ends[1], "a", 1));
  CHECK_EQ(read(result[0], &byte, 1), 1);
  CHECK_ERR2(ETXTBSY, 0, open("program", O_WRONLY | O_CLOEXEC));
  CHECK_OK(unlink("program"));
  NEED_OK(write(ends[1], "b", 1));
  CHECK_EQ(read(result[0], &byte, 1), 1);
  CHECK_EQ(byte, 'b');
  close(ends[1]);
  CHECK_EQ(join(pid), 0);
}

CASE("exec", "a program open for writing does not run (or does)", "FS-2") {
  copy_program("/bin/true", "program");
  int fd = (int)NEED_OK(open("program", O_RDWR | O_CLOEXEC));
  int status = run("./program", NULL);
  CHECK(status == 200 || status == 0);
  NEED_OK(close(fd));
  CHECK_EQ(run("./program", NULL), 0);
}

// ---- inotify ----

static int watch_all(const char *path) {
  int fd = (int)NEED_OK(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  NEED_OK(inotify_add_watch(fd, path, IN_ALL_EVENTS));
  return fd;
}

static bool told(int fd, uint32_t wanted, const char *name) {
  static _Alignas(8) char buffer[65536];
  struct pollfd ready = {fd, POLLIN, 0};
  while (poll(&ready, 1, 5000) == 1) {
    ssize_t size = read(fd, buffer, sizeof buffer);
    for (char *at = buffer; at < buffer + size;) {
      struct inotify_event *event = (void *)at;
      if (event->mask & wanted && (!name || (event->len && strcmp(event->name, name) == 0))) return true;
      at += sizeof *event + event->len;
    }
  }
  return false;
}

static long create_it(void) { return close(open_new("d/new")); }
static long mkdir_it(void) { return mkdir("d/new", 0755); }
static long remove_it(void) { return unlink("d/f"); }
static long write_it(void) {
  int fd = (int)NEED_OK(open("d/f", O_WRONLY | O_CLOEXEC));
  NEED_OK(write(fd, "x", 1));
  return close(fd);
}
static long chmod_it(void) { return chmod("d/f", 0600); }
static long move_it(void) { return rename("d/f", "out"); }
static long move_in(void) { return rename("outside", "d/in"); }
static long truncate_it(void) { return truncate("d/f", 0); }
static long link_it(void) { return link("d/f", "d/l"); }

static const struct {
  const char *name;
  long (*run)(void);
  uint32_t mask;
  const char *on;
} events[] = {
    {"create", create_it, IN_CREATE, "new"},       {"mkdir", mkdir_it, IN_CREATE | IN_ISDIR, "new"},
    {"delete", remove_it, IN_DELETE, "f"},         {"modify", write_it, IN_MODIFY, "f"},
    {"close after writing", write_it, IN_CLOSE_WRITE, "f"}, {"attributes", chmod_it, IN_ATTRIB, "f"},
    {"moved from", move_it, IN_MOVED_FROM, "f"},   {"moved to", move_in, IN_MOVED_TO, "in"},
    {"truncate", truncate_it, IN_MODIFY, "f"},     {"link", link_it, IN_CREATE, "l"},
};

static void notified(long row) {
  make_dir("d", 0755);
  make_file("d/f", 0644, "content");
  make_file("outside", 0644, "");
  int fd = watch_all("d");
  CHECK_OK(events[row].run());
  CHECK(told(fd, events[row].mask, events[row].on));
}

GENERATE {
  for (long row = 0; row < COUNT(events); row++) add_case("inotify", "FS-2", notified, row, "%s", events[row].name);
}

CASE("inotify", "a watched file which is removed says so", "FS-2") {
  make_file("f", 0644, "");
  int fd = watch_all("f");
  CHECK_OK(unlink("f"));
  CHECK(told(fd, IN_DELETE_SELF, NULL));
}

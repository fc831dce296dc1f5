// The suite's contract: how a case is registered, what it may assert, and whom it may act as.
#ifndef POSIX_HARNESS_H
#define POSIX_HARNESS_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COUNT(array) ((long)(sizeof(array) / sizeof(*(array))))
#define UNUSED __attribute__((unused))
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)

// ---- registration ----

typedef struct {
  const char *area, *id;
  char name[112];
  void (*run)(long arg);
  long arg;
} test_case;

void add_case(const char *area, const char *id, void (*run)(long), long arg, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

// One case; its body follows. Runs in a child of its own, in an empty directory (mode 0777), umask 0.
#define CASE(area, name, id)                                                                                    \
  static void JOIN(case_, __LINE__)(long);                                                                      \
  __attribute__((constructor)) static void JOIN(add_, __LINE__)(void) {                                         \
    add_case(area, id, JOIN(case_, __LINE__), 0, "%s", name);                                                   \
  }                                                                                                             \
  static void JOIN(case_, __LINE__)(long arg UNUSED)

// A block that runs before main() and registers the cases of a table with add_case().
#define GENERATE __attribute__((constructor)) static void JOIN(generate_, __LINE__)(void)

// ---- assertions (counted; may be used in any child of the case) ----

#define CHECK(condition) check_that(!!(condition), #condition, __FILE__, __LINE__)
#define CHECK_OK(call) check_ok((long)(call), #call, __FILE__, __LINE__)
#define CHECK_ERR(code, call) check_result((code), (long)(call), #call, __FILE__, __LINE__)
#define CHECK_ERR2(code, other, call) check_either((code), (other), (long)(call), #call, __FILE__, __LINE__)
#define CHECK_EQ(got, expected) check_eq((long long)(got), (long long)(expected), #got, __FILE__, __LINE__)
#define CHECK_STR(got, expected) check_str((got), (expected), #got, __FILE__, __LINE__)
#define CHECK_MEM(got, expected, size) check_mem((got), (expected), (size), #got, __FILE__, __LINE__)
#define CHECK_CONTENT(path, text) check_content((path), (text), __FILE__, __LINE__)
// A step the rest of the case stands on: not counted as an assertion; its failure fails the case and ends the process.
#define NEED_OK(call) need_ok((long)(call), #call, __FILE__, __LINE__)

bool check_that(bool ok, const char *text, const char *file, int line);
long check_ok(long result, const char *text, const char *file, int line);
long need_ok(long result, const char *text, const char *file, int line);
// code 0 expects success, any other code expects -1 with that errno.
bool check_result(int code, long result, const char *text, const char *file, int line);
bool check_either(int code, int other, long result, const char *text, const char *file, int line);
bool check_eq(long long got, long long expected, const char *text, const char *file, int line);
bool check_str(const char *got, const char *expected, const char *text, const char *file, int line);
bool check_mem(const void *got, const void *expected, size_t size, const char *text, const char *file, int line);
bool check_content(const char *path, const char *expected, const char *file, int line);
void fail(const char *file, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));
// Names the row of a table in the failures that follow.
void context(const char *format, ...) __attribute__((format(printf, 1, 2)));
// Ends the case as skipped.
void skip(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
void need_root(void);
const char *errno_name(int code);

// ---- other processes and other users ----

enum { U1 = 12001, U2, U3, G1 = 13001, G2, G3 };
struct identity {
  uid_t uid;
  gid_t gid, extra;
};

// AS(U1, G1) { ... } or AS(U1, G1, G2) { ... }: the block runs in a child with those ids; the parent waits for it.
#define AS(...) for (int in_child_ = enter_child((struct identity){__VA_ARGS__}); in_child_; leave_child())
#define CHILD AS(0)
// SPAWN(pid) { ... }: the block runs in a child beside the parent; CHECK_EQ(join(pid), 0) waits for it.
#define SPAWN(pid) for (int in_child_ = spawn_child(&(pid)); in_child_; leave_child())

int enter_child(struct identity who);
int spawn_child(pid_t *pid);
void leave_child(void);
void become(struct identity who);
// The exit status, or 128 + the signal which ended the child.
int join(pid_t pid);

// A one-way signal between processes.
typedef struct {
  int ends[2];
} gate;
gate new_gate(void);
void open_gate(gate g);
void pass_gate(gate g);

// ---- the directory under test ----

// A path on the second mount for a name in the case's directory; skips the case when there is no second mount.
const char *other(const char *name);

// ---- steps (setup.c); all end the case when they fail ----

void make_file(const char *path, mode_t mode, const char *content);
void make_dir(const char *path, mode_t mode);
void make_owned(const char *path, mode_t mode, uid_t uid, gid_t gid, bool directory);
struct stat look(const char *path);
struct stat look_fd(int fd);
bool exists(const char *path);
const char *content_of(const char *path);
const char *link_of(const char *path);
void fill(char *buffer, size_t size, unsigned seed);
int open_new(const char *path);
// Waits until every clock a file system may use has moved on.
void tick(void);
int compare_times(struct timespec a, struct timespec b);
void nap(int milliseconds);

enum kind { ABSENT, FILE_, DIR_, FULL, LINK, DANGLING, FIFO_, SOCK, CHR, BLK, KINDS };
extern const char *const kind_names[KINDS];
void make_kind(enum kind kind, const char *path);
static inline bool is_dir(enum kind kind) { return kind == DIR_ || kind == FULL; }

#endif

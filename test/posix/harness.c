// Assertions, children and the shared report of one case.
#include "report.h"

#include <grp.h>
#include <stdarg.h>
#include <sys/prctl.h>

static char context_text[256];

const char *errno_name(int code) {
  const char *name = code == 0 ? "success" : strerrorname_np(code);
  return name ? name : "unknown errno";
}

static void append(const char *text) {
  unsigned size = (unsigned)strlen(text) + 1;
  unsigned at = atomic_fetch_add(&the_report->used, size);
  atomic_fetch_add(&the_report->failed, 1);
  if (at + size <= sizeof the_report->text) memcpy(the_report->text + at, text, size);
}

void fail(const char *file, int line, const char *format, ...) {
  char message[700], text[1100];
  va_list list;
  va_start(list, format);
  vsnprintf(message, sizeof message, format, list);
  va_end(list);
  const char *base = strrchr(file, '/');
  snprintf(text, sizeof text, "%s:%d: %s%s%s%s", base ? base + 1 : file, line, message, *context_text ? " [" : "",
           context_text, *context_text ? "]" : "");
  append(text);
}

static void count(void) { atomic_fetch_add(&the_report->assertions, 1); }

void context(const char *format, ...) {
  va_list list;
  va_start(list, format);
  vsnprintf(context_text, sizeof context_text, format, list);
  va_end(list);
}

void skip(const char *format, ...) {
  va_list list;
  va_start(list, format);
  vsnprintf(the_report->skipped, sizeof the_report->skipped, format, list);
  va_end(list);
  _exit(0);
}

void need_root(void) {
  if (geteuid() != 0) skip("needs root");
}

bool check_that(bool ok, const char *text, const char *file, int line) {
  count();
  if (!ok) fail(file, line, "%s: expected to hold", text);
  return ok;
}

long check_ok(long result, const char *text, const char *file, int line) {
  int code = errno;
  count();
  if (result < 0) fail(file, line, "%s: expected success, got %s", text, errno_name(code));
  errno = code;
  return result;
}

long need_ok(long result, const char *text, const char *file, int line) {
  if (result >= 0) return result;
  fail(file, line, "%s: expected success, got %s", text, errno_name(errno));
  _exit(0);
}

bool check_either(int code, int other_code, long result, const char *text, const char *file, int line) {
  int got = result < 0 ? errno : 0;
  count();
  if (got == code || got == other_code) return true;
  fail(file, line, "%s: expected %s or %s, got %s", text, errno_name(code), errno_name(other_code), errno_name(got));
  return false;
}

bool check_result(int code, long result, const char *text, const char *file, int line) {
  int got = result < 0 ? errno : 0;
  count();
  if (got == code) return true;
  fail(file, line, "%s: expected %s, got %s", text, errno_name(code), errno_name(got));
  return false;
}

bool check_eq(long long got, long long expected, const char *text, const char *file, int line) {
  int code = errno;
  count();
  if (got == expected) return true;
  fail(file, line, "%s: expected %lld (0%llo), got %lld (0%llo)%s%s", text, expected, (unsigned long long)expected,
       got, (unsigned long long)got, got == -1 ? ", errno " : "", got == -1 ? errno_name(code) : "");
  return false;
}

bool check_str(const char *got, const char *expected, const char *text, const char *file, int line) {
  count();
  if (strcmp(got, expected) == 0) return true;
  fail(file, line, "%s: expected \"%.200s\", got \"%.200s\"", text, expected, got);
  return false;
}

bool check_mem(const void *got, const void *expected, size_t size, const char *text, const char *file, int line) {
  const unsigned char *a = got, *b = expected;
  count();
  for (size_t i = 0; i < size; i++) {
    if (a[i] == b[i]) continue;
    fail(file, line, "%s: byte %zu of %zu: expected 0x%02x, got 0x%02x", text, i, size, b[i], a[i]);
    return false;
  }
  return true;
}

bool check_content(const char *path, const char *expected, const char *file, int line) {
  return check_str(content_of(path), expected, path, file, line);
}

// ---- children ----

void become(struct identity who) {
  if (who.uid == 0) return;
  gid_t groups[] = {who.gid, who.extra};
  NEED_OK(setgroups(who.extra ? 2 : 1, groups));
  NEED_OK(setresgid(who.gid, who.gid, who.gid));
  NEED_OK(setresuid(who.uid, who.uid, who.uid));
}

int spawn_child(pid_t *pid) {
  pid_t child = fork();
  NEED_OK(child);
  if (child != 0) *pid = child;
  return child == 0;
}

int enter_child(struct identity who) {
  pid_t pid = -1;
  if (who.uid != 0) need_root();
  if (spawn_child(&pid)) {
    become(who);
    return 1;
  }
  int status = join(pid);
  if (status != 0) fail(__FILE__, __LINE__, "a child of the case ended with status %d", status);
  return 0;
}

void leave_child(void) { _exit(0); }

int join(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return -1;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

gate new_gate(void) {
  gate g;
  NEED_OK(pipe2(g.ends, O_CLOEXEC));
  return g;
}

void open_gate(gate g) { NEED_OK(write(g.ends[1], "x", 1)); }

void pass_gate(gate g) {
  char byte;
  while (read(g.ends[0], &byte, 1) < 0 && errno == EINTR) continue;
}

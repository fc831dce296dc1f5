// The runner: picks the cases, runs each in a child with a time limit, and adds up the reports.
#include "report.h"

#include <fnmatch.h>
#include <ftw.h>
#include <getopt.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/prctl.h>

enum { MAX_JOBS = 64, MAX_PATTERNS = 256 };

struct pattern {
  char glob[160], reason[160];
};
struct slot {
  pid_t pid;
  const test_case *test;
  report *result;
  time_t deadline;
  bool killed;
};

case_list cases;
report *the_report;
const char *other_directory;

static struct {
  char directory[PATH_MAX / 2], second[PATH_MAX / 2];
  struct pattern only[MAX_PATTERNS], excluded[MAX_PATTERNS];
  int only_count, excluded_count, jobs, seconds;
  bool json, list;
} options = {.jobs = 1, .seconds = 120};
static struct totals totals;

void add_case(const char *area, const char *id, void (*run)(long), long arg, const char *format, ...) {
  static long room;
  if (cases.count == room) {
    room = room ? room * 2 : 256;
    cases.all = realloc(cases.all, (size_t)room * sizeof *cases.all);
    if (!cases.all) abort();
  }
  test_case *test = &cases.all[cases.count++];
  *test = (test_case){.area = area, .id = id, .run = run, .arg = arg};
  va_list list;
  va_start(list, format);
  vsnprintf(test->name, sizeof test->name, format, list);
  va_end(list);
}

static int by_name(const void *a, const void *b) {
  const test_case *left = a, *right = b;
  int order = strcmp(left->area, right->area);
  return order ? order : strcmp(left->name, right->name);
}

static int remove_entry(const char *path, const struct stat *at UNUSED, int type UNUSED, struct FTW *where UNUSED) {
  return remove(path);
}

static void remove_tree(const char *path) {
  if (chdir("/") == 0) nftw(path, remove_entry, 32, FTW_DEPTH | FTW_PHYS);
}

static const struct pattern *match(const struct pattern *list, int count, const test_case *test) {
  char full[200];
  snprintf(full, sizeof full, "%s/%s", test->area, test->name);
  for (int i = 0; i < count; i++) {
    if (strcmp(list[i].glob, test->area) == 0 || fnmatch(list[i].glob, full, 0) == 0) return &list[i];
  }
  return NULL;
}

static void run_case(const test_case *test, long number) {
  static char second[PATH_MAX];
  char path[PATH_MAX];
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  setpgid(0, 0);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  signal(SIGPIPE, SIG_IGN);
  umask(0);
  snprintf(path, sizeof path, "%s/%ld", options.directory, number);
  NEED_OK(mkdir(path, 0777));
  NEED_OK(chdir(path));
  if (*options.second) {
    snprintf(second, sizeof second, "%s/%ld", options.second, number);
    other_directory = second;
  }
  pid_t self = getpid();
  test->run(test->arg);
  if (getpid() == self) remove_tree(path);
  _exit(0);
}

static void start(struct slot *slot, const test_case *test) {
  memset(slot->result, 0, sizeof *slot->result);
  the_report = slot->result;
  fflush(stdout);
  slot->pid = fork();
  if (slot->pid == 0) run_case(test, test - cases.all);
  if (slot->pid < 0) perror("fork"), exit(2);
  slot->test = test;
  slot->killed = false;
  slot->deadline = time(NULL) + options.seconds;
}

static void finish(struct slot *slot, int status) {
  report *result = slot->result;
  the_report = result;
  context("%s", "");
  kill(-slot->pid, SIGKILL);  // whatever the case left running in its process group
  if (slot->killed) fail("runner", 0, "no end within %d seconds", options.seconds);
  else if (WIFSIGNALED(status)) fail("runner", 0, "ended by signal %d", WTERMSIG(status));
  else if (WIFEXITED(status) && WEXITSTATUS(status)) fail("runner", 0, "exit status %d", WEXITSTATUS(status));
  else if (!result->assertions && !*result->skipped) fail("runner", 0, "the case asserted nothing");
  totals.cases++;
  totals.assertions += result->assertions;
  totals.failures += result->failed;
  if (result->failed) totals.failed++;
  else if (*result->skipped) totals.skipped++;
  else totals.passed++;
  print_case(slot->test, result, options.json);
  slot->pid = 0;
}

// Waits for one child to end, or for a time limit to pass. A child which even SIGKILL does not end is given up.
static void wait_some(struct slot *slots) {
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  sigtimedwait(&child, NULL, &(struct timespec){.tv_nsec = 200000000});
  for (int i = 0; i < options.jobs; i++) {
    int status = 0;
    struct slot *slot = &slots[i];
    if (slot->pid == 0) continue;
    time_t late = time(NULL) - slot->deadline;
    if (waitpid(slot->pid, &status, WNOHANG) == slot->pid || late > 10) {
      finish(slot, status);
    } else if (late >= 0 && !slot->killed) {
      slot->killed = true;
      kill(-slot->pid, SIGKILL);
      kill(slot->pid, SIGKILL);
    }
  }
}

static bool excluded(const test_case *test) {
  static report result;
  const struct pattern *exclusion = match(options.excluded, options.excluded_count, test);
  if (!exclusion) return false;
  snprintf(result.skipped, sizeof result.skipped, "excluded: %s", exclusion->reason);
  totals.cases++;
  totals.skipped++;
  print_case(test, &result, options.json);
  return true;
}

static void run_all(void) {
  struct slot slots[MAX_JOBS] = {0};
  size_t size = sizeof(report) * (size_t)options.jobs;
  report *shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) perror("mmap"), exit(2);
  for (int i = 0; i < options.jobs; i++) slots[i].result = &shared[i];
  long next = 0;
  for (;;) {
    int busy = 0;
    for (int i = 0; i < options.jobs; i++) {
      while (slots[i].pid == 0 && next < cases.count) {
        const test_case *test = &cases.all[next++];
        if (options.only_count && !match(options.only, options.only_count, test)) continue;
        if (!excluded(test)) start(&slots[i], test);
      }
      busy += slots[i].pid != 0;
    }
    if (busy == 0) return;
    wait_some(slots);
  }
}

static void read_exclusions(const char *path) {
  char line[400];
  FILE *file = fopen(path, "re");
  if (!file) perror(path), exit(2);
  while (fgets(line, sizeof line, file) && options.excluded_count < MAX_PATTERNS) {
    struct pattern *entry = &options.excluded[options.excluded_count];
    if (*line != '#' && sscanf(line, "%159s %159[^\n]", entry->glob, entry->reason) >= 1) options.excluded_count++;
  }
  fclose(file);
}

static void set_directory(char *target, size_t size, const char *path) {
  char here[PATH_MAX / 4] = "";
  if (*path != '/' && !getcwd(here, sizeof here)) perror("getcwd"), exit(2);
  int length = snprintf(target, size, "%s%s%s/posix-%d", here, *here ? "/" : "", path, (int)getpid());
  if (length < 0 || (size_t)length >= size) fprintf(stderr, "%s: path too long\n", path), exit(2);
}

static void usage(void) {
  fputs("usage: posix DIR [--other DIR2] [--only PATTERN]... [--exclude FILE] [--jobs N] [--timeout SECONDS] "
        "[--json]\n       posix --list [--json]\n",
        stderr);
  exit(2);
}

static void parse(int argc, char **argv) {
  static const struct option known[] = {{"other", 1, 0, 'o'},   {"only", 1, 0, 'y'},    {"exclude", 1, 0, 'x'},
                                        {"jobs", 1, 0, 'j'},    {"timeout", 1, 0, 't'}, {"json", 0, 0, 'J'},
                                        {"list", 0, 0, 'l'},    {0}};
  for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
    if (option == 'o') set_directory(options.second, sizeof options.second, optarg);
    else if (option == 'x') read_exclusions(optarg);
    else if (option == 'j') options.jobs = atoi(optarg);
    else if (option == 't') options.seconds = atoi(optarg);
    else if (option == 'J') options.json = true;
    else if (option == 'l') options.list = true;
    else if (option == 'y' && options.only_count < MAX_PATTERNS)
      snprintf(options.only[options.only_count++].glob, 160, "%s", optarg);
    else usage();
  }
  if (options.jobs < 1 || options.jobs > MAX_JOBS || options.seconds < 1) usage();
  if (!options.list && optind != argc - 1) usage();
  if (!options.list) set_directory(options.directory, sizeof options.directory, argv[optind]);
}

static void list_all(void) {
  for (long i = 0; i < cases.count; i++) {
    if (!options.only_count || match(options.only, options.only_count, &cases.all[i]))
      print_listed(&cases.all[i], options.json);
  }
}

int main(int argc, char **argv) {
  parse(argc, argv);
  qsort(cases.all, (size_t)cases.count, sizeof *cases.all, by_name);
  for (long i = 1; i < cases.count; i++) {
    if (by_name(&cases.all[i - 1], &cases.all[i]) == 0)
      fprintf(stderr, "two cases are called %s/%s\n", cases.all[i].area, cases.all[i].name), exit(2);
  }
  if (options.list) return list_all(), 0;
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  sigprocmask(SIG_BLOCK, &child, NULL);
  if (mkdir(options.directory, 0755) < 0) perror(options.directory), exit(2);
  struct timespec begin, end;
  clock_gettime(CLOCK_MONOTONIC, &begin);
  run_all();
  clock_gettime(CLOCK_MONOTONIC, &end);
  totals.seconds = (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
  print_totals(&totals, options.json);
  fflush(stdout);
  remove_tree(options.directory);
  return totals.failed ? 1 : 0;
}

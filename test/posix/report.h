// What one case hands back to the runner: a page shared by the runner, the case and all of the case's children.
#ifndef POSIX_REPORT_H
#define POSIX_REPORT_H

#include "harness.h"

#include <stdatomic.h>

typedef struct {
  atomic_uint assertions, failed, used;
  char skipped[256];
  char text[16384];  // failures, each ended by NUL; `used` may run past the end when there are too many
} report;

extern report *the_report;
extern const char *other_directory;  // the case's directory on the second mount, or NULL

typedef struct {
  test_case *all;
  long count;
} case_list;
extern case_list cases;

// The output, either lines for people or one JSON object a line.
void print_case(const test_case *test, const report *result, bool json);
void print_listed(const test_case *test, bool json);
struct totals {
  long cases, passed, failed, skipped, assertions, failures;
  double seconds;
};
void print_totals(const struct totals *totals, bool json);

#endif

// The two forms of output: lines for people, and JSON objects for programs.
#include "report.h"

static void json_text(const char *text) {
  putchar('"');
  for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
    if (*at == '"' || *at == '\\') printf("\\%c", *at);
    else if (*at < 0x20 || *at > 0x7e) printf("\\u%04x", *at);
    else putchar(*at);
  }
  putchar('"');
}

static void json_name(const test_case *test) {
  printf("{\"area\":");
  json_text(test->area);
  printf(",\"name\":");
  json_text(test->name);
  printf(",\"id\":");
  json_text(test->id);
}

static const char *next_failure(const report *result, const char *at) {
  const char *next = at ? at + strlen(at) + 1 : result->text;
  return next < result->text + sizeof result->text - 1 && *next ? next : NULL;
}

void print_case(const test_case *test, const report *result, bool json) {
  if (json) {
    json_name(test);
    printf(",\"assertions\":%u,\"failures\":[", result->assertions);
    for (const char *at = next_failure(result, NULL); at; at = next_failure(result, at)) {
      if (at != result->text) putchar(',');
      json_text(at);
    }
    putchar(']');
    if (*result->skipped) printf(",\"skipped\":"), json_text(result->skipped);
    puts("}");
  } else if (result->failed) {
    printf("FAIL %s/%s (%s): %u of %u assertions\n", test->area, test->name, test->id, result->failed,
           result->assertions);
    for (const char *at = next_failure(result, NULL); at; at = next_failure(result, at)) printf("     %s\n", at);
  } else if (*result->skipped) {
    printf("skip %s/%s (%s): %s\n", test->area, test->name, test->id, result->skipped);
  }
  fflush(stdout);
}

void print_listed(const test_case *test, bool json) {
  if (!json) {
    printf("%s/%s\t%s\n", test->area, test->name, test->id);
    return;
  }
  json_name(test);
  puts("}");
}

void print_totals(const struct totals *t, bool json) {
  const char *format = json ? "{\"totals\":{\"cases\":%ld,\"passed\":%ld,\"failed\":%ld,\"skipped\":%ld,"
                              "\"assertions\":%ld,\"failures\":%ld,\"seconds\":%.1f}}\n"
                            : "%ld cases: %ld passed, %ld failed, %ld skipped; %ld assertions, %ld failures; %.1f s\n";
  printf(format, t->cases, t->passed, t->failed, t->skipped, t->assertions, t->failures, t->seconds);
}

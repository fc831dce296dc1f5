// The calls which take a path, and what each answers for every state the path's last component can be in.
#ifndef POSIX_PATH_CALLS_H
#define POSIX_PATH_CALLS_H

#include "harness.h"

enum state { NONE, A_FILE, A_DIR, A_LINK, A_DANGLING, A_LOOP, FILE_SLASH, DIR_SLASH, NONE_SLASH, STATES };
enum { SHORT_ONLY = 1 };  // the call cannot take a long or an empty path (socket addresses)

struct path_call {
  const char *name;
  long (*run)(const char *path);
  int expected[STATES];
  int traits;
};
extern const struct path_call path_calls[];
extern const long path_call_count;

// (Re)creates what some calls need beside their path: the file "beside", the directory "beside-dir", no "fresh".
void prepare_path_call(void);

#endif

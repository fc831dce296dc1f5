// Record locks in one line each.
#ifndef POSIX_LOCKS_H
#define POSIX_LOCKS_H

#include "harness.h"

int lock_range(int fd, int command, int type, long from, long length);
// What F_GETLK reports for a lock one would like to take.
struct flock probe(int fd, int type, long from, long length);

#endif

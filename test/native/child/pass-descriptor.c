/* Stands in for fusermount3: passes a descriptor of its last argument back over _FUSE_COMMFD, or does what the
   environment variable PLAY says instead. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

int main(int count, char **arguments) {
  const char *play = getenv("PLAY");
  const char *number = getenv("_FUSE_COMMFD");
  if (!number) return 9;
  if (play && !strcmp(play, "refuse")) {
    for (int i = 0; i < 20000; i++) fputs("fusermount3: you may not\n", stderr);
    return 1;
  }
  if (play && !strcmp(play, "silent")) return 3;
  if (play && !strcmp(play, "killed")) abort();
  if (play && !strcmp(play, "nothing")) return 0;
  int fd = open(arguments[count - 1], O_RDONLY);
  char byte = 0;
  struct iovec part = {&byte, 1};
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(int))];
  } control;
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(header), &fd, sizeof(int));
  if (sendmsg(atoi(number), &message, 0) < 0) return 8;
  if (play && !strcmp(play, "late")) {
    fprintf(stderr, "arguments:");
    for (int i = 1; i < count; i++) fprintf(stderr, " %s", arguments[i]);
    return 1;
  }
  return 0;
}

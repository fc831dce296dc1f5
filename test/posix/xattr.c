// Extended attributes of users, and POSIX ACLs (which may be refused, but cleanly).
#include "harness.h"

#include <sys/xattr.h>

static bool has_name(const char *list, long size, const char *name) {
  for (long at = 0; at < size; at += (long)strlen(list + at) + 1) {
    if (strcmp(list + at, name) == 0) return true;
  }
  return false;
}

static void whole_life(long kind) {
  char value[64] = "", list[256];
  make_kind((enum kind)kind, "it");
  CHECK_ERR(ENODATA, getxattr("it", "user.a", value, sizeof value));
  CHECK_ERR(ENODATA, removexattr("it", "user.a"));
  CHECK_ERR(ENODATA, setxattr("it", "user.a", "x", 1, XATTR_REPLACE));
  CHECK_OK(setxattr("it", "user.a", "first", 5, XATTR_CREATE));
  CHECK_ERR(EEXIST, setxattr("it", "user.a", "x", 1, XATTR_CREATE));
  CHECK_EQ(getxattr("it", "user.a", value, sizeof value), 5);
  CHECK_MEM(value, "first", 5);
  CHECK_OK(setxattr("it", "user.a", "second value", 12, XATTR_REPLACE));
  CHECK_EQ(getxattr("it", "user.a", NULL, 0), 12);
  CHECK_ERR(ERANGE, getxattr("it", "user.a", value, 11));
  CHECK_EQ(getxattr("it", "user.a", value, 12), 12);
  CHECK_MEM(value, "second value", 12);
  CHECK_OK(setxattr("it", "user.b", "", 0, 0));
  CHECK_EQ(getxattr("it", "user.b", value, sizeof value), 0);
  CHECK_OK(setxattr("it", "user.c", "a\0b\xff", 4, 0));
  CHECK_EQ(getxattr("it", "user.c", value, sizeof value), 4);
  CHECK_MEM(value, "a\0b\xff", 4);
  long size = CHECK_OK(listxattr("it", list, sizeof list));
  CHECK(has_name(list, size, "user.a") && has_name(list, size, "user.b") && has_name(list, size, "user.c"));
  CHECK_EQ(listxattr("it", NULL, 0), size);
  CHECK_ERR(ERANGE, listxattr("it", list, (size_t)size - 1));
  CHECK_OK(removexattr("it", "user.b"));
  CHECK_ERR(ENODATA, getxattr("it", "user.b", value, sizeof value));
  CHECK_EQ(listxattr("it", NULL, 0), size - 7);
  int fd = (int)NEED_OK(open("it", O_RDONLY | O_CLOEXEC));
  CHECK_EQ(fgetxattr(fd, "user.a", value, sizeof value), 12);
  CHECK_OK(fsetxattr(fd, "user.d", "by fd", 5, 0));
  CHECK_EQ(getxattr("it", "user.d", value, sizeof value), 5);
  CHECK_EQ(flistxattr(fd, NULL, 0), size);
  CHECK_OK(fremovexattr(fd, "user.d"));
  CHECK_ERR(EINVAL, setxattr("it", "user.a", "x", 1, 8));
}

static void refused(long kind) {
  char value[8];
  if (kind == CHR || kind == BLK) need_root();
  make_kind((enum kind)kind, "it");
  CHECK_ERR(EPERM, lsetxattr("it", "user.a", "x", 1, 0));
  CHECK_ERR2(ENODATA, EPERM, lgetxattr("it", "user.a", value, sizeof value));
  CHECK_ERR(EPERM, lremovexattr("it", "user.a"));
  CHECK_OK(llistxattr("it", NULL, 0));
}

GENERATE {
  static const enum kind takers[] = {FILE_, DIR_, FULL}, others[] = {LINK, DANGLING, FIFO_, SOCK, CHR, BLK};
  for (int i = 0; i < COUNT(takers); i++) add_case("xattr", "FS-2", whole_life, takers[i], "on a %s", kind_names[takers[i]]);
  for (int i = 0; i < COUNT(others); i++) add_case("xattr", "FS-3", refused, others[i], "refused on a %s", kind_names[others[i]]);
}

static void value_size(long size) {
  char value[4000], back[4000];
  fill(value, sizeof value, (unsigned)size);
  make_file("f", 0644, "");
  CHECK_OK(setxattr("f", "user.v", value, (size_t)size, 0));
  CHECK_EQ(getxattr("f", "user.v", NULL, 0), size);
  CHECK_EQ(getxattr("f", "user.v", back, sizeof back), size);
  CHECK_MEM(back, value, (size_t)size);
  if (size > 1) CHECK_ERR(ERANGE, getxattr("f", "user.v", back, (size_t)size - 1));
  CHECK_OK(setxattr("f", "user.v", value, 1, 0));
  CHECK_EQ(getxattr("f", "user.v", back, sizeof back), 1);
}

GENERATE {
  static const long sizes[] = {1, 16, 63, 64, 127, 128, 255, 256, 1000, 1024, 2048, 3500};
  for (int i = 0; i < COUNT(sizes); i++) add_case("xattr", "FS-2", value_size, sizes[i], "a value of %ld bytes", sizes[i]);
}

CASE("xattr", "limits of names and values", "FS-3") {
  char name[300] = "user.", *big = calloc(1, 65537);
  make_file("f", 0644, "");
  memset(name + 5, 'n', 250);
  CHECK_OK(setxattr("f", name, "v", 1, 0));
  CHECK_EQ(getxattr("f", name, NULL, 0), 1);
  name[255] = 'n';
  CHECK_ERR(ERANGE, setxattr("f", name, "v", 1, 0));
  CHECK_ERR(ERANGE, getxattr("f", name, NULL, 0));
  CHECK_ERR(ERANGE, setxattr("f", "", "v", 1, 0));
  CHECK_ERR(E2BIG, setxattr("f", "user.big", big, 65537, 0));
  // The most a file takes varies; a refusal has to say so and leave nothing behind.
  long result = setxattr("f", "user.big", big, 65536, 0);
  if (result < 0) {
    CHECK(errno == ENOSPC || errno == E2BIG || errno == EDQUOT);
    CHECK_ERR(ENODATA, getxattr("f", "user.big", NULL, 0));
  } else {
    CHECK_EQ(getxattr("f", "user.big", NULL, 0), 65536);
  }
  CHECK_ERR2(EINVAL, EOPNOTSUPP, setxattr("f", "user.", "v", 1, 0));
}

CASE("xattr", "unknown namespaces", "FS-3") {
  char value[8];
  make_file("f", 0644, "");
  CHECK_ERR(EOPNOTSUPP, setxattr("f", "nothing.a", "v", 1, 0));
  CHECK_ERR(EOPNOTSUPP, setxattr("f", "plain", "v", 1, 0));
  CHECK_ERR(EOPNOTSUPP, getxattr("f", "nothing.a", value, sizeof value));
  CHECK_ERR(EOPNOTSUPP, removexattr("f", "nothing.a"));
  CHECK_EQ(look("f").st_size, 0);
}

CASE("xattr", "names are bytes", "FS-6") {
  static const char *const names[] = {"user.\xff\xfe", "user.a b\n", "user.user.x", "user..", "user.\xe2\x82\xac", "user.A", "user.a"};
  char value[8] = "", list[400];
  make_file("f", 0644, "");
  for (int i = 0; i < COUNT(names); i++) CHECK_OK(setxattr("f", names[i], &(char){(char)('0' + i)}, 1, 0));
  long size = CHECK_OK(listxattr("f", list, sizeof list));
  for (int i = 0; i < COUNT(names); i++) {
    CHECK_EQ(getxattr("f", names[i], value, sizeof value), 1);
    CHECK_EQ(value[0], '0' + i);
    CHECK(has_name(list, size, names[i]));
  }
}

CASE("xattr", "fifty attributes on one file", "FS-2") {
  char name[20], value[8], list[2000];
  make_file("f", 0644, "");
  for (int i = 0; i < 50; i++) {
    snprintf(name, sizeof name, "user.%d", i);
    NEED_OK(setxattr("f", name, name + 5, strlen(name) - 5, 0));
  }
  long size = CHECK_OK(listxattr("f", list, sizeof list));
  for (int i = 0; i < 50; i++) {
    snprintf(name, sizeof name, "user.%d", i);
    CHECK(has_name(list, size, name));
    CHECK_EQ(getxattr("f", name, value, sizeof value), (long)strlen(name) - 5);
    CHECK_OK(removexattr("f", name));
  }
}

CASE("xattr", "belong to the file, not to the name", "FS-2") {
  char value[8];
  make_file("a", 0644, "");
  NEED_OK(setxattr("a", "user.x", "1", 1, 0));
  NEED_OK(link("a", "b"));
  CHECK_EQ(getxattr("b", "user.x", value, 8), 1);
  CHECK_OK(rename("a", "c"));
  CHECK_OK(setxattr("c", "user.x", "22", 2, 0));
  CHECK_EQ(getxattr("b", "user.x", value, 8), 2);
  NEED_OK(symlink("b", "l"));
  CHECK_EQ(getxattr("l", "user.x", value, 8), 2);
  CHECK_ERR2(ENODATA, EPERM, lgetxattr("l", "user.x", value, 8));
  int fd = (int)NEED_OK(open("b", O_RDWR | O_CLOEXEC));
  NEED_OK(unlink("b"));
  NEED_OK(unlink("c"));
  CHECK_EQ(fgetxattr(fd, "user.x", value, 8), 2);
  CHECK_OK(fsetxattr(fd, "user.y", "3", 1, 0));
  make_file("b", 0644, "");
  CHECK_ERR(ENODATA, getxattr("b", "user.x", value, 8));
}

CASE("xattr", "permission", "FS-3") {
  need_root();
  char value[8];
  make_owned("f", 0644, U1, G1, false);
  make_owned("sticky", 01777, U1, G1, true);
  NEED_OK(setxattr("f", "user.a", "1", 1, 0));
  AS(U1, G1) CHECK_OK(setxattr("f", "user.b", "1", 1, 0));
  AS(U2, G2) {
    CHECK_ERR(EACCES, setxattr("f", "user.a", "2", 1, 0));
    CHECK_ERR(EACCES, removexattr("f", "user.a"));
    CHECK_EQ(getxattr("f", "user.a", value, 8), 1);
    CHECK_ERR(EPERM, setxattr("sticky", "user.a", "2", 1, 0));
    CHECK_ERR2(EPERM, EOPNOTSUPP, setxattr("f", "trusted.a", "2", 1, 0));
    CHECK_ERR2(ENODATA, EOPNOTSUPP, getxattr("f", "trusted.a", value, 8));
    CHECK_ERR2(EPERM, EOPNOTSUPP, setxattr("f", "security.test", "2", 1, 0));
  }
  NEED_OK(chmod("f", 0600));
  AS(U2, G2) {
    CHECK_ERR(EACCES, getxattr("f", "user.a", value, 8));
    CHECK_OK(listxattr("f", NULL, 0));
  }
}

// Two ACLs in the kernel's form: version 2, then {tag, permissions, id} entries.
struct acl_entry {
  uint16_t tag, permissions;
  uint32_t id;
};
struct acl {
  uint32_t version;
  struct acl_entry entries[5];
};
static const struct acl extended = {2, {{1, 6, ~0u}, {2, 4, U2}, {4, 4, ~0u}, {16, 4, ~0u}, {32, 0, ~0u}}};

CASE("xattr", "POSIX ACLs work or are refused cleanly", "FS-2") {
  need_root();
  char back[64];
  make_owned("f", 0640, U1, G1, false);
  make_owned("d", 0750, U1, G1, true);
  long result = setxattr("f", "system.posix_acl_access", &extended, sizeof extended, 0);
  if (result < 0) {
    CHECK_ERR(EOPNOTSUPP, result);
    CHECK_ERR(EOPNOTSUPP, setxattr("d", "system.posix_acl_default", &extended, sizeof extended, 0));
    CHECK_ERR2(EOPNOTSUPP, ENODATA, getxattr("f", "system.posix_acl_access", back, sizeof back));
    CHECK_EQ(look("f").st_mode & 07777, 0640);
    return;
  }
  CHECK_EQ(getxattr("f", "system.posix_acl_access", back, sizeof back), (long)sizeof extended);
  CHECK_MEM(back, &extended, sizeof extended);
  CHECK_EQ(look("f").st_mode & 07777, 0640);
  AS(U2, G2) {
    CHECK_OK(open("f", O_RDONLY | O_CLOEXEC));
    CHECK_ERR(EACCES, open("f", O_WRONLY | O_CLOEXEC));
  }
  AS(U3, G3) CHECK_ERR(EACCES, open("f", O_RDONLY | O_CLOEXEC));
  CHECK_OK(chmod("f", 0600));
  AS(U2, G2) CHECK_ERR(EACCES, open("f", O_RDONLY | O_CLOEXEC));
  CHECK_OK(setxattr("d", "system.posix_acl_default", &extended, sizeof extended, 0));
  umask(077);
  CHECK_OK(close(open("d/new", O_CREAT | O_RDWR | O_CLOEXEC, 0666)));
  CHECK_EQ(look("d/new").st_mode & 07777, 0640);
  CHECK_ERR(EACCES, setxattr("f", "system.posix_acl_default", &extended, sizeof extended, 0));
  CHECK_OK(removexattr("f", "system.posix_acl_access"));
}

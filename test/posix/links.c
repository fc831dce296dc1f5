// Hard links, unlink and rmdir: what may be linked and removed, and the counts that follow.
#include "harness.h"

static void link_kind(long arg) {
  enum kind kind = (enum kind)arg;
  if (kind == CHR || kind == BLK) need_root();
  make_kind(kind, "a");
  struct stat before = look("a");
  if (is_dir(kind)) {
    CHECK_ERR(EPERM, link("a", "b"));
    CHECK(!exists("b"));
    CHECK_EQ(look("a").st_nlink, before.st_nlink);
    return;
  }
  CHECK_EQ(before.st_nlink, 1);
  tick();
  CHECK_OK(link("a", "b"));
  struct stat a = look("a"), b = look("b");
  CHECK_EQ(a.st_ino, b.st_ino);
  CHECK_EQ(a.st_nlink, 2);
  CHECK_EQ(b.st_nlink, 2);
  CHECK_EQ(a.st_mode, before.st_mode);
  CHECK_EQ(a.st_rdev, b.st_rdev);
  CHECK(compare_times(b.st_ctim, before.st_ctim) > 0);
  make_dir("d", 0755);
  CHECK_OK(link("b", "d/c"));
  CHECK_EQ(look("a").st_nlink, 3);
  CHECK_ERR(EEXIST, link("a", "b"));
  CHECK_ERR(EEXIST, link("a", "a"));
  CHECK_EQ(look("a").st_nlink, 3);
  CHECK_OK(unlink("a"));
  CHECK_EQ(look("d/c").st_nlink, 2);
  CHECK_OK(rename("b", "e"));
  CHECK_OK(rename("e", "d/c"));  // two names of one file: nothing happens
  CHECK(exists("e") && exists("d/c"));
  CHECK_OK(unlink("e"));
  CHECK_EQ(look("d/c").st_nlink, 1);
  CHECK_EQ(look("d/c").st_ino, before.st_ino);
}

static void remove_kind(long arg) {
  enum kind kind = (enum kind)arg;
  if (kind == CHR || kind == BLK) need_root();
  make_kind(kind, "it");
  bool directory = is_dir(kind);
  ino_t before = look("it").st_ino;
  int dir = (int)NEED_OK(open(".", O_RDONLY | O_CLOEXEC));
  int wrong = directory ? EISDIR : ENOTDIR;
  CHECK_ERR(wrong, directory ? unlink("it") : rmdir("it"));
  CHECK_ERR(wrong, unlinkat(dir, "it", directory ? 0 : AT_REMOVEDIR));
  CHECK_EQ(look("it").st_ino, before);
  CHECK_ERR(EINVAL, unlinkat(dir, "it", 0x4000000));
  if (kind == FULL) {
    CHECK_ERR2(ENOTEMPTY, EEXIST, rmdir("it"));
    CHECK_ERR2(ENOTEMPTY, EEXIST, unlinkat(dir, "it", AT_REMOVEDIR));
    CHECK(exists("it/inner"));
    CHECK_OK(unlink("it/inner"));
  }
  CHECK_OK(directory ? rmdir("it") : unlink("it"));
  CHECK_ERR(ENOENT, directory ? rmdir("it") : unlink("it"));
  CHECK(!exists("it"));
  make_kind(directory ? FILE_ : DIR_, "it");
  CHECK_OK(unlinkat(dir, "it", directory ? 0 : AT_REMOVEDIR));
}

GENERATE {
  for (long kind = FILE_; kind < KINDS; kind++) {
    add_case("links", "FS-2", link_kind, kind, "hard links to a %s", kind_names[kind]);
    add_case("links", "FS-2", remove_kind, kind, "removing a %s", kind_names[kind]);
  }
}

CASE("links", "a thousand names of one file", "FS-2") {
  char name[20];
  make_file("f", 0644, "shared");
  for (int i = 0; i < 1000; i++) {
    snprintf(name, sizeof name, "l%d", i);
    NEED_OK(link("f", name));
  }
  CHECK_EQ(look("f").st_nlink, 1001);
  CHECK_OK(truncate("l500", 2));
  CHECK_CONTENT("l999", "sh");
  CHECK_OK(chmod("l1", 0600));
  CHECK_EQ(look("l2").st_mode & 07777, 0600);
  for (int i = 0; i < 1000; i++) {
    snprintf(name, sizeof name, "l%d", i);
    NEED_OK(unlink(name));
  }
  CHECK_EQ(look("f").st_nlink, 1);
  CHECK_CONTENT("f", "sh");
}

CASE("links", "the link count of a directory counts its subdirectories, or stays 1", "FS-2") {
  char name[20];
  make_dir("d", 0755);
  long start = (long)look("d").st_nlink;
  CHECK(start == 2 || start == 1);
  for (int i = 1; i <= 50; i++) {
    snprintf(name, sizeof name, "d/%d", i);
    NEED_OK(mkdir(name, 0755));
  }
  CHECK_EQ(look("d").st_nlink, start == 1 ? 1 : 52);
  make_file("d/file", 0644, "");
  NEED_OK(symlink("x", "d/link"));
  CHECK_EQ(look("d").st_nlink, start == 1 ? 1 : 52);
  for (int i = 1; i <= 25; i++) {
    snprintf(name, sizeof name, "d/%d", i);
    NEED_OK(rmdir(name));
  }
  CHECK_EQ(look("d").st_nlink, start == 1 ? 1 : 27);
}

CASE("links", "a link to a symlink is to the symlink, unless told to follow", "FS-2") {
  make_file("f", 0644, "f");
  NEED_OK(symlink("f", "l"));
  CHECK_OK(link("l", "l2"));
  CHECK_EQ(look("l2").st_ino, look("l").st_ino);
  CHECK_STR(link_of("l2"), "f");
  CHECK_OK(linkat(AT_FDCWD, "l", AT_FDCWD, "f2", AT_SYMLINK_FOLLOW));
  CHECK_EQ(look("f2").st_ino, look("f").st_ino);
  CHECK_ERR(EINVAL, linkat(AT_FDCWD, "l", AT_FDCWD, "x", 0x10000000));
}

CASE("links", "linkat by an empty path needs a live file", "FS-2") {
  need_root();
  int fd = open_new("f");
  CHECK_OK(linkat(fd, "", AT_FDCWD, "g", AT_EMPTY_PATH));
  CHECK_EQ(look("g").st_ino, look_fd(fd).st_ino);
  CHECK_OK(unlink("f"));
  CHECK_OK(unlink("g"));
  CHECK_ERR(ENOENT, linkat(fd, "", AT_FDCWD, "h", AT_EMPTY_PATH));
  CHECK(!exists("h"));
}

CASE("links", "between two file systems", "FS-3") {
  make_file("f", 0644, "");
  make_dir("d", 0755);
  CHECK_ERR2(EXDEV, EPERM, link("/proc/self/stat", "x"));
  CHECK(exists("f") && exists("d"));
}

CASE("links", "rmdir of what still holds something", "FS-3") {
  static const enum kind kinds[] = {FILE_, DIR_, LINK, DANGLING, FIFO_, SOCK};
  for (int i = 0; i < COUNT(kinds); i++) {
    char dir[20], inside[30];
    snprintf(dir, sizeof dir, "d%d", i);
    snprintf(inside, sizeof inside, "%s/x", dir);
    make_dir(dir, 0755);
    make_kind(kinds[i], inside);
    context("%s", kind_names[kinds[i]]);
    CHECK_ERR2(ENOTEMPTY, EEXIST, rmdir(dir));
    CHECK(exists(inside));
    CHECK_OK(remove(inside));
    CHECK_OK(rmdir(dir));
  }
}

CASE("links", "a removed working directory", "FS-2") {
  char path[PATH_MAX];
  struct stat at;
  make_dir("gone", 0755);
  NEED_OK(chdir("gone"));
  CHECK_OK(rmdir("../gone"));
  CHECK_ERR(ENOENT, getcwd(path, sizeof path) ? 0 : -1);
  CHECK_ERR(ENOENT, open("f", O_CREAT | O_RDWR | O_CLOEXEC, 0600));
  CHECK_ERR(ENOENT, mkdir("d", 0755));
  CHECK_ERR(ENOENT, symlink("x", "l"));
  CHECK_ERR(ENOENT, mkfifo("p", 0600));
  CHECK_ERR(ENOENT, stat("f", &at));
  CHECK_OK(stat(".", &at));
  CHECK(at.st_nlink == 0);
  DIR *dir = opendir(".");
  CHECK(dir != NULL);
  for (struct dirent *entry; dir && (entry = readdir(dir));) CHECK(*entry->d_name == '.');
  if (dir) closedir(dir);
  NEED_OK(chdir("/"));
}

CASE("links", "protected hard links", "FS-3") {
  need_root();
  FILE *setting = fopen("/proc/sys/fs/protected_hardlinks", "re");
  int protected = setting ? fgetc(setting) == '1' : 0;
  if (setting) fclose(setting);
  make_owned("private", 0600, U1, G1, false);
  make_owned("public", 0666, U1, G1, false);
  make_owned("suid", 04777, U1, G1, false);
  AS(U2, G2) {
    CHECK_ERR(protected ? EPERM : 0, link("private", "a"));
    CHECK_OK(link("public", "b"));
    CHECK_ERR(protected ? EPERM : 0, link("suid", "c"));
  }
  AS(U1, G1) CHECK_OK(link("private", "d"));
}

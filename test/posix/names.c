// Names are bytes: every byte, every length, no normalisation, no folding, and the limits.
#include "harness.h"

static bool listed(const char *directory, const char *name) {
  DIR *dir = opendir(directory);
  bool found = false;
  for (struct dirent *entry; dir && (entry = readdir(dir));) found |= strcmp(entry->d_name, name) == 0;
  if (dir) closedir(dir);
  return found;
}

// Creates, finds, links, renames and removes an object of that name.
static void use_name(const char *name) {
  char other_name[300];
  snprintf(other_name, sizeof other_name, "%.254s", name);
  other_name[strlen(other_name) - 1] ^= 1;
  if (strchr(other_name, '/') || strlen(other_name) == 0 || !strcmp(other_name, ".") || !strcmp(other_name, "..")) {
    strcpy(other_name, "substitute");
  }
  int fd = open(name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0644);
  if (CHECK_OK(fd) < 0) return;
  CHECK_EQ(write(fd, name, strlen(name)), (long)strlen(name));
  CHECK(listed(".", name));
  CHECK_CONTENT(name, name);
  CHECK_ERR(EEXIST, mkdir(name, 0755));
  CHECK_OK(rename(name, other_name));
  CHECK(!exists(name) && exists(other_name) && !listed(".", name));
  CHECK_OK(link(other_name, name));
  CHECK_EQ(look(name).st_ino, look_fd(fd).st_ino);
  CHECK_OK(unlink(other_name));
  CHECK_OK(unlink(name));
  CHECK_OK(mkdir(name, 0755));
  CHECK(listed(".", name));
  CHECK_OK(rmdir(name));
  CHECK_OK(symlink(name, name));
  CHECK_STR(link_of(name), name);
  CHECK_OK(unlink(name));
  close(fd);
}

static void bytes(long first) {
  char name[4] = "";
  for (long byte = first; byte < first + 16; byte++) {
    if (byte == 0 || byte == '/') continue;
    context("byte 0x%02lx", byte);
    name[0] = (char)byte, name[1] = 0;
    if (byte != '.') use_name(name);
    name[0] = 'a', name[1] = (char)byte, name[2] = 'b';
    use_name(name);
  }
}

static const struct {
  const char *what, *name;
} names[] = {
    {"lone continuation byte", "\x80"},      {"truncated UTF-8", "a\xe2\x82"},   {"overlong slash", "\xc0\xaf"},
    {"surrogate", "\xed\xa0\x80"},           {"byte 0xff alone", "\xff"},        {"0xfe 0xff", "\xfe\xff"},
    {"latin-1", "caf\xe9"},                  {"composed e-acute", "caf\xc3\xa9"}, {"decomposed e-acute", "cafe\xcc\x81"},
    {"four-byte UTF-8", "\xf0\x9f\x98\x80"}, {"beyond Unicode", "\xf4\x90\x80\x80"}, {"newline", "a\nb"},
    {"only a newline", "\n"},                {"tab and return", "\t\r"},         {"escape sequence", "\x1b[31m"},
    {"three dots", "..."},                   {"dot at the end", "name."},        {"dots and a space", ".. "},
    {"leading dot", ".hidden"},              {"leading dash", "-rf"},            {"only a space", " "},
    {"spaces around", "  a  "},              {"backslash", "a\\b"},              {"colon", "C:"},
    {"star and question", "*?"},             {"quotes", "\"'`"},                 {"dollar", "$HOME"},
    {"percent escapes", "%2e%2e%2f"},        {"html", "<a href>"},               {"semicolon", "a;b|c&d"},
    {"reserved on Windows", "NUL"},          {"reserved on Windows 2", "con.txt"}, {"tilde", "~"},
    {"hash", "#"},                           {"at", "a@b"},                      {"braces", "{}[]()"},
    {"right-to-left mark", "a\xe2\x80\x8f" "b"}, {"byte order mark", "\xef\xbb\xbf" "a"}, {"zero width", "\xe2\x80\x8b"},
    {"numbers", "0"},                        {"minus one", "-1"},                {"a uuid", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"},
    {"looks like a prototype", "__proto__"}, {"constructor", "constructor"},     {"undefined", "undefined"},
    {"null", "null"},                        {"NaN", "NaN"},                     {"true", "true"},
    {"fuse hidden", ".fuse_hidden0001"},     {"nfs silly", ".nfs0001"},          {"lost+found", "lost+found"},
};

static void special(long row) { use_name(names[row].name); }

static void lengths(long length) {
  static const char *const units[] = {"n", "\xff", "\xe2\x82\xac", "\n"};
  for (int i = 0; i < COUNT(units); i++) {
    char name[300] = "";
    while ((long)(strlen(name) + strlen(units[i])) <= length) strcat(name, units[i]);
    while ((long)strlen(name) < length) strcat(name, "z");
    context("unit %d", i);
    use_name(name);
  }
}

GENERATE {
  static const long sizes[] = {1, 2, 31, 32, 63, 64, 127, 128, 143, 200, 254, 255};
  for (long first = 0; first < 256; first += 16) add_case("names", "FS-6", bytes, first, "bytes 0x%02lx to 0x%02lx", first, first + 15);
  for (long row = 0; row < COUNT(names); row++) add_case("names", "FS-6", special, row, "%s", names[row].what);
  for (int i = 0; i < COUNT(sizes); i++) add_case("names", "FS-6", lengths, sizes[i], "%ld bytes long", sizes[i]);
}

CASE("names", "all the odd names live in one directory", "FS-6") {
  for (int i = 0; i < COUNT(names); i++) make_file(names[i].name, 0644, names[i].what);
  for (int i = 0; i < COUNT(names); i++) CHECK_CONTENT(names[i].name, names[i].what);
  for (int i = 0; i < COUNT(names); i++) CHECK(listed(".", names[i].name));
}

CASE("names", "case and normalisation are kept apart", "FS-6") {
  static const char *const similar[] = {"name", "Name", "NAME", "n\xc3\xa4me", "na\xcc\x88me", "n\xc3\x84me", "name ",
                                        "name.", "\xc3\x9f", "ss", "\xef\xac\x81", "fi", "\xe2\x84\xab", "\xc3\x85"};
  for (int i = 0; i < COUNT(similar); i++) CHECK_OK(close(open_new(similar[i])));
  for (int i = 0; i < COUNT(similar); i++) {
    for (int j = 0; j < i; j++) CHECK(look(similar[i]).st_ino != look(similar[j]).st_ino);
  }
}

CASE("names", "a name of 256 bytes is too long even where nothing is made", "FS-3") {
  char name[300] = "";
  memset(name, 'x', 256);
  CHECK(!exists(name));
  CHECK_ERR(ENAMETOOLONG, unlink(name));
  CHECK_ERR(ENAMETOOLONG, access(name, F_OK));
  name[255] = 0;
  CHECK_ERR(ENOENT, access(name, F_OK));
}

CASE("names", "dot and dot-dot", "FS-3") {
  make_dir("d", 0755);
  CHECK_ERR(EINVAL, rmdir("."));
  CHECK_ERR(EINVAL, rmdir("d/."));
  CHECK_ERR2(ENOTEMPTY, EINVAL, rmdir("d/.."));
  CHECK_ERR2(ENOTEMPTY, EINVAL, rmdir(".."));
  CHECK_ERR2(EISDIR, EPERM, unlink("."));
  CHECK_ERR2(EISDIR, EPERM, unlink("d/.."));
  CHECK_ERR(EEXIST, mkdir(".", 0755));
  CHECK_ERR(EEXIST, mkdir("d/..", 0755));
  CHECK_ERR(EEXIST, symlink("x", "."));
  CHECK_ERR(EEXIST, mkfifo("d/.", 0644));
  CHECK_EQ(look("d/..").st_ino, look(".").st_ino);
  CHECK_EQ(look("d/./../d/.").st_ino, look("d").st_ino);
  CHECK_EQ(look("././//./d////").st_ino, look("d").st_ino);
}

CASE("names", "a tree deeper than PATH_MAX", "FS-7") {
  char name[256];
  memset(name, 'p', 250);
  name[250] = 0;
  for (int i = 0; i < 20; i++) {
    NEED_OK(mkdir(name, 0755));
    NEED_OK(chdir(name));
  }
  make_file("leaf", 0644, "deep");
  CHECK_CONTENT("leaf", "deep");
  CHECK_OK(unlink("leaf"));
  for (int i = 0; i < 20; i++) {
    NEED_OK(chdir(".."));
    CHECK_OK(rmdir(name));
  }
  CHECK(!exists(name));
}

CASE("names", "getcwd tells the path", "FS-2") {
  char before[PATH_MAX], now[PATH_MAX], expected[PATH_MAX + 20];
  CHECK(getcwd(before, sizeof before) != NULL);
  make_dir("a\nb", 0755);
  NEED_OK(chdir("a\nb"));
  CHECK(getcwd(now, sizeof now) != NULL);
  snprintf(expected, sizeof expected, "%s/a\nb", before);
  CHECK_STR(now, expected);
  NEED_OK(rename("../a\nb", "../moved"));
  CHECK(getcwd(now, sizeof now) != NULL);
  snprintf(expected, sizeof expected, "%s/moved", before);
  CHECK_STR(now, expected);
  NEED_OK(chdir(".."));
}

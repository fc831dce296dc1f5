// Every path call in every state of its path: missing, not a directory, too long, looping, not searchable.
#include "path-calls.h"

#define RUN(code, path) (prepare_path_call(), CHECK_ERR(code, call->run(path)))

static const char *const state_names[STATES] = {"absent", "file", "directory", "symlink", "dangling symlink", "symlink loop",
                                                "file/", "directory/", "absent/"};

static void make_state(enum state state) {
  if (state == A_FILE || state == FILE_SLASH) make_file("it", 0755, "#!/bin/sh\n");
  if (state == A_DIR || state == DIR_SLASH) make_dir("it", 0755);
  if (state == A_LINK) {
    make_file("target", 0755, "#!/bin/sh\n");
    NEED_OK(symlink("target", "it"));
  }
  if (state == A_DANGLING) NEED_OK(symlink("nowhere", "it"));
  if (state == A_LOOP) NEED_OK(symlink("it", "it"));
}

static void states(long row) {
  const struct path_call *call = &path_calls[row];
  for (enum state state = 0; state < STATES; state++) {
    char place[8];
    snprintf(place, sizeof place, "%d", (int)state);
    make_dir(place, 0755);
    NEED_OK(chdir(place));
    make_state(state);
    prepare_path_call();
    context("%s", state_names[state]);
    bool before = exists("it");
    CHECK_ERR(call->expected[state], call->run(state >= FILE_SLASH ? "it/" : "it"));
    if (call->expected[state] != 0) CHECK_EQ(exists("it"), before);
    NEED_OK(chdir(".."));
  }
}

static void missing(long row) {
  const struct path_call *call = &path_calls[row];
  make_dir("dir", 0755);
  NEED_OK(symlink("nowhere", "dangling"));
  static const char *const paths[] = {"absent/x", "absent/x/y", "dangling/x", "dir/absent/../x", "absent/../dir/x"};
  for (int i = 0; i < COUNT(paths); i++) {
    context("%s", paths[i]);
    RUN(ENOENT, paths[i]);
  }
  context("empty path");
  if (!(call->traits & SHORT_ONLY)) RUN(ENOENT, "");
}

static void not_a_directory(long row) {
  const struct path_call *call = &path_calls[row];
  make_file("file", 0755, "");
  NEED_OK(mkfifo("fifo", 0644));
  NEED_OK(symlink("file", "link"));
  static const char *const paths[] = {"file/x", "file/x/y", "fifo/x", "link/x", "file/.", "file/..", "file/../x"};
  for (int i = 0; i < COUNT(paths); i++) {
    context("%s", paths[i]);
    RUN(ENOTDIR, paths[i]);
  }
}

static void dotted(char *path, size_t length, const char *last) {
  memset(path, 0, PATH_MAX + 2);
  size_t fill_length = length - strlen(last);
  for (size_t i = 0; i < fill_length; i++) path[i] = i % 2 ? '/' : '.';
  if (fill_length % 2) path[fill_length - 1] = '/';
  strcpy(path + fill_length, last);
}

static void too_long(long row) {
  const struct path_call *call = &path_calls[row];
  char name[300] = "", path[PATH_MAX + 2];
  make_dir("dir", 0755);
  memset(name, 'n', 256);
  context("name of 256 bytes");
  RUN(ENAMETOOLONG, name);
  snprintf(path, sizeof path, "dir/%s", name);
  context("name of 256 bytes in a directory");
  RUN(ENAMETOOLONG, path);
  snprintf(path, sizeof path, "%s/x", name);
  context("component of 256 bytes");
  RUN(ENAMETOOLONG, path);
  dotted(path, PATH_MAX, "x");
  context("path of 4096 bytes");
  RUN(ENAMETOOLONG, path);
  name[255] = 0;
  context("name of 255 bytes");
  RUN(call->expected[NONE], name);
  dotted(path, PATH_MAX - 1, "x");
  context("path of 4095 bytes");
  RUN(call->expected[NONE], path);
}

static void chain(const char *prefix, const char *end, int length) {
  char from[40], to[40];
  for (int i = 1; i <= length; i++) {
    snprintf(from, sizeof from, "%s%d", prefix, i);
    snprintf(to, sizeof to, "%s%d", prefix, i - 1);
    NEED_OK(symlink(i == 1 ? end : to, from));
  }
}

static void loops(long row) {
  const struct path_call *call = &path_calls[row];
  make_dir("dir", 0755);
  make_file("file", 0755, "#!/bin/sh\n");
  NEED_OK(symlink("self", "self"));
  NEED_OK(symlink("pong", "ping"));
  NEED_OK(symlink("ping/", "pong"));
  chain("d", "dir", 41);
  chain("f", "file", 41);
  static const char *const paths[] = {"self/x", "ping/x", "d41/x", "self/../x", "d20/../d21/x"};
  for (int i = 0; i < COUNT(paths); i++) {
    context("%s", paths[i]);
    RUN(ELOOP, paths[i]);
  }
  context("40 symlinks in the path");
  RUN(call->expected[NONE], "d40/x");
  if (call->expected[A_LOOP] != ELOOP || call->expected[A_LINK] == ELOOP) return;
  context("41 symlinks to a file");
  RUN(ELOOP, "f41");
  context("40 symlinks to a file");
  RUN(call->expected[A_LINK], "f40");
}

static void not_searchable(long row) {
  const struct path_call *call = &path_calls[row];
  need_root();
  make_dir("outer", 0755);
  static const struct {
    mode_t mode;
    const char *path;
  } rows[] = {{0, "locked/x"}, {0444, "locked/x"}, {0666, "locked/x"}, {0, "locked/sub/x"}, {0, "locked/.."},
              {0, "outer/../locked/x"}, {0, "to-locked/x"}};
  NEED_OK(symlink("locked", "to-locked"));
  make_dir("locked", 0755);
  make_dir("locked/sub", 0777);
  make_file("locked/x", 0777, "#!/bin/sh\n");
  for (int i = 0; i < COUNT(rows); i++) {
    NEED_OK(chmod("locked", rows[i].mode));
    prepare_path_call();
    context("%s, mode %03o", rows[i].path, rows[i].mode);
    AS(U1, G1) CHECK_ERR(EACCES, call->run(rows[i].path));
  }
}

GENERATE {
  static const struct {
    const char *name, *id;
    void (*run)(long);
  } families[] = {{"in every state", "FS-3", states},
                  {"missing components", "FS-3", missing},
                  {"a file as a directory", "FS-3", not_a_directory},
                  {"too long", "FS-3", too_long},
                  {"symlink loops", "FS-3", loops},
                  {"no search permission", "FS-3", not_searchable}};
  for (long row = 0; row < path_call_count; row++) {
    for (int i = 0; i < COUNT(families); i++) {
      if (families[i].run == too_long && path_calls[row].traits & SHORT_ONLY) continue;
      add_case("errors", families[i].id, families[i].run, row, "%s: %s", path_calls[row].name, families[i].name);
    }
  }
}

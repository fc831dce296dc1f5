// The sticky directory: who may remove, rename and replace what (owner of the entry, of the directory, root).
#include "harness.h"

static long do_unlink(void) { return unlink("d/it"); }
static long do_rmdir(void) { return rmdir("d/it"); }
static long rename_within(void) { return rename("d/it", "d/new"); }
static long rename_away(void) { return rename("d/it", "out/new"); }
static long replace(void) { return rename("out/mine", "d/it"); }
static long replace_dir(void) { return rename("out/mine-dir", "d/it"); }
static long exchange(void) { return renameat2(AT_FDCWD, "out/mine", AT_FDCWD, "d/it", RENAME_EXCHANGE); }
static long exchange_back(void) { return renameat2(AT_FDCWD, "d/it", AT_FDCWD, "out/mine", RENAME_EXCHANGE); }

static const struct row {
  const char *name;
  long (*run)(void);
  bool directory;
} rows[] = {
    {"unlink", do_unlink, false},         {"rmdir", do_rmdir, true},
    {"rename a file", rename_within, false},   {"rename a directory", rename_within, true},
    {"move a file away", rename_away, false}, {"move a directory away", rename_away, true},
    {"replace a file", replace, false},   {"replace a directory", replace_dir, true},
    {"exchange into", exchange, false},   {"exchange out of", exchange_back, false},
};

static const struct {
  const char *name;
  uid_t directory, entry;
  bool sticky;
} owners[] = {
    {"both foreign", 0, U2, true},        {"own entry", 0, U1, true}, {"own directory", U1, U2, true},
    {"own directory and entry", U1, U1, true}, {"foreign, not sticky", U2, U2, false},
    {"entry of root", U2, 0, true},
};

static void run(long arg) {
  const struct row *row = &rows[arg / COUNT(owners)];
  long o = arg % COUNT(owners);
  need_root();
  make_owned("out", 0777, U1, G1, true);
  make_owned("out/mine", 0666, U1, G1, false);
  make_owned("out/mine-dir", 0777, U1, G1, true);
  make_owned("d", owners[o].sticky ? 01777 : 0777, owners[o].directory, G2, true);
  make_owned("d/it", 0777, owners[o].entry, G2, row->directory);
  bool allowed = !owners[o].sticky || owners[o].directory == U1 || owners[o].entry == U1;
  ino_t before = look("d/it").st_ino;
  // Group membership gives no right here; EPERM is what Linux answers (POSIX allows EACCES too).
  AS(U1, G2) CHECK_ERR2(allowed ? 0 : EPERM, allowed ? 0 : EACCES, row->run());
  if (allowed) {
    CHECK(!exists("d/it") || look("d/it").st_ino != before);
    return;
  }
  CHECK_EQ(look("d/it").st_ino, before);
  AS(U3, G3) CHECK(row->run() < 0);
  CHECK_OK(row->run());
}

GENERATE {
  for (long row = 0; row < COUNT(rows); row++) {
    for (long o = 0; o < COUNT(owners); o++) {
      add_case("sticky", "FS-2", run, row * COUNT(owners) + o, "%s: %s", rows[row].name, owners[o].name);
    }
  }
}

CASE("sticky", "does not hinder creating, writing and linking", "FS-2") {
  need_root();
  make_dir("d", 01777);
  make_owned("d/theirs", 0666, U2, G2, false);
  AS(U1, G1) {
    CHECK_OK(mkdir("d/mine", 0755));
    CHECK_OK(close(open_new("d/file")));
    CHECK_OK(link("d/file", "d/file2"));
    CHECK_OK(rename("d/file", "d/file3"));
    CHECK_OK(truncate("d/theirs", 1));
    CHECK_OK(unlink("d/file3"));
    CHECK_OK(rmdir("d/mine"));
  }
}

CASE("sticky", "the bit on a file means nothing", "FS-2") {
  need_root();
  make_owned("d", 0777, U2, G2, true);
  make_owned("d/f", 01777, U2, G2, false);
  CHECK_EQ(look("d/f").st_mode & 07777, 01777);
  AS(U1, G1) CHECK_OK(unlink("d/f"));
}

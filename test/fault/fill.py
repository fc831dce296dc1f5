"""Fills a directory until nothing fits, and checks what is there: fill.py fill|verify|delete DIR LOG.

LOG is JSON, name -> [bytes that write(2) acknowledged, seed]. `verify` prints one line for each file that holds anything else."""

import errno
import json
import os
import random
import sys

SIZES = [100, 5000, 40_000, 300_000, 2_000_000]


def content(seed, size):
    return random.Random(seed).randbytes(size)


def write_file(path, data):
    """How much was acknowledged (None: no file), and whether everything fitted."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        return None, False
    done, fitted = 0, True
    try:
        while done < len(data):
            done += os.write(fd, data[done : done + 131_072])
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        fitted = False
    try:
        os.close(fd)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        fitted = False
    return done, fitted


def fill(directory):
    log, refused = {}, 0
    for i in range(100_000):
        size = SIZES[i % len(SIZES)]
        done, fitted = write_file(f"{directory}/f{i}", content(i, size))
        if done is not None:
            log[f"f{i}"] = [done, i, size]
        refused = 0 if fitted else refused + 1
        if refused == 3 * len(SIZES):
            return log
    raise SystemExit("the disk does not become full")


def verify(directory, log):
    there = set(os.listdir(directory))
    for name in sorted(there ^ set(log)):
        print(f"{name} is {'there' if name in there else 'not there'}")
    for name in sorted(there & set(log)):
        done, seed, size = log[name]
        with open(f"{directory}/{name}", "rb") as file:
            if file.read() != content(seed, size)[:done]:
                print(f"{name} does not hold the {done} bytes that were acknowledged")


def delete(directory, log):
    for name in sorted(log)[::2]:
        os.unlink(f"{directory}/{name}")
        del log[name]
    return log


mode, directory, path = sys.argv[1:]
if mode == "fill":
    log = fill(directory)
else:
    with open(path) as file:
        log = json.load(file)
if mode == "verify":
    verify(directory, log)
else:
    if mode == "delete":
        delete(directory, log)
    with open(path, "w") as file:
        json.dump(log, file)
print(f"{len(log)} files")

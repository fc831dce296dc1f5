"""Makes one system call a line: a JSON request on standard input, on standard output what it gave.

Every request is a list: an operation and its arguments. The answer is "OK", the name of an errno, or for a few operations a value.
"""
import ctypes, errno, fcntl, json, mmap, os, signal, subprocess, sys

libc = ctypes.CDLL(None, use_errno=True)
kept, mapped = {}, {}

def plain(path, flags, mode=0o666):
    os.close(os.open(path, flags, mode))

def execute(path):
    try: subprocess.run([path], check=True)
    except subprocess.CalledProcessError: raise OSError(errno.EIO, 'it failed')

def look_through(name):
    """Reads a page of a mapping in a child: SIGBUS is its end."""
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGBUS, signal.SIG_DFL)
        signal.alarm(20)
        os._exit(0 if mapped[name][0] >= 0 else 1)
    status = os.waitpid(child, 0)[1]
    if status != 0:
        raise OSError(errno.EFAULT, 'no page')

def keep(name, path, flags):
    kept[name] = os.open(path, flags)

def keep_map(name, fd):
    mapped[name] = mmap.mmap(kept[fd], 4096, mmap.MAP_SHARED, mmap.PROT_READ)
    mapped[name][0]

def drop():
    for each in mapped.values(): each.close()
    for fd in kept.values(): os.close(fd)
    mapped.clear(); kept.clear()

def lock(path):
    fd = os.open(path, os.O_RDONLY)
    try: fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    finally: os.close(fd)

calls = {
    'stat': lambda p: os.lstat(p) and None,
    'read': lambda p: plain(p, os.O_RDONLY) or open(p, 'rb').read() and None,
    'content': lambda p: open(p).read(),
    'list': lambda p: os.listdir(p) and None,
    'names': lambda p: sorted(os.listdir(p)),
    'links': lambda p: os.lstat(p).st_nlink,
    'files': lambda p: os.statvfs(p).f_files - os.statvfs(p).f_ffree,
    'statvfs': lambda p: os.statvfs(p) and None,
    'access': lambda p: None if os.access(p, os.F_OK) else (_ for _ in ()).throw(OSError(errno.ENOENT, p)),
    'write': lambda p: plain(p, os.O_WRONLY),
    'put': lambda p: open(p, 'w').write('put') and None,
    'append': lambda p: open(p, 'a').write('more') and None,
    'readwrite': lambda p: plain(p, os.O_RDWR),
    'truncate': lambda p: os.truncate(p, 3),
    'create': lambda p: plain(p, os.O_WRONLY | os.O_CREAT | os.O_EXCL),
    'create-or-open': lambda p: plain(p, os.O_WRONLY | os.O_CREAT),
    'mkdir': lambda p: os.mkdir(p),
    'mkfifo': lambda p: os.mkfifo(p),
    'symlink': lambda p: os.symlink('target', p),
    'readlink': lambda p: os.readlink(p) and None,
    'link': lambda p, q: os.link(p, q, follow_symlinks=False),
    'rename': lambda p, q: os.rename(p, q),
    'unlink': lambda p: os.unlink(p),
    'rmdir': lambda p: os.rmdir(p),
    'chmod': lambda p: os.chmod(p, 0o766),
    'chown': lambda p: os.chown(p, 4321, 4321),
    'utimes': lambda p: os.utime(p, (1, 1)),
    'getxattr': lambda p: os.getxattr(p, 'user.note') and None,
    'hash': lambda p: os.getxattr(p, 'user.nexus.hash') and None,
    'listxattr': lambda p: os.listxattr(p) and None,
    'setxattr': lambda p: os.setxattr(p, 'user.note', b'x'),
    'removexattr': lambda p: os.removexattr(p, 'user.note'),
    'lock': lock,
    'execute': execute,
    'keep': lambda name, p: keep(name, p, os.O_RDONLY),
    'keep-write': lambda name, p: keep(name, p, os.O_RDWR),
    'keep-dir': lambda name, p: keep(name, p, os.O_RDONLY | os.O_DIRECTORY),
    'keep-map': keep_map,
    'pread': lambda name: os.pread(kept[name], 10, 0) and None,
    'pwrite': lambda name: os.pwrite(kept[name], b'x', 0) and None,
    'fstat': lambda name: os.fstat(kept[name]) and None,
    'list-kept': lambda name: os.listdir(kept[name]) and None,
    'stat-at': lambda name, p: os.stat(p, dir_fd=kept[name]) and None,
    'open-at': lambda name, p: os.close(os.open(p, os.O_RDONLY, dir_fd=kept[name])),
    'look': look_through,
    'drop': drop,
}

for line in sys.stdin:
    operation, *arguments = json.loads(line)
    try:
        value = calls[operation](*arguments)
        answer = 'OK' if value is None else value
    except OSError as error:
        answer = errno.errorcode[error.errno]
    print(json.dumps(answer), flush=True)

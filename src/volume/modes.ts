/** Permission bits with a meaning of their own, as POSIX numbers them. */
export const S_ISUID = 0o4000;
export const S_ISGID = 0o2000;
export const S_IXGRP = 0o0010;

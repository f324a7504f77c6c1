"""Bounds that a process puts on itself before it runs an environment's code: memory, files, CPU, no child, no network.

Forking, starting programs, opening sockets and signalling other processes fail with EPERM where the kernel offers
seccomp (x86-64 and arm64); elsewhere only the number of processes is limited, which doesn't bind root. Knows nothing of
environments. Doesn't hide files: `artifact.walls` does. Sources: seccomp(2), kernel's filter.h and syscall tables.
"""

from __future__ import annotations

import ctypes
import errno
import math
import platform
import resource
import signal
import struct
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_SECCOMP: Final = 22
_PR_SET_NO_NEW_PRIVS: Final = 38
_FILTER: Final = 2
_LOAD, _EQUAL, _ANY, _RETURN = 0x20, 0x15, 0x45, 0x06  # BPF: load word, jump if equal, jump if any bit, return
_ALLOW: Final = 0x7FFF0000
_FAIL: Final = 0x00050000
_KILL: Final = 0x80000000
_CLONE_THREAD: Final = 0x10000

# architecture's audit number; clone; clone3; what is denied: fork, vfork, execve, execveat, socket, kill, tkill,
# pidfd_send_signal, ptrace, process_vm_writev, setsid-less escapes don't matter without children
_CALLS: Final[dict[str, tuple[int, int, int, tuple[int, ...]]]] = {
    "x86_64": (0xC000003E, 56, 435, (57, 58, 59, 322, 41, 62, 200, 424, 101, 311)),
    "aarch64": (0xC00000B7, 220, 435, (221, 281, 198, 129, 130, 424, 117, 271)),
}


def limit(memory: int, files: int) -> None:
    """Bound address space in bytes and open files; let nothing be written to files; die with the parent."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    for kind, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_NOFILE, files),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        bounded = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (bounded, bounded))


def cpu_from_now(seconds: float) -> None:
    """Let this process use that many more seconds of CPU, up to one more; then it is killed."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = math.ceil(used.ru_utime + used.ru_stime + seconds)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


def no_children() -> bool:
    """Deny this process what starts another one or reaches one; tell whether the kernel does it."""
    known = _CALLS.get(platform.machine())
    if known is None:
        return False
    program = _program(*known)
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in program))
    filled = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(program), ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return False
    return bool(libc.prctl(_PR_SET_SECCOMP, _FILTER, filled, 0, 0) == 0)


def _program(audit: int, clone: int, clone3: int, denied: tuple[int, ...]) -> list[tuple[int, int, int, int]]:
    """Return the filter. A thread may be made (clone with CLONE_THREAD); clone3 hides its flags, so it isn't there."""
    steps = [(_LOAD, 0, 0, 4), (_EQUAL, 1, 0, audit), (_RETURN, 0, 0, _KILL), (_LOAD, 0, 0, 0)]
    for number in denied:
        steps += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _FAIL | errno.EPERM)]
    steps += [(_EQUAL, 0, 1, clone3), (_RETURN, 0, 0, _FAIL | errno.ENOSYS)]
    steps += [
        (_EQUAL, 0, 3, clone),
        (_LOAD, 0, 0, 16),  # the first argument's lower half: the flags
        (_ANY, 1, 0, _CLONE_THREAD),
        (_RETURN, 0, 0, _FAIL | errno.EPERM),
    ]
    return [*steps, (_RETURN, 0, 0, _ALLOW)]

"""Turns itself into a store's program; run as a script, so that it is a process with one thread.

Dropping root and asking for a signal at the parent's death belong between fork and exec. Python
offers `preexec_fn` for that place, which may deadlock once the parent has threads; a small script
that ends in exec has no such risk and costs 15 ms.

Arguments: our parent's pid, the signal to get when it dies, uid:gid to become (or `-`), the
program and its arguments. The working directory is inherited, and that is the point: it was
entered as root, so it may lie where the new user could not go (see privileges.py).
"""

import ctypes
import os
import sys
from signal import SIG_DFL, SIG_SETMASK, SIGINT, SIGQUIT, SIGTERM, pthread_sigmask, signal

_PR_SET_PDEATHSIG = 1

# Nothing of the caller's environment reaches the stores: no PGDATA, no PGPORT, no foreign locale.
_ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC", "PATH": os.defpath}


def main() -> None:
    parent, death_signal, account, program, *arguments = sys.argv[1:]
    # Whoever blocks or ignores signals in our process does not mean the stores, which would then
    # never hear that they are to end.
    pthread_sigmask(SIG_SETMASK, ())
    for number in (SIGINT, SIGQUIT, SIGTERM):
        signal(number, SIG_DFL)
    if account != "-":
        uid, gid = map(int, account.split(":"))
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform == "linux":
        # After setuid, which would clear it; exec keeps it.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(death_signal))
        if os.getppid() != int(parent):
            sys.exit("the process that started this one has ended")
    try:
        os.execve(program, [program, *arguments], _ENVIRONMENT)
    except OSError as error:
        sys.exit(f"{program}: {error.strerror}")


if __name__ == "__main__":
    main()

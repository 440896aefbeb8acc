"""The kernel that learners' answers run in: it takes limits upon itself, then starts.

The command is `python -m mnist_helpers.teaching.confined`, with the arguments of a kernel. On
Linux it runs behind `ISOLATION`, where the system permits that.
"""

import os

from ipykernel.kernelapp import launch_new_instance

MEMORY = 4_000_000_000  # bytes that a process may claim; what it uses is watched from outside
FILE = 100_000_000  # bytes of one file
CPU = 900  # seconds of computing
PROCESSES = 100  # only where they are counted apart from all others of this user

# A namespace of its own for processes, network and mounts, in which all is read-only but the
# folder $1 (and the devices), and no rights to change that. The rest of the arguments is run.
CONFINE = """
folder=$1; shift
mount --bind "$folder" "$folder" || exit 1
while read -r _ _ _ _ point options _; do
  case "$point $options" in
    "$folder "*) ;;
    *" rw"*) mount -o "remount,bind,ro${options#rw}" "$(printf %b "$point")" || exit 1 ;;
  esac
done < /proc/self/mountinfo
cd "$folder" || exit 1  # where it was, it is read-only
exec setpriv --bounding-set=-all --inh-caps=-all --no-new-privs "$@"
"""
NAMESPACES = "--user --map-root-user --net --pid --fork --kill-child --mount --mount-proc".split()
DIES_ALONG = ["setpriv", "--pdeathsig", "KILL"]  # when the program that marks is killed
ISOLATION = [*DIES_ALONG, "unshare", *NAMESPACES, "sh", "-c", CONFINE, "confine"]


def set_limits():
    """Limit this process and all that it starts; on Windows nothing can be limited this way."""
    try:
        import resource
    except ImportError:
        return
    limits = {"RLIMIT_CPU": CPU, "RLIMIT_FSIZE": FILE, "RLIMIT_DATA": MEMORY, "RLIMIT_CORE": 0}
    if os.getpid() == 1:  # in a namespace of its own
        limits["RLIMIT_NPROC"] = PROCESSES
    for name, limit in limits.items():
        _, most = resource.getrlimit(kind := getattr(resource, name))
        limit = limit if most == resource.RLIM_INFINITY else min(limit, most)
        resource.setrlimit(kind, (limit, limit))


if __name__ == "__main__":
    set_limits()
    launch_new_instance()

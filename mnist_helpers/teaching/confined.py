"""The kernel that learners' answers run in: it takes limits upon itself, then starts.

The command is `python -m mnist_helpers.teaching.confined`, with the arguments of a kernel. On
Linux it runs behind `ISOLATION`, where the system permits that.
"""

import os
import site
import sys
import tempfile
from pathlib import Path

from ipykernel.kernelapp import launch_new_instance

from mnist_helpers.course import COURSE, data_folder

MEMORY = 4_000_000_000  # bytes that a process may claim; what it uses is watched from outside
FILE = 100_000_000  # bytes of one file
CPU = 900  # seconds of computing
PROCESSES = 100  # only where they are counted apart from all others of this user

# Where programs keep the sockets and pipes that others may talk to them through.
SHARED = ["/run", "/var/run", "/tmp", "/var/tmp", "/dev/shm"]

# A namespace of its own for processes, network, shared memory and mounts. There all is read-only
# but the folder $1 (and the devices); the folders $2, one a line, hold nothing but those of $3
# that lie in them; and no right is left to change that. The rest of the arguments is run.
CONFINE = r"""
folder=$1 hidden=$2 kept=$3; shift 3
new=${folder%/*}/new  # where a folder is put together before it is moved to its place
mkdir -p "$new" && mount -n --bind "$folder" "$folder" || exit 1
while read -r _ _ _ _ point options _; do
  point=$(printf %b "$point")  # a blank is \040 there
  case "$options" in
    rw*)
      [ "$point" = "$folder" ] || mount -n -o "remount,bind,ro${options#rw}" "$point" || exit 1 ;;
  esac
done < /proc/self/mountinfo
set -f; IFS='
'
for place in $hidden; do
  mkdir -p "$new" && mount -n -t tmpfs -o size=1m none "$new" || exit 1
  for path in $kept; do
    inside=$new${path#"$place"}
    case $path in
      "$place"/*) mkdir -p "$inside" && mount -n --rbind "$path" "$inside" || exit 1 ;;
    esac
  done
  mount -n --move "$new" "$place" || exit 1
done
for place in $hidden; do mount -n -o remount,bind,ro "$place" || exit 1; done
cd "$folder" || exit 1  # where it was, it is read-only
exec setpriv --bounding-set=-all --inh-caps=-all --no-new-privs "$@"
"""
NAMESPACES = "--user --map-root-user --net --ipc --pid --fork --kill-child --mount --mount-proc"
DIES_ALONG = ["setpriv", "--pdeathsig", "KILL"]  # when the program that marks is killed
ISOLATION = [*DIES_ALONG, "unshare", *NAMESPACES.split(), "sh", "-c", CONFINE, "confine"]


def confine(folder, readable=()):
    """What to put before a command so that it has no network and changes no file but in a folder.

    What else lies beside that folder, or where programs keep their sockets, it cannot even see.

    Args:
        folder: a resolved `Path`.
        readable: folders that it may read all the same.

    Returns:
        A list of arguments.
    """
    shared = [*SHARED, tempfile.gettempdir(), os.environ.get("XDG_RUNTIME_DIR", SHARED[0])]
    hidden = {place.resolve() for place in map(Path, shared) if place.is_dir()}
    outermost = [place for place in hidden if hidden.isdisjoint(place.parents)]
    python = [sys.prefix, sys.base_prefix, site.getuserbase()]
    needed = map(Path, [folder, *readable, COURSE, data_folder(), *python])
    kept = [path.resolve() for path in needed if path.is_dir()]
    places = ["\n".join(map(str, paths)) for paths in ([*outermost, folder.parent], kept)]
    return [*ISOLATION, str(folder), *places]


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

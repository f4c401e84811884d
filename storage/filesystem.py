"""Which file systems a workspace may lie on.

WAL needs memory that all processes of one machine share through the file; a network file system
does not give it, and the database would be damaged sooner or later.
"""

from __future__ import annotations

import re
from pathlib import Path

from storage.errors import StorageError

MOUNTS = Path("/proc/self/mounts")

#: Types of file system, as the kernel names them, that reach over a network or out of a machine.
_NETWORK = re.compile(
    r"9p|acfs|afs|autofs|beegfs.*|ceph|cifs|coda|davfs.*|gfs2?|glusterfs|gpfs|lustre|mfs|ncpfs"
    r"|nfs.*|ocfs2|orangefs|panfs|pvfs2|smb3|smbfs|vboxsf|vmhgfs|wekafs"
    r"|fuse\.(ceph|gcsfuse|glusterfs|goofys|juicefs|m(oose)?fs|rclone|s3fs|sshfs|vmhgfs-fuse|weka)"
)


def filesystem_type(folder: Path, mounts: Path = MOUNTS) -> str:
    """The type of the file system that holds a folder (or will hold it); "" where unknown."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:  # not Linux: nothing to ask
        return ""
    place = folder.resolve()
    found, kind = -1, ""
    for line in lines:
        _, mounted, kind_there, *_ = line.split(" ")
        point = Path(re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), mounted))
        # A later mount over the same point hides the earlier one.
        if place.is_relative_to(point) and len(point.parts) >= found:
            found, kind = len(point.parts), kind_there
    return kind


def refuse_network(folder: Path, mounts: Path = MOUNTS) -> None:
    """Raises StorageError where a folder lies on a network file system."""
    kind = filesystem_type(folder, mounts)
    if _NETWORK.fullmatch(kind):
        raise StorageError(
            f"{folder} lies on a network file system ({kind}), where the database would be damaged "
            "sooner or later; choose a workspace on a local disk with --workspace or BTP_WORKSPACE."
        )

"""Runs every attack and forgery as somebody else; prints "held", or what was not.

    python -m tests.hold_hostile [--drop-capabilities] [--become-user] [--no-user-namespaces]

A process of its own, for powers that are given up do not come back. Standard library only.
"""

from __future__ import annotations

import argparse
import errno
import os
import sys
from collections.abc import Iterator

from core.executor import Executor, Limits
from core.tasks import Outcome, StdioTest, Task
from tests import hostile
from tests.executor_tasks import asserts, call, stdio
from tests.forgeries import FORGERIES, SECRET, aimed
from tests.surroundings import Surroundings

#: What a container has by default: chown, dac_override, fowner, fsetid, kill, setgid, setuid,
#: setpcap, net_bind_service, net_raw, sys_chroot, mknod, audit_write, setfcap.
_CONTAINER = {0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31}
_NOBODY = 65534


def drop_capabilities() -> None:
    """Leaves this process and its children the powers of root in a container."""
    from core.executor.sandbox.kernel import keep_capabilities, prctl

    for capability in range(41):
        if capability not in _CONTAINER:
            prctl(24, capability)  # PR_CAPBSET_DROP
    keep_capabilities(sum(1 << capability for capability in _CONTAINER))


def forbid_user_namespaces() -> None:
    """unshare fails from here on, as where user namespaces are switched off."""
    from core.executor.sandbox.seccomp import ALLOW, Filter, forbid_new_privileges, refuse

    unshare = {"x86_64": 272, "aarch64": 97}[os.uname().machine]
    forbid_new_privileges()
    deny = refuse(errno.EPERM)
    Filter(
        [(0x20, 0, 0, 0), (0x15, 0, 1, unshare), (0x06, 0, 0, deny), (0x06, 0, 0, ALLOW)]
    ).apply()


def programs(surroundings: Surroundings) -> Iterator[tuple[str, Task, str]]:
    """(name, task, program) of all that must not pass."""
    for attack in (*hostile.REACHING, *hostile.ENDLESS, *hostile.SELF_DESTRUCTIVE):
        program = surroundings.aim(attack.program)
        yield attack.name, stdio("", hostile.REACHED), program
        yield f"{attack.name}, called", call(returns=hostile.REACHED), program
    for forgery in FORGERIES:
        yield forgery.name, asserts(aimed(forgery.test)), forgery.program
        yield f"{forgery.name}, called", call(1, returns=SECRET), forgery.program


def not_held(surroundings: Surroundings) -> list[str]:
    """Names of what passed, reached its goal or broke the executor."""
    surroundings.fill()
    before = surroundings.state()
    hostile_programs = list(programs(surroundings))
    names = [name for name, _, _ in hostile_programs]
    failed = []
    with surroundings.exposed(), Executor(2, Limits(0.25, 0.8)) as executor:
        print(executor.isolation, file=sys.stderr)
        for index, verdict in executor.run((task, text) for _, task, text in hostile_programs):
            outcomes = {test.outcome for test in verdict.tests}
            if outcomes & {Outcome.PASSED, Outcome.HARNESS_ERROR, Outcome.UNSUPPORTED}:
                failed.append(f"{names[index]}: {verdict}")
        honest = Task("t", "t", "", "", (StdioTest("2", ("4",)),), time_limit_s=9)
        ((_, verdict),) = executor.run([(honest, "print(int(input()) * 2)")])
        if not verdict.passed:
            failed.append(f"an honest program afterwards: {verdict}")
    if surroundings.state() != before:
        failed.append("the folder has changed")
    return failed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for option in ("--drop-capabilities", "--become-user", "--no-user-namespaces"):
        parser.add_argument(option, action="store_true")
    options = parser.parse_args()
    if options.drop_capabilities:
        drop_capabilities()
    if options.become_user and os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(_NOBODY, _NOBODY, _NOBODY)
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)
    if options.no_user_namespaces:
        forbid_user_namespaces()
    with Surroundings.made() as surroundings:
        failed = not_held(surroundings)
    print("\n".join(failed), file=sys.stderr)
    print("held" if not failed else "not held")


if __name__ == "__main__":
    main()

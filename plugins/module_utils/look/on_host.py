# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The whole look at one host, as the module 'rollout_look' has it carried to the host."""

from __future__ import annotations

import json
import typing as t

from ..libraries.build import BuildError
from ..libraries.command_file import LINK, Target
from ..linux import systemd
from ..linux.once import asked_once, one_look
from ..linux.printable import shown
from ..settings.options import LIBRARY_DIR
from ..verdicts.question import BadParameter
from .backends import with_backends
from .found import Scope, look_at_rollout
from .installed import libraries_seen
from .sockets import sockets_seen


class CannotLook(Exception):
    """The host cannot be looked at; the text says why."""


class Questions(t.NamedTuple):
    """What the action asks of a host; empty what it does not ask."""

    scope: t.Dict[str, t.Any]
    """The fields of look.found.Scope."""
    libraries: t.Optional[t.Dict[str, t.Any]] = None
    sockets: bool = False
    use: t.Sequence[str] = ()
    removal: bool = False


def answer_to(questions: Questions, label: t.Callable[[str, t.Optional[str]], bool]) -> t.Tuple[str, t.List[str]]:
    """Return the answer as JSON, and warnings.

    As one text, because Ansible goes through each value of a structure several times, on both sides.

    :param label: Module.label, which tells whether a file has another security label than its place asks for.
    :raises CannotLook: the host cannot be looked at.
    """
    try:
        with one_look():
            answer, warnings = _answer_to(questions, label)
            return json.dumps(shown(answer)), warnings
    except (systemd.SystemdError, BadParameter, BuildError) as error:
        raise CannotLook(str(error)) from error
    except OSError as error:
        raise CannotLook(f"the host cannot be looked at: {error}") from error


def _answer_to(questions: Questions, label: t.Any) -> t.Tuple[t.Dict[str, t.Any], t.List[str]]:
    scope = Scope(**questions.scope)
    run = asked_once(systemd.ask_systemd)
    target = Target(LIBRARY_DIR, LINK)
    answer: t.Dict[str, t.Any] = {"libraries": None, "sockets": None}
    answer["found"], warnings = look_at_rollout(scope, run)
    services = with_backends(scope.services, answer["found"]["backends"])
    here = [service for service in services if service["name"] not in answer["found"]["absent_here"]]
    if questions.libraries:
        answer["libraries"] = libraries_seen(target, label=label, **questions.libraries)
    if questions.use:
        # As the next one imported here: what few runs ask for costs the others nothing.
        from .of_every_process import look_at_every_process

        answer["every_process"] = look_at_every_process(questions.use)
    if questions.removal:
        from .removal import look_at_removal

        answer["removal"] = look_at_removal(target)
    if questions.sockets and here and not answer["found"]["problems"]:
        answer["sockets"] = sockets_seen(here, run)
        warnings += answer["sockets"].pop("warnings")
    users, wanted = answer["found"]["library_users"], {service["name"] for service in scope.services}
    answer["found"]["library_users"] = [user for user in users if user["unit"] not in wanted]
    return answer, warnings

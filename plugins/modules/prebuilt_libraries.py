#!/usr/bin/python
# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: prebuilt_libraries
short_description: Compile the keepalive libraries on a host, for others
version_added: 0.1.0
author: The netops.keepalive authors (@netops)
description:
  - Compiles the libraries on the host of the task and brings them into a folder on the controller, from where
    O(netops.keepalive.preload_libraries#module:prebuilt) installs them on hosts without a compiler.
  - Nothing is installed on the host, and root is not needed there. It compiles in a private temporary folder, which is
    removed.
  - In the folder there is one for each kind of host (processor, C library and its release), with a C(manifest.json)
    that says what was made from what, and the checksums. Where the sources, the flags and the compiler are those of
    that file, nothing is compiled.
  - Where something is compiled, a signature of what stood there before (C(manifest.json.sig)) is removed. It is to be
    signed again, see O(netops.keepalive.preload_libraries#module:signers).
extends_documentation_fragment: [netops.keepalive.attributes, netops.keepalive.compiler]
options:
  output:
    description:
      - The folder on the controller. A relative path counts from the folder in which Ansible was started.
      - Without it the folder is a temporary one that is there until the end of the run. Then a host compiles once a
        run, however many others it is asked for with C(delegate_to), in whatever order and batches, and a failure is
        told to all of them without trying again.
    type: path
  for_host:
    description:
      - A host that the result must fit, by RV(netops.keepalive.preload_libraries#module:machine) and
        RV(netops.keepalive.preload_libraries#module:libc). Where it does not, the task fails and says why.
    type: dict
    suboptions:
      machine:
        description: Processor and word size.
        type: str
        required: true
      libc:
        description: C library and its release.
        type: str
        required: true
  multilib:
    description:
      - Where the host has a loader for 32 bit programs too, V(auto) also makes the libraries for these, if the compiler
        can. See O(netops.keepalive.preload_libraries#module:multilib).
    type: str
    choices: [auto, never]
    default: auto
  have:
    description:
      - Kind of host to what its manifest says about the origin of its files. Set by the task's action from O(output).
    type: dict
  claimed:
    description:
      - Kind of host to the host that compiled for it in this run. Set by the task's action.
    type: dict
attributes:
  check_mode:
    details: Looks whether there is a compiler; compiles nothing.
  diff_mode:
    support: none
    details: There is nothing to show but checksums, which RV(files) has.
seealso:
  - module: netops.keepalive.preload_libraries
"""

EXAMPLES = r"""
- name: Compile for the hosts of an air-gapped site
  netops.keepalive.prebuilt_libraries:
    output: /srv/keepalive

- name: Compile on another host for this run
  netops.keepalive.prebuilt_libraries:
  delegate_to: builder.example.com
  become: false
  register: compiled

- name: Install what it compiled
  netops.keepalive.preload_libraries:
    prebuilt: "{{ compiled.folder }}"
    delegated: true
"""

RETURN = r"""
kind:
  description: The kind of host, which is the name of its folder.
  returned: success
  type: str
  sample: x86_64-64-bit-glibc-2.36
folder:
  description: The folder on the controller that has a folder for this kind; not in check mode without O(output).
  returned: where there is one
  type: str
  sample: /srv/keepalive
files:
  description: The SHA-256 of each file, by its name.
  returned: where there is a folder
  type: dict
  sample: {libkeepalive.so: 5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef}
needs:
  description: The oldest C library that does for all the files; empty where they need none.
  returned: where there is a folder
  type: str
  sample: glibc 2.34
reason:
  description:
    - Why they were, or must be, compiled, or who has done it in this run already; empty where nothing was to be done.
  returned: success
  type: str
  sample: sources changed
compiler:
  description: First line of the compiler's C(--version).
  returned: success
  type: str
  sample: cc (Debian 12.2.0-14) 12.2.0
machine:
  description: The host's processor and word size.
  returned: success
  type: str
  sample: x86_64 64 bit
libc:
  description: The host's C library and its release.
  returned: success
  type: str
  sample: glibc 2.36
"""

import typing as t

from ..module_utils.libraries import build, multilib, prebuilt
from ..module_utils.libraries.made import digest_of, kinds_to_compile, made_from_sources
from ..module_utils.libraries.manifest import Manifest, changes_since, target_of
from ..module_utils.libraries.selftest import Refused
from ..module_utils.linux.module import Module
from ..module_utils.linux.scratch import scratch
from ..module_utils.settings.options import LIBRARY_DIR

_ADVICE = "install gcc, make and the C library's headers there, or choose another host"


def main() -> None:
    module = Module(
        argument_spec={
            "output": {"type": "path"},
            "for_host": {
                "type": "dict",
                "options": {
                    "machine": {"type": "str", "required": True},
                    "libc": {"type": "str", "required": True},
                },
            },
            "cc": {"type": "str", "default": "cc"},
            "cflags": {"type": "str"},
            "ldflags": {"type": "str"},
            "multilib": {"type": "str", "choices": ["auto", "never"], "default": "auto"},
            # no_log keeps the contents out of the host's journal
            "sources": {"type": "dict", "no_log": True},
            "have": {"type": "dict"},
            "claimed": {"type": "dict"},
        },
        supports_check_mode=True,
    )
    module.end_in_order()
    try:
        result = _go(module)
    except build.NoCompiler as error:
        module.fail_json(msg=f"{error}; {_ADVICE}")
    except (build.BuildError, Refused, OSError) as error:
        module.fail_json(msg=str(error).split("\n"))
    module.exit_json(**result)


def _go(module: Module) -> t.Dict[str, t.Any]:
    params = module.params
    sources = params["sources"] or {}
    cc, cflags, ldflags = params["cc"], params["cflags"], params["ldflags"]
    digest = digest_of(sources)
    platform, compiler = build.describe_platform(), build.compiler_version(cc)
    layout = multilib.find_layout() if params["multilib"] == "auto" else None
    unable = multilib.can_compile(layout, cc) if layout and compiler is not None else {}
    kinds = kinds_to_compile(layout, compiler, unable)
    made = {**made_from_sources(platform, digest, cc, cflags, ldflags, compiler), **kinds.made}
    kind = prebuilt.kind_of(platform)
    result = {
        "kind": kind,
        "machine": platform.machine,
        "libc": platform.libc,
        "compiler": compiler or "",
        "changed": False,
    }
    claimed = (params["claimed"] or {}).get(kind)
    if claimed:
        return {**result, "reason": f"{claimed} compiled for this kind of host already"}
    old = (params["have"] or {}).get(kind)
    reasons = changes_since(Manifest(old, {}) if old else None, made)
    if not reasons:
        return {**result, "reason": ""}
    known = {key: value for key, value in made.items() if value is not None}
    result.update(changed=True, reason="; ".join(reasons), made=known)
    if module.check_mode:
        with scratch() as temporary:
            build.check_toolchain(cc, temporary)
        return result
    built = multilib.build_all(sources, LIBRARY_DIR, cc, cflags, ldflags, kinds.layout)
    # Links are for the host that gets the files, whose loader says where they must lie.
    own = {name: content for name, content in built.items() if target_of(content) is None}
    return {**result, "contents": prebuilt.pack(own)}


if __name__ == "__main__":
    main()

# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a signature is demanded, only what one of the signers has signed is taken: with OpenSSH itself."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.manifest import Manifest, sha256
from ansible_collections.netops.keepalive.plugins.plugin_utils import _prebuilt, _signature
from ansible_collections.netops.keepalive.plugins.plugin_utils._prebuilt import Signers, Unusable, read_prebuilt
from ansible_collections.netops.keepalive.tests.unit.support.brought import NAMESPACE, bring, make_key, sign

FILES = {"libkeepalive.so": b"one", "keepalive_inspect.h": b"two"}


class Site:
    """A set that is signed, and the file with those who may sign."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.set, self.key, self.other = folder / "set", folder / "key", folder / "other"
        self.public, self.stranger = make_key(self.key), make_key(self.other)
        self.signers = folder / "signers"
        bring(self.set / "trixie", FILES)
        sign(self.set / "trixie", self.key)
        self.allow(f'builder@example.com namespaces="{NAMESPACE}" {self.public}')

    def allow(self, *lines: str) -> None:
        self.signers.write_text("".join(f"{line}\n" for line in lines))

    def read(self) -> t.Dict[str, t.Dict[str, bytes]]:
        return read_prebuilt(self.set, Signers(str(self.signers), self.signers.read_bytes())).variants

    def refusal(self) -> str:
        with pytest.raises(Unusable) as error:
            self.read()
        (said,) = error.value.problems
        return said.replace(str(self.set), "SET").replace(str(self.signers), "SIGNERS")

    def fingerprint_left_out(self) -> str:
        """Return the refusal without what differs from key to key."""
        before, key, after = self.refusal().partition(" (ED25519 key SHA256:")
        assert key
        return before + after.partition(")")[2]


@pytest.fixture
def site(tmp_path: pathlib.Path) -> Site:
    return Site(tmp_path)


NOT_ONE = "SET/trixie/manifest.json is signed with a key that is none of those that may sign now"
CHANGED = (
    f"SET/trixie/manifest.json was changed after it was signed, or is signed for something else than {NAMESPACE}: {{}}"
    "; sign it again where it was made, once it is known who has changed it (by SIGNERS)"
)


@pytest.mark.parametrize(
    "line",
    [
        'builder@example.com namespaces="netops.keepalive" {key}',
        "builder@example.com,second@example.com {key}",
        "* {key}",
        '*@example.com,!x@example.com valid-after="20200101",valid-before="21000101" {key}',
    ],
)
def test_what_one_of_the_signers_has_signed_is_taken(site: Site, line: str) -> None:
    site.allow("# who may", f"other@example.com {site.stranger}", line.format(key=site.public))
    assert site.read() == {"trixie": FILES}


def test_who_changes_a_library_and_its_checksum_cannot_sign_it(site: Site) -> None:
    bring(site.set / "trixie", {**FILES, "libkeepalive.so": b"evil"})
    assert site.refusal() == CHANGED.format("Signature verification failed: incorrect signature")
    sign(site.set / "trixie", site.other)
    assert site.fingerprint_left_out() == f"{NOT_ONE} (by SIGNERS)"


def test_who_changes_a_library_alone_is_noticed_by_its_checksum(site: Site) -> None:
    (site.set / "trixie" / "libkeepalive.so").write_bytes(b"evil")
    assert "does not have the sha256" in site.refusal()


def test_an_unsigned_set_is_refused_with_what_to_do(site: Site) -> None:
    (site.set / "trixie" / "manifest.json.sig").unlink()
    assert site.refusal() == (
        "SET/trixie/manifest.json is not signed, and SIGNERS says who must: where it was made, "
        f"ssh-keygen -Y sign -n {NAMESPACE} -f KEY manifest.json"
    )


def test_one_signed_kind_does_not_vouch_for_another(site: Site) -> None:
    bring(site.set / "bullseye", FILES)
    assert site.refusal().startswith("SET/bullseye/manifest.json is not signed, ")
    (site.set / "bullseye" / "manifest.json.sig").write_bytes((site.set / "trixie" / "manifest.json.sig").read_bytes())
    assert site.read() == {"bullseye": FILES, "trixie": FILES}, "the very same files"
    bring(site.set / "bullseye", {"l.so": b"other"})
    assert "was changed after it was signed" in site.refusal()


def test_a_key_counts_in_its_time_alone(site: Site) -> None:
    site.allow(f'b@example.com valid-before="20200101" {site.public}')
    assert site.fingerprint_left_out().startswith(f"{NOT_ONE}: line 1: key has expired: verify time 20")
    site.allow(f'b@example.com valid-after="21000101" {site.public}')
    assert site.fingerprint_left_out().startswith(f"{NOT_ONE}: line 1: key is not yet valid: verify time 20")


def test_a_signature_for_something_else_does_not_count(site: Site) -> None:
    """A key that signs commits as well is not to be talked into signing libraries."""
    sign(site.set / "trixie", site.key, "git")
    assert site.refusal() == CHANGED.format("Couldn't verify signature: namespace does not match")
    sign(site.set / "trixie", site.key)
    site.allow(f'b@example.com namespaces="git" {site.public}')
    assert site.fingerprint_left_out() == (
        f'{NOT_ONE}: line 1: key is not permitted for use in signature namespace "{NAMESPACE}" (by SIGNERS)'
    )


@pytest.mark.parametrize("text", ["", "# nobody\n", "no key\n"])
def test_where_nobody_may_sign_nothing_is_taken(site: Site, text: str) -> None:
    site.signers.write_text(text)
    assert site.fingerprint_left_out().startswith(NOT_ONE)


@pytest.mark.parametrize("text", [b"", b"junk\n", b"\0" * 5000])
def test_a_signature_that_is_none(site: Site, text: bytes) -> None:
    (site.set / "trixie" / "manifest.json.sig").write_bytes(text)
    assert site.refusal().startswith(
        "SET/trixie/manifest.json was changed after it was signed, or is signed for something else"
    )


def test_without_openssh_nothing_is_taken(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(site.set))
    assert site.refusal() == (
        "SET/trixie/manifest.json has a signature that cannot be checked: there is no ssh-keygen on the controller; "
        "install OpenSSH's client (by SIGNERS)"
    )


def test_an_openssh_that_does_not_end_is_not_waited_for(
    site: Site, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "ssh-keygen").write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    (tmp_path / "bin" / "ssh-keygen").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(_signature, "_SECONDS", 0.01)
    assert "has a signature that cannot be checked: Command '" in site.refusal()


def test_who_changes_the_manifest_while_its_signature_is_checked_gains_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = _prebuilt.check_signature

    def checked(content: bytes, signature: bytes, signers: bytes) -> None:
        real(content, signature, signers)
        bring(site.set / "trixie", {**FILES, "libkeepalive.so": b"evil"})

    monkeypatch.setattr(_prebuilt, "check_signature", checked)
    assert site.refusal().startswith("SET/trixie/libkeepalive.so does not have the sha256 ")


def test_the_manifest_that_is_sent_is_the_one_that_is_signed(site: Site) -> None:
    signers = Signers(str(site.signers), site.signers.read_bytes())
    wanted = Manifest({"sources": "x"}, {name: sha256(content) for name, content in FILES.items()})
    assert read_prebuilt(site.set, signers).manifests == {"trixie": wanted.text()}

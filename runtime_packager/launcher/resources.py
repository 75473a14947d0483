"""What Windows shows of a launcher: its icon, its version resource and its application manifest.

Type numbers from Microsoft's "Resource Types", the manifest from its "Application Manifests". The
launcher is started by apps for people, so the manifest says: no administrator, Windows 10 and 11,
paths beyond 260 characters, message boxes sharp on every screen. It names no code page: the
launcher calls Windows by its UTF-16 functions alone, which none concerns.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from packaging.version import Version

from runtime_packager.launcher.ico import Icon
from runtime_packager.launcher.pe import Resource, add_resources
from runtime_packager.launcher.version_resource import version_resource

RT_ICON, RT_GROUP_ICON, RT_VERSION, RT_MANIFEST = 3, 14, 16, 24

TEXT_LIMIT = 1000
"""UTF-16 units of a text; property pages show no more than a line."""

_NO_TEXT = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

MANIFEST = b"""\
<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<assembly xmlns="urn:schemas-microsoft-com:asm.v1" manifestVersion="1.0">
  <trustInfo xmlns="urn:schemas-microsoft-com:asm.v3">
    <security>
      <requestedPrivileges>
        <requestedExecutionLevel level="asInvoker" uiAccess="false"/>
      </requestedPrivileges>
    </security>
  </trustInfo>
  <compatibility xmlns="urn:schemas-microsoft-com:compatibility.v1">
    <application>
      <supportedOS Id="{8e0f7a12-bfb3-4fe8-b9a5-48fd50a15a9a}"/>
    </application>
  </compatibility>
  <application xmlns="urn:schemas-microsoft-com:asm.v3">
    <windowsSettings>
      <dpiAware xmlns="http://schemas.microsoft.com/SMI/2005/WindowsSettings">true/pm</dpiAware>
      <dpiAwareness xmlns="http://schemas.microsoft.com/SMI/2016/WindowsSettings">\
PerMonitorV2, PerMonitor</dpiAwareness>
      <longPathAware xmlns="http://schemas.microsoft.com/SMI/2016/WindowsSettings">\
true</longPathAware>
    </windowsSettings>
  </application>
</assembly>
"""


@dataclass(frozen=True, slots=True)
class Identity:
    """What a launcher says it is.

    :param version: by PEP 440; Windows gets it as numbers and as text.
    :param description: what Task Manager calls the process.
    :param company: left out when empty, as is ``copyright``.
    """

    product: str
    version: str
    description: str
    company: str = ""
    copyright: str = ""
    icon: Icon | None = None


def text_problem(text: str) -> str | None:
    """What is expected of a text of an :class:`Identity` that this one is not."""
    if _NO_TEXT.search(text):
        return "one line of text"
    if len(text.encode("utf-16-le")) > 2 * TEXT_LIMIT:
        return f"at most {TEXT_LIMIT} UTF-16 units"
    return None


def with_identity(program: bytes, name: str, identity: Identity) -> bytes:
    """The launcher ``program`` as ``<name>.exe`` of that identity; equal inputs, equal bytes.

    :raises InputError: for a text that Windows could not hold.
    :raises BuildError: when the program cannot be given resources.
    """
    return add_resources(program, [*_icon(identity.icon), *_described(name, identity)])


def _icon(icon: Icon | None) -> list[Resource]:
    if icon is None:
        return []
    images = [Resource(RT_ICON, n, image.data) for n, image in enumerate(icon.images, 1)]
    return [*images, Resource(RT_GROUP_ICON, 1, icon.group())]


def _described(name: str, identity: Identity) -> list[Resource]:
    texts = {
        "CompanyName": identity.company,
        "FileDescription": identity.description,
        "FileVersion": identity.version,
        "InternalName": name,
        "LegalCopyright": identity.copyright,
        "OriginalFilename": f"{name}.exe",
        "ProductName": identity.product,
        "ProductVersion": identity.version,
    }
    stated = {key: text for key, text in texts.items() if text}
    version = version_resource(Version(identity.version), stated)
    return [Resource(RT_VERSION, 1, version), Resource(RT_MANIFEST, 1, MANIFEST)]

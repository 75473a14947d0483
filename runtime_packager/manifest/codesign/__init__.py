"""A program's digest without its code signature, which is put into it after its bytes were listed.

Windows' Authenticode (:mod:`.pe`) and Apple's ``LC_CODE_SIGNATURE`` (:mod:`.macho`,
:mod:`.universal`) are written into the file. Each module turns a file into the *bare* one: what it
would be without a signature, spelled in one way, so that a file has the same bare digest unsigned,
signed, signed by somebody else, and stripped again; and whatever else is changed gives another.

A file that is laid out in any way we did not expect has no bare digest. Its exact bytes are then
needed, signature and all. Whether a signature is *valid* is nothing these modules know.
"""

from runtime_packager.manifest.codesign.bare import Bare, bare_file, is_signable
from runtime_packager.manifest.codesign.source import OddError, Source

__all__ = ["Bare", "OddError", "Source", "bare_file", "is_signable"]

"""Says why a module is missing that this runtime was made without.

A copy of this file lies in ``site-packages`` of a runtime; a ``.pth`` file imports it. Its finder
comes last, so it is asked only for what nobody else has. ``importlib.util.find_spec`` and all who
only ask whether a module is there get the usual answer, nothing.
"""

import sys

TYPE_CHECKING = False  # typing itself would cost a start 10 ms
if TYPE_CHECKING:
    from typing import Any

RULES = {"": ""}
"""By module the trim rule that left it out."""

TRACE = ""
"""The file that says which modules the rule ``untraced`` kept; empty where it left nothing out."""


def untraced(name: "str") -> "bool":
    """Whether that rule left the module out; its long list waits until something is missing."""
    if not TRACE or name.startswith("_runtime_"):
        return False
    return f"\n{name}\n" in __import__("_runtime_untraced").MODULES


class Finder:
    """The last in ``sys.meta_path``."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> "Any":
        """Never finds anything.

        :raises ModuleNotFoundError: for a module that was left out, when it is being imported.
        """
        # importlib's own _find_spec called us; who called that tells an import from a question.
        if sys._getframe(2).f_code.co_name != "_find_and_load_unlocked":
            return
        rule, what = RULES.get(name), ""
        if rule:
            what = f"set trim.{rule} = false in [tool.runtime-packager]"
        elif untraced(name):
            rule = "untraced"
            what = f"run `runtime-packager trace` on what imports it, or add {name}.* to {TRACE},"
        if rule:
            raise ModuleNotFoundError(
                f"No module named {name!r}: the trim rule {rule} left it out of this runtime; "
                f"{what} and assemble it again",
                name=name,
            )


sys.meta_path.append(Finder)

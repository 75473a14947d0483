"""``[tool.runtime-packager]`` of a ``pyproject.toml`` as a frozen, validated value.

Every problem in the table is found before any is reported: each line names the key, what was
expected and what stands there.
"""

from runtime_packager.config.model import PATH_BUDGET, Checks, Config
from runtime_packager.config.profiles import Profile
from runtime_packager.config.reading import FILE, TABLE, find_config, load_config

__all__ = [
    "FILE",
    "PATH_BUDGET",
    "TABLE",
    "Checks",
    "Config",
    "Profile",
    "find_config",
    "load_config",
]

"""``python -m runtime_packager``."""

from runtime_packager.cli import main

main()

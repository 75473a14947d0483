#!/usr/bin/env bash
# What the desktop app's tests need on Debian: a display for the real Electron and its libraries, and
# what electron-builder would download: 7za, makensis. Idempotent. Needs root and apt.
set -euo pipefail

packages=(
    xvfb xauth
    libgtk-3-0 libnss3 libasound2 libgbm1 libxss1 libxtst6 libatk-bridge2.0-0 libdrm2
    fonts-dejavu-core # the window's text, in screenshots too
    p7zip-full nsis squashfs-tools
)

# Newer Debians call some libraries by another name, which provides this one (libgtk-3-0t64).
installed="$(dpkg-query --show --showformat='${db:Status-Abbrev} ${Package} ${Provides}\n' | grep '^ii')"
missing=()
for package in "${packages[@]}"; do
    grep --quiet --word-regexp --fixed-strings -- "$package" <<<"$installed" || missing+=("$package")
done
[ "${#missing[@]}" -gt 0 ] || exit 0

[ "$(id -u)" = 0 ] || { echo "error: .ci/electron.sh installs packages: run it as root" >&2; exit 1; }
apt-get update
DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "${missing[@]}"

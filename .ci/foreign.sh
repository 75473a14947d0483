#!/usr/bin/env bash
# What the tests under tests/foreign run foreign runtimes with: wine 10 in a chroot of Debian
# trixie (bookworm's wine 8 is too old), qemu-aarch64, and the tools that make PBS-shaped archives.
# Idempotent; with everything there it takes milliseconds. Needs root and apt.
set -euo pipefail

cache="${RUNTIME_PACKAGER_CI_CACHE:-$HOME/.cache/runtime-packager-ci}"
chroot="$cache/trixie-wine-1" # also in tests/foreign/wine.py; count up when the recipe changes
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

need() { # file or command, Debian package
    [ -e "$1" ] || command -v "$1" >/dev/null 2>&1 || missing+=("$2")
}
missing=()
need mmdebstrap mmdebstrap
need qemu-aarch64 qemu-user
need patchelf patchelf
need "$keyring" debian-archive-keyring

# The mirror that this machine's apt is set up with, whichever that is.
mirror() {
    apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(REPO_URI)' 'Created-By: Packages' |
        sed -n 's/^Debian|Debian|//p' | sort -u | head -n 1
}

[ "${#missing[@]}" -gt 0 ] || [ ! -d "$chroot" ] || exit 0

[ "$(id -u)" = 0 ] || { echo "error: .ci/foreign.sh installs packages: run it as root" >&2; exit 1; }
apt-get update # the tests' archives ask for the mirror too
if [ "${#missing[@]}" -gt 0 ]; then
    DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "${missing[@]}"
fi

in_chroot() { # directory, command...: processes and mounts end with the command
    local root="$1"
    shift
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/opt LANG=C.UTF-8 \
        WINEDEBUG=-all WINEPREFIX=/opt/wine \
        unshare --mount --pid --fork --kill-child --mount-proc="$root/proc" chroot "$root" "$@"
}

make_chroot() {
    local source half
    source="$(mirror)"
    [ -n "$source" ] || { echo "error: apt knows no Debian mirror" >&2; exit 1; }
    mkdir -p "$cache"
    rm -rf "$cache"/.half-made-* # of runs that were killed
    half="$(mktemp -d "$cache/.half-made-XXXXXX")"
    trap 'rm -rf "$half"' EXIT
    echo "making $chroot (under a minute)"
    TMPDIR="$half" mmdebstrap --quiet --mode=root --variant=apt --include=wine,wine64 \
        --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' \
        --aptopt='Acquire::Retries "3"' --dpkgopt=force-unsafe-io \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' \
        trixie "$half/root" "deb [signed-by=$keyring] $source trixie main"
    # The prefix is made here once; a test session writes to an overlay of all this.
    in_chroot "$half/root" wine wineboot --init >"$half/log" 2>&1 &&
        in_chroot "$half/root" wine cmd /c exit 0 >>"$half/log" 2>&1 ||
        { cat "$half/log" >&2; exit 1; }
    share_prefix_files "$half/root"
    mv --no-target-directory "$half/root" "$chroot"
    rm -rf "$half"
    trap - EXIT
}

share_prefix_files() { # wine copies its libraries into the prefix: 0.7 GB that links can save
    in_chroot "$1" sh -c 'cd /usr/lib/*/wine/x86_64-windows && for file in *; do
        copy=/opt/wine/drive_c/windows/system32/$file
        if [ -f "$copy" ] && cmp -s "$file" "$copy"; then ln -f "$file" "$copy"; fi
    done'
}

[ -d "$chroot" ] || make_chroot

#!/bin/sh
# Install what the lab needs from the system and does not find: podman and its helpers,
# mmdebstrap, Python with venv. When all is there, it changes nothing and asks for nothing.
# With the argument `tests` also what only tests need: a container registry of their own.
set -eu
purpose=${1-}
cd "$(dirname "$0")/.."
. scripts/common.sh

missing= # the packages to install

# have COMMAND: administrators' folders count too; they are not on every user's PATH.
have() { (PATH=$PATH:/usr/sbin:/sbin && command -v "$1" >/dev/null); }

want() { missing="$missing $*"; }

may_be_root() { [ "$(id -u)" -eq 0 ] || have sudo; }

as_root() { if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi; }

# install_with MANAGER OPTION...: install what is missing.
install_with() {
    may_be_root || die "packages are missing and there is no sudo; as root, run: $1 install$missing"
    # shellcheck disable=SC2086 # a list of package names, to be split
    run "Installing$missing" as_root env DEBIAN_FRONTEND=noninteractive "$@" $missing
}

# --- Debian, Ubuntu and their like ---------------------------------------------------------

installed() { dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed; }

candidate() { apt-cache policy "$1" | sed -n 's/^ *Candidate: \([^(]\)/\1/p'; }

# need PACKAGE [COMMAND]: what COMMAND a user has from elsewhere serves as well.
need() { installed "$1" || { [ "${2-}" ] && have "$2"; } || want "$1"; }

# Read the package lists, once. A third-party source that does not answer must not stop us:
# what counts is whether the packages can be installed.
fresh=
refresh() {
    if [ "$fresh" ] || ! may_be_root; then return; fi
    fresh=yes
    say "Reading the package lists"
    as_root apt-get -q update >/dev/null 2>&1 || say "(some could not be read)"
}

debian_python() {
    if python=$(find_python); then
        "$python" -c 'import ensurepip' 2>/dev/null ||
            want "$("$python" -c 'import sys; print("python3.%d-venv" % sys.version_info[1])')"
        return
    fi
    refresh
    for version in 3.14 3.13 3.12 3.11; do
        if [ "$(candidate "python$version-venv")" ]; then
            want "python$version-venv"
            return
        fi
    done
    die "this release has no Python 3.11 or later: install one, then run this again"
}

debian() {
    have podman || refresh # to know below which version it is going to be
    need podman podman
    need crun crun
    need runc runc # for hosts whose cgroups crun does not support
    need netavark
    need aardvark-dns
    need catatonit catatonit
    need fuse-overlayfs fuse-overlayfs
    need uidmap newuidmap
    # What podman builds networks with: other tools since its version 5.
    case $(podman --version 2>/dev/null || candidate podman) in
        [1-4].* | *' '[1-4].*)
            need iptables iptables
            need slirp4netns slirp4netns
            ;;
        *)
            need nftables nft
            need passt pasta
            ;;
    esac
    # For images made without a container registry.
    need mmdebstrap mmdebstrap
    need debian-archive-keyring
    [ "$purpose" != tests ] || need docker-registry docker-registry
    [ "$purpose" != tests ] || need chromium chromium
    debian_python
    [ "$missing" ] || return 0
    refresh
    install_with apt-get -q -y --no-install-recommends -o DPkg::Lock::Timeout=300 install
}

# --- Fedora: podman requires its helpers by itself ------------------------------------------

fedora() {
    have podman || want podman
    have mmdebstrap || want mmdebstrap debian-keyring
    find_python >/dev/null || want python3
    [ "$purpose" != tests ] || have registry || want docker-distribution
    [ "$purpose" != tests ] || have chromium || have chromium-browser || want chromium-headless
    [ "$missing" ] || return 0
    install_with dnf -q -y install
}

if have apt-get; then
    debian
elif have dnf; then
    fedora
elif ! have podman || ! have mmdebstrap || ! find_python >/dev/null; then
    die "neither apt-get nor dnf here: install podman, mmdebstrap and Python 3.11 or later"
fi

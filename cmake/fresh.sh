#!/usr/bin/env bash
# Both README commands in a clean Debian 12: a chroot with nothing but a base system, git and bash. Needs root.
# PLUMBLINE_FRESH_CCACHE=FOLDER lends it a compiler cache: faster, and then its build time says nothing.
# NODE_EXTRA_CA_CERTS=FILE, Node's own variable, is handed on: networks whose proxy ends TLS with a certificate of their own.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source_tree=$PWD
vectors=${PLUMBLINE_VECTORS:-$(dirname "$source_tree")/shared/vectors}
root=$(mktemp -d "${TMPDIR:-/var/tmp}/plumbline-fresh.XXXXXX")
finish() { umount -l "$root/proc" "$root/dev" "$root/sys" "$root/ccache" 2>/dev/null || true; grep -q " $root/" /proc/mounts || rm -rf --one-file-system "$root"; }
trap finish EXIT

mirror=http://deb.debian.org/debian
mmdebstrap --quiet --variant=minbase --include=git,bash,ca-certificates bookworm "$root" \
  "deb $mirror bookworm main" "deb $mirror bookworm-updates main" "deb http://deb.debian.org/debian-security bookworm-security main"
cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
mount -t proc proc "$root/proc"; mount --rbind /dev "$root/dev"; mount -t sysfs sysfs "$root/sys"
handed_on=()
if [ -n "${PLUMBLINE_FRESH_CCACHE:-}" ]; then
  mkdir "$root/ccache" && mount --bind "$PLUMBLINE_FRESH_CCACHE" "$root/ccache"; handed_on+=(CCACHE_DIR=/ccache)
fi
if [ -f "${NODE_EXTRA_CA_CERTS:-}" ]; then
  cp -L "$NODE_EXTRA_CA_CERTS" "$root/etc/ssl/node-extra.pem"; handed_on+=(NODE_EXTRA_CA_CERTS=/etc/ssl/node-extra.pem)
fi
git clone -q --no-hardlinks "$source_tree" "$root/src/plumbline"
if [ -d "$vectors" ]; then mkdir -p "$root/src/shared" && cp -r "$vectors" "$root/src/shared/vectors"; fi

run() {
  local begun=$SECONDS
  echo "== fresh: $*"
  chroot "$root" /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin CI="${CI:-}" "${handed_on[@]}" bash -c "cd /src/plumbline && $*"
  echo "== fresh: $* took $((SECONDS - begun)) s"
}
run ./dev demo
run ./dev test

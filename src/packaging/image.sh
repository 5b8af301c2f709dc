#!/usr/bin/env bash
# Makes an OCI image of the command, from scratch: one layer with one file, a binary that needs no other.
#   src/packaging/image.sh BINARY VERSION amd64|arm64 FOLDER
# The image is FOLDER/multiplex-VERSION-linux-ARCHITECTURE.oci.tar, an image layout in a tar archive, as podman-load(1), docker-load(1) and
# skopeo(1) (oci-archive:) read it. Every time in it is SOURCE_DATE_EPOCH, so the same binary makes the same image.
set -euo pipefail
readonly binary="$1" version="$2" architecture="$3" folder="$4"
if readelf --dynamic "$binary" | grep -q '(NEEDED)'; then
  echo "$0: $binary needs shared libraries, and the image has none: link it with StaticExecutable=true" >&2
  exit 1
fi
umask 022
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
readonly blobs="$work/layout/blobs/sha256"
mkdir -p "$work/root" "$blobs"

# tar with nothing in it of the machine that made it.
archive() { tar --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --format=ustar --create "$@"; }
digest() { sha256sum "$1" | cut -d' ' -f1; }
# Stores a file under its digest, and prints its descriptor: type, digest, size, and what else follows.
store() {
  local sha
  sha="$(digest "$1")"
  mv "$1" "$blobs/$sha"
  printf '{"mediaType":"%s","digest":"sha256:%s","size":%d%s}' "$2" "$sha" "$(stat --format=%s "$blobs/$sha")" "${3-}"
}

install -m 755 "$binary" "$work/root/multiplex"
archive --directory="$work/root" --file="$work/layer.tar" multiplex
readonly diff="sha256:$(digest "$work/layer.tar")"
gzip --best --no-name "$work/layer.tar"
# The licence of glibc, which is linked in, is the LGPL.
readonly created="$(date --utc --date "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)"
readonly about="\"org.opencontainers.image.title\":\"multiplex\",\"org.opencontainers.image.version\":\"$version\",\"org.opencontainers.image.licenses\":\"MIT AND LGPL-2.1-or-later\""

# The user is none that a machine has: 65532, as other images from scratch have it. Ports below 1024 are free to it where the container's
# net.ipv4.ip_unprivileged_port_start is 0, as docker(1) and podman(1) set it.
cat >"$work/config" <<END
{"created":"$created","architecture":"$architecture","os":"linux","config":{"User":"65532:65532","Entrypoint":["/multiplex"],"Cmd":["--help"],"WorkingDir":"/","StopSignal":"SIGTERM","Labels":{$about}},"rootfs":{"type":"layers","diff_ids":["$diff"]},"history":[{"created":"$created","created_by":"src/packaging/image.sh"}]}
END
cat >"$work/manifest" <<END
{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":$(store "$work/config" application/vnd.oci.image.config.v1+json),"layers":[$(store "$work/layer.tar.gz" application/vnd.oci.image.layer.v1.tar+gzip)],"annotations":{"org.opencontainers.image.created":"$created",$about}}
END
readonly names=",\"platform\":{\"architecture\":\"$architecture\",\"os\":\"linux\"},\"annotations\":{\"org.opencontainers.image.ref.name\":\"$version\",\"io.containerd.image.name\":\"localhost/multiplex:$version\"}"
cat >"$work/layout/index.json" <<END
{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[$(store "$work/manifest" application/vnd.oci.image.manifest.v1+json "$names")]}
END
printf '{"imageLayoutVersion":"1.0.0"}\n' >"$work/layout/oci-layout"
mkdir -p "$folder"
archive --directory="$work/layout" --file="$folder/multiplex-$version-linux-$architecture.oci.tar" blobs index.json oci-layout

#!/usr/bin/env bash
# Makes the Debian package of the command: its binary, the man pages, the completions of bash and zsh, a dashboard and alert rules, and units of systemd,
# which nothing enables.
#   src/packaging/deb.sh BINARY SHARE VERSION amd64|arm64 FOLDER [multiplex-fleet]
# With multiplex-fleet, the package of that name: the binary alone, which the command continues as; it has the same options.
# BINARY is the command, SHARE what Multiplex.Manual wrote. The package is FOLDER/multiplex_VERSION_ARCHITECTURE.deb. Every time in it is
# SOURCE_DATE_EPOCH, so the same files make the same package. DEBFULLNAME and DEBEMAIL name the maintainer, as for debchange(1).
set -euo pipefail
readonly binary="$1" share="$2" version="$3" architecture="$4" folder="$5" package="${6:-multiplex}"
readonly here="$(dirname "${BASH_SOURCE[0]}")" maintainer="${DEBFULLNAME:-The Multiplex authors} <${DEBEMAIL:-multiplex@localhost}>"
umask 022
root="$(mktemp -d)"
chmod 755 "$root"
trap 'rm -rf "$root"' EXIT

# What the binary needs of glibc: the newest of the versions that its symbols ask for. It needs no other library.
needed="$(readelf --dynamic "$binary" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | grep -vE '^(libc|libm|ld-linux-[a-z0-9-]*)\.so\.[0-9]+$' || true)"
if [[ -n "$needed" ]]; then
  echo "$0: $binary needs ${needed//$'\n'/, }: add the packages to Depends" >&2
  exit 1
fi
glibc="$(readelf --version-info "$binary" | grep -o 'GLIBC_2[.0-9]*' | sort --unique --version-sort | tail -1)"

install -D -m 755 "$binary" "$root/usr/bin/$package"
depends="libc6 (>= ${glibc#GLIBC_})"
summary="server models, ONC RPC and a load generator in one command"
about=" multiplex serves one protocol with interchangeable concurrency models, from
 a process for each connection to io_uring, loads servers, and measures the
 models against each other. It is also a client and a name service of ONC RPC,
 and a generator of its C# stubs."
if [[ "$package" == multiplex ]]; then
  install -D -m 644 "$share/bash-completion/completions/multiplex" "$root/usr/share/bash-completion/completions/multiplex"
  install -D -m 644 "$share/zsh/vendor-completions/_multiplex" "$root/usr/share/zsh/vendor-completions/_multiplex"
  install -D -m 644 -t "$root/usr/share/man/man1" "$share"/man/man1/*.1
  install -D -m 644 -t "$root/usr/share/multiplex" "$here"/metrics/multiplex-dashboard.json "$here"/metrics/multiplex-alerts.yml
  install -D -m 644 -t "$root/usr/lib/systemd/system" "$here"/systemd/multiplex.service "$here"/systemd/multiplex.socket   # not enabled
  gzip --best --no-name "$root"/usr/share/man/man1/*.1
else
  depends="$depends, multiplex (= $version)"
  summary="the command multiplex with clients of etcd, NATS and Redis"
  about=" multiplex goes on as this program where an option names an etcd that many
 machines share: multiplex rpcbind --backend, multiplex serve --register-at,
 multiplex call and multiplex load of rpc+etcd: servers; or a Redis:
 multiplex serve --reply-store. It makes loads of many machines, which meet
 at a NATS server."
fi
install -D -m 644 "$here/copyright" "$root/usr/share/doc/$package/copyright"
mkdir -p "$root/usr/share/lintian/overrides"
sed "s/^multiplex:/$package:/" "$here/lintian-overrides" >"$root/usr/share/lintian/overrides/$package"
cat >"$root/usr/share/doc/$package/changelog" <<END
$package ($version) unstable; urgency=medium

  * Release $version. The changes are in CHANGELOG.md of the sources.

 -- $maintainer  $(date --utc --rfc-email --date "@$SOURCE_DATE_EPOCH")
END
gzip --best --no-name "$root/usr/share/doc/$package/changelog"

mkdir "$root/DEBIAN"
cat >"$root/DEBIAN/control" <<END
Package: $package
Version: $version
Architecture: $architecture
Maintainer: $maintainer
Installed-Size: $(du --summarize --apparent-size --block-size=1024 --exclude=DEBIAN "$root" | cut -f1)
Depends: $depends
Section: net
Priority: optional
Description: $summary
$about
END
(cd "$root" && find usr -type f -print0 | sort --zero-terminated | xargs --null md5sum) >"$root/DEBIAN/md5sums"
find "$root" -exec touch --no-dereference --date "@$SOURCE_DATE_EPOCH" {} +
mkdir -p "$folder"
dpkg-deb --root-owner-group --build "$root" "$folder/${package}_${version}_$architecture.deb" >&2

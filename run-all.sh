#!/usr/bin/env bash
# Everything there is to run, in stages:
#   ./run-all.sh            builds, then compares some server models within two minutes; arguments are passed on
#   ./run-all.sh build      leaves the command at artifacts/multiplex/multiplex, and multiplex-fleet, which goes on where an engine is asked for, beside it; with --arch arm64 at artifacts/multiplex-arm64/multiplex
#   ./run-all.sh tour       builds, then shows the course's lessons; arguments are passed on
#   ./run-all.sh test       runs the tests; installs the peers they talk to where it may
#   ./run-all.sh package    leaves NuGet packages, a Debian package and an OCI image in artifacts/packages; with --arch arm64 those of ARM64 too
#   ./run-all.sh bench      runs the benchmarks, a short job, and compares a call with gRPC and StreamJsonRpc; with arguments those benchmarks
#                           alone that they name (--full for the long job)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_CLI_WORKLOAD_UPDATE_NOTIFY_DISABLE=true
export DOTNET_GENERATE_ASPNET_CERTIFICATE=false DOTNET_ADD_GLOBAL_TOOLS_TO_PATH=false
# No build server stays behind.
export DOTNET_CLI_USE_MSBUILD_SERVER=0 MSBUILDDISABLENODEREUSE=1 UseSharedCompilation=false
if [[ -z "${HOME:-}" ]]; then
  HOME="$(mktemp -d)"
  export HOME
fi

readonly command=artifacts/multiplex/multiplex
readonly fleet=artifacts/multiplex/multiplex-fleet
readonly arm64=artifacts/multiplex-arm64
readonly packages=artifacts/packages
readonly results=artifacts/test-results

say() { printf '\n== %s\n' "$*" >&2; }

build() {
  say "building $command"
  publish src/Multiplex.Cli artifacts/multiplex
  # rpcgen for C# files runs the C# compiler, so it is a program of its own.
  publish src/Multiplex.Rpcgen artifacts/multiplex-rpcgen
}

# The same command with the clients of the engines of fleets.
build_fleet() {
  say "building $fleet"
  publish src/Multiplex.Fleet.Cli artifacts/multiplex-fleet
  # Beside the command, which looks for it there; the rename keeps one whole for a test that starts it now.
  cp artifacts/multiplex-fleet/multiplex-fleet "$fleet.new"
  mv "$fleet.new" "$fleet"
}

build_for_arch() {
  if [[ "$*" != "--arch arm64" ]]; then
    echo "run-all.sh: build takes --arch arm64, or nothing for this machine's own processor, and not '$*'" >&2
    exit 2
  fi
  if ! can_link_arm64; then
    echo "run-all.sh: linking for ARM64 needs the packages gcc-aarch64-linux-gnu and libc6-dev-arm64-cross" >&2
    exit 1
  fi
  say "building $arm64/multiplex"
  publish src/Multiplex.Cli "$arm64" --runtime linux-arm64
}

# The cross compiler prints a full path only where its C library is installed too.
can_link_arm64() { [[ "$(uname -m)" == aarch64 || "$(aarch64-linux-gnu-gcc -print-file-name=crt1.o 2>/dev/null)" == /* ]]; }

publish() { dotnet publish "$1" --configuration Release --output "$2" --verbosity quiet "${@:3}"; }

package() {
  build
  build_fleet
  package_built "$@"
}

# As package, of a command that is built.
package_built() {
  # The time in all packages: that of the commit, so that they can be made again.
  export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat --format=%Y Directory.Build.props)}"
  rm -rf "$packages" artifacts/share
  say "packing the libraries"
  pack src/packaging/packages.proj
  dotnet run --project src/Multiplex.Manual --configuration Release -- artifacts/share "$(date --utc --date "@$SOURCE_DATE_EPOCH" +%F)"
  case "$(uname -m)" in
    aarch64) package_command "$command" linux-arm64 arm64 ;;
    *) package_command "$command" linux-x64 amd64 ;;
  esac
  if (($# > 0)); then
    build_for_arch "$@"
    package_command "$arm64/multiplex" linux-arm64 arm64
  fi
  ls -1 "$packages"
}

# The command as a .NET tool, a Debian package and an OCI image: BINARY, and what .NET, and Debian and OCI, call its processor.
package_command() {
  local binary="$1" runtime="$2" architecture="$3" version
  version="$(dotnet msbuild src/Multiplex.Cli -getProperty:Version)"
  say "packaging the command for $architecture"
  pack src/Multiplex.Cli --runtime "$runtime"
  src/packaging/deb.sh "$binary" artifacts/share "$version" "$architecture" "$packages"
  if [[ "$binary" == "$command" ]]; then src/packaging/deb.sh "$fleet" artifacts/share "$version" "$architecture" "$packages" multiplex-fleet; fi
  # From scratch there is no C library, so it is linked in: what is compiled already is linked once more, into a folder of its own.
  publish src/Multiplex.Cli "artifacts/multiplex-static-$architecture" --runtime "$runtime" -p:StaticExecutable=true \
    -p:NativeOutputPath="$PWD/src/Multiplex.Cli/bin/static-$architecture/"
  src/packaging/image.sh "artifacts/multiplex-static-$architecture/multiplex" "$version" "$architecture" "$packages"
}

pack() { dotnet pack "$1" --configuration Release --output "$PWD/$packages" --verbosity quiet "${@:2}"; }

compare() {
  build
  say "comparing the server models"
  "$command" compare --quick --out artifacts/compare "$@"
}

tour() {
  build
  exec "$command" tour "$@"
}

# The tests' peers, by the command or file that shows that they are there, and the package that has it.
readonly -a peers=(
  "rpcgen rpcsvc-proto"
  "/usr/include/tirpc/rpc/rpc.h libtirpc-dev"
  "rpcinfo rpcbind"
  "ncat ncat"
  "unshare util-linux"
  "ip iproute2"
  "tshark tshark"
  "npm npm"
  "gcc gcc"
  "/usr/include/openssl/ssl.h libssl-dev"
  "aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu"
  "/usr/aarch64-linux-gnu/include/stdio.h libc6-dev-arm64-cross"
  "qemu-aarch64-static qemu-user-static"
  "man man-db"
  "mandoc mandoc"
  "zsh zsh"
  "chromium-headless-shell chromium-headless-shell"
  "strace strace"
  "systemd-socket-activate systemd"
  "haproxy haproxy"
  "nfs-ls libnfs-utils"
  "/usr/bin/ganesha.nfsd nfs-ganesha"
  "/usr/share/doc/nfs-ganesha-vfs nfs-ganesha-vfs"
  "qemu-system-x86_64 qemu-system-x86"
  "/bin/busybox busybox-static"
  "cpio cpio"
  "redis-server redis-server"
)

# The kernel of the guest that mounts an NFS export: unpacked, not installed.
readonly guest_kernel=${TMPDIR:-/tmp}/multiplex-guest-kernel

readonly prometheus=${TMPDIR:-/tmp}/multiplex-prometheus
readonly etcd=${TMPDIR:-/tmp}/multiplex-etcd
readonly nats=${TMPDIR:-/tmp}/multiplex-nats

install_peers() {
  local peer what package
  local -a missing=()
  for peer in "${peers[@]}"; do
    read -r what package <<<"$peer"
    if [[ ! -e "$what" ]] && ! PATH="$PATH:/usr/sbin:/sbin" command -v "$what" >/dev/null; then missing+=("$package"); fi
  done
  if ((${#missing[@]} == 0)); then return; fi
  if [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
    say "installing ${missing[*]}"
    { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "${missing[@]}"; } >/dev/null && return
  fi
  if [[ "${CI:-}" == true ]]; then
    echo "cannot install ${missing[*]}, and CI=true lets no test be skipped" >&2
    exit 1
  fi
  say "not installed, so their tests are skipped: ${missing[*]}"
}

# Debian's kernel for clouds: that of this system, or any newer one.
fetch_guest_kernel() {
  if [[ -d "$guest_kernel" ]]; then return; fi
  if [[ $(id -u) == 0 && $(uname -m) == x86_64 ]] && command -v apt-get >/dev/null; then
    say "unpacking a kernel for the guest into $guest_kernel"
    local folder name
    folder=$(mktemp -d)
    name=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends: linux-image/ {print $2; exit}')
    (cd "$folder" && apt-get download -q "$name" && dpkg -x "$name"_*.deb kernel && mv kernel "$guest_kernel") >/dev/null 2>&1 || true
    rm -rf "$folder"
  fi
  if [[ ! -d "$guest_kernel" ]]; then say "there is no kernel for a guest, so its tests are skipped"; fi
}

# Peers whose packages start a daemon where services are started are unpacked, not installed.
fetch_unpacked() { # COMMAND PACKAGE FOLDER
  if [[ -d "$3" ]] || PATH="$PATH:/usr/sbin:/sbin" command -v "$1" >/dev/null; then return; fi
  if [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
    say "unpacking $2 into $3"
    local folder
    folder=$(mktemp -d)
    (cd "$folder" && { apt-get download -q "$2" || { apt-get update -q && apt-get download -q "$2"; }; } && dpkg -x "$2"_*.deb unpacked && mv unpacked "$3") >/dev/null 2>&1 || true
    rm -rf "$folder"
  fi
  if [[ ! -d "$3" ]]; then
    if [[ "${CI:-}" == true ]]; then
      echo "cannot fetch $2, and CI=true lets no test be skipped" >&2
      exit 1
    fi
    say "there is no $1, so its tests are skipped"
  fi
}

run_tests() {
  install_peers
  fetch_guest_kernel
  fetch_unpacked promtool prometheus "$prometheus"
  fetch_unpacked etcd etcd-server "$etcd"
  fetch_unpacked nats-server nats-server "$nats"
  build
  say "building the tests"
  local project making log made=0 status=0
  for project in tests/*/*Tests.csproj; do dotnet build "$project" --configuration Release --verbosity quiet --nologo -clp:NoSummary; done
  export PATH="$PATH:/usr/sbin:/sbin:$prometheus/usr/bin:$etcd/usr/bin:$nats/usr/sbin" MULTIPLEX_COMMAND="$PWD/$command" MULTIPLEX_TEST_SERVERS="$PWD/artifacts/test-servers/Multiplex.TestServers"
  rm -rf "$results"

  # It takes as long as the tests that do not need it, which wait most of the time. What it prints follows theirs.
  log="$(mktemp)"
  make_for_server_tests >"$log" 2>&1 &
  making=$!
  for project in tests/*/*Tests.csproj; do
    if [[ "$project" != *ServerTests* ]]; then test_project "$project" "$@" || status=1; fi
  done
  wait "$making" || made=$?
  cat "$log"
  rm "$log"
  if ((made != 0)); then return "$made"; fi
  test_project tests/Multiplex.ServerTests/*.csproj "$@" || status=1
  summary
  return $status
}

# The command for fleets, the packages, the command for ARM64 and the servers with protocols of their own.
make_for_server_tests() {
  build_fleet
  # The tests of the packages are skipped where there is no dpkg.
  if command -v dpkg-deb >/dev/null; then package_built; fi
  if can_link_arm64; then build_for_arch --arch arm64; fi
  publish tests/Multiplex.TestServers artifacts/test-servers
}

test_project() {
  # The tests send SIGINT and SIGHUP to servers; a job in the background, or under nohup(1), ignores them, and so would what it starts.
  local -a signals=(env)
  if env --default-signal=INT,HUP true 2>/dev/null; then signals+=(--default-signal=INT,HUP); fi
  say "testing $(basename "$1" .csproj)"
  "${signals[@]}" dotnet test "$1" --no-build --configuration Release --verbosity quiet --nologo \
    --results-directory "$results" --logger "trx;LogFileName=$(basename "$1" .csproj).trx" \
    --logger "console;verbosity=minimal" "${@:2}"
}

# The names of the tests that failed, and one closing line for all projects: 'N passed, N failed, N skipped'.
summary() {
  local file passed=0 failed=0 skipped=0 total
  for file in "$results"/*.trx; do
    [[ -e "$file" ]] || continue
    counters="$(grep -o '<Counters [^>]*' "$file")"
    total="$(count total)"
    passed=$((passed + $(count passed)))
    failed=$((failed + $(count failed)))
    skipped=$((skipped + total - $(count passed) - $(count failed)))
    grep -o '<UnitTestResult [^>]*outcome="Failed"' "$file" | sed 's/.* testName="\([^"]*\)".*/failed: \1/' || true
  done
  printf '\n%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
  ((passed > 0))
}

count() { grep -o "$1=\"[0-9]*\"" <<<"$counters" | head -1 | tr -dc 0-9; }

bench() {
  build
  if (($# == 0)); then dotnet run --project bench/Multiplex.RivalBenchmarks --configuration Release; fi
  # In this shell's place, so that a signal to the script reaches the benchmarks, which stop their servers.
  MULTIPLEX_COMMAND="$PWD/$command" exec dotnet run --project bench/Multiplex.Benchmarks --configuration Release -- "$@"
}

stage="${1:-compare}"
shift || true
case "$stage" in
  build) if (($# > 0)); then build_for_arch "$@"; else build && build_fleet; fi ;;
  compare) compare "$@" ;;
  tour) tour "$@" ;;
  test) run_tests "$@" ;;
  package) package "$@" ;;
  bench) bench "$@" ;;
  *)
    echo "run-all.sh: there is no stage '$stage': write build, tour, test, package or bench, or nothing for a short comparison" >&2
    exit 2
    ;;
esac

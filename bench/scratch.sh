# Sourced by the scripts beside it: a folder for what they write, $work, and a list of the processes that they start. When the script
# ends, the processes are ended and the folder is removed.

work="$(mktemp -d)"
started=()
cleanup() {
  local pid
  for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT

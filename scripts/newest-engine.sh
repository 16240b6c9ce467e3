#!/usr/bin/env bash
# The newest Docker engine that Debian has, out of unstable, beside whatever this machine has: for tests.
#   newest-engine.sh start STATE    prints its URL; STATE is a new folder with a short name
#   newest-engine.sh stop STATE     ends it and removes STATE
# It is started by `dwt engine up` in a root and a mount namespace of its own. Needs root, mmdebstrap and a built dwt.
set -euo pipefail

action=${1:?start or stop}
state=${2:?folder}
project=$(cd "$(dirname "$0")/.." && pwd)
node=/project/node_modules/node/bin/node

# Runs a program inside the root, with nothing of this machine's environment but the way to the network.
inside() {
  local proxies=() name
  for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
    [ -z "${!name:-}" ] || proxies+=("$name=${!name}")
  done
  env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin "XDG_DATA_HOME=$state/data" "XDG_RUNTIME_DIR=$state/run" ${proxies[@]+"${proxies[@]}"} "$@"
}

# The second half of start, already in a mount namespace of its own.
enter() {
  local root=$state/root
  mount --bind "$root" "$root"
  mkdir -p "$root/project" "$root$state"
  mount --bind "$state" "$root$state"
  mount --rbind "$project" "$root/project"
  for folder in proc sys dev; do mount --rbind "/$folder" "$root/$folder"; done
  # Where tests put folders that they mount into containers.
  local temporary=${TMPDIR:-/tmp}
  mkdir -p "$root$temporary"
  mount --rbind "$temporary" "$root$temporary"
  cat /etc/resolv.conf > "$root/etc/resolv.conf"
  cd "$root"
  mkdir -p former
  pivot_root . former
  cd /
  umount -l /former
  inside "$node" /project/bin/run.js engine up --progress plain --json
}

case $action in
  start)
    mkdir -p "$state"
    # An archive that has stood still for a while is as good for tests as a fresh one.
    mmdebstrap --quiet --mode=root --variant=apt --aptopt='Acquire::Check-Valid-Until "false"' --aptopt='Acquire::Retries "5"' \
      --include=docker.io,iptables,iproute2,ca-certificates,mount,libatomic1 \
      --customize-hook='cp /etc/ssl/certs/ca-certificates.crt "$1/etc/ssl/certs/"' \
      sid "$state/root" >&2
    unshare --mount --propagation private "$0" enter "$state" >"$state/up.json"
    echo "unix://$state/run/dwt/docker.sock"
    ;;
  enter) enter ;;
  stop)
    pid=$(cat "$state/run/dwt/docker.pid" 2>/dev/null || true)
    # The root that the engine was started in is its own; without its process there is nothing to end.
    if [ -n "$pid" ] && [ "$(readlink "/proc/$pid/exe" | xargs -r basename)" = dockerd ]; then
      # shellcheck disable=SC2016 # the inner shell's own parameter
      inside nsenter --target "$pid" --mount --root sh -c 'cd / && exec "$@"' - "$node" /project/bin/run.js engine down --purge --progress plain >&2
    fi
    rm -rf "$state"
    ;;
  *) echo "newest-engine.sh: $action is neither start nor stop" >&2; exit 2 ;;
esac

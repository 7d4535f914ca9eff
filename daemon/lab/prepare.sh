#!/bin/sh
# prepare.sh [demo|test|bench]: makes a machine ready for `npm run demo`, `npm test` or `npm run bench`: Debian packages,
# node_modules, the build. Does nothing where everything is there already; so it may run before every command.
# prepare.sh peers: installs the overlays that `npm run bench -- --peers all` compares with, as far as Debian has them.
set -eu

purpose=${1:-test}
cd "$(dirname "$0")/../.."

say() { printf '%s\n' "prepare: $*" >&2; }
fail() { say "$*"; exit 1; }

[ "$(id -u)" = 0 ] || fail 'labs are made of network namespaces, and only root may make them; run this as root'

# One "program package" pair on each line; a package is installed when its program is not there.
toolchain='
gcc gcc
g++ g++
make make
python3 python3
'
lab='
ip iproute2
tc iproute2
setpriv util-linux
ethtool ethtool
ping iputils-ping
iperf3 iperf3
'
# tshark decodes what we send, nft loses packets; Open vSwitch and serf are the independent peers of the tests; host-local
# gives addresses to the CNI plugin, which podman and containerd call; dockerd calls the Docker plugin. Containers have busybox.
# faketime sets the clock of one daemon. A machine with a systemd of its own is made by systemd-nspawn, a Debian without weft by mmdebstrap; systemd's journald reads the log. promtool judges metrics, alerts
# and their tests.
judges='
tcpdump tcpdump
tshark tshark
nft nftables
ovs-vswitchd openvswitch-switch
serf serf
/usr/lib/cni/host-local containernetworking-plugins
podman podman
containerd containerd
runc runc
dockerd docker.io
docker-compose docker-compose
iptables iptables
/bin/busybox busybox-static
/lib/systemd/systemd systemd
/lib/systemd/systemd-journald systemd
systemd-nspawn systemd-container
mmdebstrap mmdebstrap
promtool prometheus
faketime faketime
'
fuzzing='
clang clang
'
overlays='
ovs-vswitchd openvswitch-switch
tincd tinc
fastd fastd
edge n2n
nebula nebula
wireguard-go wireguard-go
wg wireguard-tools
'
case $purpose in
  peers) pairs="$overlays" ;;
  demo | bench) pairs="$toolchain$lab" ;;
  test) pairs="$toolchain$lab$judges$fuzzing" ;;
  *) fail "no such purpose: $purpose; say demo, test, bench or peers" ;;
esac

missing_packages() {
  printf '%s' "$pairs" | while read -r program package; do
    [ -z "$program" ] || command -v "$program" >/dev/null 2>&1 || printf '%s ' "$package"
  done
  # Only recommended by the compiler, but nothing compiles without it.
  [ -e /usr/include/stdlib.h ] || printf '%s ' libc6-dev
  # So is the runtime of the sanitizers and of libFuzzer.
  [ "$purpose" != test ] ||
    [ -e "$(clang -print-runtime-dir 2>/dev/null)/libclang_rt.fuzzer-$(uname -m).a" ] || printf '%s ' libclang-rt-dev
}

# Installing openvswitch-switch would start it. The labs run their own in a namespace with private sockets, so the
# machine shall not get a running one: policy-rc.d is Debian's way to say so (invoke-rc.d(8)). In a subshell: its end
# removes the file in any case.
install_packages() (
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
  fi
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends "$@" >/dev/null
)

missing=$(missing_packages)
if [ "$purpose" = peers ]; then
  # One by one: a peer that this Debian does not have is left out of the comparison, and the benchmark says so.
  for package in $missing; do
    say "installing $package"
    install_packages "$package" </dev/null || say "$package is not to be had here"
  done
  exit 0
fi
if [ -n "$missing" ]; then
  command -v apt-get >/dev/null 2>&1 || fail "these Debian packages are missing and there is no apt-get: $missing"
  say "installing $missing"
  # shellcheck disable=SC2086 # a list of names
  install_packages $missing </dev/null
  missing=$(missing_packages)
  [ -z "$missing" ] || fail "still missing after the installation: $missing"
fi

# node-gyp would fetch the headers of this Node from the network; take those that lie beside it.
headers=$(dirname "$(dirname "$(readlink -f "$(command -v node)")")")
if [ -e "$headers/include/node/node_api.h" ]; then
  npm_config_nodedir=$headers
  export npm_config_nodedir
fi

if [ ! -e node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  say 'npm ci'
  npm ci --no-audit --no-fund </dev/null
fi

# A directory is newer than the stamp when a file in it was deleted or renamed.
stamp=dist/.built
if [ ! -e "$stamp" ] || [ -n "$(find package.json tsconfig.json daemon dataplane control benchmarks \
  \( -path dataplane/native/build -o -path daemon/lab/tools/native/build -o -path daemon/cni/native/build -o -path daemon/systemd/native/build \) -prune -o -newer "$stamp" -print 2>/dev/null | head -n 1)" ]; then
  say 'npm run build'
  npm run --silent build </dev/null
  : >"$stamp"
fi

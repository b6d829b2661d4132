#!/usr/bin/env bash
# Does an API server answer through a WireGuard path, and in no other way? Two machines as network namespaces, Debian's
# wireguard-go, and the real API server of tests/apiserver on the node's inner address; the node lets in WireGuard alone,
# and the tunnel the API server's port alone, which is what the mesh's policy says.
#   usage: bench/private-path.sh PROGRAM_OF_TESTS_APISERVER
# Ends with 0 when it is so, 1 when it is not, 2 when this machine can't show it.
set -euo pipefail
server=${1:?usage: bench/private-path.sh PROGRAM_OF_TESTS_APISERVER}
for tool in ip nft wg wireguard-go curl; do
  command -v "$tool" >/dev/null || { echo "private path skipped: $tool is not installed"; exit 2; }
done
[ "$(id -u)" = 0 ] && [ -e /dev/net/tun ] || { echo "private path skipped: needs root and /dev/net/tun"; exit 2; }

work=$(mktemp -d)
management=im-management-$$ node=im-node-$$
inner=10.60.0.1
pids=()
finish() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  exec 3>&- || true
  ip netns del "$management" 2>/dev/null || true
  ip netns del "$node" 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT
ip netns add "$management" 2>/dev/null || { echo "private path skipped: no network namespaces here"; exit 2; }
ip netns add "$node"
inside() { ip netns exec "$@"; }
# In the background `ip netns exec` stands by itself, so that the process that is ended is the program.

# The open network between them.
ip -n "$management" link add wire type veth peer name wire netns "$node"
ip -n "$management" addr add 10.50.0.1/24 dev wire
ip -n "$node" addr add 10.50.0.2/24 dev wire
for name in "$management" "$node"; do ip -n "$name" link set lo up; ip -n "$name" link set wire up; done
# The API server's address is the node's own, on no network.
ip -n "$node" addr add "$inner/32" dev lo

# The tunnel.
umask 077
for name in management node; do wg genkey >"$work/$name"; wg pubkey <"$work/$name" >"$work/$name.pub"; done
tunnel() { # namespace, its key, its address, the other's public key, what is behind the other, more
  local name=$1 key=$2 address=$3 other=$4 behind=$5
  shift 5
  WG_I_PREFER_BUGGY_USERSPACE_TO_POLISHED_KMOD=1 ip netns exec "$name" wireguard-go -f "wg$address" >/dev/null 2>&1 &
  pids+=($!)
  for _ in $(seq 50); do ip -n "$name" link show "wg$address" >/dev/null 2>&1 && break; sleep 0.1; done
  inside "$name" wg set "wg$address" private-key "$work/$key" listen-port 51820 peer "$(cat "$work/$other.pub")" \
    allowed-ips "$behind" "$@"
  ip -n "$name" addr add "100.64.0.$address/32" dev "wg$address"
  ip -n "$name" link set "wg$address" up
}
tunnel "$management" management 1 node "100.64.0.2/32,$inner/32" endpoint 10.50.0.2:51820
tunnel "$node" node 2 management 100.64.0.1/32 endpoint 10.50.0.1:51820
ip -n "$management" route add 100.64.0.2 dev wg1
ip -n "$node" route add 100.64.0.1 dev wg2

# The real API server on the inner address.
echo 'token,reader,1,"system:masters"' >"$work/tokens"
mkfifo "$work/stdin"
ip netns exec "$node" "$server" -dir "$work" -tokens "$work/tokens" -address "$inner" <"$work/stdin" >"$work/ready" 2>/dev/null &
pids+=($!)
exec 3>"$work/stdin"
for _ in $(seq 1200); do [ -s "$work/ready" ] && break; sleep 0.1; done
url=$(sed -n 's/.*"url":"\([^"]*\)".*/\1/p' "$work/ready")
[ -n "$url" ] || { echo "private path skipped: the API server did not start"; exit 2; }
port=${url##*:}

# From outside only WireGuard comes in; from the tunnel only the API server's port.
inside "$node" nft -f - <<NFT
table inet walls {
  chain input {
    type filter hook input priority 0; policy drop;
    iifname "lo" accept
    ct state established,related accept
    iifname "wire" udp dport 51820 accept
    iifname "wg2" tcp dport $port accept
  }
}
NFT

ask() { inside "$management" curl -s -o /dev/null -w '%{http_code}' --max-time 5 --cacert "$work/ca.crt" "$@" || true; }
failed=0
expect() { # what, expected, got
  if [ "$2" = "$3" ]; then echo "ok: $1 ($3)"; else echo "NOT SO: $1: $3, not $2"; failed=1; fi
}
ip -n "$management" route add "$inner" dev wg1
expect "through the tunnel the API server answers" 200 "$(ask "$url/readyz")"
version=$(inside "$management" curl -s --max-time 5 --cacert "$work/ca.crt" -H 'Authorization: Bearer token' "$url/version" | grep -c gitVersion || true)
expect "and says which version it is" 1 "$version"
ip netns exec "$node" python3 -m http.server --bind "$inner" 8000 >/dev/null 2>&1 &
pids+=($!)
sleep 1
expect "another port of the same address does not answer through the tunnel" 000 "$(ask "http://$inner:8000/")"
ip -n "$management" route replace "$inner" via 10.50.0.2 dev wire
expect "past the tunnel it does not answer" 000 "$(ask "$url/readyz")"
expect "nor at the node's outer address" 000 "$(ask -k "https://10.50.0.2:$port/readyz")"
ip -n "$management" route replace "$inner" dev wg1
expect "through the tunnel it still answers" 200 "$(ask "$url/readyz")"
handshakes=$(inside "$management" wg show wg1 latest-handshakes | awk '$2 > 0' | wc -l)
expect "the tunnel had a handshake" 1 "$handshakes"
exit "$failed"

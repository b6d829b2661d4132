#!/bin/sh
# Does `intramuros serve`, sealed, let a packet leave? Counts packets in a network namespace with one cable to the
# outside, over start, ingest, a tour of questions and pages, and a time of rest.
#
#   bench/sealed-capture.sh PROGRAM FOLDER [REST_SECONDS]
#
# Needs root, ip (iproute2), tcpdump, curl. Ends with 0 when no packet left, 1 otherwise, 2 when it can't be measured.
# A control proves that the capture sees: a packet is sent from the namespace after the program has ended.
# COMMAND='…' runs another program instead (a peer), given FOLDER and PORT in the environment; its packets are counted
# and the exit code is 0.
set -u

program=${1:?usage: sealed-capture.sh PROGRAM FOLDER [REST_SECONDS]}
folder=$(realpath "${2:?usage: sealed-capture.sh PROGRAM FOLDER [REST_SECONDS]}")
rest=${3:-600}
port=7171
name=walls$$
work=$(mktemp -d)
capture='' server=''

for tool in ip tcpdump curl; do
    command -v "$tool" >/dev/null || { echo "not measured: $tool is not installed"; exit 2; }
done
[ "$(id -u)" = 0 ] || { echo "not measured: needs root to make a network namespace"; exit 2; }

# Processes in the background are started without the function `inside`, so that their numbers are their own.
clean() {
    for process in $server $capture; do
        kill "$process" 2>/dev/null
        wait "$process" 2>/dev/null
    done
    ip link del "${name}a" 2>/dev/null
    ip netns del "$name" 2>/dev/null
    rm -rf "$work"
}
trap clean EXIT
trap 'exit 2' INT TERM

inside() { ip netns exec "$name" "$@"; }

ip netns add "$name" &&
    ip link add "${name}a" type veth peer name "${name}b" &&
    ip link set "${name}b" netns "$name" &&
    ip link set "${name}a" up || { echo "not measured: no network namespace can be made here"; exit 2; }
# The kernel itself announces IPv6 addresses on a new cable; that would be counted.
inside sh -c 'echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6'
inside ip link set lo up
inside ip addr add 192.0.2.100/24 dev "${name}b"
inside ip link set "${name}b" up
inside ip route add default via 192.0.2.1

ip netns exec "$name" tcpdump -Q out -i "${name}b" -U -w "$work/out.pcap" 2>"$work/tcpdump.log" &
capture=$!
sleep 1

count() { tcpdump -n -r "$work/out.pcap" 2>/dev/null | wc -l; }

mkdir "$work/data"
if [ -n "${COMMAND:-}" ]; then
    FOLDER=$folder PORT=$port ip netns exec "$name" sh -c "$COMMAND" >"$work/server.log" 2>&1 &
else
    ip netns exec "$name" "$program" serve "$folder" --data "$work/data" >"$work/server.log" 2>&1 &
fi
server=$!

tries=0
until inside curl -fsS -o /dev/null "http://127.0.0.1:$port/" 2>/dev/null; do
    tries=$((tries + 1))
    [ "$tries" -lt 300 ] || { echo "not measured: it does not answer"; tail -5 "$work/server.log"; exit 2; }
    kill -0 "$server" 2>/dev/null || { echo "not measured: it ended"; tail -5 "$work/server.log"; exit 2; }
    sleep 0.2
done
echo "start: $(count) packets"

# A tour: the page, searches, questions, the API's own description. Paths that are not there answer 404, which is fine.
for path in / /api/v1/openapi.json /api/v1/status /api/v1/sources '/api/v1/search?q=contrat' \
    '/api/v1/search?q=http%3A%2F%2Fexample.org%2F' '/api/v1/ask?q=qui%20a%20sign%C3%A9%20le%20contrat%20%3F' /admin; do
    inside curl -sS -o /dev/null -m 30 "http://127.0.0.1:$port$path"
done
echo "tour: $(count) packets"

sleep "$rest"
left=$(count)
echo "after $rest s of rest: $left packets"
kill "$server" 2>/dev/null
wait "$server" 2>/dev/null
server=''

inside sh -c 'curl -s -m 1 http://192.0.2.1/ >/dev/null' || true
sleep 1
seen=$(count)
[ "$seen" -gt "$left" ] || { echo "not measured: the control was not seen either"; exit 2; }
echo "control: seen"
[ -n "${COMMAND:-}" ] && exit 0
[ "$left" -eq 0 ]

#!/bin/sh
# Does `intramuros serve`, sealed, let a packet leave? Counts packets in a network namespace with one cable to the
# outside, over start, ingest, a tour of questions and pages, and a time of rest; then with one declared way out.
#
#   bench/sealed-capture.sh PROGRAM FOLDER [REST_SECONDS]
#
# Beside FOLDER it serves documents that name places outside in every way we know (pictures, styles, schemas, templates,
# links). Needs root, ip (iproute2), tcpdump, curl. Ends with 0 when no packet left that was not declared, 1 otherwise,
# 2 when it can't be measured. A control proves that the capture sees.
# COMMAND='…' runs another program instead (a peer), given FOLDER and PORT in the environment; what it sends is listed by
# host and port, and the exit code is 0.
set -u

program=${1:?usage: sealed-capture.sh PROGRAM FOLDER [REST_SECONDS]}
folder=$(realpath "${2:?usage: sealed-capture.sh PROGRAM FOLDER [REST_SECONDS]}")
rest=${3:-600}
port=7171
outside=192.0.2.1
name=walls$$
work=$(mktemp -d)
capture='' server=''

for tool in ip tcpdump curl; do
    command -v "$tool" >/dev/null || { echo "not measured: $tool is not installed"; exit 2; }
done
[ "$(id -u)" = 0 ] || { echo "not measured: needs root to make a network namespace"; exit 2; }

# Processes in the background are started without the function `inside`, so that their numbers are their own.
stop_server() {
    [ -n "$server" ] || return
    kill "$server" 2>/dev/null
    wait "$server" 2>/dev/null
    server=''
}
clean() {
    stop_server
    [ -n "$capture" ] && kill "$capture" 2>/dev/null && wait "$capture" 2>/dev/null
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
inside ip route add default via "$outside"
# The neighbour is known, so that what a program sends is its packet and not the question where to send it.
inside ip neigh add "$outside" lladdr 02:00:00:00:00:01 dev "${name}b"
# Names are asked for at the other end of the cable, so that a question would be seen.
mkdir -p "/etc/netns/$name"
printf 'nameserver %s\n' "$outside" >"/etc/netns/$name/resolv.conf"
trap 'clean; rm -rf "/etc/netns/$name"' EXIT

ip netns exec "$name" tcpdump -Q out -i "${name}b" -U -w "$work/out.pcap" 2>"$work/tcpdump.log" &
capture=$!
sleep 1

count() { tcpdump -n -r "$work/out.pcap" "$@" 2>/dev/null | wc -l; }

# Documents that would have somebody fetch something.
mkdir "$work/data" "$work/lures"
cd "$work/lures" || exit 2
cat >page.html <<'END'
<html><head><base href="http://192.0.2.1/"><link rel=stylesheet href="http://192.0.2.1/s.css"><script src="//192.0.2.1/s.js"></script>
<meta http-equiv=refresh content="0;url=http://192.0.2.1/r"></head><body>Lure page <img src="http://192.0.2.1/i.png">
<iframe src="http://192.0.2.1/f"></iframe><object data="http://spy.example.org/o"></object></body></html>
END
printf '# Lure\n\n![picture](http://192.0.2.1/i.png) [link](http://spy.example.org/)\n' >note.md
cat >entity.xml <<'END'
<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "http://192.0.2.1/x"><!ENTITY % p SYSTEM "http://192.0.2.1/p.dtd"> %p;]>
<?xml-stylesheet href="http://192.0.2.1/s.xsl"?><a xmlns:xi="http://www.w3.org/2001/XInclude">Lure &x;<xi:include href="http://192.0.2.1/i"/></a>
END
printf '<svg xmlns="http://www.w3.org/2000/svg"><image href="http://192.0.2.1/i.png"/><text>Lure drawing</text></svg>' >drawing.svg
printf 'From: a@spy.example.org\nTo: b@example.org\nSubject: Lure\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=B\n\n--B\nContent-Type: text/html\n\n<img src="http://192.0.2.1/track.gif">Lure\n--B\nContent-Type: message/external-body; access-type=URL; URL="http://192.0.2.1/body"\n\nContent-Type: text/plain\n\n--B--\n' >mail.eml
printf '{"cells":[{"cell_type":"markdown","metadata":{},"source":["Lure ![p](http://192.0.2.1/n.png)"]}],"metadata":{},"nbformat":4,"nbformat_minor":5}' >book.ipynb
printf '{\\rtf1 Lure {\\field{\\*\\fldinst INCLUDEPICTURE "http://192.0.2.1/r.png"}}{\\*\\template http://192.0.2.1/t.dotm}}' >letter.rtf
printf '[InternetShortcut]\nURL=http://192.0.2.1/\n' >link.url
printf 'a,b\n"=WEBSERVICE(""http://192.0.2.1/w"")",Lure\n' >table.csv
if command -v python3 >/dev/null; then
    python3 - <<'END'
import zipfile
rels = '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">%s</Relationships>'
one = '<Relationship Id="r%d" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/%s" Target="%s"%s/>'
with zipfile.ZipFile("memo.docx", "w") as z:
    z.writestr("[Content_Types].xml", '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>')
    z.writestr("_rels/.rels", rels % (one % (1, "officeDocument", "word/document.xml", "")))
    outside = ' TargetMode="External"'
    z.writestr("word/_rels/document.xml.rels", rels % "".join(one % (i, t, "http://192.0.2.1/" + t, outside) for i, t in enumerate(["attachedTemplate", "image", "oleObject", "subDocument"], 1)))
    z.writestr("word/document.xml", '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:r><w:t>Lure memo</w:t></w:r></w:p></w:body></w:document>')
END
fi
cd / || exit 2

start() {
    "$@" >"$work/server.log" 2>&1 &
    server=$!
    tries=0
    until inside curl -sS -o /dev/null "http://127.0.0.1:$port/" 2>/dev/null; do
        tries=$((tries + 1))
        [ "$tries" -lt 600 ] || { echo "not measured: it does not answer"; tail -5 "$work/server.log"; exit 2; }
        kill -0 "$server" 2>/dev/null || { echo "not measured: it ended"; tail -5 "$work/server.log"; exit 2; }
        sleep 0.2
    done
}

# The page, searches, questions, the API's own description, what an administrator looks at. Paths that are not there
# answer 404, which is fine.
tour() {
    for path in / /help /failures /api/v1/openapi.json /api/v1/status /api/v1/perimeter /api/v1/failures \
        '/api/v1/search?q=contrat' '/api/v1/search?q=lure' '/api/v1/search?q=http%3A%2F%2F192.0.2.1%2F' \
        '/api/v1/ask?q=qui%20a%20sign%C3%A9%20le%20contrat%20%3F' '/api/v1/ask?q=fetch%20http%3A%2F%2F192.0.2.1%2Fi.png' \
        /document/1 /api/v1/documents/1 /api/v1/documents/1/original /admin; do
        inside curl -sS -o /dev/null -m 30 "http://127.0.0.1:$port$path"
    done
}

if [ -n "${COMMAND:-}" ]; then
    FOLDER=$folder PORT=$port
    export FOLDER PORT
    start ip netns exec "$name" sh -c "$COMMAND"
else
    start ip netns exec "$name" "$program" serve "$folder" "$work/lures" --data "$work/data"
    grep -i 'seal\|enforced' "$work/server.log"
fi
echo "start: $(count) packets"
tour
[ -n "${COMMAND:-}" ] || "$program" ingest "$work/lures" --data "$work/other" --words-only >/dev/null 2>&1
if [ -z "${COMMAND:-}" ]; then
    # Documents that nobody read would prove nothing.
    tries=0 lures=0
    while [ "$lures" -lt 8 ] && [ "$tries" -lt 300 ]; do
        [ "$tries" = 0 ] || sleep 1
        tries=$((tries + 1))
        lures=$(inside curl -sS "http://127.0.0.1:$port/api/v1/search?q=lure&limit=50" | grep -o '"source":"lures"' | wc -l)
    done
    echo "documents that name places outside, found: $lures"
    [ "$lures" -ge 8 ] || { echo "not measured: too few of them were read"; exit 2; }
fi
echo "tour: $(count) packets"
sleep "$rest"
left=$(count)
echo "after $rest s of rest: $left packets"
stop_server

if [ -n "${COMMAND:-}" ]; then
    echo "names asked for:"
    tcpdump -n -r "$work/out.pcap" udp port 53 2>/dev/null | sed -n 's/.* A* *\(A\|AAAA\)? \([^ ]*\) .*/  \2/p' | sort | uniq -c
    echo "places:"
    tcpdump -n -r "$work/out.pcap" not udp port 53 2>/dev/null | sed -n 's/.* > \([0-9.]*\): .*/  \1/p' | sort | uniq -c
    exit 0
fi

# One declared way out: the journal's collector. Whatever leaves goes there and nowhere else.
cat >"$work/intramuros.toml" <<END
[server]
listen = "127.0.0.1:$port"
[data]
folder = "data"
[journal]
syslog = "$outside:6514"
[[source]]
name = "lures"
path = "lures"
[[egress]]
host = "$outside"
port = 6514
purpose = "journal"
operator = "our own"
jurisdiction = "FR"
data = "the journal"
END
before=$(count not '(' dst host "$outside" and tcp dst port 6514 ')')
start ip netns exec "$name" "$program" serve --config "$work/intramuros.toml"
tour
inside timeout 5 "$program" journal export --send --config "$work/intramuros.toml" >/dev/null 2>&1
stop_server
declared=$(count dst host "$outside" and tcp dst port 6514)
# Asked for by itself: of two counts, the later one may hold a packet more.
others=$(($(count not '(' dst host "$outside" and tcp dst port 6514 ')') - before))
echo "with one rule: $declared packets to $outside:6514, $others elsewhere"

inside sh -c "curl -s -m 1 http://$outside/ >/dev/null" || true
sleep 1
seen=$(count tcp dst port 80)
[ "$seen" -gt 0 ] || { echo "not measured: the control was not seen either"; exit 2; }
echo "control: seen"
[ "$left" -eq 0 ] && [ "$others" -eq 0 ] && [ "$declared" -gt 0 ]

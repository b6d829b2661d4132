#!/usr/bin/env bash
# Do files of a real Nextcloud come in with its owners and shares, and go when they are taken back? Installs one from a
# release that is unpacked already into a folder of its own, on SQLite, and runs it on this machine alone; nothing is
# fetched, and nothing is written into FOLDER.
#
#   bash bench/nextcloud.sh BINARY FOLDER
#
# Needs PHP on the command line (with sqlite3, xml, mbstring, gd, curl, zip), curl and Python 3; a minute on two cores.
set -euo pipefail
binary=$(realpath "${1:?say which program}")
folder=$(realpath "${2:?say where Nextcloud is unpacked}")
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill -- -"$server" 2>/dev/null || true; rm -rf "$work"' EXIT
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
at=http://127.0.0.1:$port
pass=un-assez-long-mot-de-passe-42

# A release older than PHP's last versions warns at every line; what fails shows in what is checked.
export NEXTCLOUD_CONFIG_DIR=$work/config OC_PASS=$pass NC_PASS=$pass
php=(php -d error_reporting=0 -d display_errors=0 -d memory_limit=512M)
occ() { "${php[@]}" "$folder/occ" --no-ansi "$@"; }
mkdir "$work/config" "$work/data"
touch "$work/config/CAN_INSTALL"
occ maintenance:install --database sqlite --admin-user admin --admin-pass "$pass" --data-dir "$work/data" >/dev/null
# Without greetings in everybody's folder, nor waits after a wrong secret.
occ config:system:set skeletondirectory --value '' >/dev/null
occ config:system:set auth.bruteforce.protection.enabled --value false --type boolean >/dev/null
# The pictures that Nextcloud draws for new people fail under some PHP; the people are there all the same.
for name in intramuros anne bruno carla; do occ user:add --password-from-env "$name" >/dev/null 2>&1 || true; done
occ group:add rh >/dev/null
occ group:adduser rh bruno >/dev/null
set -m
PHP_CLI_SERVER_WORKERS=4 "${php[@]}" -S "127.0.0.1:$port" -t "$folder" >"$work/server.log" 2>&1 &
server=$!
set +m
for _ in $(seq 100); do curl -sf "$at/status.php" >"$work/status" && break; sleep 0.2; done
version=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["versionstring"])' "$work/status")

# Asks the server as somebody: name, method, path below their files, more for curl.
dav() { curl -sf -o /dev/null -u "$1:$pass" -X "$2" "$at/remote.php/dav/files/$1/$3" "${@:4}"; }
# Shares a path: whose, path, kind (0 person, 1 group, 3 link), with whom. Prints the share's number.
share() {
  curl -sf -u "$1:$pass" -H 'OCS-APIRequest: true' -H 'Accept: application/json' \
    "$at/ocs/v2.php/apps/files_sharing/api/v1/shares" -d "path=$2" -d "shareType=$3" -d "shareWith=$4" -d permissions=1 |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["ocs"]["data"]["id"])'
}
unshare() { curl -sf -o /dev/null -u "$1:$pass" -H 'OCS-APIRequest: true' -X DELETE "$at/ocs/v2.php/apps/files_sharing/api/v1/shares/$2"; }

app_password=$(occ user:add-app-password --password-from-env intramuros | tail -1)
printf '%s\n' "$app_password" >"$work/cloud.secret"
cat >"$work/intramuros.toml" <<TOML
[data]
folder = "held"
[[egress]]
host = "127.0.0.1"
port = $port
purpose = "source"
tls = false
[[source]]
name = "cloud"
kind = "webdav"
url = "$at/remote.php/dav/files/intramuros/"
user = "intramuros"
secret_file = "cloud.secret"
access = "source"
TOML

failed=0
look() { "$binary" ingest --words-only --json --config "$work/intramuros.toml" >"$work/look" 2>&1 || true; }
# Who (none: the owner) finds what by the word that every document has.
check() {
  local as=() found
  [ -z "$2" ] || as=(--as "$2")
  # A search that finds nothing says so by its status.
  found=$({ "$binary" search --json --config "$work/intramuros.toml" "${as[@]}" --limit 50 dossier || true; } |
    python3 -c 'import json, sys; print(" ".join(sorted(one["path"] for one in json.load(sys.stdin)["documents"])))')
  if [ "$found" = "$3" ]; then echo "ok   $1: ${2:-the owner} finds: ${found:-nothing}"; else
    failed=1
    echo "FAIL $1: ${2:-the owner} finds: ${found:-nothing}; expected: ${3:-nothing}"
  fi
}

dav intramuros MKCOL Commun
dav intramuros MKCOL Commun/RH
dav intramuros PUT Commun/charte.md --data-binary 'Le dossier de la charte graphique.'
dav intramuros PUT Commun/RH/cong%C3%A9s.md --data-binary 'Le dossier des congés payés.'
dav intramuros PUT public.md --data-binary 'Le dossier public.'
dav anne MKCOL Bureau
dav anne PUT Bureau/bail.md --data-binary 'Le dossier du bail commercial.'
dav anne PUT seule.md --data-binary 'Le dossier personnel.'
of_group=$(share intramuros /Commun/RH 1 rh)
of_anne=$(share intramuros /Commun/charte.md 0 anne)
share intramuros /public.md 3 '' >/dev/null
received=$(share anne /Bureau 0 intramuros)
share anne /Bureau/bail.md 0 carla >/dev/null

look
check "shares" "" "Bureau/bail.md Commun/RH/congés.md Commun/charte.md public.md"
check "shares" "intramuros" "Commun/RH/congés.md Commun/charte.md public.md"
check "shares" "anne" "Bureau/bail.md Commun/charte.md"
check "shares" "bruno,rh" "Commun/RH/congés.md"
# Whom its owner shares a received folder with besides, Nextcloud tells the receiver nothing of.
check "shares" "carla" ""
check "a link lets nobody in" "zoe,ventes" ""

unshare intramuros "$of_group"
share intramuros /Commun/RH 0 carla >/dev/null
unshare intramuros "$of_anne"
look
check "shared with others" "bruno,rh" ""
check "shared with others" "carla" "Commun/RH/congés.md"
check "shared with others" "anne" "Bureau/bail.md"

dav intramuros MOVE Commun/RH -H "Destination: $at/remote.php/dav/files/intramuros/Commun/Ressources%20humaines"
dav intramuros DELETE public.md
dav intramuros PUT Commun/charte.md --data-binary 'Le dossier de la charte, revu.'
unshare anne "$received"
look
check "renamed, deleted, taken back" "" "Commun/Ressources humaines/congés.md Commun/charte.md"
check "renamed, deleted, taken back" "carla" "Commun/Ressources humaines/congés.md"
check "renamed, deleted, taken back" "anne" ""

# A secret that holds no more loses nothing, and is said in words.
printf 'another-secret\n' >"$work/cloud.secret"
look
if grep -q 'does not let us in' "$work/look" && ! grep -q another-secret "$work/look"; then
  echo "ok   a wrong secret is said"
else
  failed=1
  echo "FAIL a wrong secret: $(tail -1 "$work/look")"
fi
check "with a wrong secret" "" "Commun/Ressources humaines/congés.md Commun/charte.md"
printf '%s\n' "$app_password" >"$work/cloud.secret"
look
check "let in again" "carla" "Commun/Ressources humaines/congés.md"
[ $failed = 0 ] && echo "all held, with Nextcloud $version"
exit $failed

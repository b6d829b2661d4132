#!/usr/bin/env bash
# Do people come in and go out through a real Keycloak? Fetches one through Maven (170 MB, once), runs it on this machine
# alone with a realm of its own, and signs in, out and in again with a real browser.
#
#   bash bench/keycloak.sh BINARY [FOLDER]     FOLDER: a Keycloak that is unpacked already
#
# Needs Java, Maven (without FOLDER), unzip, Node, Chromium; two minutes on two cores.
set -euo pipefail
version=26.7.3
binary=$(realpath "${1:?say which program}")
here=$(cd "$(dirname "$0")/.." && pwd)
folder=${2:-}
if [ -z "$folder" ]; then
  cache=${INTRAMUROS_CI_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/intramuros-ci}
  folder=$cache/keycloak-$version
  if [ ! -d "$folder" ]; then
    mkdir -p "$cache"
    (cd "$cache" && mvn --quiet --batch-mode org.apache.maven.plugins:maven-dependency-plugin:3.9.0:copy \
      "-Dartifact=org.keycloak:keycloak-quarkus-dist:$version:zip" "-DoutputDirectory=$cache")
    unzip -q "$cache/keycloak-quarkus-dist-$version.zip" -d "$cache"
    rm "$cache/keycloak-quarkus-dist-$version.zip"
  fi
fi
# What an earlier run left: people and groups of the realm that it made.
rm -rf "$folder/data/h2" "$folder/data/import"
cd "$here/crates/server/tests/browser"
npm ci --silent --ignore-scripts --no-audit --no-fund
INTRAMUROS_BINARY=$binary node keycloak.js "$(realpath "$folder")"

#!/bin/sh
# Does the unit that `intramuros perimeter deploy systemd` writes run under systemd? A systemd of its own is started as the
# first process of namespaces of its own (processes, mounts, network, control groups); nothing of the machine is changed.
#
#   bench/systemd.sh PROGRAM
#
# The unit is made from a configuration with one source. It must start as it is (on the program's own folders), serve,
# find its document, be sealed, have the stated score, be reloaded, be started again after a kill, and stop at once. Needs
# root, systemd, unshare (util-linux), curl. Ends with 0 when all of it holds, 1 otherwise, 2 when it can't be tried here.
set -u

program=$(realpath "${1:?usage: systemd.sh PROGRAM}")
systemd=/usr/lib/systemd/systemd
[ -x "$systemd" ] || systemd=/lib/systemd/systemd

cannot() { echo "not tried: $1"; exit 2; }

# The second half: inside the namespaces, where the first process becomes systemd.
if [ "${INSIDE:-}" = 1 ]; then
    mount --make-rprivate / || exit 2
    mount -t proc proc /proc
    umount -R /sys/fs/cgroup 2>/dev/null
    mount -t cgroup2 cgroup2 /sys/fs/cgroup || exit 2
    ip link set lo up 2>/dev/null
    mount -t tmpfs -o mode=755 tmpfs "$WORK/layers"
    # Folders of the system, with what is added here on top.
    for folder in etc usr var; do
        mkdir -p "$WORK/layers/$folder" "$WORK/layers/$folder.work"
        mount -t overlay overlay -o "lowerdir=/$folder,upperdir=$WORK/layers/$folder,workdir=$WORK/layers/$folder.work" "/$folder" || exit 2
    done
    # Nothing of a program that was already started here: a state folder of the layer below can't be moved by systemd, and
    # is not what a first start finds.
    rm -rf /etc/intramuros /var/lib/intramuros /var/lib/private/intramuros
    mkdir -p "$WORK/layers/srv"
    mount --bind "$WORK/layers/srv" /srv
    mkdir -p /srv/documents /etc/intramuros /etc/systemd/system
    printf 'Le bail dure neuf ans.\n' >/srv/documents/bail.txt
    chmod -R a+rX /srv
    cp "$program" /usr/bin/intramuros
    cp "$WORK/intramuros.toml" /etc/intramuros/
    mount -t tmpfs -o mode=755 tmpfs /run
    mkdir -p /run/units
    cp "$WORK/intramuros.service" /run/units/
    # What the service waits for by default, and nothing of this machine's own.
    for unit in sysinit basic sockets timers paths slices multi-user network shutdown umount final exit rescue emergency; do
        printf '[Unit]\nDescription=%s\nDefaultDependencies=no\n' "$unit" >"/run/units/$unit.target"
    done
    printf '[Unit]\nDescription=proof\nDefaultDependencies=no\n' >/run/units/proof.target
    # Who tells of the end of the proof: the first process must be systemd itself.
    cat >/run/units/systemd-exit.service <<'END'
[Unit]
DefaultDependencies=no
[Service]
Type=oneshot
ExecStart=/bin/true
END
    export SYSTEMD_UNIT_PATH=/run/units container=proof SYSTEMD_LOG_TARGET=console SYSTEMD_LOG_LEVEL=notice
    sh "$WORK/proof.sh" &
    exec "$systemd" --system --unit=proof.target --show-status=no
fi

[ "$(id -u)" = 0 ] || cannot "needs root to make namespaces"
for tool in unshare curl systemctl systemd-analyze; do
    command -v "$tool" >/dev/null || cannot "$tool is not installed"
done
[ -x "$systemd" ] || cannot "systemd is not installed"
grep -q overlay /proc/filesystems || cannot "this kernel has no overlay file system"
# A control group of its own, so that systemd rules over nothing else.
groups=''
for place in /sys/fs/cgroup/unified /sys/fs/cgroup; do
    [ -e "$place/cgroup.procs" ] && [ -e "$place/cgroup.controllers" ] && groups=$place && break
done
[ -n "$groups" ] || cannot "no control groups of the second kind"
group=$groups/intramuros-proof-$$
mkdir "$group" 2>/dev/null || cannot "no control group can be made"

work=$(mktemp -d)
mkdir "$work/layers"
first=''
clean() {
    [ -n "$first" ] && kill -KILL "$first" 2>/dev/null && wait "$first" 2>/dev/null
    sleep 0.3
    find "$group" -depth -type d -exec rmdir {} \; 2>/dev/null
    rm -rf "$work"
}
trap clean EXIT
trap 'exit 2' INT TERM

cat >"$work/intramuros.toml" <<'END'
require_seal = true
[server]
listen = "127.0.0.1:7171"
[[source]]
name = "documents"
path = "/srv/documents"
END
"$program" perimeter deploy systemd --config "$work/intramuros.toml" >"$work/intramuros.service" || { echo "no unit was written"; exit 1; }

cat >"$work/proof.sh" <<'END'
# Every line that begins with `fails` is a fault.
say() { echo "$1" >>"$WORK/said"; }
check() { if [ "$2" = 0 ]; then say "holds: $1"; else say "fails: $1"; fi; }
until systemctl is-system-running 2>/dev/null | grep -q 'running\|degraded'; do sleep 0.2; done
systemctl start intramuros.service >>"$WORK/log" 2>&1
check "it starts" $?
finds() {
    tries=0
    until curl -sS -m 5 "http://127.0.0.1:7171/api/v1/search?q=bail" 2>>"$WORK/log" | grep -q '"total":1'; do
        tries=$((tries + 1)); [ "$tries" -lt 300 ] || return 1; sleep 0.2
    done
}
pid() { systemctl show -p MainPID --value intramuros.service; }
finds; check "it serves and finds its document" $?
status=$(cat "/proc/$(pid)/status")
echo "$status" | grep -q 'CapEff:.*0000000000000000' && echo "$status" | grep -q 'CapBnd:.*0000000000000000' && echo "$status" | grep -q 'NoNewPrivs:.*1' && echo "$status" | grep -q 'Seccomp:.*2'
check "no capability, no new privilege, filters in force" $?
[ "$(echo "$status" | sed -n 's/^Uid:\t\([0-9]*\).*/\1/p')" -ge 61184 ]; check "a user of its own" $?
# The whole answer stands in the journal that the program keeps: what the kernel enforced at its start.
grep -h '"started"' /var/lib/private/intramuros/journal/*.jsonl | tail -1 | grep -q 'sealed (Landlock [0-9]*, seccomp, no capabilities)"'
check "sealed, whole, and refusals reported" $?
say "$(grep -h '"started"' /var/lib/private/intramuros/journal/*.jsonl | tail -1 | sed 's/.*"seal":"\([^"]*\)".*/  \1/')"
grep -h kernel_refused /var/lib/private/intramuros/journal/*.jsonl >"$WORK/refused" 2>/dev/null; [ ! -s "$WORK/refused" ]; check "nothing that it does is refused" $?
score=$(systemd-analyze security --no-pager intramuros.service 2>/dev/null | tail -1)
say "  $score"
echo "$score" | grep -q 'intramuros.service: 1\.[0-3] '; check "the score is 1.3 or better" $?
before=$(pid)
systemctl reload intramuros.service >>"$WORK/log" 2>&1 && sleep 3 && [ "$(pid)" = "$before" ]; check "it is reloaded without a restart" $?
grep -qh 'configuration_changed' /var/lib/private/intramuros/journal/*.jsonl; check "the reload stands in its journal" $?
systemctl kill -s KILL intramuros.service >>"$WORK/log" 2>&1; sleep 3; finds && [ "$(pid)" != "$before" ]; check "killed, it is started again" $?
began=$(date +%s); systemctl restart intramuros.service >>"$WORK/log" 2>&1; finds; check "it is restarted" $?
systemctl stop intramuros.service >>"$WORK/log" 2>&1
ended=$(systemctl show -p Result -p ExecMainStatus -p ExecMainCode --value intramuros.service | tr '\n' ' ')
case "$ended" in *success*) check "stopped (SIGTERM), it ends well: $ended" 0 ;; *) check "stopped (SIGTERM), it ends well: $ended" 1 ;; esac
[ $(($(date +%s) - began)) -lt 60 ]; check "it stops soon" $?
/usr/bin/intramuros journal verify --config /etc/intramuros/intramuros.toml --data /var/lib/private/intramuros >>"$WORK/log" 2>&1; check "its journal is whole" $?
touch "$WORK/done"
END

sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$group" \
    env INSIDE=1 WORK="$work" program="$program" \
    unshare --mount --pid --uts --ipc --net --cgroup --fork --kill-child sh "$0" "$program" >"$work/systemd.log" 2>&1 &
first=$!
tries=0
until [ -e "$work/done" ]; do
    tries=$((tries + 1))
    if [ "$tries" -gt 900 ] || ! kill -0 "$first" 2>/dev/null; then
        cat "$work/said" 2>/dev/null
        tail -20 "$work/systemd.log"
        [ -s "$work/said" ] && { tail -20 "$work/log"; exit 1; }
        cannot "systemd does not start here"
    fi
    sleep 0.2
done
cat "$work/said"
if grep -q '^fails' "$work/said"; then
    tail -20 "$work/log" "$work/systemd.log"
    cat "$work/refused" 2>/dev/null
    exit 1
fi

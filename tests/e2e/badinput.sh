#!/usr/bin/env bash
# Bad input and faults, seen from outside: each gets one clear line or a Status, nothing acknowledged is lost, nothing ends a process.
. "$(dirname "$0")/lib.sh"
own_namespaces "$@"
cd "$WARREN_E2E_WORK" || exit 1

# refused NAME STATUS PATTERN COMMAND...: one line about it (and a hint at --help for usage), this exit status, within a minute.
refused() {
    local name=$1 status=$2 pattern=$3 output got
    shift 3
    output=$(timeout 60 "$@" 2>&1)
    got=$?
    if [ "$got" = "$status" ] && grep -qE -- "$pattern" <<< "$output" && [ "$(grep -c '^warren: ' <<< "$output")" = 1 ]; then
        ok "$name"
    else
        fail "$name" "status $got: $output"
    fi
}
nobody="setpriv --reuid 65534 --regid 65534 --clear-groups"

# A disk of its own for the node's images and logs, and one for PostgreSQL.
mkdir -p data/node data/postgres
mount -t tmpfs -o size=64m,mode=755 tmpfs data/node
mount -t tmpfs -o size=160m,mode=755 tmpfs data/postgres
export ASAN_OPTIONS=${ASAN_OPTIONS:-}:quarantine_size_mb=8 # else memory grows by whatever handshakes free
start_warren
child() { pgrep -P "$UP" -f "warren $1 " | head -1; }
acme() { kubectl --kubeconfig acme.kubeconfig "$@"; }
cp "$ADMIN" before.kubeconfig

# ---- command lines and starts that cannot work
refused "a second start on the same directory" 1 'is in use: another warren' "$WARREN" up --no-node --data-dir "$DATA" --listen 127.0.0.1:7443
refused "a second start on the same port" 1 'Address already in use' "$WARREN" up --no-node --data-dir other --listen 127.0.0.1:6443
refused "a second node on the same directory" 1 'is in use: another warren' "$WARREN" node --data-dir "$DATA"
check "the first one's kubeconfig is as it was" cmp "$ADMIN" before.kubeconfig
check "the first one answers" kubectl --kubeconfig "$ADMIN" get namespaces
for listen in nonsense 127.0.0.1 127.0.0.1:99999 999.1.1.1:80 :abc ''; do
    refused "--listen '$listen'" 1 'is not ADDRESS:PORT' "$WARREN" up --no-node --data-dir other --listen "$listen"
done
refused "--listen with another machine's address" 1 'Cannot assign requested address' "$WARREN" up --no-node --data-dir other --listen 192.0.2.1:80
refused "a node without root" 1 'needs root.*--no-node' $nobody "$WARREN" up --data-dir other2
refused "a directory that cannot be made" 1 'Permission denied' $nobody "$WARREN" up --no-node --data-dir "$PWD/other2"
refused "a directory that cannot be written" 1 'Permission denied' $nobody "$WARREN" up --no-node --data-dir "$DATA" --listen 127.0.0.1:7443
touch file
refused "a directory that is a file" 1 'Not a directory' "$WARREN" up --no-node --data-dir file --listen 127.0.0.1:7443
refused "an unknown command" 2 'there is no command' "$WARREN" nonsense
refused "an unknown option" 2 'unknown option' "$WARREN" up --nonsense
refused "no server there" 1 'cannot read' "$WARREN" tenant list --data-dir /nowhere

# ---- tenants
check "tenant create" "$WARREN" tenant create acme --data-dir "$DATA" --kubeconfig acme.kubeconfig
refused "a name that is taken" 1 '"acme" already exists' "$WARREN" tenant create acme --data-dir "$DATA"
for name in A_b '' ../x 'a b' "a'b" "$(printf 'a%.0s' {1..64})" ü; do
    refused "the tenant name '$name'" 1 'cannot name a tenant' "$WARREN" tenant create "$name" --data-dir "$DATA"
done
refused "a reserved name" 1 'must not begin with "kube-"' "$WARREN" tenant create kube-system --data-dir "$DATA"
refused "an unknown plan" 1 'spec.plan: Not found' "$WARREN" tenant create other --plan nope --data-dir "$DATA"
refused "an unknown tenant" 1 'not found' "$WARREN" tenant delete nope --data-dir "$DATA"

# ---- images
mkdir -p evil/blobs && (cd evil && python3 - << 'EOF'
import hashlib, io, json, tarfile
def layer(name, **members):
    with tarfile.open(name, "w") as tar:
        for path, (kind, target) in members.items():
            info = tarfile.TarInfo(path.replace("_DOTS_", "../../../../../../../.."))
            info.type, info.linkname, data = kind, target, b"escaped\n"
            info.size = len(data) if kind == tarfile.REGTYPE else 0
            tar.addfile(info, io.BytesIO(data) if info.size else None)
def image(name, **members):
    layer("layer.tar", **members)
    digest = "sha256:" + hashlib.sha256(open("layer.tar", "rb").read()).hexdigest()
    json.dump({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": [digest]}}, open("config.json", "w"))
    json.dump([{"Config": "config.json", "RepoTags": [name + ":evil"], "Layers": ["layer.tar"]}], open("manifest.json", "w"))
    with tarfile.open(name + ".tar", "w") as tar:
        for part in ("manifest.json", "config.json", "layer.tar"):
            tar.add(part)
image("dots", **{"_DOTS_/tmp/warren-escaped": (tarfile.REGTYPE, "")})
image("absolute", **{"/tmp/warren-escaped-too": (tarfile.REGTYPE, "")})
image("link", **{"way": (tarfile.SYMTYPE, "/tmp"), "way/warren-escaped": (tarfile.REGTYPE, "")})
image("hard", **{"way": (tarfile.LNKTYPE, "../../../../../../../etc/shadow")})
EOF
)
for kind in dots absolute link hard; do
    timeout 60 "$WARREN" image import "evil/$kind.tar" --data-dir "$DATA" > image.log 2>&1
    got=$?
    if [ "$got" = 0 ] || { [ "$got" = 1 ] && [ "$(grep -c '^warren: ' image.log)" = 1 ]; }; then ok "an image with a layer that escapes: $kind ($(tail -1 image.log))"; else fail "an image with a layer that escapes: $kind" "status $got: $(cat image.log)"; fi
done
check_out "nothing escaped" '^0$' bash -c 'ls -d /tmp/warren-escaped* 2> /dev/null | wc -l'
refused "an image file that is none" 1 '.' "$WARREN" image import file --data-dir "$DATA"
refused "an image file that is not there" 1 'No such file' "$WARREN" image import nope.tar --data-dir "$DATA"

# ---- idle connections
: "${IDLE:=1000}" # IDLE=5000 shows more, with a release build in half a minute
most_kib=64
! grep -q __asan_init "$WARREN" || most_kib=128 # what the sanitizer puts around each block
if idle=$("$here/tests/e2e/rude.py" "$ADMIN" "$IDLE" "$(child server)" $most_kib 2>&1); then ok "$idle"; else fail "idle connections" "$idle"; fi

# ---- a full disk under the node
free() { rm -f "$1/ballast"; }
fill() { head -c 1G /dev/zero > "$1/ballast" 2> /dev/null; true; }
fill data/node
refused "an image and no space" 1 'No space left|space' "$WARREN" image build-base --data-dir "$DATA"
check "the API answers with the node's disk full" acme get namespaces
free data/node
check "an image and space again" "$WARREN" image build-base --data-dir "$DATA"

# ---- a full disk under PostgreSQL
part() { kubectl --kubeconfig acme.kubeconfig config view --raw -o "jsonpath={$1}" | base64 -d; }
part '.users[0].user.client-certificate-data' > acme.crt
part '.users[0].user.client-key-data' > acme.key
part '.clusters[0].cluster.certificate-authority-data' > acme.ca
maps=$(kubectl --kubeconfig acme.kubeconfig config view --raw -o 'jsonpath={.clusters[0].cluster.server}')/api/v1/namespaces/default/configmaps
# put NAME [BYTES]: one POST, without the retries that kubectl makes; its status in $code, how long it took in $took_s. (curl's own limit: 30 s.)
: > acknowledged
put() {
    printf '{"metadata":{"name":"%s"},"data":{"v":"%s"}}' "$1" "$(head -c "${2:-10}" /dev/zero | tr '\0' x)" > body
    read -r code took_s < <(curl -s -m 30 -D put.head -o put.log -w '%{http_code} %{time_total}\n' --cert acme.crt --key acme.key --cacert acme.ca -H 'Content-Type: application/json' --data-binary @body "$maps")
    [ "$code" = 201 ] && echo "$1" >> acknowledged
}
refused_write() { # NAME SECONDS: the last write was answered by a 503 Status with Retry-After within that time
    if [ "$code" = 503 ] && grep -qi '^retry-after: [0-9]' put.head && grep -q '"kind": *"Status"' put.log && [ "${took_s%.*}" -lt "$2" ]; then ok "$1 ($took_s s)"; else fail "$1" "$code after $took_s s: $(cat put.head put.log)"; fi
}
lost() { comm -23 <(sort acknowledged) <(acme get configmaps -o name | sed 's|.*/||' | sort); }
for i in 1 2 3; do put "before$i"; done
fill data/postgres
for i in $(seq 1 60); do put "full$i" 100000 || break; done
refused_write "a write and no space" 15
check "reads go on without space" timeout 20 kubectl --kubeconfig acme.kubeconfig get configmap before1
free data/postgres
wait_for "writes go on with space" 60 put after
check_out "nothing acknowledged is lost by a full disk" '^$' lost

# ---- PostgreSQL hangs, then is gone
server=$(child server)
acme get configmaps -w -o name > watched 2>&1 &
watch=$!
sleep 0.5
postmaster=$(head -1 "$DATA"/postgres/data/postmaster.pid)
family=$(pgrep -P "$postmaster")
kill -STOP $family "$postmaster" # it holds its sockets and answers nothing
put hung
refused_write "a write while PostgreSQL hangs" 25
check "reads go on while PostgreSQL hangs" timeout 20 kubectl --kubeconfig acme.kubeconfig get configmap before1
kill -CONT $family "$postmaster"
wait_for "writes go on afterwards" 60 put after-hang
mv "$DATA"/postgres/data/PG_VERSION "$DATA"/postgres/PG_VERSION.kept # it cannot be started again
kill -KILL "$(head -1 "$DATA"/postgres/data/postmaster.pid)"
put gone
refused_write "a write while PostgreSQL is gone" 15
check_fails "/readyz fails" 'etcd failed|rror' kubectl --kubeconfig "$ADMIN" get --raw '/readyz?verbose'
check "/livez does not" kubectl --kubeconfig "$ADMIN" get --raw /livez
check "reads go on while PostgreSQL is gone" timeout 20 kubectl --kubeconfig acme.kubeconfig get configmap before1
sleep "${GONE:=1}" # GONE=60 shows a whole minute
put gone2
refused_write "another write" 15
check "reads still go on" timeout 20 kubectl --kubeconfig acme.kubeconfig get configmap before1
mv "$DATA"/postgres/PG_VERSION.kept "$DATA"/postgres/data/PG_VERSION
wait_for "writes go on when PostgreSQL is back" 60 put after-gone
wait_for "/readyz is well again" 60 kubectl --kubeconfig "$ADMIN" get --raw /readyz
wait_for "the watch has seen it" 60 grep -q after-gone watched
kill "$watch" 2> /dev/null
check_out "nothing acknowledged is lost" '^$' lost
check_out "the server is the same process" "^$server$" child server

# ---- the node killed while containers start
check "a Deployment" acme apply -f - << 'EOF'
{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "many"}, "spec": {"replicas": 5, "selector": {"matchLabels": {"app": "many"}},
 "template": {"metadata": {"labels": {"app": "many"}}, "spec": {"terminationGracePeriodSeconds": 1, "containers": [
  {"name": "c", "image": "busybox", "imagePullPolicy": "IfNotPresent", "command": ["sleep", "3600"]}]}}}}
EOF
for _ in 1 2 3; do
    sleep "0.$((RANDOM % 8 + 1))"
    pid=$(child node)
    [ -z "$pid" ] || kill -KILL "$pid"
done
wait_for "all Pods run after the node was killed" 90 acme rollout status deployment/many --timeout=5s
check "delete" acme delete deployment many
wait_for "no sandbox is left" 60 bash -c "[ -z \"\$(ls '$DATA'/node/runtime/sandboxes 2> /dev/null)\" ]"
stop_warren
umount data/node data/postgres
[ "$failed" = 0 ] || grep -vE 'level=info' "$LOG.kept" | tail -40
summary

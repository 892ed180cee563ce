#!/usr/bin/env bash
# What an operator does beside the tour: a database of his own, a domain, images from files and registries, output to work with;
# and clients that are slow, cut off or out for harm.
. "$(dirname "$0")/lib.sh"
own_namespaces "$@"
cd "$WARREN_E2E_WORK" || exit 1
ip link set lo up
acme() { kubectl --kubeconfig acme.kubeconfig "$@"; }
warren() { "$WARREN" "$@"; }

# ---- a PostgreSQL of one's own, reached over TCP with a password by a role that owns an empty database
bin=$(ls -d /usr/lib/postgresql/*/bin | tail -1)
mkdir own && chown postgres own
pg() { setpriv --reuid=postgres --regid=postgres --init-groups -- "$@"; }
echo postgres > pw && chmod 644 pw
pg "$bin/initdb" -D own/data -U postgres --auth=scram-sha-256 --pwfile=pw --no-sync > initdb.log 2>&1
pg "$bin/postgres" -D own/data -c listen_addresses=127.0.0.1 -c port=5433 -c unix_socket_directories= -c fsync=off > pg.log 2>&1 &
sql() { PGPASSWORD=postgres psql -h 127.0.0.1 -p 5433 -U postgres -qc "$1"; }
wait_for "PostgreSQL" 30 sql 'SELECT 1'
check "a role and its database" sql "CREATE ROLE shop LOGIN PASSWORD 'se cret'"
check "its database" sql 'CREATE DATABASE shop OWNER shop'
url='postgresql://shop:se%20cret@127.0.0.1:5433/shop'

# ---- registries: without TLS, and with it under an authority that this machine knows
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=registry -addext 'subjectAltName=IP:127.0.0.1' \
    -keyout registry.key -out registry.crt 2> /dev/null
cat /etc/ssl/certs/ca-certificates.crt registry.crt > bundle.crt
mount --bind bundle.crt /etc/ssl/certs/ca-certificates.crt
registry() { # PORT [TLS]
    printf 'version: 0.1\nstorage: {filesystem: {rootdirectory: %s/registry}}\nhttp:\n  addr: 127.0.0.1:%s\n' "$PWD" "$1" > "registry.$1.yml"
    [ -z "${2:-}" ] || printf '  tls: {certificate: %s/registry.crt, key: %s/registry.key}\n' "$PWD" "$PWD" >> "registry.$1.yml"
    docker-registry serve "registry.$1.yml" > "registry.$1.log" 2>&1 &
}
registry 5000
registry 5001 tls
python3 - << 'PY'
import hashlib, io, json, tarfile
with tarfile.open("layer.tar", "w") as tar:
    tar.add("/bin/busybox", "bin/busybox")
    for name in ("sh", "sleep", "cat", "tar", "echo"):
        link = tarfile.TarInfo("bin/" + name)
        link.type, link.linkname = tarfile.SYMTYPE, "busybox"
        tar.addfile(link)
    here = tarfile.TarInfo("etc/made-here")
    here.size = 5
    tar.addfile(here, io.BytesIO(b"here\n"))
digest = "sha256:" + hashlib.sha256(open("layer.tar", "rb").read()).hexdigest()
json.dump({"architecture": "amd64", "os": "linux", "config": {"Cmd": ["sleep", "3600"], "Env": ["PATH=/bin"]},
           "rootfs": {"type": "layers", "diff_ids": [digest]}}, open("config.json", "w"))
json.dump([{"Config": "config.json", "RepoTags": ["local/archive:1"], "Layers": ["layer.tar"]}], open("manifest.json", "w"))
with tarfile.open("archive.tar", "w") as tar:
    for part in ("manifest.json", "config.json", "layer.tar"):
        tar.add(part)
PY
copy() { skopeo --insecure-policy copy -q docker-archive:archive.tar "$@"; }
check "an OCI layout" copy oci:layout:local/layout:1
check "another" copy oci:layout2:local/layout:2
tar cf layout.tar -C layout2 .
wait_for "a registry" 60 copy --dest-tls-verify=false docker://127.0.0.1:5000/shop/plain:1
check "a registry with TLS" copy --dest-tls-verify=false docker://127.0.0.1:5001/shop/tls:1

without() { timeout 60 "$WARREN" up --no-node --data-dir other --listen 127.0.0.1:7443 --postgres "$url"; }
check_fails "a role that may not make another is told what to do" '^warren: .*CREATE ROLE warren_tenant NOLOGIN; GRANT warren_tenant TO shop' without
check "a superuser does it" sql 'CREATE ROLE warren_tenant NOLOGIN'
check "and lets the role be it" sql 'GRANT warren_tenant TO shop'
start_warren --postgres "$url" --domain clusters.test --http-registry 127.0.0.1:5000 --node-name worker-1
check_out "the node's name" '^node/worker-1$' kubectl --kubeconfig "$ADMIN" get nodes -o name
export KUBECONFIG=$ADMIN
check "tenant create" warren tenant create acme --kubeconfig acme.kubeconfig
check_out "its endpoint is a name of the domain" 'https://acme\.clusters\.test:6443' cat acme.kubeconfig
echo "127.0.0.1 acme.clusters.test" > hosts && cat /etc/hosts >> hosts && mount --bind hosts /etc/hosts
check_out "it answers by that name" 'kube-system' acme get namespaces

# ---- images
check_out "import of a docker-archive" 'imported .*local/archive:1' warren image import archive.tar --data-dir "$DATA"
check_out "import of an OCI layout" 'imported .*local/layout:1' warren image import layout --data-dir "$DATA"
check_out "import of a tar of an OCI layout" 'imported .*local/layout:2' warren image import layout.tar --data-dir "$DATA"
check_out "pull over HTTP" 'pulled ' warren image pull 127.0.0.1:5000/shop/plain:1 --http 127.0.0.1:5000 --data-dir "$DATA"
check_out "pull over HTTPS" 'pulled ' warren image pull 127.0.0.1:5001/shop/tls:1 --data-dir "$DATA"
check_fails "pull of a tag that is not there" '^warren: .*(not found|404|unknown)' warren image pull 127.0.0.1:5001/shop/tls:2 --data-dir "$DATA"
check_out "image list" 'local/archive:1' warren image list --data-dir "$DATA"
check_out "image list as YAML" 'reference: .*local/archive:1' warren image list --data-dir "$DATA" -o yaml
for image in local/archive:1 local/layout:1 local/layout:2 127.0.0.1:5000/shop/plain:1 127.0.0.1:5001/shop/tls:1; do
    name=$(tr -c 'a-z0-9\n' - <<< "$image")
    acme run "$name" --image="$image" --image-pull-policy="$([ "${image%%/*}" = local ] && echo Never || echo Always)" > /dev/null
    wait_for "a Pod from $image" 60 bash -c "kubectl --kubeconfig acme.kubeconfig get pod $name -o 'jsonpath={.status.phase}' | grep -x Running"
    pod=$name
done
check_out "what the image holds" '^here$' acme exec "$pod" -- cat /etc/made-here

# ---- a terminal, files
typed() { printf 'echo typed-$((40 + 2)); exit 7\n' | script -qec "kubectl --kubeconfig acme.kubeconfig exec -it $pod -- sh" /dev/null; }
check_fails "exec -it" 'typed-42' typed
echo carried > file
check "cp into a container" acme cp file "$pod:/etc/file"
check "cp out of a container" acme cp "$pod:/etc/file" file2
check "what came back" cmp file file2

# ---- output and plugin
check_out "tenant list -o yaml" '^ *name: acme$' warren tenant list -o yaml
check_out "tenant get -o json" '"phase"' warren tenant get acme -o json
check_out "tenant list -o name" '^(tenant\S*/)?acme$' warren tenant list -o name
check_out "plan list" 'small' warren plan list
for shell in bash zsh; do check_out "completion $shell" 'tenant' warren completion $shell; done
completes() { bash -c 'eval "$("$0" completion bash)"; COMP_WORDS=(warren tenant cre) COMP_CWORD=2; $(complete -p warren | sed -E "s/.*-F ([^ ]+) .*/\1/"); echo "${COMPREPLY[@]}"' "$WARREN"; }
check_out "bash completes" '^create ?$' completes
mkdir plugin && ln -s "$WARREN" plugin/kubectl-warren
check_out "kubectl warren" 'acme' env PATH="$PWD/plugin:$PATH" kubectl warren tenant list
for of in "" up server node tenant "tenant create" image "image import" plan version completion; do
    check_out "help of '$of'" 'warren' warren $of --help
done

# ---- clients that are no friends
cat > rude_more.py << 'PY'
import re, socket, ssl, sys, time
port = 6443
def tls():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(socket.create_connection(("127.0.0.1", port), 5))
hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 50
for size in (1, 3, 5, 6, 11, 40, len(hello)):  # records that end early, in every part
    with socket.create_connection(("127.0.0.1", port), 5) as one:
        one.sendall(hello[:size])
for junk in (b"GET / HTTP/1.1\r\n\r\n", b"\x00" * 4096, b"\x16\x03\x01\xff\xff" + b"\xff" * 70000):
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as one:
            one.sendall(junk)
            one.settimeout(5)
            one.recv(100)
    except OSError:
        pass
slow = tls()
slow.sendall(b"GET /livez HT")
half = tls()
half.sendall(b"POST /api/v1/namespaces HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")
start, cut = time.monotonic(), 0.0
slow.settimeout(60)
try:
    while time.monotonic() - start < 60:
        slow.sendall(b"T")  # a byte a second
        time.sleep(1)
except OSError:
    cut = time.monotonic() - start
print(f"a client of a byte a second is cut after {cut:.0f} s")
sys.exit(0 if 0 < cut < 45 else 1)
PY
check_out "clients that are slow, cut off or no clients" 'is cut after' python3 rude_more.py
{
    echo 'apiVersion: v1'
    echo 'kind: ConfigMap'
    echo 'metadata: {name: bomb}'
    echo 'data:'
    echo '  a: &a ["lol","lol","lol","lol","lol","lol","lol","lol","lol"]'
    previous=a
    for next in b c d e f g h i; do
        printf '  %s: &%s [*%s,*%s,*%s,*%s,*%s,*%s,*%s,*%s,*%s]\n' $next $next $previous $previous $previous $previous $previous $previous $previous $previous $previous
        previous=$next
    done
} > bomb.yaml
deep() { python3 -c "print('{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"deep\",\"annotations\":' + '{\"a\":' * 5000 + '1' + '}' * 5000 + '}}')"; }
deep > deep.json
printf '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"utf"},"data":{"a":"\xff\xfe"}}' > utf.json
printf '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"twice","name":"twice2"}}' > twice.json
printf '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"big"},"spec":{"terminationGracePeriodSeconds":99999999999999999999999,"containers":[{"name":"c","image":"i"}]}}' > big.json
part() { kubectl --kubeconfig acme.kubeconfig config view --raw -o "jsonpath={$1}" | base64 -d; }
part '.users[0].user.client-certificate-data' > acme.crt
part '.users[0].user.client-key-data' > acme.key
part '.clusters[0].cluster.certificate-authority-data' > acme.ca
# post FILE TYPE KIND: "STATUS REASON MESSAGE"
post() {
    local code
    code=$(curl -s -m 20 -o answer -w '%{http_code}' --cert acme.crt --key acme.key --cacert acme.ca -H "Content-Type: application/$2" \
        --data-binary "@$1" "https://acme.clusters.test:6443/api/v1/namespaces/default/$3?fieldValidation=Strict")
    echo "$code $(jq -r '"\(.kind) \(.reason) \(.message)"' answer)"
}
check_out "a bomb of YAML anchors" '^4(00|13|22) Status ' post bomb.yaml yaml configmaps
check_out "5,000 levels" '^4(00|13|22) Status ' post deep.json json configmaps
check_out "bytes that are no UTF-8" '^400 Status BadRequest' post utf.json json configmaps
check_out "a key that comes twice" '^400 Status BadRequest .*duplicate field' post twice.json json configmaps
check_out "a number out of range" '^400 Status BadRequest' post big.json json pods
check_out "no JSON at all" '^400 Status BadRequest' post rude_more.py json configmaps
check_out "a type that is not served" '^415 Status UnsupportedMediaType' post twice.json x-nonsense configmaps
check_out "the server goes on" 'kube-system' acme get namespaces

# ---- a database that cannot be used
stop_warren
for broken in 'postgresql://shop:wrong@127.0.0.1:5433/shop' 'postgresql://shop:se%20cret@127.0.0.1:5433/none' 'postgresql://127.0.0.1:1/shop' 'nonsense'; do
    output=$(timeout 60 "$WARREN" up --no-node --data-dir other --listen 127.0.0.1:7443 --postgres "$broken" 2>&1)
    got=$?
    if [ "$got" = 1 ] && grep -q '^warren: ' <<< "$output" && ! grep -q 'se cret' <<< "$output"; then ok "--postgres $broken: $(grep -m 1 '^warren: ' <<< "$output")"; else fail "--postgres $broken" "status $got: $output"; fi
done
start_warren --postgres "$url" --domain clusters.test --http-registry 127.0.0.1:5000 --node-name worker-1
wait_for "a second start finds the Pods" 90 bash -c "kubectl --kubeconfig acme.kubeconfig wait --for=condition=Ready pod/$pod --timeout=5s"
check "tenant delete" timeout 60 "$WARREN" tenant delete acme
stop_warren
[ "$failed" = 0 ] || grep -v 'level=info' "$LOG.kept" | tail -40
summary

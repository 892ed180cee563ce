#!/usr/bin/env bash
# What single resources do beyond plain storage, through kubectl at a tenant's endpoint, without a node.
. "$(dirname "$0")/lib.sh"
own_namespaces "$@"
cd "$WARREN_E2E_WORK" || exit 1
export HOME=$WARREN_E2E_WORK

start_warren --no-node
check "tenant create" "$WARREN" tenant create acme --data-dir "$DATA" --kubeconfig acme.kubeconfig
check "another tenant" "$WARREN" tenant create other --data-dir "$DATA" --kubeconfig other.kubeconfig
export KUBECONFIG=$PWD/acme.kubeconfig

# ---- certificates ----
# request FILE SUBJECT: a key, and its CertificateSigningRequest called FILE.
request() {
    openssl ecparam -name prime256v1 -genkey -noout -out "$1.key" &&
        openssl req -new -key "$1.key" -subj "$2" -out "$1.pem" &&
        cat << END | kubectl create -f -
apiVersion: certificates.k8s.io/v1
kind: CertificateSigningRequest
metadata: {name: $1}
spec:
  request: $(base64 -w0 "$1.pem")
  signerName: ${3:-kubernetes.io/kube-apiserver-client}
  expirationSeconds: 3600
  usages: [digital signature, ${4:-client auth}]
END
}
issued() { kubectl get csr "$1" -o 'jsonpath={.status.certificate}' | grep -q . ; }
as_jane() {
    kubectl get csr jane -o 'jsonpath={.status.certificate}' | base64 -d > jane.crt
    kubectl --kubeconfig "$1" config view --raw -o 'jsonpath={.clusters[0].cluster.certificate-authority-data}' | base64 -d > ca.crt
    kubectl --kubeconfig /dev/null --server "$(kubectl --kubeconfig "$1" config view -o 'jsonpath={.clusters[0].cluster.server}')" \
        --certificate-authority ca.crt --client-certificate jane.crt --client-key jane.key auth whoami
}
check "a request for a certificate" request jane /O=devs/CN=jane
check_out "it is pending" 'Pending' kubectl get csr jane
check "approve it" kubectl certificate approve jane
wait_for "it is issued" 60 issued jane
check_out "its column says so" '60m +Approved,Issued' kubectl get csr jane
check_out "the certificate logs in" 'jane' as_jane acme.kubeconfig
check_fails "but not at another tenant's" 'Unauthorized|certificate' as_jane other.kubeconfig
check "a request that is refused" request badusage /CN=x kubernetes.io/kube-apiserver-client 'server auth'
check "approve it, too" kubectl certificate approve badusage
wait_for "it has failed" 60 bash -c "kubectl get csr badusage -o yaml | grep -q 'invalid usage for client certificate: server auth'"
check_fails "nobody becomes a master" 'use of kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed' \
    request root /O=system:masters/CN=root
check "a node's request" request node /O=system:nodes/CN=system:node:n1 kubernetes.io/kube-apiserver-client-kubelet
wait_for "is approved and issued by itself" 60 issued node
check "a request to another signer" request foreign /CN=x example.com/mine
check "rights over requests, but not over signers" bash -c "
    kubectl create clusterrole approver --verb=get,update,patch --resource=certificatesigningrequests,certificatesigningrequests/approval &&
    kubectl create clusterrolebinding approver --clusterrole=approver --user=bob"
check_fails "do not approve" 'user not permitted to approve requests with signerName "example.com/mine"' \
    kubectl --as bob certificate approve foreign
check "the right over all signers of a domain" bash -c "
    kubectl create -f - <<< '{\"apiVersion\":\"rbac.authorization.k8s.io/v1\",\"kind\":\"ClusterRole\",\"metadata\":{\"name\":\"signers\"},
        \"rules\":[{\"apiGroups\":[\"certificates.k8s.io\"],\"resources\":[\"signers\"],\"resourceNames\":[\"example.com/*\"],\"verbs\":[\"approve\"]}]}' &&
    kubectl create clusterrolebinding signers --clusterrole=signers --user=bob"
check "is enough" kubectl --as bob certificate approve foreign

# ---- volumes ----
cat > volumes.yaml << 'END'
apiVersion: v1
kind: PersistentVolume
metadata: {name: small, labels: {tier: a}}
spec:
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteOnce]
  storageClassName: ""
  hostPath: {path: /tmp/small}
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: large}
spec:
  capacity: {storage: 5Gi}
  accessModes: [ReadWriteOnce]
  storageClassName: ""
  hostPath: {path: /tmp/large}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: mine}
spec:
  accessModes: [ReadWriteOnce]
  storageClassName: ""
  resources: {requests: {storage: 500Mi}}
END
check "volumes and a claim" kubectl create -f volumes.yaml
check "the claim is bound" kubectl wait --for=jsonpath='{.status.phase}'=Bound pvc/mine --timeout=10s
check_out "to the smallest that fits" 'mine +Bound +small +1Gi +RWO' kubectl get pvc mine
check_out "which says so" 'small +1Gi +RWO +Retain +Bound +default/mine' kubectl get pv small
check_out "the other is free" 'large +5Gi +RWO +Retain +Available' kubectl get pv large
check_fails "it cannot grow" 'only dynamically provisioned pvc can be resized' \
    kubectl patch pvc mine -p '{"spec":{"resources":{"requests":{"storage":"2Gi"}}}}'
check "a bound volume stays when it is deleted" kubectl delete pv small --wait=false
check_out "as long as it is used" 'small +1Gi +RWO +Retain +Terminating' kubectl get pv small
check "delete the claim" kubectl delete pvc mine --timeout=20s
check "then the volume goes" kubectl wait --for=delete pv/small --timeout=20s
check "a claim for the other volume" bash -c "sed -n '/PersistentVolumeClaim/,\$p' volumes.yaml | sed '1i apiVersion: v1' | kubectl create -f -"
check "is bound" kubectl wait --for=jsonpath='{.status.phase}'=Bound pvc/mine --timeout=10s
check "delete it" kubectl delete pvc mine --timeout=20s
check_out "its volume is released" 'large +5Gi +RWO +Retain +Released' kubectl get pv large

# A Pod on a node, which only the host cluster lets us make up.
export KUBECONFIG=$ADMIN
check "a claim that a Pod uses" bash -c "
    kubectl create -f - <<< '{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{\"name\":\"n1\"}}' && kubectl create -f volumes.yaml &&
    kubectl run user --image=x --overrides='{\"spec\":{\"nodeName\":\"n1\",\"volumes\":[{\"name\":\"v\",\"persistentVolumeClaim\":{\"claimName\":\"mine\"}}]}}'"
check "is deleted" kubectl delete pvc mine --wait=false
check_out "when the Pod is gone" 'mine +Terminating' kubectl get pvc mine
check "which goes" kubectl delete pod user --force --grace-period=0
check "and the claim with it" kubectl wait --for=delete pvc/mine --timeout=20s
export KUBECONFIG=$PWD/acme.kubeconfig

# ---- tokens in Secrets ----
cat > token.yaml << 'END'
apiVersion: v1
kind: Secret
metadata:
  name: robot-token
  annotations: {kubernetes.io/service-account.name: robot}
type: kubernetes.io/service-account-token
END
filled() { kubectl get secret robot-token -o 'jsonpath={.data.token}' | grep -q . ; }
as_robot() {
    kubectl --kubeconfig /dev/null --server "$(kubectl config view -o 'jsonpath={.clusters[0].cluster.server}')" \
        --certificate-authority ca.crt --token "$token" auth whoami
}
check "an account and a Secret for its token" bash -c "kubectl create serviceaccount robot && kubectl create -f token.yaml"
wait_for "it is filled in" 60 filled
check_out "with all three" 'ca.crt.*namespace.*token' bash -c "kubectl get secret robot-token -o 'jsonpath={.data}'"
token=$(kubectl get secret robot-token -o 'jsonpath={.data.token}' | base64 -d)
kubectl config view --raw -o 'jsonpath={.clusters[0].cluster.certificate-authority-data}' | base64 -d > ca.crt
check_out "the token logs in" 'system:serviceaccount:default:robot' as_robot
check "without the account" kubectl delete serviceaccount robot
check "the Secret goes" kubectl wait --for=delete secret/robot-token --timeout=10s
check_fails "and the token is nobody's" 'Unauthorized|logged in' as_robot
check "a Secret for nobody" kubectl create -f token.yaml
check "goes at once" kubectl wait --for=delete secret/robot-token --timeout=10s

stop_warren
[ "$failed" = 0 ] || tail -40 "$LOG.kept"
summary

#!/usr/bin/env bash
# CustomResourceDefinitions through kubectl, at a tenant's endpoint.
. "$(dirname "$0")/lib.sh"
own_namespaces "$@"
cd "$WARREN_E2E_WORK" || exit 1
export HOME=$WARREN_E2E_WORK

start_warren
check "tenant create" "$WARREN" tenant create acme --data-dir "$DATA" --kubeconfig acme.kubeconfig
check "another tenant" "$WARREN" tenant create other --data-dir "$DATA" --kubeconfig other.kubeconfig
export KUBECONFIG=$PWD/acme.kubeconfig

cat > crd.yaml << 'END'
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: crontabs.stable.example.com
spec:
  group: stable.example.com
  scope: Namespaced
  names: {plural: crontabs, singular: crontab, kind: CronTab, shortNames: [ct], categories: [all]}
  versions:
  - name: v1
    served: true
    storage: true
    subresources:
      status: {}
      scale: {specReplicasPath: .spec.replicas, statusReplicasPath: .status.replicas}
    additionalPrinterColumns:
    - {name: Spec, type: string, jsonPath: .spec.cronSpec}
    - {name: Replicas, type: integer, jsonPath: .spec.replicas}
    - {name: Age, type: date, jsonPath: .metadata.creationTimestamp}
    schema:
      openAPIV3Schema:
        type: object
        description: When to do what.
        properties:
          spec:
            type: object
            description: What is wanted of it.
            properties:
              cronSpec: {type: string, pattern: '^(\d+|\*)(/\d+)?(\s+(\d+|\*)(/\d+)?){4}$'}
              image: {type: string}
              replicas: {type: integer, minimum: 1, maximum: 10, default: 1}
          status:
            type: object
            properties:
              replicas: {type: integer}
END
cat > ct.yaml << 'END'
apiVersion: stable.example.com/v1
kind: CronTab
metadata: {name: mine}
spec: {cronSpec: "* * * * */5", image: my-image}
END

check "apply a definition" kubectl apply -f crd.yaml
check "it is established" kubectl wait --for=condition=Established crd/crontabs.stable.example.com --timeout=10s
check "apply an object at once" kubectl apply -f ct.yaml
check_out "get by short name, with its columns" 'mine +\* \* \* \* \*/5 +1 ' kubectl get ct
check_out "get all" 'crontab.stable.example.com/mine' kubectl get all
check_out "explain" 'What is wanted of it' kubectl explain crontab
check_out "explain a field" 'cronSpec' kubectl explain crontab.spec
check_out "explain all of it" '^ +replicas.<integer>' kubectl explain crontab --recursive
check_fails "explain what is not there" 'field "wat" does not exist' kubectl explain crontab.spec.wat
check_out "api-resources" 'crontabs +ct +stable.example.com/v1 +true +CronTab' kubectl api-resources
check_out "kubectl 1.20: get" 'mine' kubectl-1.20 get crontabs
check_out "kubectl 1.20: apply" 'crontab.*(unchanged|configured)' kubectl-1.20 apply -f ct.yaml
check_out "the default is there" '^1$' kubectl get ct mine -o 'jsonpath={.spec.replicas}'
check_fails "an invalid value" 'spec.replicas in body should be less than or equal to 10' kubectl patch ct mine --type=merge -p '{"spec":{"replicas":11}}'
check_fails "a wrong type" 'spec.replicas: Invalid value: "string": spec.replicas in body must be of type integer: "string"' \
    kubectl patch ct mine --type=merge -p '{"spec":{"replicas":"x"}}'
check_fails "an unknown field" 'unknown field "spec.imagez"' bash -c "sed s/image:/imagez:/ ct.yaml | kubectl apply -f -"
check "scale" kubectl scale crontab/mine --replicas=4
check_out "it is scaled" '^4$' kubectl get ct mine -o 'jsonpath={.spec.replicas}'
check "edit the status" kubectl patch ct mine --subresource=status --type=merge -p '{"status":{"replicas":4}}'
check_out "the status is there" '^4 2$' kubectl get ct mine -o 'jsonpath={.status.replicas} {.metadata.generation}'
check "apply on the server" kubectl apply --server-side --force-conflicts -f ct.yaml
check "label" kubectl label ct mine tier=front
check_out "describe" 'my-image' kubectl describe ct mine
check_fails "the other tenant has none of it" "doesn't have a resource type" kubectl --kubeconfig other.kubeconfig get crontabs

# Rules in the Common Expression Language.
cat > ruled.yaml << 'END'
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: fleets.rules.example.com}
spec:
  group: rules.example.com
  scope: Namespaced
  names: {plural: fleets, singular: fleet, kind: Fleet}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    schema:
      openAPIV3Schema:
        type: object
        x-kubernetes-validations:
        - {rule: "self.metadata.name.startsWith('f')", message: "fleets are called f-something"}
        properties:
          spec:
            type: object
            x-kubernetes-validations:
            - {rule: "self.min <= self.max", messageExpression: "'min %d is above max %d'.format([self.min, self.max])", fieldPath: ".max"}
            - {rule: "!has(oldSelf.zone) || has(self.zone)", message: "zone stays once it is set"}
            required: [min, max]
            properties:
              min: {type: integer}
              max: {type: integer}
              zone:
                type: string
                maxLength: 20
                x-kubernetes-validations: [{rule: "self == oldSelf", message: "zone is immutable", reason: FieldValueForbidden}]
              ports:
                type: array
                maxItems: 4
                x-kubernetes-list-type: map
                x-kubernetes-list-map-keys: [name]
                items:
                  type: object
                  required: [name, port]
                  properties:
                    name: {type: string, maxLength: 15}
                    port: {type: integer}
                  x-kubernetes-validations: [{rule: "self.port > 0 && self.port < 65536"}]
          status:
            type: object
            x-kubernetes-validations: [{rule: "self.ready >= 0"}]
            properties:
              ready: {type: integer}
END
cat > fleet.yaml << 'END'
apiVersion: rules.example.com/v1
kind: Fleet
metadata: {name: f-one}
spec: {min: 1, max: 3, zone: a, ports: [{name: http, port: 80}]}
END
check_fails "a rule that does not compile" "x-kubernetes-validations\[0\].rule: Invalid value: .*undefined field 'lowest'" \
    bash -c "sed 's/self.min <= self.max/self.lowest <= self.max/' ruled.yaml | kubectl apply -f -"
check_fails "a rule that costs too much" 'estimated rule cost exceeds budget by factor of more than 100x' \
    bash -c "sed '/maxItems/d;s/, maxLength: 15//;s/self.min <= self.max/self.ports.all(a, self.ports.all(b, a.name == b.name || true))/' ruled.yaml | kubectl apply -f -"
check "apply a definition with rules" kubectl apply -f ruled.yaml
check "it is established" kubectl wait --for=condition=Established crd/fleets.rules.example.com --timeout=10s
check "an object that fits its rules" kubectl apply -f fleet.yaml
check_fails "a message that is computed" 'spec.max: Invalid value: "object": min 9 is above max 3' kubectl patch fleet f-one --type=merge -p '{"spec":{"min":9}}'
check_fails "what cannot change" 'spec.zone: Forbidden: zone is immutable' kubectl patch fleet f-one --type=merge -p '{"spec":{"zone":"b"}}'
check_fails "what cannot go" 'spec: Invalid value: "object": zone stays once it is set' kubectl patch fleet f-one --type=merge -p '{"spec":{"zone":null}}'
check_fails "a rule on an item" 'spec.ports\[0\]: Invalid value: "object": failed rule: self.port > 0' \
    kubectl patch fleet f-one --type=merge -p '{"spec":{"ports":[{"name":"http","port":0}]}}'
check_fails "a rule on the whole" '<nil>: Invalid value: "object": fleets are called f-something' bash -c "sed s/f-one/other/ fleet.yaml | kubectl apply -f -"
check_fails "a rule on the status" 'status: Invalid value: "object": failed rule: self.ready >= 0' \
    kubectl patch fleet f-one --subresource=status --type=merge -p '{"status":{"ready":-1}}'
check "a status that fits" kubectl patch fleet f-one --subresource=status --type=merge -p '{"status":{"ready":1}}'
check "a stricter definition" bash -c "sed 's/self.min <= self.max/self.max < 3/;s/, messageExpression: .*fieldPath/, fieldPath/;s/maxLength: 15/maxLength: 2/' ruled.yaml | kubectl apply -f -"
check "what does not fit it, but did not change" kubectl label fleet f-one tier=front
check_fails "what changed has to fit" 'failed rule: self.max < 3' kubectl patch fleet f-one --type=merge -p '{"spec":{"max":4}}'
check "delete it" kubectl delete crd fleets.rules.example.com --timeout=30s

mkdir -p chart/crds chart/templates
cp crd.yaml chart/crds/
sed -i 's/crontabs/beetabs/;s/stable.example.com/bee.example.com/g;s/crontab/beetab/g;s/CronTab/BeeTab/;s/\[ct\]/[bt]/' chart/crds/crd.yaml
sed 's/stable.example.com/bee.example.com/;s/CronTab/BeeTab/' ct.yaml > chart/templates/ct.yaml
printf 'apiVersion: v2\nname: bees\nversion: 0.1.0\n' > chart/Chart.yaml
check "helm install with a definition" helm install bees chart
check_out "its object is there" 'mine' kubectl get beetabs
check "helm uninstall" helm uninstall bees

check "a namespace with an object" bash -c "kubectl create namespace shop && kubectl -n shop apply -f ct.yaml"
check "the namespace goes with it" kubectl delete namespace shop --timeout=30s
check "delete the definition" kubectl delete crd crontabs.stable.example.com --timeout=30s
check_fails "its resource is gone" "doesn't have a resource type|could not find the requested resource" kubectl get crontabs
check "apply it again" kubectl apply -f crd.yaml
check_out "its objects are not back" 'No resources found' kubectl get crontabs
stop_warren
[ "$failed" = 0 ] || tail -40 "$LOG.kept"
summary

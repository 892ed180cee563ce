// node_client.mjs KUBECONFIG: an informer, server-side apply and exec of the npm package @kubernetes/client-node.
import * as k8s from '@kubernetes/client-node';

const config = new k8s.KubeConfig();
config.loadFromFile(process.argv[2]);
const core = config.makeApiClient(k8s.CoreV1Api);
const namespace = 'npm';

function within(seconds, promise, what) {
    return Promise.race([promise, new Promise((_, fail) => setTimeout(() => fail(new Error(`${what}: not in ${seconds} s`)), seconds * 1000))]);
}

await core.createNamespace({ body: { metadata: { name: namespace } } });

const informer = k8s.makeInformer(config, `/api/v1/namespaces/${namespace}/configmaps`, () => core.listNamespacedConfigMap({ namespace }));
const seen = new Promise((done) => informer.on('add', (object) => object.metadata.name === 'one' && done(object)));
await informer.start();
const objects = k8s.KubernetesObjectApi.makeApiClient(config);
const applied = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'one', namespace }, data: { k: 'v' } };
await objects.patch(applied, undefined, undefined, 'node-client', true, k8s.PatchStrategy.ServerSideApply);
if ((await within(20, seen, 'the informer')).data.k !== 'v') throw new Error('the informer saw something else');
await informer.stop();

await core.createNamespacedPod({
    namespace,
    body: {
        metadata: { name: 'p' },
        spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'c', image: 'busybox', imagePullPolicy: 'IfNotPresent', command: ['sleep', '300'] }] },
    },
});
for (let i = 0; (await core.readNamespacedPodStatus({ name: 'p', namespace })).status.phase !== 'Running'; i++) {
    if (i === 300) throw new Error('the Pod does not run');
    await new Promise((next) => setTimeout(next, 100));
}
const { PassThrough } = await import('node:stream');
const out = new PassThrough();
let text = '';
out.on('data', (chunk) => (text += chunk));
const ended = new Promise((done, fail) =>
    new k8s.Exec(config).exec(namespace, 'p', 'c', ['echo', 'hello'], out, process.stderr, null, false, done).catch(fail));
const status = await within(20, ended, 'exec');
if (status.status !== 'Success' || text !== 'hello\n') throw new Error(`exec: ${JSON.stringify(status)} ${JSON.stringify(text)}`);
await core.deleteNamespace({ name: namespace });
console.log('done');
process.exit(0);

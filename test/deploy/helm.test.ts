import { expect, test, describe } from '@jest/globals';
import { parse } from 'yaml';
import { loadConfig, type Config } from '../../src/config/index.js';
import { helmProgram, lint, notes, render, template } from '../helpers/chart.js';
import { readManifests, wrongWith, type Manifest } from '../helpers/kubernetes.js';
import { projectPath, readProject } from '../helpers/markdown.js';
import { describeWith } from '../helpers/needs.js';
import { readdirSync } from 'node:fs';

const FOLDER = 'helm/dicomweb-gateway/examples';
const SIDECAR = 'sidecar';
const EXAMPLES = readdirSync(projectPath(FOLDER))
  .map((name) => name.replace(/\.yaml$/, ''))
  .filter((name) => name !== SIDECAR);

interface Container {
  readonly name: string;
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly ports?: readonly { readonly name: string; readonly hostPort?: number }[];
  readonly securityContext?: object;
  readonly volumeMounts?: readonly { readonly name: string }[];
}

interface PodSpec {
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly volumes: readonly { readonly name: string }[];
  readonly terminationGracePeriodSeconds: number;
  readonly [key: string]: unknown;
}

const ofKind = (manifests: readonly Manifest[], kind: string): readonly Manifest[] =>
  manifests.filter((one) => one.kind === kind);

function podOf(manifests: readonly Manifest[]): PodSpec {
  const [owner] = manifests.filter(({ kind }) => kind === 'Deployment' || kind === 'StatefulSet');
  return (owner as unknown as { spec: { template: { spec: PodSpec } } }).spec.template.spec;
}

/** The configuration that the gateway of a pod has: the file, and what Kubernetes makes of its environment. */
function configOf(manifests: readonly Manifest[], container: Container | undefined, ordinal = 0): Config {
  const [map] = ofKind(manifests, 'ConfigMap') as readonly { data?: Record<string, string> }[];
  const known: Record<string, string> = { POD_ORDINAL: `${ordinal}`, HOST_IP: '192.0.2.77' };
  const image = {
    DICOMGW_HTTP_LISTEN: '0.0.0.0:8080',
    DICOMGW_CACHE_DISK_DIRECTORY: '/var/cache/dicomweb-gateway',
  };
  const env: Record<string, string> = { ...image };
  for (const { name, value } of container?.env ?? [])
    if (value !== undefined) env[name] = value.replace(/\$\((\w+)\)/g, (_, key: string) => known[key] ?? '?');
  return loadConfig({ file: map?.data?.['gateway.yaml'] ?? '', env });
}

const gatewayOf = (pod: PodSpec): Container | undefined =>
  pod.containers.find(({ name }) => name === 'gateway');

describeWith('the Helm chart', { helm: helmProgram }, () => {
  test.each(EXAMPLES)(
    '%s: Helm finds nothing wrong, and every object is one that Kubernetes knows',
    (example) => {
      expect(lint(example)).toEqual({ ok: true, output: expect.stringContaining('0 chart(s) failed') });
      const manifests = render(example);
      expect(manifests.length).toBeGreaterThan(5);
      expect(manifests.flatMap(wrongWith)).toEqual([]);
    },
  );

  test.each(EXAMPLES)('%s: the gateway takes its configuration, and its cache fits the volume', (example) => {
    const manifests = render(example);
    const config = configOf(manifests, gatewayOf(podOf(manifests)));
    expect(config.http.listen).toEqual({ host: '0.0.0.0', port: 8080 });
    expect(config.admin.listen).toEqual({ host: '0.0.0.0', port: 9090 });
    const { cache } = parse(readProject(`${FOLDER}/${example}.yaml`)) as {
      cache?: { kind: string; size?: string };
    };
    if (cache?.kind === 'none') expect(config.cache.disk).toBeUndefined();
    else {
      const volume = Number.parseInt(cache?.size ?? '12Gi', 10) * 2 ** 30;
      const { size = 0, keepFree = 0 } = config.cache.disk ?? {};
      expect(size).toBeLessThanOrEqual(0.9 * volume);
      expect(size).toBeGreaterThan(0.5 * volume);
      expect(keepFree).toBeLessThan(volume - size);
    }
  });

  test.each(EXAMPLES)('%s: pods may do nothing that they need not, and mount what they have', (example) => {
    const pod = podOf(render(example));
    expect(pod).toMatchObject({
      enableServiceLinks: false,
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, fsGroup: 1000, seccompProfile: { type: 'RuntimeDefault' } },
    });
    const gateway = gatewayOf(pod);
    expect(gateway?.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    const claimed = JSON.stringify(ofKind(render(example), 'StatefulSet')).includes('volumeClaimTemplates');
    const volumes = [...pod.volumes.map(({ name }) => name), ...(claimed ? ['cache'] : [])];
    expect(volumes).toEqual(expect.arrayContaining((gateway?.volumeMounts ?? []).map(({ name }) => name)));
  });

  test('it is of the version of the program', () => {
    const { version } = JSON.parse(readProject('package.json')) as { version: string };
    expect(parse(readProject('helm/dicomweb-gateway/Chart.yaml'))).toMatchObject({ appVersion: version });
    expect(podOf(render('hostport', ['image={"repository":"gw"}'])).containers).toMatchObject([
      { image: expect.stringMatching(/^gw:/) },
    ]);
  });

  test('a pod has the time to stop in: what it ends one after the other, and the sleep before', () => {
    const pod = podOf(render('deployment'));
    const { http } = configOf(render('deployment'), gatewayOf(pod));
    expect(http.drainTimeout).toBeGreaterThan(60_000);
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(10 + (3 * http.drainTimeout) / 1000);
    expect(gatewayOf(pod)).toMatchObject({ lifecycle: { preStop: { sleep: { seconds: 10 } } } });
  });

  test('each pod of a set has an AE title, an address and a Service of its own', () => {
    const manifests = render('statefulset');
    const gateway = gatewayOf(podOf(manifests));
    expect([0, 1].map((ordinal) => configOf(manifests, gateway, ordinal).dimse)).toMatchObject([
      { aeTitle: 'GATEWAY0', advertise: { host: '192.0.2.40', port: 11112 }, listen: { port: 11112 } },
      { aeTitle: 'GATEWAY1', advertise: { host: '192.0.2.41', port: 11112 } },
    ]);
    const services = ofKind(manifests, 'Service').filter(({ metadata }) => metadata.name.includes('-dimse-'));
    expect(services).toMatchObject(
      [0, 1].map((ordinal) => ({
        spec: {
          loadBalancerIP: `192.0.2.4${ordinal}`,
          externalTrafficPolicy: 'Local',
          publishNotReadyAddresses: true,
          selector: { 'statefulset.kubernetes.io/pod-name': `gw-dicomweb-gateway-${ordinal}` },
        },
      })),
    );
    expect(notes('statefulset')).toContain('AE title GATEWAY1 at 192.0.2.41:11112');
  });

  test('with hostPort a pod tells the address of its node', () => {
    const manifests = render('hostport');
    const gateway = gatewayOf(podOf(manifests));
    expect(gateway?.ports).toContainEqual({ name: 'dimse', containerPort: 11112, hostPort: 11112 });
    expect(configOf(manifests, gateway, 1).dimse).toMatchObject({
      aeTitle: 'GW_1',
      advertise: { host: '192.0.2.77', port: 11112 },
    });
  });

  test('a Deployment listens for no C-MOVE, and grows by itself only within what the PACS allows', () => {
    const manifests = render('deployment');
    const { dimse } = configOf(manifests, gatewayOf(podOf(manifests)));
    expect([dimse.aeTitle, dimse.listen]).toEqual(['GATEWAY', undefined]);
    expect(ofKind(manifests, 'HorizontalPodAutoscaler')).toMatchObject([{ spec: { maxReplicas: 4 } }]);
    expect(ofKind(manifests, 'PodDisruptionBudget')).toHaveLength(1);
    expect(template('deployment', ['autoscaling.maxReplicas=5']).output).toContain(
      'may open 24, and the PACS allows 20',
    );
    expect(template('viewer', ['autoscaling.enabled=true']).output).toContain(
      'must say what each PACS allows',
    );
  });

  test('only those named reach the pods, and the pods reach name servers and the PACS alone', () => {
    const [policy] = ofKind(render('statefulset'), 'NetworkPolicy') as readonly { spec?: unknown }[];
    expect(policy?.spec).toMatchObject({
      policyTypes: ['Ingress', 'Egress'],
      ingress: [
        { ports: [{ port: 'http' }] },
        { ports: [{ port: 'admin' }] },
        { from: [{ ipBlock: { cidr: '192.0.2.20/32' } }], ports: [{ port: 'dimse' }] },
      ],
      egress: [{ ports: [{ port: 53 }, { port: 53 }] }, { ports: [{ port: 104 }] }],
    });
    expect(JSON.stringify(ofKind(render('deployment'), 'NetworkPolicy'))).not.toContain('dimse');
  });

  test('secrets come as environment and as files, and whatever else is configured is passed on', () => {
    const sets = [
      'existingSecrets=["gateway-keys"]',
      'secretFiles=[{"name":"gateway-tls","path":"/etc/tls"}]',
      'config.search={"maxResults":7}',
      'cache={"kind":"ephemeral","size":"512Mi","storageClass":"fast"}',
    ];
    const manifests = render('deployment', sets);
    expect(manifests.flatMap(wrongWith)).toEqual([]);
    const gateway = gatewayOf(podOf(manifests));
    expect(gateway).toMatchObject({ envFrom: [{ secretRef: { name: 'gateway-keys' } }] });
    expect(gateway?.volumeMounts).toContainEqual({ name: 'secret-0', mountPath: '/etc/tls', readOnly: true });
    const [map] = ofKind(manifests, 'ConfigMap') as readonly { data?: Record<string, string> }[];
    expect(parse(map?.data?.['gateway.yaml'] ?? '')).toMatchObject({ search: { maxResults: 7 } });
  });

  test('brings the alert rules and the dashboard that the project has', () => {
    const manifests = render('deployment');
    const [rule] = ofKind(manifests, 'PrometheusRule') as readonly { spec?: unknown }[];
    expect(rule?.spec).toEqual(parse(readProject('deploy/prometheus/rules.yml')));
    const maps = ofKind(manifests, 'ConfigMap') as readonly { data?: Record<string, string> }[];
    const dashboard = maps.flatMap(({ data = {} }) => data['dicomweb-gateway.json'] ?? []);
    expect(dashboard.map((text) => JSON.parse(text) as unknown)).toEqual([
      JSON.parse(readProject('deploy/grafana/dicomweb-gateway.json')),
    ]);
    const [monitor] = ofKind(manifests, 'ServiceMonitor') as readonly { spec?: unknown }[];
    const services = ofKind(manifests, 'Service').map(({ metadata }) => metadata);
    const { matchLabels } = (monitor?.spec as { selector: { matchLabels: object } }).selector;
    expect(services).toContainEqual(
      expect.objectContaining({ labels: expect.objectContaining(matchLabels) }),
    );
  });

  const refused: readonly (readonly [string, string, readonly string[], string])[] = [
    ['a kind that there is not', 'deployment', ['kind="daemonset"'], '/kind'],
    ['a value that there is not', 'deployment', ['replica=2'], 'replica'],
    ['a size in a unit of its own', 'deployment', ['cache.size="12 GB"'], '/cache/size'],
    [
      'an address without an AE title',
      'deployment',
      ['config.peers.main.address="192.0.2.20:104"'],
      '/address',
    ],
    ['a port that is none', 'statefulset', ['dimse.port=70000'], '/dimse/port'],
    [
      'a network without a port',
      'deployment',
      ['networkPolicy.pacs=[{"cidr":"192.0.2.20/32"}]'],
      '/networkPolicy/pacs',
    ],
    ['no PACS', 'deployment', ['config.peers=null'], 'takes at least one PACS'],
    [
      'what the chart sets itself',
      'deployment',
      ['config.http.listen="0.0.0.0:80"'],
      'use the value service.port',
    ],
    [
      'C-MOVE with a Deployment',
      'deployment',
      ['config.peers.main.retrieve="move"'],
      'needs kind statefulset',
    ],
    ['one cache for several pods', 'deployment', ['cache.kind="claim"'], 'needs kind statefulset'],
    ['a set that grows by itself', 'statefulset', ['autoscaling.enabled=true'], 'not with kind statefulset'],
    ['one AE title for all pods', 'statefulset', ['dimse.aeTitle="GATEWAY"'], 'needs {ordinal}'],
    [
      'an AE title that is too long',
      'statefulset',
      ['dimse.aeTitle="A_LONGER_GATEWAY_{ordinal}"', 'replicas=2'],
      'longer than 16',
    ],
    ['one address for all pods', 'statefulset', ['dimse.advertise="192.0.2.40:11112"'], 'needs {ordinal}'],
    [
      'fewer addresses than pods',
      'statefulset',
      ['dimse.service.loadBalancerIPs=["192.0.2.40"]'],
      'one for each of 2',
    ],
    ['a limit of no peer', 'deployment', ['pacs.maxAssociations.other=3'], 'is none of config.peers'],
    ['a stop that cuts sub-operations off', 'deployment', ['drain.seconds=60'], 'betweenResponses'],
    [
      'the same in milliseconds',
      'deployment',
      ['config.peers.main.timeouts={"betweenResponses":1200000}'],
      'betweenResponses (1200000)',
    ],
    [
      'a closed network without a PACS',
      'deployment',
      ['networkPolicy.pacs=[]'],
      'must say where each PACS is',
    ],
  ];
  test.each(refused)('refuses %s', (_, example, sets, words) => {
    const { ok, output } = template(example, sets);
    expect([ok, output]).toEqual([false, expect.stringContaining(words)]);
  });
});

describe('the sidecar', () => {
  const manifests = readManifests(readProject(`${FOLDER}/${SIDECAR}.yaml`));

  test('is made of objects that Kubernetes knows, with a configuration that the gateway takes', () => {
    expect(manifests.flatMap(wrongWith)).toEqual([]);
    const [gateway] = podOf(manifests).initContainers ?? [];
    const { http, cache } = configOf(manifests, gateway);
    expect(http.listen).toEqual({ host: '127.0.0.1', port: 8080 });
    expect(cache.disk?.size).toBeLessThan(0.9 * 2 * 2 ** 30);
  });
});

describe('the check of Kubernetes objects', () => {
  const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'a', labels: { b: 'c' } } };

  test('finds what is wrong, and what would be dropped in silence', () => {
    expect(
      wrongWith({ ...service, spec: { selector: { a: 'b' }, ports: [{ port: 80, name: 'http' }] } }),
    ).toEqual([]);
    expect(wrongWith({ ...service, spec: { ports: [{ port: '80' }] } })).toEqual([
      expect.stringContaining('port'),
    ]);
    expect(wrongWith({ ...service, spec: { ports: [{ port: 80, prot: 'TCP' }] } })).toEqual([
      'Service a.spec.ports.0.prot: unknown',
    ]);
    expect(() => wrongWith({ ...service, kind: 'Servant' })).toThrow('Servant');
  });
});

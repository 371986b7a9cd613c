import { expect, test } from '@jest/globals';
import { helmProgram, notes, render, template } from '../helpers/chart.js';
import { wrongWith, type Manifest } from '../helpers/kubernetes.js';
import { describeWith } from '../helpers/needs.js';

const KNOWN =
  'config.access={"tokens":{"prometheus":{"tokenFile":"/etc/dicomgw/token","roles":["metrics"]}}}';
const TOKEN = 'monitoring.serviceMonitor.authorization={"name":"gateway-metrics","key":"token"}';
const ADMIN_TLS = 'config.admin={"tls":{"cert":"/etc/tls/tls.crt","key":"/etc/tls/tls.key"}}';
const HTTP_TLS =
  'config.http={"publicUrl":"https://pacs.example","tls":{"cert":"/etc/tls/tls.crt","key":"/etc/tls/tls.key"}}';

const ofKind = (manifests: readonly Manifest[], kind: string): readonly Manifest[] =>
  manifests.filter((one) => one.kind === kind);

const endpointOf = (manifests: readonly Manifest[]): unknown =>
  (ofKind(manifests, 'ServiceMonitor') as readonly { spec?: { endpoints: readonly unknown[] } }[])[0]?.spec
    ?.endpoints[0];

interface Pod {
  readonly spec: { readonly containers: readonly Readonly<Record<string, unknown>>[] };
}

const containersOf = (manifests: readonly Manifest[]): readonly Readonly<Record<string, unknown>>[] => {
  const [owner] = manifests.filter(({ kind }) => kind === 'Deployment' || kind === 'StatefulSet');
  return (owner as unknown as { spec: { template: Pod } }).spec.template.spec.containers;
};

describeWith('the Helm chart of a gateway that asks who is there', { helm: helmProgram }, () => {
  test('Prometheus shows the token of a Secret at /metrics', () => {
    const manifests = render('deployment', [KNOWN, TOKEN]);
    expect(endpointOf(manifests)).toEqual({
      port: 'admin',
      path: '/metrics',
      interval: '30s',
      authorization: { type: 'Bearer', credentials: { name: 'gateway-metrics', key: 'token' } },
    });
  });

  test('a ServiceMonitor that would be answered 401 is refused', () => {
    const { ok, output } = template('deployment', [KNOWN, 'config.access.anonymous=false']);
    expect([ok, output]).toEqual([false, expect.stringContaining('monitoring.serviceMonitor.authorization')]);
  });

  test('with TLS on the port of the operator, probes, Prometheus and the test speak it', () => {
    const tls = 'monitoring.serviceMonitor.tlsConfig={"serverName":"gateway.example"}';
    const manifests = render('deployment', [ADMIN_TLS, tls]);
    expect(manifests.flatMap(wrongWith)).toEqual([]);
    const [gateway] = containersOf(manifests);
    for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe'])
      expect([probe, gateway?.[probe]]).toMatchObject([
        probe,
        { httpGet: { port: 'admin', scheme: 'HTTPS' } },
      ]);
    expect(endpointOf(manifests)).toMatchObject({
      scheme: 'https',
      tlsConfig: { serverName: 'gateway.example' },
    });
    const tests = ofKind(manifests, 'Pod') as unknown as readonly Pod[];
    expect(JSON.stringify(tests[0]?.spec.containers[0]?.['command'])).toContain('https://');
    expect(endpointOf(render('deployment'))).not.toHaveProperty('scheme');
  });

  test('a certificate that probes do not have is not asked of them', () => {
    const { ok, output } = template('deployment', [ADMIN_TLS, 'config.admin.tls.clientAuth="required"']);
    expect([ok, output]).toEqual([false, expect.stringContaining('config.admin.tls.clientAuth')]);
  });

  test('with TLS of the gateway itself, the ingress speaks it, and the notes say so', () => {
    const [ingress] = ofKind(render('deployment', [HTTP_TLS]), 'Ingress');
    const protocol = { 'nginx.ingress.kubernetes.io/backend-protocol': 'HTTPS' };
    expect(ingress?.metadata).toMatchObject({ annotations: protocol });
    expect(ofKind(render('deployment'), 'Ingress')[0]?.metadata).not.toMatchObject({ annotations: protocol });
    expect(notes('deployment', [HTTP_TLS])).toContain(
      'https://gw-dicomweb-gateway.default.svc:8080/dicomweb',
    );
  });

  test('the notes say that it does not start while nobody is named who may use it', () => {
    expect(notes('deployment', ['config.access=null', 'monitoring.serviceMonitor.enabled=false'])).toContain(
      'config.access',
    );
    expect(notes('deployment')).not.toContain('will not start');
    const secret = 'existingSecrets=["gateway-access"]';
    expect(notes('deployment', ['config.access=null', secret])).not.toContain('will not start');
  });

  test('more can be mounted, for example what audit events wait in', () => {
    const manifests = render('search-only', [
      'extraVolumes=[{"name":"audit","persistentVolumeClaim":{"claimName":"audit"}}]',
      'extraVolumeMounts=[{"name":"audit","mountPath":"/var/lib/audit"}]',
    ]);
    expect(manifests.flatMap(wrongWith)).toEqual([]);
    expect(containersOf(manifests)[0]?.['volumeMounts']).toContainEqual({
      name: 'audit',
      mountPath: '/var/lib/audit',
    });
  });
});

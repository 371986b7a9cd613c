import { expect, test } from '@jest/globals';
import { helmProgram, render, template } from '../helpers/chart.js';
import { wrongWith, type Manifest } from '../helpers/kubernetes.js';
import { readProject } from '../helpers/markdown.js';
import { describeWith } from '../helpers/needs.js';

const ofKind = (manifests: readonly Manifest[], kind: string): readonly Manifest[] =>
  manifests.filter((one) => one.kind === kind);

describeWith('the Helm chart and what the pods reach, and who reaches them', { helm: helmProgram }, () => {
  test.each([
    [
      'config.access',
      '{"issuers":{"own":{"issuer":"https://login.example","audience":["gateway"]}}}',
      'config.access.issuers',
    ],
    [
      'config.audit',
      '{"syslog":{"address":"arr.example:6514"},"spool":{"directory":"/var/cache/dicomweb-gateway/audit"}}',
      'config.audit.syslog',
    ],
    ['config.tracing', '{"enabled":true,"endpoint":"http://collector.tracing.svc:4318"}', 'config.tracing'],
  ])('a closed network with %s wants a rule by which it is reached', (path, value, named) => {
    // Who asks for metrics is another matter.
    const sets = [`${path}=${value}`, 'monitoring.serviceMonitor={"enabled":false}'];
    expect(template('deployment', sets).output).toContain(
      `networkPolicy.extraEgress: must let the pods reach what ${named} names`,
    );
    const rule = '{"to":[{"ipBlock":{"cidr":"198.51.100.7/32"}}],"ports":[{"port":443,"protocol":"TCP"}]}';
    const manifests = render('deployment', [...sets, `networkPolicy.extraEgress=[${rule}]`]);
    expect(manifests.flatMap(wrongWith)).toEqual([]);
    expect(JSON.stringify(ofKind(manifests, 'NetworkPolicy'))).toContain('198.51.100.7/32');
    expect(template('deployment', [...sets, 'networkPolicy.enabled=false']).ok).toBe(true);
  });

  test.each(['', 'pacs-web'])('alerts know the gateway by its job, also where it is called "%s"', (name) => {
    const manifests = render('deployment', [`fullnameOverride=${JSON.stringify(name)}`]);
    expect(manifests.flatMap(wrongWith)).toEqual([]);
    const [monitor] = ofKind(manifests, 'ServiceMonitor') as readonly {
      spec?: {
        endpoints: readonly { relabelings?: readonly { targetLabel: string; replacement: string }[] }[];
      };
    }[];
    const given = monitor?.spec?.endpoints[0]?.relabelings?.find(({ targetLabel }) => targetLabel === 'job');
    const service = ofKind(manifests, 'Service').find(({ metadata }) => metadata.name.endsWith('-pods'));
    const job = given?.replacement ?? service?.metadata.name ?? '';
    const asked = [...readProject('deploy/prometheus/rules.yml').matchAll(/job=~"([^"]+)"/g)];
    expect(asked.length).toBeGreaterThan(0);
    for (const [, pattern = ''] of asked) expect(job).toMatch(new RegExp(`^(?:${pattern})$`));
  });

  test('a section of the configuration that says nothing is as if it were not there', () => {
    const sets = ['admin', 'audit', 'tracing', 'dimse', 'cache'].map((section) => `config.${section}=null`);
    expect(render('deployment', sets).flatMap(wrongWith)).toEqual([]);
  });
});

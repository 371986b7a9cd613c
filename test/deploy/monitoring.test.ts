import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parse, stringify } from 'yaml';
import { projectPath, readProject, tableRows } from '../helpers/markdown.js';
import { describeWith, findProgram } from '../helpers/needs.js';

const RULES = 'deploy/prometheus/rules.yml';
const TESTS = 'deploy/prometheus/rules.test.yml';
const DASHBOARD = 'deploy/grafana/dicomweb-gateway.json';

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string; readonly datasource: { readonly uid: string } }[];
}

interface Dashboard {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly query: unknown }[] };
}

const rules = (parse(readProject(RULES)) as { groups: readonly { rules: readonly Rule[] }[] }).groups.flatMap(
  (group) => group.rules,
);
const dashboard = JSON.parse(readProject(DASHBOARD)) as Dashboard;
const expressions = dashboard.panels.flatMap(({ title, targets = [] }) =>
  targets.map(({ expr }) => [title, expr] as const),
);

const page = readProject('docs/metrics.md');
const documented = new Map(
  tableRows(page, ['Metric', 'Type', 'Labels', 'What it says']).map(([name = '', type, labels = '']) => [
    name,
    { type, labels: labels.split(', ') },
  ]),
);

/** The names of metrics in an expression, without what a histogram adds to them. */
const metricsIn = (expr: string): readonly string[] =>
  [...expr.matchAll(/\b(?:dicomgw|process|nodejs)_[a-z0-9_]+/g)].map(([name]) =>
    documented.has(name) ? name : name.replace(/_bucket$/, ''),
  );

const isKnown = (name: string): boolean => documented.has(name) || page.includes(`\`${name}\``);

/** A counter whose labels have come up since counts from 0: it stands for itself beside its increase. */
const withoutNewborn = (expr: string): string =>
  expr.replace(
    /\((dicomgw_\w+\{[^}]*\}) unless \1 offset (\w+)\)\s+or increase\(\1\[\2\]\)/g,
    'increase($1[$2])',
  );

const promtool = (...args: readonly string[]): string =>
  execFileSync('promtool', args, { encoding: 'utf8', stdio: 'pipe' });

describe('alert rules and dashboard', () => {
  test('name metrics that there are', () => {
    const all = [...rules.map(({ alert, expr }) => [alert, expr] as const), ...expressions];
    expect(all.length).toBeGreaterThan(50);
    const unknown = all.flatMap(([where, expr]) =>
      metricsIn(expr)
        .filter((name) => !isKnown(name))
        .map((name) => [where, name]),
    );
    expect(unknown).toEqual([]);
    expect(metricsIn('sum(dicomgw_cache_byte)').filter((name) => !isKnown(name))).toEqual([
      'dicomgw_cache_byte',
    ]);
  });

  test('ask metrics for labels that they have', () => {
    const wrong = [...rules.map(({ expr }) => expr), ...expressions.map(([, expr]) => expr)].flatMap((expr) =>
      [...expr.matchAll(/\b(dicomgw_[a-z0-9_]+)\{([^}]*)\}/g)].flatMap(([, name = '', selectors = '']) => {
        const [metric = ''] = metricsIn(name);
        const has = ['job', 'instance', ...(documented.get(metric)?.labels ?? [])];
        return [...selectors.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)]
          .filter(([, label = '']) => !has.includes(label))
          .map(([, label]) => [metric, label]);
      }),
    );
    expect(wrong).toEqual([]);
  });

  test('counters are asked for by their rate, gauges as they are', () => {
    for (const [where, expr] of [...rules.map(({ alert, expr }) => [alert, expr] as const), ...expressions]) {
      for (const [, before = '', name = ''] of withoutNewborn(expr).matchAll(
        /(\w*)\(?(dicomgw_[a-z0-9_]+)/g,
      )) {
        const [metric = ''] = metricsIn(name);
        const isRate = ['rate', 'increase'].includes(before);
        expect([where, metric, isRate]).toEqual([
          where,
          metric,
          documented.get(metric)?.type === 'counter' || documented.get(metric)?.type === 'histogram',
        ]);
      }
    }
  });

  test('an alert at a single event sees the first one, with which the counter comes up', () => {
    // What goes on for minutes has more events than one.
    const lasting = ['DicomwebGatewayPeerDown', 'DicomwebGatewayAuditWaits'];
    const single = rules.filter(
      ({ alert, expr }) => !lasting.includes(alert) && /increase\(dicomgw_\w+\{.*> 0$/s.test(expr.trim()),
    );
    const blind = single.filter(({ expr }) => expr === withoutNewborn(expr));
    expect(single.length).toBeGreaterThan(4);
    expect(blind.map(({ alert }) => alert)).toEqual([]);
  });

  test('every alert has a severity, a sentence that says where, and what to do', () => {
    for (const { alert, labels, annotations } of rules) {
      expect([alert, labels['severity']]).toEqual([
        alert,
        expect.stringMatching(/^(?:info|warning|critical)$/),
      ]);
      expect([alert, annotations['summary']]).toEqual([alert, expect.stringContaining('{{ $labels.')]);
      expect(annotations['description']).toMatch(/\.$/);
    }
  });

  test('every alert has a test in which it is raised', () => {
    const { tests } = parse(readProject(TESTS)) as {
      tests: readonly { alert_rule_test: readonly { alertname: string; exp_alerts: readonly unknown[] }[] }[];
    };
    const raised = tests.flatMap(({ alert_rule_test: all }) =>
      all.filter(({ exp_alerts: alerts }) => alerts.length > 0).map(({ alertname }) => alertname),
    );
    expect(rules.map(({ alert }) => alert).filter((alert) => !raised.includes(alert))).toEqual([]);
  });

  test('panels have a number of their own, a place of their own, and ask the data source that is chosen', () => {
    const { panels, templating } = dashboard;
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, index) => `${x + (index % w)} ${y + Math.floor(index / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    const targets = panels.flatMap(({ targets: all = [] }) => all);
    expect(new Set(targets.map(({ datasource }) => datasource.uid))).toEqual(new Set(['${datasource}']));
    const names = templating.list.map(({ name }) => name);
    for (const { expr } of targets)
      for (const [, variable = ''] of expr.matchAll(/"\$(\w+)"/g)) expect(names).toContain(variable);
  });
});

describeWith('Prometheus itself', { promtool: findProgram('promtool') }, () => {
  test('takes the rules, and they do what their tests say', () => {
    expect(promtool('check', 'rules', projectPath(RULES))).toContain(`${rules.length} rules found`);
    expect(promtool('test', 'rules', projectPath(TESTS))).toContain('SUCCESS');
  });

  test('understands every expression of the dashboard', () => {
    const directory = mkdtempSync(join(tmpdir(), 'promtool-'));
    const file = join(directory, 'dashboard.yml');
    const records = expressions.map(([, expr], index) => ({
      record: `panel:expression:${index}`,
      expr: expr.replaceAll('$__rate_interval', '5m'),
    }));
    try {
      writeFileSync(file, stringify({ groups: [{ name: 'dashboard', rules: records }] }));
      expect(promtool('check', 'rules', file)).toContain(`${records.length} rules found`);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});

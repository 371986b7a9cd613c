import type { Comparison, MemoryRow, Results, Summary } from './results.js';

const heading = (columns: readonly string[], numbersFrom: number): string[] => [
  row(columns),
  row(columns.map((_, index) => (index < numbersFrom ? '---' : '---:'))),
];

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

const time = (value: number): string => `${value < 1 ? value.toFixed(3) : value.toFixed(2)} s`;

const times = ({ median, p95 }: Summary): string => `${time(median)} (${time(p95)})`;

/** Whether a figure is good enough, in a word; nothing where there is no bar. */
function verdict(value: number, toReach: number | undefined, unit = ''): string {
  if (toReach === undefined) return '';
  return `${value <= toReach ? 'reached' : 'NOT reached'} (<= ${toReach}${unit})`;
}

function comparisonTable(comparisons: readonly Comparison[]): string[] {
  if (comparisons.length === 0) return [];
  const columns = ['what', 'peer', 'sockets', 'against', 'ratio', 'gateway', 'tool', 'runs', 'to reach'];
  return [
    ...heading(columns, 4),
    ...comparisons.map(({ what, peer, sockets, against, ratio, gateway, tool, toReach }) =>
      row([
        what,
        peer,
        sockets,
        against,
        `**${ratio.toFixed(2)}**`,
        times(gateway),
        times(tool),
        `${gateway.runs}`,
        verdict(ratio, toReach),
      ]),
    ),
    '',
  ];
}

function memoryTable(memory: readonly MemoryRow[]): string[] {
  if (memory.length === 0) return [];
  const columns = ['what', 'peer', 'peak RSS', 'RSS at rest', 'moved', 'time', 'CPU', 'to reach'];
  return [
    ...heading(columns, 2),
    ...memory.map((one) =>
      row([
        one.what,
        one.peer,
        `**${one.peakRssMegabytes} MB**`,
        `${one.restRssMegabytes} MB`,
        one.megabytesMoved === undefined ? '' : `${one.megabytesMoved} MB`,
        time(one.seconds),
        time(one.cpuSeconds),
        verdict(one.peakRssMegabytes, one.toReach, ' MB'),
      ]),
    ),
    '',
  ];
}

/** All parts as Markdown: ratios first, times as median (95th percentile). */
export function formatResults(results: Results): string {
  return Object.entries(results)
    .flatMap(([part, { environment, comparisons, memory }]) => [
      `### ${part}`,
      '',
      ...comparisonTable(comparisons),
      ...memoryTable(memory),
      [
        `${environment.cpu}, ${environment.cores} cores, ${environment.memoryGib} GiB`,
        `load ${environment.load.join(' ')} before`,
        `Node ${environment.node}, DCMTK ${environment.dcmtk}, Orthanc ${environment.orthanc}`,
        `seed ${environment.seed}, scale ${environment.scale}, ${environment.date}.`,
      ].join('; '),
      '',
    ])
    .join('\n');
}

import type { Comparison, CountRow, MemoryRow, Results, Summary, Unit } from './results.js';

const heading = (columns: readonly string[], numbersFrom: number): string[] => [
  row(columns),
  row(columns.map((_, index) => (index < numbersFrom ? '---' : '---:'))),
];

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

const time = (value: number): string => `${value < 1 ? value.toFixed(3) : value.toFixed(2)} s`;

const rate = (value: number): string => (value < 10 ? value.toFixed(1) : value.toFixed(0));

/** The median, and in brackets what was rarely worse: the 95th percentile of times, the least of rates. */
function figures({ median, p95, least }: Summary, unit: Unit): string {
  return unit === 's' ? `${time(median)} (${time(p95)})` : `${rate(median)} ${unit} (${rate(least)})`;
}

/** Milliseconds that the event loop may be late in 99 of 100 cases. */
const LOOP_DELAY_TO_REACH = 50;

/** Whether a figure is good enough, in a word; nothing where there is no bar. */
function verdict(value: number, toReach: number | undefined, unit = ''): string {
  if (toReach === undefined) return '';
  return `${value <= toReach ? 'reached' : 'NOT reached'} (<= ${toReach}${unit})`;
}

function ratioVerdict(ratio: number, toReach: number | undefined, unit: Unit): string {
  if (toReach === undefined || unit === 's') return verdict(ratio, toReach);
  return `${ratio >= toReach ? 'reached' : 'NOT reached'} (>= ${toReach})`;
}

function comparisonTable(comparisons: readonly Comparison[]): string[] {
  if (comparisons.length === 0) return [];
  const columns = ['what', 'peer', 'sockets', 'against', 'ratio', 'gateway', 'tool', 'runs', 'to reach'];
  return [
    ...heading(columns, 4),
    ...comparisons.map(({ what, peer, sockets, against, ratio, unit = 's', gateway, tool, toReach }) =>
      row([
        what,
        peer,
        sockets,
        against,
        `**${ratio.toFixed(2)}**`,
        figures(gateway, unit),
        figures(tool, unit),
        `${gateway.runs}`,
        ratioVerdict(ratio, toReach, unit),
      ]),
    ),
    '',
  ];
}

function memoryTable(memory: readonly MemoryRow[]): string[] {
  if (memory.length === 0) return [];
  const columns = ['what', 'peer', 'peak RSS', 'RSS at rest', 'moved', 'time', 'CPU', 'loop p99', 'to reach'];
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
        one.loopDelayMs === undefined ? '' : `${one.loopDelayMs.toFixed(0)} ms`,
        memoryVerdict(one),
      ]),
    ),
    '',
  ];
}

function memoryVerdict({ peakRssMegabytes, loopDelayMs, toReach, loopToReach }: MemoryRow): string {
  const loop =
    loopDelayMs === undefined ? '' : verdict(loopDelayMs, loopToReach ?? LOOP_DELAY_TO_REACH, ' ms');
  return [verdict(peakRssMegabytes, toReach, ' MB'), loop].filter((one) => one !== '').join(', ');
}

function countTable(counts: readonly CountRow[]): string[] {
  if (counts.length === 0) return [];
  return [
    ...heading(['what', 'peer', 'value', 'to reach'], 2),
    ...counts.map(({ what, peer, value, toReach }) =>
      row([what, peer, `**${Number(value.toFixed(2))}**`, verdict(value, toReach)]),
    ),
    '',
  ];
}

/** All parts as Markdown: ratios first, times as median (95th percentile). */
export function formatResults(results: Results): string {
  return Object.entries(results)
    .flatMap(([part, { environment, comparisons, counts = [], memory }]) => [
      `### ${part}`,
      '',
      ...comparisonTable(comparisons),
      ...countTable(counts),
      ...memoryTable(memory),
      [
        `${environment.cpu}, ${environment.cores} cores, ${environment.memoryGib} GiB`,
        `load ${environment.load.join(' ')} before`,
        [
          `Node ${environment.node}, DCMTK ${environment.dcmtk}, Orthanc ${environment.orthanc}`,
          ...(environment.nginx === undefined ? [] : [`nginx ${environment.nginx}`]),
        ].join(', '),
        `seed ${environment.seed}, scale ${environment.scale}, ${environment.date}.`,
      ].join('; '),
      '',
    ])
    .join('\n');
}

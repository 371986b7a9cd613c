/** Samples of the text format of Prometheus. */
export class Metrics {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** Sum of all samples of a metric whose labels include these; 0 where there is none. */
  sum(name: string, labels: Readonly<Record<string, string>> = {}): number {
    const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
    return this.#text
      .split('\n')
      .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
      .filter((line) => wanted.every((label) => line.includes(label)))
      .reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  }
}

/** Reads the metrics of the gateway behind a service URL. */
export async function scrape(service: string): Promise<Metrics> {
  const response = await fetch(new URL('/metrics', service));
  if (response.status !== 200) throw new Error(`/metrics answered ${response.status}`);
  return new Metrics(await response.text());
}

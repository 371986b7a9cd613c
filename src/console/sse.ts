/** One event of an event stream. */
export interface ServerEvent {
  readonly name: string;
  readonly data: string;
}

/** Reads an event stream piece by piece. @see HTML Living Standard 9.2 */
export class EventReader {
  #rest = '';

  /** The events that `text` completes. */
  push(text: string): readonly ServerEvent[] {
    const blocks = (this.#rest + text).split('\n\n');
    this.#rest = blocks.pop() ?? '';
    return blocks.flatMap((block) => {
      const lines = block.split('\n');
      const valueOf = (field: string): string[] =>
        lines
          .filter((line) => line.startsWith(`${field}:`))
          .map((line) => line.slice(field.length + 1).trim());
      const data = valueOf('data');
      return data.length === 0 ? [] : [{ name: valueOf('event')[0] ?? 'message', data: data.join('\n') }];
    });
  }
}

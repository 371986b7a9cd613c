import { GatewayError } from '../core/index.js';

/** A configuration that the gateway does not start with; the message lists everything that is wrong with it. */
export class ConfigError extends GatewayError {
  /** One sentence for each problem, beginning with the path of the key where there is one. */
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(
      'bad-request',
      `The configuration is not valid:\n${problems.map((problem) => `  ${problem}`).join('\n')}`,
    );
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

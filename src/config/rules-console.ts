import type { ParsedConfig } from './schema.js';

/** What a link can be called: a line of text. */
const VIEWER = /^[^\p{Cc}\p{Cf}]{1,60}$/u;

/** What is wrong with the console. */
export function* brokenConsole({ console }: ParsedConfig): Generator<string> {
  for (const name of Object.keys(console.viewers)) {
    if (!VIEWER.test(name)) yield `console.viewers: a viewer's name is a line of 1 to 60 characters`;
  }
  if ((console.oidc.issuer === undefined) !== (console.oidc.clientId === undefined))
    yield 'console.oidc: takes issuer and clientId together';
}

/** Whether what is printed is still taken. */
let output: 'unused' | 'taken' | 'gone' | 'failed' = 'unused';

/** Prints a text and a line feed, unless nobody reads any more: who reads no further has seen enough. */
export function print(text: string): void {
  if (output === 'gone' || output === 'failed') return;
  if (output === 'unused') process.stdout.on('error', outputFailed);
  output = 'taken';
  process.stdout.write(`${text}\n`);
}

function outputFailed(error: NodeJS.ErrnoException): void {
  const isReported = output === 'failed';
  output = error.code === 'EPIPE' ? 'gone' : 'failed';
  if (output === 'gone' || isReported) return;
  process.stderr.write(`Standard output cannot be written to: ${error.message}\n`);
  process.exitCode = 1;
}

import net from 'node:net';

const BUFFER_BYTES = 2 ** 20;
const TAIL_BYTES = 64;

/** A body as it came over the wire, with its chunks' lengths and the header. */
export interface RawDownload {
  readonly seconds: number;
  readonly bytes: number;
}

/**
 * Reads one answer from the socket into one buffer, so that the client costs as little as a client can.
 * @throws unless the status is 200 and the body ended as the header said
 */
export async function rawDownload(url: string, accept: string): Promise<RawDownload> {
  const { hostname, port, pathname, host } = new URL(url);
  const from = performance.now();
  let bytes = 0;
  let head = '';
  let tail: Buffer = Buffer.alloc(0);
  await new Promise<void>((resolve, reject) => {
    const callback = (count: number, into: Uint8Array): boolean => {
      const chunk = Buffer.from(into.buffer, into.byteOffset, count);
      if (bytes === 0) head = chunk.subarray(0, chunk.indexOf('\r\n\r\n')).toString('latin1');
      bytes += count;
      tail = Buffer.concat([tail, chunk.subarray(-TAIL_BYTES)]).subarray(-TAIL_BYTES);
      return true;
    };
    const onread = { buffer: Buffer.alloc(BUFFER_BYTES), callback };
    const socket = net.connect({ host: hostname, port: Number(port), onread });
    socket.write(
      `GET ${pathname} HTTP/1.1\r\nHost: ${host}\r\nAccept: ${accept}\r\nConnection: close\r\n\r\n`,
    );
    socket.once('error', reject).once('close', () => {
      resolve();
    });
  });
  const seconds = (performance.now() - from) / 1000;
  const announced = /^content-length: *(\d+)/im.exec(head)?.[1];
  const whole =
    announced === undefined
      ? tail.toString('latin1').endsWith('0\r\n\r\n')
      : bytes === Buffer.byteLength(head, 'latin1') + 4 + Number(announced);
  if (!head.startsWith('HTTP/1.1 200 ') || !whole) throw new Error(`not a whole answer from ${url}: ${head}`);
  return { seconds, bytes };
}

// Exits 0 when the gateway in this container is alive. The environment says where it listens. What only the file says is found
// out: TLS by the way that the connection breaks off, a port of the operator's own by 404 on this one.
import http from 'node:http';
import https from 'node:https';
import { setTimeout } from 'node:timers';

const listen = process.env.DICOMGW_ADMIN_LISTEN || process.env.DICOMGW_HTTP_LISTEN || '127.0.0.1:8080';
const any = /^(?:0\.0\.0\.0|\[::\]):(?<port>\d+)$/.exec(listen);
const address = any ? `127.0.0.1:${any.groups.port}` : listen;

const end = (alive) => process.exit(alive ? 0 : 1);
setTimeout(end, 4000, false);

const ask = (client, options, onError) => {
  const request = client.get(`${options.protocol}//${address}/healthz`, options, ({ statusCode }) =>
    end(statusCode === 200 || statusCode === 404),
  );
  request.on('error', onError);
};

ask(http, { protocol: 'http:' }, () => {
  // Whose certificate it is does not matter: nothing is told. Who refuses us for having none is alive, too.
  ask(https, { protocol: 'https:', rejectUnauthorized: false }, ({ code }) => end(/_ALERT_/.test(code)));
});

// Exits 0 when the gateway in this container is alive. The environment says where it listens.
import { get } from 'node:http';

const listen = process.env.DICOMGW_ADMIN_LISTEN || process.env.DICOMGW_HTTP_LISTEN || '127.0.0.1:8080';
const any = /^(?:0\.0\.0\.0|\[::\]):(?<port>\d+)$/.exec(listen);
const origin = `http://${any ? `127.0.0.1:${any.groups.port}` : listen}`;

get(`${origin}/healthz`, { timeout: 4000 }, ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1))
  .on('timeout', () => process.exit(1))
  .on('error', () => process.exit(1));

import { z } from 'zod';
import { durationOrOff, key } from './kind.js';

/** All certificates that the gateway uses. */
export const certificates = z.strictObject({
  reloadInterval: key(
    durationOrOff,
    'How often the files of all certificates are read again, so that renewed ones are used without a restart; SIGHUP does it at once.',
  ).prefault('1m'),
});

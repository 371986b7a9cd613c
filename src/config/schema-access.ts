import { z } from 'zod';
import { boolean, key } from './kind.js';

/** Who may do what. */
export const access = z.strictObject({
  anonymous: key(
    boolean,
    'Whether anybody who reaches the listener may read and store. Implied on loopback; elsewhere it must be said.',
  ).prefault(false),
});

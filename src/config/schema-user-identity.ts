import { z } from 'zod';
import { boolean, choice, key, text } from './kind.js';

const file = text(/^[^\0]+$/, 'the path of a file');
const userName = text(/^[^\p{Cc}]{1,256}$/u, 'text of 1 to 256 characters');

/** Who associations to a peer are opened for. */
export const peerUserIdentity = z.strictObject({
  type: key(
    choice('username', 'passcode', 'kerberos', 'saml', 'jwt'),
    'What the peer is told: a user name, a user name with a passcode, a Kerberos service ticket, a SAML assertion or a JSON web token.',
  ),
  user: key(userName, 'The user name; with `username` and `passcode`.').exactOptional(),
  passcode: key(userName, 'The passcode; or in `passcodeFile`.', { secret: true }).exactOptional(),
  passcodeFile: key(
    file,
    'The file that holds the passcode. It is read for each association; line ends at its end do not count.',
  ).exactOptional(),
  file: key(
    file,
    'The file that holds the ticket, assertion or token. It is read for each association, so it can be renewed.',
  ).exactOptional(),
  confirm: key(
    boolean,
    'Whether the peer is asked to confirm the identity. One that does not is then not used: it may not have looked at it.',
  ).prefault(false),
});

/** Who may open associations to the gateway. */
export const dimseUserIdentity = z.strictObject({
  required: key(
    boolean,
    'Whether an association without a user identity is rejected; one with a wrong identity always is.',
  ).prefault(true),
  users: z
    .record(
      z.string(),
      key(
        text(
          /^scrypt:\d{1,7}:\d{1,2}:\d{1,2}:[A-Za-z0-9_-]{22,86}:[A-Za-z0-9_-]{43,86}$/,
          'a hashed passcode, as `dicomweb-gateway hash-password` prints it',
        ),
        'The hashed passcode of a user of this name; `dicomweb-gateway hash-password` makes it.',
        { secret: true },
      ),
    )
    .prefault({}),
});

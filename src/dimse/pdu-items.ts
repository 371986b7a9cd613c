import { GatewayError } from '../core/index.js';
import {
  decodeUserIdentity,
  encodeUserIdentity,
  encodeUserIdentityResponse,
  type UserIdentity,
} from './user-identity.js';

/** Whether the requestor of an association may act as SCU and SCP of a SOP class. @see PS3.7 D.3.3.4 */
export interface RoleSelection {
  readonly sopClassUid: string;
  readonly scu: boolean;
  readonly scp: boolean;
}

/** Service-class application information of a SOP class as it stands on the wire. @see PS3.7 D.3.3.5 */
export interface ExtendedNegotiation {
  readonly sopClassUid: string;
  readonly information: Buffer;
}

export interface UserInformation {
  /** Longest P-DATA-TF that the sender of this item takes, in bytes after the PDU's header; 0 = any. */
  readonly maxPduLength: number;
  readonly implementationClassUid: string;
  readonly implementationVersionName?: string;
  readonly asyncWindow?: { readonly invoked: number; readonly performed: number };
  readonly roles: readonly RoleSelection[];
  readonly extendedNegotiations: readonly ExtendedNegotiation[];
  /** Of a requestor. */
  readonly userIdentity?: UserIdentity;
  /** Of an acceptor that was asked to confirm the identity: what it answered, which may be nothing but that it did. */
  readonly userIdentityResponse?: Buffer;
}

const UserItemTypes = {
  maxLength: 0x51,
  implementationClass: 0x52,
  asyncWindow: 0x53,
  roleSelection: 0x54,
  implementationVersion: 0x55,
  extendedNegotiation: 0x56,
  userIdentity: 0x58,
  userIdentityResponse: 0x59,
} as const;

/** One item: type, reserved byte, 16-bit length, value. */
export function item(type: number, value: Buffer): Buffer {
  const header = Buffer.of(type, 0, value.length >>> 8, value.length & 0xff);
  return Buffer.concat([header, value]);
}

/**
 * The items in `bytes`, as views.
 * @throws GatewayError `peer-protocol` when an item does not fit
 */
export function* readItems(bytes: Buffer): Generator<readonly [type: number, value: Buffer]> {
  let offset = 0;
  while (offset < bytes.length) {
    if (bytes.length - offset < 4) throw badItem();
    const end = offset + 4 + bytes.readUInt16BE(offset + 2);
    if (end > bytes.length) throw badItem();
    yield [bytes.readUInt8(offset), bytes.subarray(offset + 4, end)];
    offset = end;
  }
}

/** Text of an item or AE title without its padding; peers pad UIDs with NUL as in datasets although they should not. */
export function readText(bytes: Buffer): string {
  let end = bytes.length;
  while (end > 0 && (bytes[end - 1] === 0 || bytes[end - 1] === 0x20)) end -= 1;
  return bytes.toString('latin1', 0, end).trimStart();
}

/** The value of the user information item (50H). */
export function encodeUserInformation(user: UserInformation): Buffer {
  const maxLength = Buffer.alloc(4);
  maxLength.writeUInt32BE(user.maxPduLength);
  const items = [
    item(UserItemTypes.maxLength, maxLength),
    item(UserItemTypes.implementationClass, Buffer.from(user.implementationClassUid, 'latin1')),
  ];
  if (user.asyncWindow) {
    const window = Buffer.alloc(4);
    window.writeUInt16BE(user.asyncWindow.invoked, 0);
    window.writeUInt16BE(user.asyncWindow.performed, 2);
    items.push(item(UserItemTypes.asyncWindow, window));
  }
  for (const { sopClassUid, scu, scp } of user.roles) {
    items.push(item(UserItemTypes.roleSelection, withUid(sopClassUid, Buffer.of(scu ? 1 : 0, scp ? 1 : 0))));
  }
  if (user.implementationVersionName !== undefined) {
    items.push(
      item(UserItemTypes.implementationVersion, Buffer.from(user.implementationVersionName, 'latin1')),
    );
  }
  for (const { sopClassUid, information } of user.extendedNegotiations) {
    items.push(item(UserItemTypes.extendedNegotiation, withUid(sopClassUid, information)));
  }
  if (user.userIdentity) items.push(item(UserItemTypes.userIdentity, encodeUserIdentity(user.userIdentity)));
  if (user.userIdentityResponse) {
    const response = encodeUserIdentityResponse(user.userIdentityResponse);
    items.push(item(UserItemTypes.userIdentityResponse, response));
  }
  return Buffer.concat(items);
}

/**
 * Reads the value of the user information item; items that the gateway has no use for are passed over.
 * @throws GatewayError `peer-protocol`
 */
export function decodeUserInformation(bytes: Buffer): UserInformation {
  const user: Writable = {
    maxPduLength: 0,
    implementationClassUid: '',
    roles: [],
    extendedNegotiations: [],
  };
  for (const [type, value] of readItems(bytes)) userItemReaders.get(type)?.(user, value);
  return user;
}

/** Lists that are added to: an item of four bytes must not cost a copy of all before it. */
type Writable = {
  -readonly [K in keyof UserInformation]: UserInformation[K] extends readonly (infer T)[]
    ? T[]
    : UserInformation[K];
};

const userItemReaders: ReadonlyMap<number, (user: Writable, value: Buffer) => void> = new Map<
  number,
  (user: Writable, value: Buffer) => void
>([
  [
    UserItemTypes.maxLength,
    (user, value) => {
      user.maxPduLength = atLeast(value, 4).readUInt32BE(0);
    },
  ],
  [
    UserItemTypes.implementationClass,
    (user, value) => {
      user.implementationClassUid = readText(value);
    },
  ],
  [
    UserItemTypes.implementationVersion,
    (user, value) => {
      user.implementationVersionName = readText(value);
    },
  ],
  [
    UserItemTypes.asyncWindow,
    (user, value) => {
      const window = atLeast(value, 4);
      user.asyncWindow = { invoked: window.readUInt16BE(0), performed: window.readUInt16BE(2) };
    },
  ],
  [
    UserItemTypes.roleSelection,
    (user, value) => {
      const [sopClassUid, roles] = splitUid(value);
      const [scu = 0, scp = 0] = atLeast(roles, 2);
      user.roles.push({ sopClassUid, scu: scu !== 0, scp: scp !== 0 });
    },
  ],
  [
    UserItemTypes.extendedNegotiation,
    (user, value) => {
      const [sopClassUid, information] = splitUid(value);
      user.extendedNegotiations.push({ sopClassUid, information });
    },
  ],
  [
    UserItemTypes.userIdentity,
    (user, value) => {
      user.userIdentity = decodeUserIdentity(value);
    },
  ],
  [
    UserItemTypes.userIdentityResponse,
    (user, value) => {
      // That it is there is what counts: peers leave out the length of an empty response.
      user.userIdentityResponse = value.subarray(2);
    },
  ],
]);

function withUid(uid: string, rest: Buffer): Buffer {
  return Buffer.concat([Buffer.of(uid.length >>> 8, uid.length & 0xff), Buffer.from(uid, 'latin1'), rest]);
}

function splitUid(value: Buffer): readonly [uid: string, rest: Buffer] {
  const end = 2 + atLeast(value, 2).readUInt16BE(0);
  return [readText(atLeast(value, end).subarray(2, end)), value.subarray(end)];
}

function atLeast(value: Buffer, length: number): Buffer {
  if (value.length < length) throw badItem();
  return value;
}

function badItem(): GatewayError {
  return new GatewayError(
    'peer-protocol',
    'The peer sent an association PDU whose items do not fit into it.',
  );
}

const UID = /^(?=.{1,64}$)(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*))*$/;

/** Whether `text` is a UID: digits and dots, no component with a leading zero, at most 64. @see PS3.5 9.1 */
export function isUid(text: string): boolean {
  return UID.test(text);
}

const UID_WITH_LEADING_ZEROS = /^(?=.{1,64}$)\d+(?:\.\d+)*$/;

/**
 * Whether `text` is a UID, or would be but for components with leading zeros: archives hold such, and what a peer lists
 * must be reachable. Digits and dots alone, so it can stand in a URL. @see PS3.5 9.1
 */
export function isArchivedUid(text: string): boolean {
  return UID_WITH_LEADING_ZEROS.test(text);
}

/** The root of what the gateway itself is: sent in associations and written into File Meta Information. @see PS3.7 D.3.3.2 */
export const implementationClassUid = '2.25.86453061402172164403577064842021867173';

/** Goes with `implementationClassUid`; at most 16 characters. @see PS3.7 D.3.3.2 */
export const implementationVersionName = 'DCMWEBGATEWAY';

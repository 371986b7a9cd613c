import { signal } from '@preact/signals';

/** What goes into the Authorization header, and until when. */
export interface Credentials {
  readonly header: string;
  /** Time of the calendar in ms. */
  readonly expires?: number | undefined;
  readonly refreshToken?: string | undefined;
}

const KEY = 'dicomweb-gateway.credentials';

/** Of this tab alone, until it is closed. */
function stored(): Credentials | undefined {
  try {
    const value: unknown = JSON.parse(sessionStorage.getItem(KEY) ?? 'null');
    return typeof value === 'object' && value !== null && 'header' in value
      ? (value as Credentials)
      : undefined;
  } catch {
    return undefined;
  }
}

export const credentials = signal<Credentials | undefined>(stored());

/** Why nothing is answered: nobody has logged in, or with what the gateway does not take. */
export const refusal = signal<'unauthenticated' | 'wrong' | undefined>(undefined);

/** Why a login that was begun came to nothing, in words. */
export const failedLogin = signal<string | undefined>(undefined);

/** Grows when somebody logs in or out: what is shown is asked for anew. It does not when a token is renewed. */
export const logins = signal(0);

/** Takes what a login has brought; undefined where what there was is not valid any more. */
export function logIn(value: Credentials | undefined): void {
  renewed(value);
  refusal.value = undefined;
  failedLogin.value = undefined;
  logins.value += 1;
}

const forgetting = new Set<() => void>();

/** Calls `forget` when somebody logs out: whatever holds data of patients beside the view that is shown says so here. */
export function onLogOut(forget: () => void): void {
  forgetting.add(forget);
}

/** Whoever used the page goes: nothing of what was seen stays in it. */
export function logOut(): void {
  logIn(undefined);
  refusal.value = 'unauthenticated';
  for (const forget of forgetting) forget();
}

/** Takes what the same user goes on with. */
export function renewed(value: Credentials | undefined): void {
  credentials.value = value;
  try {
    if (value) sessionStorage.setItem(KEY, JSON.stringify(value));
    else sessionStorage.removeItem(KEY);
  } catch {
    // Without storage a reload asks again.
  }
}

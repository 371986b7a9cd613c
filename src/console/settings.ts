import { signal } from '@preact/signals';

/** What the gateway tells everybody of itself. */
export interface Settings {
  readonly version: string;
  readonly defaultPeer: string;
  /** What viewers call the gateway; undefined where it is not told apart from what this page does. */
  readonly publicUrl?: string;
  readonly viewers: readonly { readonly name: string; readonly url: string }[];
  readonly grafanaUrl?: string;
  readonly oidc?: { readonly issuer: string; readonly clientId: string; readonly scopes: readonly string[] };
}

export const settings = signal<Settings>({ version: '', defaultPeer: '', viewers: [] });

/** The folder of the page, whatever path a proxy has for it. */
const FOLDER = new URL('.', location.origin + location.pathname);

/** The URL of something beside the page. */
export const basePath = (path: string): string => new URL(path, FOLDER).href;

/** Asks the gateway for its settings until it answers; calls `onFailure` each time that it does not. */
export async function loadSettings(onFailure: () => void): Promise<Settings> {
  for (;;) {
    try {
      const response = await fetch(basePath('console/settings.json'), { cache: 'no-store' });
      if (response.ok) {
        settings.value = (await response.json()) as Settings;
        return settings.value;
      }
    } catch {
      // It may be starting.
    }
    onFailure();
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

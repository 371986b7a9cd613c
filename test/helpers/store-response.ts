import { request, storeBody, type RawResponse } from './test-gateway.js';

/** Stores Part 10 files. */
export function postFiles(url: string, files: readonly Buffer[]): Promise<RawResponse> {
  const { contentType, body } = storeBody(files);
  return request(url, { method: 'POST', headers: { 'content-type': contentType }, body });
}

/** What a store response lists. */
export interface StoreAnswer {
  readonly stored: readonly string[];
  readonly failed: Readonly<Record<string, number>>;
  readonly other: readonly number[];
  /** Of those that are stored. */
  readonly warnings: Readonly<Record<string, number>>;
  readonly retrieveUrl: string | undefined;
}

type Item = Record<string, { Value?: (string | number)[] } | undefined>;

/** The response dataset, by the UIDs and reasons in it. @see PS3.18 Table 10.5.3-1 */
export function answerOf({ body }: RawResponse): StoreAnswer {
  const dataset = JSON.parse(body.toString()) as Record<string, { Value?: unknown[] } | undefined>;
  const items = (tag: string): readonly Item[] => (dataset[tag]?.Value ?? []) as Item[];
  const reasons = (sequence: string, tag: string): Readonly<Record<string, number>> =>
    Object.fromEntries(
      items(sequence).flatMap((item) => {
        const [reason] = item[tag]?.Value ?? [];
        return reason === undefined ? [] : [[String(item['00081155']?.Value?.[0]), Number(reason)]];
      }),
    );
  return {
    stored: items('00081199').map((item) => String(item['00081155']?.Value?.[0])),
    failed: reasons('00081198', '00081197'),
    other: items('0008119A').map((item) => Number(item['00081197']?.Value?.[0])),
    warnings: reasons('00081199', '00081196'),
    retrieveUrl: dataset['00081190']?.Value?.[0] as string | undefined,
  };
}

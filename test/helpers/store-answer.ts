import { request, storeBody, type RawResponse } from './test-gateway.js';

/** Stores Part 10 files by one request. */
export const postFiles = (
  url: string,
  files: readonly Buffer[],
  headers: Readonly<Record<string, string>> = {},
): Promise<RawResponse> => {
  const { contentType, body } = storeBody(files);
  return request(url, { method: 'POST', headers: { 'content-type': contentType, ...headers }, body });
};

/** What the answer to a store request says. */
export interface StoreSays {
  /** SOP Instance UIDs. */
  readonly stored: readonly string[];
  /** Warning reasons by SOP Instance UID. */
  readonly warnings: Readonly<Record<string, number>>;
  /** Failure reasons by SOP Instance UID. */
  readonly failed: Readonly<Record<string, number>>;
  /** Failure reasons of parts that are no instance. */
  readonly other: readonly number[];
}

type Item = Record<string, { Value?: (string | number)[] }>;

/** The response dataset, by the UIDs and reasons in it. @see PS3.18 Table 10.5.3-1 */
export function answerOf(response: Pick<RawResponse, 'body'>): StoreSays {
  const dataset = JSON.parse(response.body.toString()) as Record<string, { Value?: Item[] }>;
  const items = (tag: string): readonly Item[] => dataset[tag]?.Value ?? [];
  const reasons = (sequence: string, of: string): Readonly<Record<string, number>> =>
    Object.fromEntries(
      items(sequence).flatMap((item) => {
        const [reason] = item[of]?.Value ?? [];
        return reason === undefined ? [] : [[String(item['00081155']?.Value?.[0]), Number(reason)]];
      }),
    );
  return {
    stored: items('00081199').map((item) => String(item['00081155']?.Value?.[0])),
    warnings: reasons('00081199', '00081196'),
    failed: reasons('00081198', '00081197'),
    other: items('0008119A').map((item) => Number(item['00081197']?.Value?.[0])),
  };
}

/** The RetrieveURL of the whole answer. @see rule S-10 */
export function retrieveUrlOf({ body }: Pick<RawResponse, 'body'>): string | undefined {
  const dataset = JSON.parse(body.toString()) as Record<string, { Value?: string[] } | undefined>;
  return dataset['00081190']?.Value?.[0];
}

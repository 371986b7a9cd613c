/** What a client is told: to come back, or the result. */
export type CommitmentAnswer =
  | { readonly state: 'pending'; readonly retryAfterSeconds: number }
  | {
      readonly state: 'done';
      readonly body: string;
      readonly mediaType: string;
      /** Whether the client takes it in a part of a multipart body. */
      readonly multipart: boolean;
    };

/** What a client asks for, as it came. */
export interface CommitmentDocument {
  readonly form: 'json' | 'xml';
  readonly bytes: Buffer;
}

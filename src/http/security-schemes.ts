/** How a client may show who it is. */
export interface WaysIn {
  /** Whether something may be had by those who say nothing of who they are. */
  readonly anonymous: boolean;
  readonly tokens: boolean;
  readonly passwords: boolean;
  readonly certificates: boolean;
  /** Issuers of tokens by name, with what discovery of each begins at. */
  readonly issuers: readonly { readonly name: string; readonly discovery: string }[];
}

type Node = Readonly<Record<string, unknown>>;

const schemesOf = ({ tokens, passwords, certificates, issuers }: WaysIn): Readonly<Record<string, Node>> => ({
  ...(tokens && { bearer: { type: 'http', scheme: 'bearer' } }),
  ...Object.fromEntries(
    issuers.map(({ name, discovery }) => [
      `oidc-${name}`,
      { type: 'openIdConnect', openIdConnectUrl: discovery },
    ]),
  ),
  ...(passwords && { basic: { type: 'http', scheme: 'basic' } }),
  ...(certificates && { certificate: { type: 'mutualTLS' } }),
});

/** The schemes of a description, and which of them a request needs: one of all, or none where anybody may ask. */
export function securityOf(ways: WaysIn): { readonly schemes: Node; readonly security: readonly Node[] } {
  const schemes = schemesOf(ways);
  const one = Object.keys(schemes).map((name) => ({ [name]: [] }));
  return { schemes, security: [...one, ...(ways.anonymous ? [{}] : [])] };
}

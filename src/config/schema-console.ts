import { z } from 'zod';
import { boolean, key, list, text, webUrl } from './kind.js';

/** No scheme that runs what it holds; custom schemes open programs such as Weasis. */
const viewerUrl = text(
  /^(?:\/(?!\/)|(?!javascript:|data:|vbscript:|blob:)[a-z][a-z0-9+.-]{1,30}:)[^\s"'<>\\^`]{0,1000}$/i,
  'a URL of a viewer, such as https://viewer.example/viewer?StudyInstanceUIDs={study}',
);

/** As the issuer spells itself: a slash at its end is part of its name. */
const issuer = text(
  /^https?:\/\/[A-Za-z0-9.[\]:-]{1,255}(?:\/[A-Za-z0-9._~%/-]{0,500})?$/,
  'the URL of an issuer, such as https://login.example/realms/site',
);

const oidc = z.strictObject({
  issuer: key(
    issuer,
    'Issuer of the tokens that the console logs in for (OpenID Connect); it must allow the origin of the console (CORS).',
  ).exactOptional(),
  clientId: key(
    text(/^[\x21-\x7e]{1,200}$/, 'a client id'),
    'The id of the console there: a public client with the code flow and PKCE; its redirect URI is the address of the console.',
  ).exactOptional(),
  scopes: key(
    list(text(/^[\x21\x23-\x5b\x5d-\x7e]{1,200}$/, 'a scope'), 'a list of scopes'),
    'What the console asks for.',
  ).prefault(['openid']),
  origins: key(
    list(webUrl, 'a list of origins', 0),
    'Further origins that the page may ask to log in: that of the token endpoint, where it is not that of the issuer.',
  ).prefault([]),
});

/** The page for operators. */
export const console_ = z.strictObject({
  enabled: key(
    boolean,
    'Whether a page at `/` shows peers, studies, pictures and pulls; beside `/healthz`, wherever that is.',
  ).prefault(true),
  viewers: z
    .record(
      z.string(),
      key(
        viewerUrl,
        'A viewer that studies are opened in, under the name that its link has. `{study}` and `{series}` become UIDs, `{service}` the URL of the DICOMweb service, all percent-encoded.',
      ),
    )
    .prefault({}),
  grafanaUrl: key(webUrl, 'Where the health page leads to for more.').exactOptional(),
  oidc: oidc.prefault({}),
});

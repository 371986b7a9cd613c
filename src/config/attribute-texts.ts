import { text, type Kind } from './kind.js';

/** Attributes by keyword, and a text for each. */
export type AttributeTexts = Readonly<Record<string, string>>;

const KEYWORD = /^[A-Z][A-Za-z0-9]{1,63}$/;

/** A keyword of PS3.6, as far as its form goes. */
export const keyword: Kind<string> = text(KEYWORD, 'a keyword');

/** A group of keywords with a text for each; from the environment in the form `PatientID=A*;AccessionNumber=`. */
export const attributeTexts: Kind<AttributeTexts> = {
  takes: 'keywords with a text for each, such as { InstitutionName: "North Clinic" }',
  read(value) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    const entries = Object.entries(value).map(([name, given]: [string, unknown]) => [
      name,
      typeof given === 'number' ? String(given) : given,
    ]);
    const isGood = entries.every(([name, given]) => KEYWORD.test(String(name)) && typeof given === 'string');
    return isGood && entries.length > 0 ? (Object.fromEntries(entries) as AttributeTexts) : undefined;
  },
  fromText: (given) =>
    Object.fromEntries(
      given.split(';').map((entry) => {
        const [name = '', ...rest] = entry.split('=');
        return [name.trim(), rest.join('=')];
      }),
    ),
};

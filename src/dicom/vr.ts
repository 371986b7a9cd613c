/**
 * What the encoding of each value representation needs to know.
 *
 * `unit` is the size in bytes of what a change of byte order turns round (AT is two 16 bit numbers); `long` marks those
 * whose explicit header has a 32 bit length; `pad` is the byte that makes a value even; `text` marks character strings,
 * `encoded` those of them that follow Specific Character Set.
 */
interface VrTraits {
  readonly unit: 1 | 2 | 4 | 8;
  readonly long: boolean;
  readonly pad: 0x00 | 0x20;
  readonly text: boolean;
  readonly encoded: boolean;
}

const text: VrTraits = { unit: 1, long: false, pad: 0x20, text: true, encoded: false };
const encodedText: VrTraits = { ...text, encoded: true };
const number = (unit: 2 | 4 | 8): VrTraits => ({ unit, long: false, pad: 0, text: false, encoded: false });
const bulk = (unit: 1 | 2 | 4 | 8): VrTraits => ({ unit, long: true, pad: 0, text: false, encoded: false });

const traits = {
  AE: text,
  AS: text,
  AT: number(2),
  CS: text,
  DA: text,
  DS: text,
  DT: text,
  FD: number(8),
  FL: number(4),
  IS: text,
  LO: encodedText,
  LT: encodedText,
  OB: bulk(1),
  OD: bulk(8),
  OF: bulk(4),
  OL: bulk(4),
  OV: bulk(8),
  OW: bulk(2),
  PN: encodedText,
  SH: encodedText,
  SL: number(4),
  SQ: bulk(1),
  SS: number(2),
  ST: encodedText,
  SV: bulk(8),
  TM: text,
  UC: { ...encodedText, long: true },
  UI: { ...text, pad: 0 },
  UL: number(4),
  UN: bulk(1),
  UR: { ...text, long: true },
  US: number(2),
  UT: { ...encodedText, long: true },
  UV: bulk(8),
} as const satisfies Record<string, VrTraits>;

/** A value representation. @see PS3.5 6.2 */
export type Vr = keyof typeof traits;

/** How values of `vr` are encoded. @see PS3.5 6.2, 7.1.2 */
export function vrTraits(vr: Vr): VrTraits {
  return traits[vr];
}

/** Whether `text` names a value representation of PS3.5. */
export function isVr(text: string): text is Vr {
  return Object.hasOwn(traits, text);
}

const byCode = new Map<number, Vr>(
  Object.keys(traits)
    .filter(isVr)
    .map((vr) => [(vr.charCodeAt(0) << 8) | vr.charCodeAt(1), vr]),
);

/** The value representation that the two bytes of an explicit header spell (first byte in the upper half). */
export function vrByCode(code: number): Vr | undefined {
  return byCode.get(code);
}

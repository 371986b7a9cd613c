const SIZES = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

const short = (value: number): string =>
  value >= 100 || Number.isInteger(value) ? String(Math.round(value)) : value.toFixed(value >= 10 ? 1 : 2);

/** A number of bytes. */
export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  for (; value >= 1024 && unit < SIZES.length - 1; unit += 1) value /= 1024;
  return `${unit === 0 ? String(Math.round(value)) : short(value)} ${SIZES[unit] ?? ''}`;
}

/** A time that passed or is left. */
export function secondsText(seconds: number): string {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 100) return `${short(Math.round(seconds * 10) / 10)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.round(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** A count or a rate. */
export const numberText = (value: number): string => short(value);

/** A share of one. */
export const shareText = (share: number): string => `${Math.round(share * 100)} %`;

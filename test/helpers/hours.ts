/** An hour of the day that is not now, nor soon, for hours of background work. */
export function away(): string {
  const hour = (new Date().getHours() + 12) % 24;
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${two(hour)}:00-${two(hour)}:30`;
}

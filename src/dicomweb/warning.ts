const maxLength = 512;

/**
 * The value of a `Warning` header with code 299, for example `299 pacs.example "There are 5 additional results …"`.
 *
 * Text that could end the header or the quotes is replaced, so anything may be passed in; longer than 512 is cut.
 *
 * @see PS3.18 8.3.4.4.1, RFC 7234 5.5
 */
export function formatWarning(host: string, text: string): string {
  const agent = host.replace(/[^\w.:[\]-]/g, '').slice(0, maxLength);
  const printable = text.slice(0, maxLength).replace(/[^ -~]/g, '?');
  return `299 ${agent === '' ? '-' : agent} "${printable.replace(/["\\]/g, '\\$&')}"`;
}

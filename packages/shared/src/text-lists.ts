/**
 * The first few items of a list as text: `a, b, c and 7 more`; `nothing` for an empty list.
 * @param count number of items, where the list itself has only the first ones
 */
export function listFew(items: readonly string[], most = 5, count = items.length): string {
  if (items.length === 0) return 'nothing'
  const more = count > most ? ` and ${count - most} more` : ''
  return items.slice(0, most).join(', ') + more
}

/** Alternatives as text: `a, b or c`. */
export function orList(items: readonly string[]): string {
  return items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} or ${items.at(-1)}`
}

/** A message without its final period, to go on after it. */
export const withoutPeriod = (message: string): string => message.replace(/\.$/, '')

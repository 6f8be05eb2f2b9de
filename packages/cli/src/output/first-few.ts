/** The first few of a list as text, with an ellipsis where there are more. */
export function firstFew(items: readonly string[], count: number): string {
  return `${items.slice(0, count).join(', ')}${items.length > count ? ', …' : ''}`
}

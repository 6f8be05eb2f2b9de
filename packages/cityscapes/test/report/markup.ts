import { expect } from 'vitest'

const empty = new Set(['meta', 'img', 'rect', 'path', '!doctype'])

/** The elements of a page or picture, after checking that every one is closed in order; throws where not. */
export function elements(markup: string): { name: string; attributes: Map<string, string> }[] {
  const found: { name: string; attributes: Map<string, string> }[] = []
  const open: string[] = []
  const text = markup.replace(/<style>[^<]*<\/style>/g, '')
  for (const [tag, close, name, rest] of text.matchAll(
    /<(\/?)([!a-z][a-z0-9]*)((?:\s+[a-z-]+(?:="[^"<>]*")?)*)\s*\/?>/gi,
  )) {
    if (close) {
      const expected = open.pop()
      if (expected !== name) throw new Error(`</${name}> closes <${expected}>`)
      continue
    }
    const attributes = new Map(
      [...rest.matchAll(/([a-z-]+)(?:="([^"]*)")?/gi)].map((m) => [m[1], m[2] ?? '']),
    )
    found.push({ name: name, attributes })
    if (!empty.has(name.toLowerCase()) && !tag.endsWith('/>')) open.push(name)
  }
  if (open.length > 0) throw new Error(`<${open.at(-1)}> is not closed`)
  if (/[<>]/.test(text.replace(/<[^<>]*>/g, ''))) throw new Error('a stray angle bracket')
  return found
}

/** Fails unless the page needs no script and nothing from elsewhere. */
export function expectStatic(html: string): void {
  const found = elements(html)
  expect(found[0].name).toBe('!doctype')
  expect(found.some(({ name }) => name === 'script' || name === 'link')).toBe(false)
  expect(html.replaceAll('xmlns="http://www.w3.org/2000/svg"', '')).not.toMatch(/\/\/|url\(|@import/)
  for (const { attributes } of found) {
    for (const key of attributes.keys()) expect(key.startsWith('on')).toBe(false)
  }
}

/** Fails unless headings, links, regions, pictures and tables serve those who use a keyboard or a screen reader. */
export function expectReadable(html: string): void {
  const found = elements(html)
  const ids = found.flatMap(({ attributes }) => attributes.get('id') ?? [])
  expect(new Set(ids).size).toBe(ids.length)
  const values = (key: string) => found.flatMap(({ attributes }) => attributes.get(key) ?? [])
  for (const id of values('aria-labelledby')) expect(ids).toContain(id)
  for (const url of values('href')) if (url.startsWith('#')) expect(ids).toContain(url.slice(1))
  const regions = found.flatMap(({ attributes }) =>
    attributes.get('role') === 'region' ? [attributes.get('aria-label')] : [],
  )
  expect(new Set(regions).size).toBe(regions.length)
  for (const { name, attributes } of found) {
    if (name === 'img') expect(attributes.get('alt')).toMatch(/. of ./)
    if (name === 'th') expect(attributes.get('scope')).toMatch(/row|col/)
    if (name === 'svg') expect(attributes.get('role')).toBe('img')
    if (attributes.get('tabindex') || attributes.get('role')) {
      expect(attributes.get('aria-label')).toBeTruthy()
    }
  }
  const levels = found.filter(({ name }) => /^h\d$/.test(name)).map(({ name }) => Number(name[1]))
  expect(levels[0]).toBe(1)
  for (let i = 1; i < levels.length; i++) expect(levels[i] - levels[i - 1]).toBeLessThanOrEqual(1)
}

/** Markup without its tags and styles. */
export const textOf = (markup: string): string =>
  markup.replace(/<style>[^<]*<\/style>/g, '').replace(/<[^>]*>/g, '')

/** The cells' texts, row by row, of the table in the region of this name. */
export function tableOf(html: string, label: string): string[][] {
  const region = html.split(`role="region" aria-label="${label}">`)[1]
  if (region === undefined) throw new Error(`no table ${label}`)
  return [...region.split('</table>')[0].matchAll(/<tr>(.*?)<\/tr>/gs)].map(([, row]) =>
    [...row.matchAll(/<t[hd][^>]*>(.*?)<\/t[hd]>/gs)].map(([, cell]) => textOf(cell)),
  )
}

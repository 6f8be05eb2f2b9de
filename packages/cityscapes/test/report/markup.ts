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
      [...rest!.matchAll(/([a-z-]+)(?:="([^"]*)")?/gi)].map((m) => [m[1]!, m[2] ?? '']),
    )
    found.push({ name: name!, attributes })
    if (!empty.has(name!.toLowerCase()) && !tag.endsWith('/>')) open.push(name!)
  }
  if (open.length > 0) throw new Error(`<${open.at(-1)}> is not closed`)
  if (/[<>]/.test(text.replace(/<[^<>]*>/g, ''))) throw new Error('a stray angle bracket')
  return found
}

import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { listExports } from './list-exports.mjs'

/** Reads the exports of each entry point from docs/exports.md: the code spans of the second column below its heading. */
async function documentedExports(): Promise<Record<string, string[]>> {
  const text = await readFile(new URL('../../docs/exports.md', import.meta.url), 'utf8')
  const sections = text.split(/^## /m).slice(1)
  return Object.fromEntries(
    sections.map((section) => {
      const [heading, ...lines] = section.split('\n')
      const rows = lines.filter((line) => line.startsWith('|')).map((line) => line.split('|')[2])
      return [heading, rows.flatMap((row) => [...row.matchAll(/`(\w+)`/g)].map(([, name]) => name)).sort()]
    }),
  )
}

test('docs/exports.md lists the public exports of every entry point', async () => {
  const exported = [...listExports()].map(([entry, symbols]) => [
    entry,
    symbols.map(({ name }) => name).sort(),
  ])
  expect(await documentedExports()).toEqual(Object.fromEntries(exported))
})

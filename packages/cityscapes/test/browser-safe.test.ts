import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

/** What a module imports, and what its relative imports import, and so on. */
function imports(module: URL, seen = new Map<string, string[]>()): Map<string, string[]> {
  if (seen.has(module.href)) return seen
  const names = [...readFileSync(module, 'utf8').matchAll(/from '([^']+)'/g)].map((match) => match[1])
  seen.set(module.href, names)
  for (const name of names) {
    if (name.startsWith('.')) imports(new URL(name.replace(/\.js$/, '.ts'), module), seen)
  }
  return seen
}

it('the main entry does not import Node modules', () => {
  const outside = [...imports(new URL('../src/index.ts', import.meta.url)).values()]
    .flat()
    .filter((name) => !name.startsWith('.'))
  expect([...new Set(outside)].sort()).toEqual([
    '@inverseform/distance-transform',
    '@inverseform/errors',
    '@inverseform/shared',
    'fast-png',
  ])
})

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))

export interface CodeBlock {
  /** Path of the README from the repository root. */
  readonly readme: string
  /** Line of the opening fence, from 1. */
  readonly line: number
  readonly code: string
}

/** Returns the TypeScript blocks of the root README and of every package's README. */
export function readCodeBlocks(): CodeBlock[] {
  const packages = readdirSync(join(root, 'packages')).sort()
  const readmes = ['README.md', ...packages.map((name) => `packages/${name}/README.md`)]
  return readmes.flatMap((readme) => {
    const text = readOrEmpty(join(root, readme))
    return [...text.matchAll(/^( *)```ts\n(.*?)^\1```$/gms)].map((match) => ({
      readme,
      line: text.slice(0, match.index).split('\n').length,
      code: match[2],
    }))
  })
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}

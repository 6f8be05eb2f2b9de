import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const biome = join(root, 'node_modules/@biomejs/biome/bin/biome')

let project: string
afterEach(() => rm(project, { recursive: true, force: true }))

/** The categories of what the linter reports for a project of these files, under the rules of this repository. */
async function lint(files: Readonly<Record<string, string>>): Promise<string[]> {
  project = await mkdtemp(join(tmpdir(), 'inverseform-lint-'))
  const config = JSON.parse(await readFile(join(root, 'biome.json'), 'utf8'))
  await writeFile(join(project, 'biome.json'), JSON.stringify({ ...config, vcs: { enabled: false } }))
  await cp(join(root, 'tools/scripts/lint'), join(project, 'tools/scripts/lint'), { recursive: true })
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(project, path)), { recursive: true })
    await writeFile(join(project, path), text)
  }
  const output = await new Promise<string>((resolve) => {
    const args = [biome, 'lint', '--reporter=json', '--max-diagnostics=none', ...Object.keys(files)]
    execFile(process.execPath, args, { cwd: project }, (_, stdout) => resolve(stdout))
  })
  const { diagnostics } = JSON.parse(output) as { diagnostics: { category: string }[] }
  return [...new Set(diagnostics.map(({ category }) => category))].sort()
}

test('accepts imports that go down the layers', async () => {
  const found = await lint({
    'packages/core/src/a.ts': "import { sum } from '@inverseform/shared'\n\nexport const a = sum([1])\n",
    'packages/runtime/src/b.ts': "export { zoo } from '@inverseform/backbones'\n",
  })
  expect(found).toEqual([])
})

test('rejects an import cycle, also one of types alone', async () => {
  const found = await lint({
    'packages/core/src/a.ts': "import type { B } from './b.js'\n\nexport type A = B\n",
    'packages/core/src/b.ts': "import type { A } from './a.js'\n\nexport type B = A | number\n",
  })
  expect(found).toEqual(['lint/suspicious/noImportCycles'])
})

test.each([
  ['up the layers', 'packages/backbones/src/a.ts', '@inverseform/runtime'],
  ['up to a subpath', 'packages/errors/src/a.ts', '@inverseform/shared/node'],
  ['across', 'packages/core/src/a.ts', '@inverseform/cityscapes'],
  ['of the test helpers from a source', 'packages/runtime/src/a.ts', '@inverseform/testing'],
  ["of another package's sources", 'packages/runtime/test/a.test.ts', '../../backbones/src/index.js'],
  ["of another package's tests", 'tools/bench/a.ts', '../../packages/core/test/support/golden.js'],
])('rejects an import %s', async (_, file, specifier) => {
  const found = await lint({ [file]: `import { x } from '${specifier}'\n\nexport const y = x\n` })
  expect(found).toEqual(['lint/style/noRestrictedImports'])
})

test.each([
  [
    'a private member',
    'export class A {\n  private x = 1\n  y = () => this.x\n}\n',
    'lint/style/useConsistentMemberAccessibility',
  ],
  [
    'a parameter property',
    'export class A {\n  constructor(readonly x: number) {}\n}\n',
    'lint/style/noParameterProperties',
  ],
  [
    'a body on its own line without braces',
    'export function f(x: number) {\n  if (x)\n    return 1\n  return 2\n}\n',
    'plugin',
  ],
])('rejects %s', async (_, text, category) => {
  expect(await lint({ 'packages/core/src/a.ts': text })).toEqual([category])
})

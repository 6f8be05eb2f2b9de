import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import pytorch from '../demo/pytorch.json' with { type: 'json' }
import { readCodeBlocks, root } from './code-blocks.js'
import { typeErrors } from './type-check.js'

const blocks = readCodeBlocks()
const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href
const execute = promisify(execFile)

describe('examples in the READMEs', () => {
  test('compile', () => {
    expect(blocks.length).toBeGreaterThan(30)
    expect(typeErrors(blocks)).toEqual([])
  })

  test('do not use syntax that Node 20 cannot parse', () => {
    for (const { code } of blocks) expect(code).not.toContain('await using')
  })
})

describe('Node examples in the root README run', () => {
  let project: string

  beforeAll(async () => {
    project = await mkdtemp(join(tmpdir(), 'inverseform-readme-'))
    await mkdir(join(project, 'node_modules/@inverseform'), { recursive: true })
    for (const folder of await readdir(join(root, 'packages'))) {
      const target = join(root, 'packages', folder)
      await symlink(target, join(project, 'node_modules/@inverseform', folder), 'dir')
    }
  })
  afterAll(() => rm(project, { recursive: true, force: true }))

  /** Runs the only example that contains a text as `.mjs` in a child Node, from the repository root. Returns its output. */
  async function run(text: string): Promise<string> {
    const matching = blocks.filter(({ readme, code }) => readme === 'README.md' && code.includes(text))
    expect(matching).toHaveLength(1)
    const file = join(project, 'example.mjs')
    await writeFile(file, matching[0].code)
    await execute(process.execPath, ['--check', file])
    const args = ['--conditions=@inverseform/source', '--import', tsx, file]
    return (await execute(process.execPath, args, { cwd: root })).stdout
  }

  test('segments an image', async () => {
    expect(await run('edges.length')).toBe('512x256: 131072 labels and 131072 edge probabilities\n')
  })

  test('measures predictions, with the mean IoU of PyTorch', async () => {
    const output = await run('new BoundaryF()')
    const [first, ...others] = output.trimEnd().split('\n')
    expect(first).toBe(`mean IoU ${pytorch.miou.toFixed(4)}`)
    expect(others).toHaveLength(4)
    for (const line of others) expect(line).toMatch(/^boundary F within \d+ pixels: 0\.\d{4}$/)
  })

  test('computes a loss and its gradients', async () => {
    // Uniform predictions: the cross-entropy of three classes, plus the balanced edge loss at probability 0.5.
    expect(await run('valueAndGrad')).toMatch(/^loss \d+\.\d{4}, gradient of 96 logits\n$/)
  })

  test('use only files of a clone', async () => {
    const paths = blocks
      .filter(({ readme, code }) => readme === 'README.md' && !code.includes('runtime-web'))
      .flatMap(({ code }) => code.match(/'(?:checkpoints|tools)\/[^']+\.\w+'/g) ?? [])
    expect(paths.length).toBeGreaterThan(0)
    for (const path of paths) {
      await expect(readFile(join(root, path.slice(1, -1)))).resolves.toBeDefined()
    }
  })
})

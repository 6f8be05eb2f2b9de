import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The losses that are compared: the baseline first. */
export const losses = ['joint-without-inverseform', 'joint'] as const

interface Training {
  readonly data: string
  readonly seed: number
  readonly loss: (typeof losses)[number]
  /** The folder of the run. */
  readonly out: string
  /** Further options of `inverseform train`. */
  readonly options: Readonly<Record<string, string>>
}

const shared = {
  ...{ model: 'hrnet16-slim', crop: '256x512', batch: 1, threads: 1 },
  ...{ optimizer: 'adamw', 'learning-rate': 0.001, 'evaluate-every': 0, 'save-every': 100 },
}

const cli = fileURLToPath(new URL('../../../packages/cli/src/bin.ts', import.meta.url))

/** Trains to the last step: starts, goes on with what a run before left, or finds it done. */
export async function train({ data, seed, loss, out, options }: Training): Promise<void> {
  const done = join(out, 'done')
  if (existsSync(done)) return
  const all = { data, seed, loss, ...shared, ...options }
  const flags = Object.entries(all).flatMap(([name, value]) => [`--${name}`, String(value)])
  await inverseform([
    'train',
    ...(existsSync(join(out, 'options.json')) ? ['--resume'] : flags),
    '--out',
    out,
  ])
  await writeFile(done, '')
}

function inverseform(args: readonly string[]): Promise<void> {
  const node = ['--conditions=@inverseform/source', '--import', 'tsx', cli]
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...node, ...args], { stdio: ['ignore', 'inherit', 'inherit'] })
    child.on('error', reject)
    child.on('exit', (code) =>
      code === 0 ? resolve() : reject(new Error(`inverseform ${args.join(' ')}: exit ${code}`)),
    )
  })
}

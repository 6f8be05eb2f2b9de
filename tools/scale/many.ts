/**
 * Evaluates many small images in one run that is killed in the middle and resumed, and shows that its memory stays the same and its state
 * is bounded:
 *
 *   node --conditions=@inverseform/source --import tsx tools/scale/many.ts [--images 5000]
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { link, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { deflateSync } from 'node:zlib'
import { pngChunk, pngFile } from '@inverseform/testing'

const { values } = parseArgs({ options: { images: { type: 'string' } } })
const images = Number(values.images ?? 5000)
const [width, height] = [64, 32]
const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))

/** Makes a PNG of values that differ from image to image. */
function png(seed: number, channels: 1 | 3, most: number): Buffer {
  const rows = Array.from({ length: height }, (_, y) => [
    0,
    ...Array.from({ length: width * channels }, (_, x) => ((x >> 3) * 31 + (y >> 3) * 17 + seed * 7) % most),
  ])
  const data = deflateSync(Buffer.from(rows.flat()))
  return pngFile({ width, height, colorType: channels === 3 ? 2 : 0 }, [pngChunk('IDAT', data)])
}

const root = await mkdtemp(join(tmpdir(), 'inverseform-many-'))
try {
  for (const folder of ['images', 'gt']) await mkdir(join(root, folder))
  for (let i = 0; i < images; i++) {
    const name = `${String(i).padStart(5, '0')}.png`
    for (const [folder, contents] of [
      ['images', () => png(i % 100, 3, 256)],
      ['gt', () => png(i % 100, 1, 19)],
    ] as const) {
      const first = join(root, folder, `${String(i % 100).padStart(5, '0')}.png`)
      if (i < 100) await writeFile(first, contents())
      else await link(first, join(root, folder, name))
    }
  }
  const out = join(root, 'out')
  const killed = await run(out, images / 2)
  const resumed = await run(out)
  const state = join(out, 'state')
  const names = await readdir(state)
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(state, name))).size))
  const { images: scored } = JSON.parse(await readFile(join(out, 'results.json'), 'utf8'))
  console.log(`${scored.length} images of ${width}x${height} scored, after a kill at about ${images / 2}`)
  for (const [name, samples] of Object.entries({ 'before the kill': killed, 'after it': resumed })) {
    const quarter = Math.floor(samples.length / 4)
    console.log(
      `memory ${name}: ${samples[quarter]} MB after a quarter of the time, ${samples.at(-1)} MB at the end`,
    )
  }
  const total = sizes.reduce((a, b) => a + b, 0)
  console.log(
    `state: ${names.length} files, ${(total / 1e6).toFixed(2)} MB, the largest ${(Math.max(...sizes) / 1e3).toFixed(0)} kB`,
  )
} finally {
  await rm(root, { recursive: true })
}

/** Evaluates, or kills the process after some images. @returns its resident memory in MB, every half second of its work */
async function run(out: string, killAfter = Number.POSITIVE_INFINITY): Promise<number[]> {
  const program = [
    '--conditions=@inverseform/source',
    '--import',
    'tsx',
    path('../../packages/cli/src/bin.ts'),
  ]
  const evaluation = [
    ...[
      'eval',
      '--checkpoint',
      path('../../checkpoints/hrnet16-slim-demo.pth'),
      '--images',
      join(root, 'images'),
    ],
    ...['--gt', join(root, 'gt'), '--pictures', '0', '--resume', '--out', out],
  ]
  const child = spawn(process.execPath, [...program, ...evaluation], { stdio: ['ignore', 'ignore', 'pipe'] })
  let err = ''
  child.stderr.on('data', (part) => (err += part))
  const ended = once(child, 'close')
  const samples: number[] = []
  while (child.exitCode === null && child.signalCode === null) {
    await setTimeout(500)
    const parts = (await readdir(join(out, 'state')).catch(() => [])).filter((name) =>
      name.startsWith('part-'),
    )
    const status = await readFile(`/proc/${child.pid}/status`, 'utf8').catch(() => '')
    const [, kilobytes] = /VmRSS:\s+(\d+)/.exec(status) ?? []
    const isAtWork = kilobytes !== undefined && err.includes('images/s')
    if (isAtWork) samples.push(Math.round(Number(kilobytes) / 1024))
    if (parts.length * 256 > killAfter) child.kill('SIGKILL')
  }
  const [exitCode, signal] = await ended
  if (exitCode !== 0 && signal !== 'SIGKILL') throw new Error(err)
  return samples
}

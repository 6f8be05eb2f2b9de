import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { encodeLabelPng, type LabelMap } from '@inverseform/cityscapes'
import { readInstanceIds, readLabelIds } from '@inverseform/cityscapes/node'
import sharp from 'sharp'
import bin from '../src/bin.ts?bundled'
import { checkpoint, dataset } from './command-line.js'

/** A run of the program in a process of its own. */
export interface Started {
  readonly child: ChildProcess
  readonly ended: Promise<{ exitCode: number | null; out: string; err: string }>
  /** Waits until the error stream has a text. */
  says(text: string): Promise<void>
}

export function start(...args: string[]): Started {
  const child = spawn(process.execPath, [bin, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let [out, err] = ['', '']
  child.stdout.on('data', (part) => (out += part))
  child.stderr.on('data', (part) => (err += part))
  const ended = once(child, 'close').then(([exitCode]) => ({ exitCode, out, err }))
  return {
    child,
    ended,
    async says(text) {
      while (!err.includes(text) && child.exitCode === null) await setTimeout(5)
    },
  }
}

/** Kills a process at once, as the system does when memory runs out. */
export async function kill({ child, ended }: Started): Promise<void> {
  child.kill('SIGKILL')
  await ended
}

/** Flags of an evaluation with nearly all kinds of results. `--compare-edge-head` would load a second network. */
export const evaluation = (data: string): string[] => [
  ...['eval', '--checkpoint', checkpoint, '--data', data, '--edge-head', '--loss'],
  ...['--save-predictions', '--pictures', '1'],
]

const cities = ['leftImg8bit', 'gtFine'].map((part) => join(part, 'val/drawnton'))

/**
 * Writes the demo data set with every n-th pixel of every n-th row, for tests of what does not depend on sizes: networks and losses
 * take the square of n less time.
 */
export async function smallDataset(folder: string, n = 4): Promise<string> {
  for (const city of cities) {
    await mkdir(join(folder, city), { recursive: true })
    for (const name of await readdir(join(dataset, city))) {
      const [from, to] = [dataset, folder].map((root) => join(root, city, name))
      if (name.endsWith('_labelIds.png')) await writeFile(to, everyNth(await readLabelIds(from), n))
      if (name.endsWith('_instanceIds.png')) await writeFile(to, everyNth(await readInstanceIds(from), n))
      if (!name.endsWith('_leftImg8bit.png')) continue
      const { width = 0, height = 0 } = await sharp(from).metadata()
      const small = sharp(from).resize(width / n, height / n, { kernel: 'nearest' })
      await small.png({ compressionLevel: 1 }).toFile(to)
    }
  }
  return folder
}

function everyNth({ width, height, data }: LabelMap<Uint8Array | Uint16Array>, n: number): Uint8Array {
  const kept = data.filter((_, i) => (i % width) % n === 0 && Math.floor(i / width) % n === 0)
  return encodeLabelPng({ width: width / n, height: height / n, data: kept })
}

/** Writes predictions for a data set as `eval --save-predictions` does: its label ids, a few pixels to the side. */
export async function writePredictions(folder: string, data: string): Promise<string> {
  const city = join(data, cities[1])
  await mkdir(folder, { recursive: true })
  for (const name of await readdir(city)) {
    if (!name.endsWith('_labelIds.png')) continue
    const map = await readLabelIds(join(city, name))
    const shifted = map.data.map((_, i, ids) => ids[Math.min(i + 3, ids.length - 1)])
    await writeFile(
      join(folder, name.replace('_gtFine_labelIds', '_pred_labelIds')),
      encodeLabelPng({ ...map, data: shifted }),
    )
  }
  return folder
}

/** Copies a data set to a folder that a test may change. */
export async function copyOf(data: string, folder: string): Promise<string> {
  for (const city of cities) await cp(join(data, city), join(folder, city), { recursive: true })
  return folder
}

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
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

/** Flags of an evaluation with all kinds of results. */
export const evaluation = [
  ...['eval', '--checkpoint', checkpoint, '--data', dataset, '--edge-head', '--loss', '--compare-edge-head'],
  ...['--save-predictions', '--pictures', '1', '--no-model-cache'],
]

/** Copies the demo data set to a folder that a test may change. */
export async function copyOfDataset(folder: string): Promise<string> {
  for (const part of ['leftImg8bit', 'gtFine']) {
    const city = join(part, 'val/drawnton')
    await mkdir(join(folder, city), { recursive: true })
    for (const name of await readdir(join(dataset, city))) {
      await copyFile(join(dataset, city, name), join(folder, city, name))
    }
  }
  return folder
}

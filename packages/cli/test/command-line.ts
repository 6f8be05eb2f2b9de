import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFinished, vi } from 'vitest'
import { Interrupted } from '../src/interrupts.js'
import { run } from '../src/run.js'

export const checkpoint = fileURLToPath(
  new URL('../../../checkpoints/hrnet16-slim-demo.pth', import.meta.url),
)
export const dataset = fileURLToPath(new URL('../../../tools/demo/cityscapes', import.meta.url))

export interface Outcome {
  readonly exitCode: number
  readonly out: string
  readonly err: string
}

/** Runs the command line as a user would, and returns its output. */
export const inverseform = (...args: string[]): Promise<Outcome> => runUntil(undefined, args)

/** Runs the command line, and interrupts it as SIGTERM does when its error stream has a text. */
export const interruptedAt = (text: string, ...args: string[]): Promise<Outcome> => runUntil(text, args)

async function runUntil(interruption: string | undefined, args: readonly string[]): Promise<Outcome> {
  let [out, err] = ['', '']
  const stop = new AbortController()
  const terminal = {
    out: (text: string) => (out += text),
    err(text: string) {
      err += text
      if (interruption !== undefined && err.includes(interruption)) stop.abort(new Interrupted('SIGTERM'))
    },
    interactive: false,
  }
  const exitCode = await run(withOneThread(args), terminal, stop.signal)
  return { exitCode, out, err }
}

/** Reads what `--log-json` wrote to the error stream, which has nothing else. */
export const eventsOf = (err: string): Record<string, unknown>[] =>
  err
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line))

/** Small images take no less time on several threads, which wait for one another in loops. */
function withOneThread(args: readonly string[]): readonly string[] {
  const hasNetwork = ['eval', 'predict'].includes(args[0]) && args.includes('--checkpoint')
  return hasNetwork && !args.includes('--threads') ? [...args, '--threads', '1'] : args
}

/** Creates a folder that is removed after the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'inverseform-test-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  return folder
}

/** Creates a signal that is never aborted. Each check of it advances the clock, which otherwise stands still, by 2 s. */
export function tickingSignal(): AbortSignal {
  let now = 0
  vi.spyOn(performance, 'now').mockImplementation(() => now)
  onTestFinished(() => {
    vi.restoreAllMocks()
  })
  const { signal } = new AbortController()
  vi.spyOn(signal, 'throwIfAborted').mockImplementation(() => {
    now += 2000
  })
  return signal
}

import { getEventListeners } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it } from 'vitest'
import { abortTogether, untilAborted } from '../src/index.js'

setFlagsFromString('--expose-gc')
const collectGarbage: () => void = runInNewContext('gc')

it.each([
  ['untilAborted', (work: () => Promise<number>, signal: AbortSignal) => untilAborted(work(), signal)],
  ['abortTogether', (work: () => Promise<number>, signal: AbortSignal) => abortTogether(signal, work)],
])(
  '%s leaves no listeners, also after a collection of garbage during work at the same time',
  async (_, run) => {
    const { signal } = new AbortController()
    const work = (value: number) => () => setTimeout(20, value)
    const running = [1, 2, 3].map((value) => run(work(value), signal))
    expect(getEventListeners(signal, 'abort')).toHaveLength(3)
    await setTimeout(1)
    collectGarbage()
    expect(await Promise.all(running)).toEqual([1, 2, 3])
    expect(getEventListeners(signal, 'abort')).toEqual([])
  },
)

it.each([
  ['untilAborted', (work: Promise<number>, signal: AbortSignal) => untilAborted(work, signal)],
  [
    'abortTogether',
    (work: Promise<number>, signal: AbortSignal) =>
      abortTogether(signal, (either) => untilAborted(work, either)),
  ],
])('%s rejects with the reason of the signal', async (_, run) => {
  const controller = new AbortController()
  const running = run(new Promise(() => {}), controller.signal)
  controller.abort(new Error('stopped'))
  await expect(running).rejects.toThrow('stopped')
})

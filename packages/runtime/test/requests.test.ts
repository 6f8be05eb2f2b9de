import { InverseFormError, isInverseFormError, toMessage } from '@inverseform/errors'
import { describe, expect, test } from 'vitest'
import { compact, PendingRequests, type RequestProgress } from '../src/index.js'

const failureOf = (work: Promise<unknown>) =>
  work.then(
    () => {
      throw new Error('it did not fail')
    },
    (error) => error,
  )

/** Returns requests, and their numbers in the order in which they are sent. */
function requests() {
  const pending = new PendingRequests<string>()
  const sent: number[] = []
  const request = (options?: Parameters<typeof pending.request>[1]) =>
    pending.request((id) => void sent.push(id), options)
  return { pending, sent, request }
}

const progress = (id: number, done: number) =>
  ({ kind: 'progress', id, progress: { done, total: 3 } }) as const

describe('replies', () => {
  test('settle their requests in any order', async () => {
    const { pending, sent, request } = requests()
    const answers = [request(), request(), request()]
    expect(new Set(sent).size).toBe(3)
    expect(pending.size).toBe(3)
    const [a, b, c] = sent
    pending.receive({ kind: 'result', id: c, result: 'third' })
    pending.receive({ kind: 'result', id: a, result: 'first' })
    const error = new InverseFormError('out-of-memory', 'Full.', {
      hint: 'Free some.',
      details: { bytes: 1 },
    })
    pending.receive({ kind: 'error', id: b, error: toMessage(error) })
    expect(await answers[0]).toBe('first')
    expect(await answers[2]).toBe('third')
    const failure = await failureOf(answers[1])
    expect(isInverseFormError(failure)).toBe(true)
    expect(failure).toMatchObject({ code: 'out-of-memory', message: 'Full.', details: { bytes: 1 } })
    expect(pending.size).toBe(0)
  })

  test('with progress reach their request until it is settled', async () => {
    const { pending, sent, request } = requests()
    const seen: RequestProgress[] = []
    const answer = request({ onProgress: (p) => seen.push(p) })
    const other = request()
    pending.receive(progress(sent[0], 1))
    pending.receive(progress(sent[1], 2))
    pending.receive({ kind: 'result', id: sent[0], result: '' })
    pending.receive(progress(sent[0], 3))
    expect(seen).toEqual([{ done: 1, total: 3 }])
    pending.receive({ kind: 'result', id: sent[1], result: '' })
    await Promise.all([answer, other])
  })

  test('to unknown requests have no effect', () => {
    const { pending } = requests()
    pending.receive({ kind: 'result', id: 7, result: '' })
    pending.receive(progress(7, 1))
    pending.receive({ kind: 'error', id: 7, error: { message: 'lost' } })
    expect(pending.size).toBe(0)
  })
})

describe('an abort', () => {
  test('before a request is sent keeps it from being sent', async () => {
    const { sent, request } = requests()
    const reason = new Error('enough')
    expect(await failureOf(request({ signal: AbortSignal.abort(reason) }))).toBe(reason)
    expect(sent).toEqual([])
  })

  test('rejects at once, tells the worker, and counts the request until the worker has answered', async () => {
    const { pending, sent, request } = requests()
    const controller = new AbortController()
    const seen: RequestProgress[] = []
    let told = 0
    const failure = failureOf(
      request({ signal: controller.signal, onProgress: (p) => seen.push(p), onAbort: () => told++ }),
    )
    const reason = new Error('enough')
    controller.abort(reason)
    expect(await failure).toBe(reason)
    expect(told).toBe(1)
    expect(pending.size).toBe(1)
    pending.receive(progress(sent[0], 1))
    pending.receive({ kind: 'error', id: sent[0], error: { message: 'aborted' } })
    expect(seen).toEqual([])
    expect(pending.size).toBe(0)
  })

  test('after the answer does not reach the worker', async () => {
    const { pending, sent, request } = requests()
    const controller = new AbortController()
    let told = 0
    const answer = request({ signal: controller.signal, onAbort: () => told++ })
    pending.receive({ kind: 'result', id: sent[0], result: 'done' })
    expect(await answer).toBe('done')
    controller.abort()
    expect(told).toBe(0)
  })
})

describe('the queue', () => {
  test('lets requests under way finish after `close`', async () => {
    const { pending, sent, request } = requests()
    const answer = request()
    const disposed = new Error('disposed')
    pending.close(disposed)
    expect(() => pending.checkOpen()).toThrow(disposed)
    expect(await failureOf(request())).toBe(disposed)
    let idle = false
    const waiting = pending.idle().then(() => {
      idle = true
    })
    await Promise.resolve()
    expect(idle).toBe(false)
    pending.receive({ kind: 'result', id: sent[0], result: 'done' })
    expect(await answer).toBe('done')
    await waiting
    await pending.idle()
  })

  test('rejects requests under way and later ones after `end`, with the first reason', async () => {
    const { pending, request } = requests()
    const failures = [failureOf(request()), failureOf(request())]
    const died = new Error('died')
    pending.end(died)
    pending.end(new Error('exit code 1'))
    expect(await Promise.all(failures)).toEqual([died, died])
    expect(await failureOf(request())).toBe(died)
    await pending.idle()
  })

  test('rejects requests under way with the reason of `end` if it follows `close`', async () => {
    const { pending, request } = requests()
    const failure = failureOf(request())
    const [disposed, died] = [new Error('disposed'), new Error('died')]
    pending.close(disposed)
    pending.end(died)
    expect(await failure).toBe(died)
    expect(await failureOf(request())).toBe(disposed)
  })
})

describe('a request', () => {
  test('rejects if sending fails, at once or later', async () => {
    const pending = new PendingRequests<string>()
    const error = new Error('cannot be cloned')
    const fails = () => {
      throw error
    }
    expect(await failureOf(pending.request(fails))).toBe(error)
    expect(await failureOf(pending.request(() => Promise.reject(error)))).toBe(error)
    expect(pending.size).toBe(0)
  })

  test('counts as under way while it is being sent', async () => {
    const pending = new PendingRequests<string>()
    let prepared = () => {}
    const preparing = new Promise<void>((resolve) => {
      prepared = resolve
    })
    const sent: number[] = []
    const answer = pending.request(async (id) => {
      await preparing
      sent.push(id)
    })
    pending.close(new Error('disposed'))
    expect(pending.size).toBe(1)
    prepared()
    await preparing
    await Promise.resolve()
    pending.receive({ kind: 'result', id: sent[0], result: 'done' })
    expect(await answer).toBe('done')
  })
})

test('`compact` copies views of larger buffers, and nothing else', () => {
  const bytes = new Uint8Array(1000)
  const part = bytes.subarray(10, 20).fill(3)
  expect(compact(bytes)).toBe(bytes)
  expect(compact(part)).toEqual(part)
  expect(compact(part).buffer.byteLength).toBe(10)
  const pooled = Buffer.from('pooled')
  expect(compact(pooled)).toEqual(pooled)
  expect(compact(pooled).buffer.byteLength).toBe(pooled.length)
  const floats = new Float32Array(4).subarray(1).fill(2)
  expect(compact(floats)).toEqual(floats)
  expect(compact(floats).buffer.byteLength).toBe(12)
  const list = [1, 2]
  expect(compact(list)).toBe(list)
})

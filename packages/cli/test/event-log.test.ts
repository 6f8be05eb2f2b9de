import { expect, test, vi } from 'vitest'
import { EventLog, wantsEvents } from '../src/event-log.js'

function logged(work: (log: EventLog) => void): Record<string, unknown>[] {
  const lines: string[] = []
  work(new EventLog((line) => lines.push(line)))
  return lines.map((line) => {
    expect(line).toMatch(/^\{[^\n]*\}\n$/)
    return JSON.parse(line)
  })
}

test('each event is a line with time, level, name and run', () => {
  const [first, second] = logged((log) => {
    log.start({ run: 'abc', command: 'eval', images: 2 })
    log.imageSkipped('a\nb', { code: 'unreadable', message: 'It is \u001b[31mred.' })
  })
  expect(first).toMatchObject({ level: 'info', event: 'run-start', run: 'abc', command: 'eval', images: 2 })
  expect(new Date(first.time as string).toISOString()).toBe(first.time)
  expect(second).toMatchObject({ level: 'warn', event: 'image-skipped', run: 'abc', image: 'a\nb' })
})

test('the end has the sums of the stages, the rate and the memory; the next run starts from 0', () => {
  vi.useFakeTimers()
  try {
    const events = logged((log) => {
      log.start({ run: 'one' })
      log.imageDone('a', { decode: 0.25, network: 1 }, { meanIou: 0.5 })
      log.imageDone('b', { decode: 0.5, network: 2 })
      vi.advanceTimersByTime(4000)
      log.end('warn', 'run-end', { exitCode: 8 })
      log.start({})
      vi.advanceTimersByTime(1000)
      log.end('error', 'run-stopped', { exitCode: 3 })
    })
    expect(events[1]).toMatchObject({ image: 'a', meanIou: 0.5, seconds: { decode: 0.25, network: 1 } })
    expect(events[3]).toMatchObject({
      ...{ event: 'run-end', run: 'one', exitCode: 8, images: 2, skipped: 0, imagesPerSecond: 0.5 },
      seconds: { decode: 0.75, network: 3, total: 4 },
    })
    expect(events[3].peakRssBytes).toBeGreaterThan(1e7)
    expect(events[5]).toMatchObject({ event: 'run-stopped', images: 0, seconds: { total: 1 } })
    expect(events[5]).not.toHaveProperty('run')
  } finally {
    vi.useRealTimers()
  }
})

test('URLs have no secrets', () => {
  const [{ message, nested }] = logged((log) =>
    log.event('info', 'note', {
      message:
        'Downloading https://me:p@ss@host:8080/a/b.pth?X-Signature=s3cret#f and redis://:s3cret@db/0 …',
      nested: [{ url: 'https://host/b.pth' }],
    }),
  )
  expect(message).toBe('Downloading https://host:8080/a/b.pth?… and redis://db/0 …')
  expect(nested).toEqual([{ url: 'https://host/b.pth' }])
})

test('the flag is no operand', () => {
  expect(wantsEvents(['predict', 'a.png', '--log-json'])).toBe(true)
  expect(wantsEvents(['predict', '--', '--log-json'])).toBe(false)
})

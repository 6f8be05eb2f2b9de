import { expect, test, vi } from 'vitest'
import { Progress } from '../src/output/text/progress.js'
import { Printer } from '../src/printer.js'

function progressOn(interactive: boolean, steps: number, columns?: number): string {
  vi.useFakeTimers()
  try {
    let text = ''
    const progress = new Progress(
      new Printer({ out: () => {}, err: (more) => (text += more), interactive, columns }),
      'images',
      steps,
    )
    for (let i = 0; i < steps; i++) {
      vi.advanceTimersByTime(2000)
      progress.step()
    }
    progress.end()
    return text
  } finally {
    vi.useRealTimers()
  }
}

test('prints the first line, one every ten seconds, and the last, with rate and ETA', () => {
  expect(progressOn(false, 13).trimEnd().split('\n')).toEqual([
    '1/13 images  0.50 images/s  ETA 0:24',
    '6/13 images  0.50 images/s  ETA 0:14',
    '11/13 images  0.50 images/s  ETA 0:04',
    '13/13 images  0.50 images/s  0:26',
  ])
})

test('rewrites one line on a terminal', () => {
  const text = progressOn(true, 3)
  expect(text.match(/\r/g)).toHaveLength(3)
  expect(text.match(/\n/g)).toHaveLength(1)
})

test('cuts the line at the width of the terminal, so that it does not wrap', () => {
  const lines = progressOn(true, 3, 30).trimEnd().split('\r\u001b[K').slice(1)
  expect(lines.map(({ length }) => length)).toEqual([30, 30, 30])
})

test('shows parts of a whole, and a rate without a time where the total is unknown', () => {
  vi.useFakeTimers()
  try {
    let text = ''
    const printer = new Printer({ out: () => {}, err: (more) => (text += more), interactive: true })
    const known = new Progress(printer, 'MB', 13.31, 4)
    vi.advanceTimersByTime(2000)
    known.to(5.25)
    const unknown = new Progress(printer, 'MB')
    vi.advanceTimersByTime(2000)
    unknown.to(5.25)
    expect(text.split('\r\u001b[K').slice(1)).toEqual([
      '█████████░░░░░░░░░░░░░░░ 5.3/13.3 MB  0.63 MB/s  ETA 0:13',
      '░░░░░░░░░░░░░░░░░░░░░░░░ 5.3 MB  2.63 MB/s  0:02',
    ])
  } finally {
    vi.useRealTimers()
  }
})

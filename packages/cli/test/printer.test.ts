import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { exitCodes } from '../src/exit-codes.js'
import { Progress } from '../src/output/text/progress.js'
import { Printer } from '../src/printer.js'
import { checkpoint, inverseform, temporaryFolder } from './command-line.js'

const ansi = fileURLToPath(new URL('fixtures/hostile/ansi.pth', import.meta.url))
/** Everything but printable characters, tabs and line ends. */
const HIDDEN = /(?![\t\n])[\p{C}\p{Zl}\p{Zp}]/u

test('inspect shows what is in the names of tensors, in text and as JSON', async () => {
  const { exitCode, out } = await inverseform('inspect', ansi)
  expect(exitCode).toBe(0)
  expect(out).not.toMatch(HIDDEN)
  expect(out).toContain('\\x1b')
  const json = await inverseform('inspect', ansi, '--json')
  expect(json.out).not.toMatch(HIDDEN)
  expect(
    JSON.parse(json.out)
      .tensors.map(({ name }: { name: string }) => name)
      .join(),
  ).toContain('\u001b')
})

test('an error names a file in one line of visible characters', async () => {
  const name = 'a\u001b[2J\r\u009b\u202egnp.\u0007\nerror: forged'
  const { exitCode, err } = await inverseform('predict', name, '--checkpoint', checkpoint)
  expect(exitCode).toBe(exitCodes.input)
  expect(err).not.toMatch(HIDDEN)
  expect(err).toContain('a\\x1b[2J\\r\\x9b\\u202egnp.\\x07\\nerror: forged')
  expect(err).not.toMatch(/^error: forged/m)
})

// Windows does not allow these names.
test.skipIf(process.platform === 'win32')('a folder of images with such names', async () => {
  const folder = await temporaryFolder()
  await mkdir(join(folder, 'in'))
  await writeFile(join(folder, 'in/\u001b]0;title\u0007\u202e.png'), 'not an image')
  const { err } = await inverseform('predict', join(folder, 'in'), '--checkpoint', checkpoint)
  expect(err).toContain('\\x1b]0;title\\x07\\u202e.png')
  expect(err).not.toMatch(HIDDEN)
})

test('unknown options and commands are visible', async () => {
  for (const args of [['eval', '--\u001b[31mred'], ['\u001b[31mred']]) {
    const { exitCode, err } = await inverseform(...args)
    expect(exitCode).toBe(exitCodes.usage)
    expect(err).toContain('\\x1b[31mred')
  }
})

test("only the printer's own sequences rewrite a line", () => {
  let text = ''
  const terminal = { out: () => {}, err: (more: string) => (text += more), interactive: true, columns: 200 }
  const progress = new Progress(new Printer(terminal), 'images', 1)
  progress.step('\u001b[2J\r\n\u202e')
  progress.end()
  expect(text.slice(0, 4)).toBe('\r\u001b[K')
  expect(text.slice(4)).not.toMatch(HIDDEN)
  expect(text.slice(4)).toMatch(/\\x1b\[2J\\r\\n\\u202e\n$/)
})

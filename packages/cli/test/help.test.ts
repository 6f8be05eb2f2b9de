import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'
import { describe, expect, test } from 'vitest'
import { Printer } from '../src/printer.js'
import { createProgram } from '../src/program.js'
import { inverseform, temporaryFolder } from './command-line.js'

const root = fileURLToPath(new URL('../../../', import.meta.url))

/** Creates the program with commands that only record their names. */
async function parser(): Promise<{
  parse(args: readonly string[]): string[]
  commands: readonly Command[]
}> {
  const printer = new Printer({ out: () => {}, err: () => {}, interactive: false })
  const program = await createProgram(printer, new AbortController().signal)
  const called: string[] = []
  const commands: Command[] = []
  const visit = (command: Command, path: string) => {
    for (const inner of command.commands) visit(inner, `${path} ${inner.name()}`.trim())
    if (command === program) return
    commands.push(command)
    if (command.commands.length === 0) command.action(() => void called.push(path))
  }
  visit(program, '')
  return {
    parse(args) {
      program.parse([...args], { from: 'user' })
      return called
    },
    commands: [program, ...commands],
  }
}

/** Returns the arguments of the lines of `text` that run the program, as a shell splits them. */
function commandLines(text: string): string[][] {
  const lines = text.replaceAll(/\\\n\s*/g, '').split('\n')
  return lines
    .filter((line) => /^ *inverseform /.test(line))
    .map((line) => {
      const words = line.replace(/\s+(#|> ).*$/, '').match(/"[^"]*"|\S+/g) ?? []
      return words.slice(1).map((word) => word.replaceAll('"', ''))
    })
}

/** Parses a command line, and checks that it calls its command. */
async function expectParsed(args: readonly string[]): Promise<void> {
  if (args.includes('--help') || args[0] === 'help') return
  const called = (await parser()).parse(args)
  const [command, second] = args
  const expected =
    command === 'models' ? `models ${second ?? 'list'}` : command === 'queue' ? `queue ${second}` : command
  expect(called, args.join(' ')).toEqual([expected])
}

const paths = (await parser()).commands.map((command) => {
  const names: string[] = []
  for (let at: Command | null = command; at?.parent; at = at.parent) names.unshift(at.name())
  return names.join(' ')
})

const helpOf = async (path: string): Promise<string> => {
  const { exitCode, out } = await inverseform(...path.split(' ').filter(Boolean), '--help')
  expect(exitCode).toBe(0)
  return out
}

describe('--help', () => {
  test('lists every command', async () => {
    const out = await helpOf('')
    for (const path of paths.filter((name) => name !== '' && !name.includes(' '))) {
      expect(out).toMatch(new RegExp(`^ {2}${path} `, 'm'))
    }
    expect(out).toContain('Exit codes: 0 done')
  })

  test.each(paths)('of "%s" has examples, which its parser accepts', async (path) => {
    const examples = commandLines((await helpOf(path)).split(/^Examples?:$/m)[1])
    expect(examples.some((args) => args.join(' ').startsWith(path))).toBe(true)
    for (const args of examples) await expectParsed(args)
  })

  test.each(['eval', 'predict'])("of %s hides upstream's flags and aliases", async (command) => {
    const out = await helpOf(command)
    expect(out).toMatch(/^ {2}--edge-head /m)
    expect(out).not.toMatch(/^ {2}--(has-edge|has_edge|model_path|arch|hrnet_base|output_dir) /m)
  })

  test('has examples that work as typed in a clone of the repository', async () => {
    const folder = await temporaryFolder()
    for (const command of ['predict', 'eval', 'metrics', 'submit', 'train-regressor']) {
      const inClone = (await helpOf(command)).split('In a clone of the repository')[1]
      const [args] = commandLines(inClone)
      const { exitCode, err } = await inverseform(
        ...args.map((arg) =>
          /^(checkpoints|tools)\//.test(arg)
            ? join(root, arg)
            : arg.replace('demo-output', join(folder, 'new')),
        ),
      )
      expect(exitCode, `${args.join(' ')}: ${err}`).toBe(0)
    }
  })
})

test.each(['README.md', 'packages/cli/README.md', 'docs/cli.md', 'docs/training.md', 'docs/devices.md'])(
  'accepts the command lines of %s',
  async (file) => {
    const text = await readFile(join(root, file), 'utf8')
    for (const args of commandLines(text)) await expectParsed(args)
  },
)

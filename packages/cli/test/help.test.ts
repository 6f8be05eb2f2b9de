import { describe, expect, test } from 'vitest'
import { inverseform } from './command-line.js'

const commands = [
  'eval',
  'predict',
  'train',
  'metrics',
  'labels',
  'submit',
  'convert',
  'inspect',
  'models',
  'doctor',
]

describe('--help', () => {
  test('lists every command', async () => {
    const { exitCode, out } = await inverseform('--help')
    expect(exitCode).toBe(0)
    for (const command of commands) expect(out).toMatch(new RegExp(`^ {2}${command} `, 'm'))
    expect(out).toContain('Exit codes: 0 done')
  })

  test.each(commands)('of %s has an example', async (command) => {
    const { exitCode, out } = await inverseform(command, '--help')
    expect(exitCode).toBe(0)
    expect(out).toMatch(new RegExp(`^Examples?:\\n {2}inverseform ${command}\\b`, 'm'))
  })

  test.each(['eval', 'predict'])("of %s hides upstream's flags and aliases", async (command) => {
    const { out } = await inverseform(command, '--help')
    expect(out).toMatch(/^ {2}--edge-head /m)
    expect(out).not.toMatch(/^ {2}--(has-edge|has_edge|model_path|arch|hrnet_base|output_dir) /m)
  })
})
